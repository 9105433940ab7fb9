//! A reshape: who leaves, who stays, who comes.

use std::collections::BTreeSet;

use lifecycle::{AppId, Goal, Invocation, Member, Moment};

use super::{Design, Judge, Record};

impl Judge {
    pub fn reshape(&mut self, now: Moment, members: &[Member]) {
        let named: BTreeSet<AppId> = members.iter().map(|member| member.id).collect();
        let unnamed: Vec<AppId> = self.records.keys().copied().filter(|app| !named.contains(app)).collect();
        let follows: Vec<_> = members.iter().map(|member| self.to_follow(member, &named)).collect();
        self.stop(now, &unnamed);
        for app in unnamed {
            self.record_mut(app).leaves = true;
            self.drop_if_it_left(app);
        }
        for (member, follows) in members.iter().zip(follows) {
            let before = self.designs.insert(member.id, Design::of_member(member));
            let changed = before.as_ref() != Some(&Design::of_member(member)) || member.relaunch;
            match self.records.get(&member.id).map(|record| record.leaves) {
                None => self.join(member),
                Some(true) => self.come_back(now, member),
                Some(false) => self.stay(now, member, changed),
            }
            self.record_mut(member.id).follows = follows;
        }
    }

    /// The runs that have to be gone before a member's next one.
    fn to_follow(&self, member: &Member, named: &BTreeSet<AppId>) -> Vec<(AppId, Invocation)> {
        let alive = |other: AppId| self.live_runs(other).into_iter().map(move |run| (other, run));
        let now = member.follows.iter().flat_map(|other| alive(*other));
        let before = self.records.get(&member.id).into_iter().flat_map(|record| record.follows.iter().copied());
        let leaves_still = |(other, run): &(AppId, _)| !named.contains(other) && self.live_runs(*other).contains(run);
        let all: BTreeSet<_> = now.chain(before.filter(leaves_still)).collect();
        all.into_iter().filter(|(other, _)| *other != member.id).collect()
    }

    fn join(&mut self, member: &Member) {
        let wish = if member.up { Goal::Up } else { Goal::Down };
        self.records.insert(member.id, Record { wish, ..Record::blank() });
        self.saw("an app added");
    }

    fn come_back(&mut self, now: Moment, member: &Member) {
        let record = self.record_mut(member.id);
        record.leaves = false;
        let untold = record.is_untouched();
        if member.up {
            self.saw(if untold {
                "a comeback before it was told to end"
            } else {
                "a comeback after it was told to end"
            });
            self.start(member.id);
            if member.relaunch {
                self.refresh(now, member.id);
            }
        }
    }

    fn stay(&mut self, now: Moment, member: &Member, changed: bool) {
        let app = member.id;
        let record = self.record_mut(app);
        if changed {
            record.spawns.clear(); // The limit may be another.
        }
        if record.wish == Goal::Down {
            return self.saw("a hold outlived a reshape");
        }
        let ended_well = record.reason.is_none() && !record.pardoned;
        match &record.run {
            Some(run) if member.relaunch => {
                let (untouched, exited) = (run.is_untouched(), run.exited);
                if exited && ended_well {
                    return;
                }
                self.refresh(now, app);
                self.saw(if untouched { "a relaunch of what runs" } else { "a relaunch while it ended" });
            }
            None if record.over && member.relaunch && !ended_well => {
                self.refresh(now, app);
                self.saw("a mended app that had ended badly for good was tried");
            }
            None if changed && !record.fresh && !record.over => {
                self.encourage(now, app);
                self.saw("a file edit ended a back-off");
            }
            Some(_) | None => {}
        }
    }

    /// Of what leaves, nothing stays when nothing of it is alive.
    pub fn drop_if_it_left(&mut self, app: AppId) {
        let record = self.record(app);
        if record.leaves && record.runs().next().is_none() {
            self.records.remove(&app);
            self.designs.remove(&app);
            self.saw("an app dropped");
        }
    }
}

impl Design {
    fn of_member(member: &Member) -> Self {
        Self { policy: member.policy.clone(), needs: member.needs.clone() }
    }
}
