//! A fleet that becomes another one, because its file or its profile was changed.

use std::collections::BTreeSet;

use crate::{
    Action, App, AppId, CycleError, Event, Fleet, Goal, Invocation, Moment, Policy, State, StopReason, order::Order,
};

/// One app of the fleet that is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Which app.
    pub id: AppId,
    /// How it is started, stopped and retried from now on.
    pub policy: Policy,
    /// What it depends on from now on.
    pub needs: Vec<AppId>,
    /// What has to be gone before its next run is spawned, because that takes over what they hold; only the runs that are
    /// alive now count. What is leaving already need not be named again.
    pub follows: Vec<AppId>,
    /// Whether what a run is started with has changed, so that one that is alive has to begin anew.
    pub relaunch: bool,
    /// Whether it is wanted up if the fleet does not have it yet or is just losing it. What the fleet has keeps its goal.
    pub up: bool,
}

impl Fleet {
    /// Makes the fleet consist of these apps, and answers with what is to be done about it now.
    ///
    /// * Those that it has and that are not named *leave*: they are ended like in a stop, cannot be started by any wish,
    ///   and are dropped as soon as nothing of them is alive.
    /// * Those that it does not have are added.
    /// * Those that it has get their new policy and needs. Nothing that is alive is touched without `relaunch`. What
    ///   failed and was changed is tried at once. What is wanted down stays down.
    /// * Those that were leaving come back. One that was not told to end yet runs on; else a new run follows.
    ///
    /// # Errors
    /// If the apps wait for each other in a circle. Nothing has changed then.
    pub fn reshape(&mut self, now: Moment, members: Vec<Member>) -> Result<Vec<(AppId, Action)>, CycleError> {
        let order = Order::new(members.iter().map(|member| (member.id, member.needs.clone())).collect())?;
        let named: BTreeSet<AppId> = members.iter().map(|member| member.id).collect();
        let unnamed: Vec<AppId> = self.ids().filter(|id| !named.contains(id)).collect();
        let before = std::mem::replace(&mut self.order, order);
        for &id in &unnamed {
            self.order.insert(id, before.dependencies(id).to_vec());
        }
        let follows: Vec<_> = members.iter().map(|member| self.to_follow(member, &named)).collect();
        let mut actions = Vec::new();
        self.leave(now, unnamed, &mut actions);
        for (member, follows) in members.into_iter().zip(follows) {
            let id = member.id;
            let needs_changed = before.dependencies(id) != member.needs;
            let action = match self.apps.get_mut(&id) {
                Some(app) if app.leaving => app.come_back(now, member, follows),
                Some(app) => app.become_member(now, member, needs_changed, follows),
                None => {
                    self.apps.insert(id, App::joining(member, follows));
                    None
                }
            };
            actions.extend(action.map(|action| (id, action)));
        }
        Ok(self.settle(now, actions))
    }

    /// Whether an app is none of the fleet's any more, and is only still here because something of it is alive.
    #[must_use]
    pub fn is_leaving(&self, id: AppId) -> bool {
        self.get(id).is_some_and(|app| app.leaving)
    }

    fn leave(&mut self, now: Moment, ids: Vec<AppId>, actions: &mut Vec<(AppId, Action)>) {
        for id in &ids {
            if let Some(app) = self.apps.get_mut(id) {
                app.leaving = true;
            }
        }
        self.stop(now, ids, actions);
    }

    /// The runs that a member's next one has to wait for: those that it is to follow, and those that it followed before and
    /// that are sure to end because their apps leave.
    fn to_follow(&self, member: &Member, named: &BTreeSet<AppId>) -> Vec<(AppId, Invocation)> {
        let followed = self.get(member.id).into_iter().flat_map(|app| &app.follows);
        let earlier = followed
            .copied()
            .filter(|(other, run)| !named.contains(other) && self.get(*other).is_some_and(|app| app.has(*run)));
        let alive = |other: &AppId| {
            self.get(*other).into_iter().flat_map(App::runs).map(|run| (*other, run)).collect::<Vec<_>>()
        };
        let all: BTreeSet<_> = member.follows.iter().flat_map(alive).chain(earlier).collect();
        all.into_iter().filter(|(other, _)| *other != member.id).collect()
    }

    /// Drops those that leave and of which nothing is alive.
    pub(crate) fn drop_what_has_left(&mut self) {
        self.apps.retain(|_, app| !app.leaving || app.is_alive());
    }
}

impl App {
    fn joining(member: Member, follows: Vec<(AppId, Invocation)>) -> Self {
        let goal = if member.up { Goal::Up } else { Goal::Down };
        Self { goal, follows, ..Self::new(member.policy) }
    }

    fn come_back(&mut self, now: Moment, member: Member, follows: Vec<(AppId, Invocation)>) -> Option<Action> {
        (self.leaving, self.policy, self.follows) = (false, member.policy, follows);
        if !member.up {
            return None;
        }
        self.handle(now, Event::Wanted(Goal::Up));
        if member.relaunch { self.relaunch(now) } else { None }
    }

    fn become_member(
        &mut self,
        now: Moment,
        member: Member,
        needs_changed: bool,
        follows: Vec<(AppId, Invocation)>,
    ) -> Option<Action> {
        let changed = needs_changed || member.relaunch || self.policy != member.policy;
        (self.policy, self.follows) = (member.policy, follows);
        match self.state {
            State::Backoff { .. } | State::Cooling { .. } if changed => self.handle(now, Event::CauseMayBeGone),
            State::Stopped | State::Backoff { .. } | State::Cooling { .. } => None,
            State::Starting { .. } | State::Running { .. } | State::Stopping { .. } | State::Finished => {
                if member.relaunch { self.relaunch(now) } else { None }
            }
        }
    }

    /// Begins anew, because what it is started with has changed; unless it has ended well.
    fn relaunch(&mut self, now: Moment) -> Option<Action> {
        match self.state {
            State::Finished | State::Stopping { why: StopReason::Exited, .. } if self.last_failure.is_none() => None,
            State::Stopped
            | State::Starting { .. }
            | State::Running { .. }
            | State::Stopping { .. }
            | State::Backoff { .. }
            | State::Cooling { .. }
            | State::Finished => self.handle(now, Event::Refresh),
        }
    }
}
