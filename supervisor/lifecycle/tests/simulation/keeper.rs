//! The keeper's memory, and how a supervisor dies and another takes over from it.

use std::collections::BTreeMap;

use lifecycle::{Action, AppId, Beside, Invocation, Member, Reload, Snapshot, Trial};

use crate::{
    drive::{Drive, trace},
    judge::{Design, Input, Record},
    plan::{self, File},
};

/// What comes out of a snapshot if the run that was to be tried was never spawned.
fn without_lost_try(remembered: Snapshot, exists: impl Fn(Invocation) -> bool) -> Snapshot {
    match remembered.beside {
        Some(Beside::Trying { run, .. }) if !exists(run) => {
            let reload = remembered.reload.map(|reload| Reload { begun: false, ..reload });
            Snapshot { beside: None, reload, ..remembered }
        }
        Some(_) | None => remembered,
    }
}

/// What is remembered for the next supervisor.
pub struct Keeper {
    /// The file in force.
    pub file: File,
    /// The file that is to be, with the members that it makes: noted before the fleet is reshaped.
    pub next: Option<(File, Vec<Member>)>,
    /// A trial of the file in force or to be, with the file that comes back if it fails.
    pub trial: Option<(Trial, File)>,
    apps: BTreeMap<AppId, (Snapshot, Design)>,
}

impl Keeper {
    pub fn new(file: File) -> Self {
        Self { file, next: None, trial: None, apps: BTreeMap::new() }
    }

    /// The file that was to be is in force.
    pub fn commit(&mut self) {
        if let Some((file, _)) = self.next.take() {
            self.file = file;
        }
    }
}

impl Drive {
    /// Has all apps remembered as they are now. A supervisor does so after every call; here, only before one after which
    /// somebody asks. Answers what is known of them.
    pub fn remember(&mut self) -> BTreeMap<AppId, Record> {
        let rows =
            self.snapshots().into_iter().map(|(app, snapshot)| (app, (snapshot, self.judge.designs[&app].clone())));
        self.keeper.apps = rows.collect();
        self.judge.records.clone()
    }

    /// The supervisor dies while it has remembered what it decided, or while it performs it.
    pub fn die(
        &mut self,
        before: &BTreeMap<AppId, Record>,
        heard: &BTreeMap<AppId, Record>,
        actions: &[(AppId, Action)],
    ) {
        let snapshots = self.snapshots();
        let count = snapshots.len();
        let remembered = if self.random.percent(70) { count } else { self.random.below(count + 1) };
        let reshapes = self.keeper.next.is_some();
        let complete = remembered == count && (!reshapes || self.random.percent(50));
        let performed = if complete { self.random.below(actions.len() + 1) } else { 0 };
        trace(self.tracing, || {
            format!("    dies: {remembered} remembered, complete: {complete}, {performed} performed")
        });
        for (app, snapshot) in &snapshots[..remembered] {
            let design = self.judge.designs[app].clone();
            self.keeper.apps.insert(*app, (snapshot.clone(), design));
        }
        if complete {
            self.keeper.commit();
        }
        self.perform(&actions[..performed]);
        let lost = &actions[performed..];
        for (app, _) in &snapshots[..remembered] {
            if lost.iter().any(|(id, action)| id == app && matches!(action, Action::Spawn(_))) {
                self.judge.lose_spawn(*app, &heard[app]);
            }
        }
        for (app, _) in &snapshots[remembered..] {
            self.judge.records.remove(app);
        }
        let dropped = |app: &AppId| !self.judge.records.contains_key(app);
        let back: Vec<AppId> = before.keys().copied().filter(dropped).collect();
        self.judge.records.extend(back.into_iter().map(|app| (app, before[&app].clone())));
        self.succeed();
    }

    /// A new supervisor takes over what the old one had the keeper remember, and finishes what it had begun.
    pub fn succeed(&mut self) {
        trace(self.tracing, || "    a new supervisor".into());
        if self.random.percent(30) {
            let absence = self.random.span(std::time::Duration::from_secs(20));
            self.now = self.now.after(absence);
        }
        self.fleet = plan::fleet(&self.keeper.file, self.world.newest_run);
        self.judge.designs = self.keeper.file.iter().map(|(id, plan)| (*id, Design::of(plan))).collect();
        for (app, (snapshot, design)) in self.keeper.apps.clone() {
            self.restore(app, snapshot, design);
        }
        let fleet = &self.fleet;
        self.judge.records.retain(|app, _| fleet.get(*app).is_some());
        self.judge.forget_kills();
        self.judge.check(self.now, &self.fleet);
        self.check_world();
        self.world.tell_everything(&mut self.random, self.now);
        self.judge.look_at_reload();
        if let Some((_, members)) = self.keeper.next.clone() {
            self.judge.seen.insert("a reshape begun anew by a new supervisor");
            self.call(Input::Reshape(members));
        } else if self.random.percent(20) {
            self.tick();
        }
    }

    /// One app comes out as it was remembered.
    fn restore(&mut self, app: AppId, remembered: Snapshot, design: Design) {
        let (now, processes) = (self.now, &self.world.processes);
        let exists = |run| processes.contains_key(&run);
        let is_named = self.keeper.file.contains_key(&app);
        if is_named {
            self.fleet.restore(now, app, remembered.clone(), exists);
        } else {
            let Design { policy, needs } = design.clone();
            self.fleet.restore_leaving(now, app, policy, needs, remembered.clone(), exists);
            if self.fleet.get(app).is_none() {
                return; // Nothing of it is alive: see `check_world`.
            }
            self.judge.designs.insert(app, design);
            self.judge.restore_leaving(now, app);
        }
        let restored = self.fleet.snapshot(app);
        let remembered = without_lost_try(remembered, exists);
        match self.fleet.app(app).runs().next() {
            // Nothing that is alive has changed: holds, uptimes, counts and deadlines carry on.
            Some(_) if is_named => assert_eq!(restored, remembered, "{app:?} came out different"),
            Some(_) => assert_eq!(restored.state, remembered.state, "{app:?} came out different"),
            None => {
                let kept = |snapshot: &Snapshot| (snapshot.goal, snapshot.restarts, snapshot.last_failure);
                assert_eq!(kept(&restored), kept(&remembered), "{app:?} lost something");
            }
        }
    }
}
