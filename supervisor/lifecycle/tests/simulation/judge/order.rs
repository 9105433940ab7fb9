//! What the fleet orders: whether it may.

use lifecycle::{Action, AppId, Failure, Goal, Invocation, KILL_AGAIN_AFTER, Moment, Signal};

use super::{Judge, index, record::Run};

impl Judge {
    pub fn order(&mut self, now: Moment, actions: &[(AppId, Action)]) {
        for &(app, action) in actions {
            match action {
                Action::Spawn(run) => self.spawn(now, app, run),
                Action::Send(run, Signal::Terminate) => self.terminate(now, app, run),
                Action::Send(run, Signal::Kill) => self.kill(now, app, run),
            }
        }
        for (app, record) in self.ids().zip(&self.records) {
            let forgotten = record.run.as_ref().is_some_and(|run| run.must_end && run.told_at.is_none());
            assert!(!forgotten, "{app:?} was to be told to end at once, and was not");
        }
        for record in &mut self.records {
            record.waited = record.turn.is_some();
        }
    }

    fn spawn(&mut self, now: Moment, app: AppId, run: Invocation) {
        let policy = &self.policies[index(app)];
        let record = &self.records[index(app)];
        // Stopped means gone: never two runs of one app.
        assert!(record.run.is_none(), "{app:?} spawned while {:?} is alive", record.run);
        // Stop wins.
        assert_eq!(record.wish, Goal::Up, "{app:?} spawned although it was stopped");
        assert!(!record.over, "{app:?} spawned although it had ended for good");
        // Ready means ready.
        for need in &self.needs[index(app)] {
            assert!(self.is_ready(*need), "{app:?} spawned before {need:?} was ready");
        }
        // A failing app backs off.
        let due = record.due_at(policy);
        assert!(due <= now, "{app:?} spawned at {now:?}, before its back-off was over at {due:?}");
        self.seen.extend(record.kind_of_spawn(policy));
        let record = &mut self.records[index(app)];
        record.spawns.push(now);
        let policy = &self.policies[index(app)];
        record.check_spawn_rate(now, policy, app);
        record.restarts += u64::from(!record.fresh);
        (record.fresh, record.pardoned) = (false, false);
        record.run = Some(Run {
            run,
            spawned_at: now,
            ready_at: None,
            exited: false,
            told_at: None,
            killed_at: None,
            kill_by: None,
            must_end: false,
        });
    }

    fn terminate(&mut self, now: Moment, app: AppId, run: Invocation) {
        let users: Vec<AppId> = self
            .dependants(app)
            .filter(|user| self.wish(*user) == Goal::Down && self.live_run(*user).is_some())
            .collect();
        let policy = self.policies[index(app)].clone();
        let record = &mut self.records[index(app)];
        let kill_by = now.after(policy.kill_timeout);
        let wish = record.wish;
        let turn = record.turn.take();
        let waited = std::mem::take(&mut record.waited);
        let live = record.run.as_mut().filter(|live| live.run == run);
        let live = live.unwrap_or_else(|| panic!("{app:?}: {run:?} was told to end, and is gone"));
        assert_eq!(live.told_at, None, "{app:?} was asked twice");
        live.told_at = Some(now);
        live.kill_by = Some(kill_by);
        match (live.must_end, wish, turn) {
            (true, Goal::Up, _) => {}
            (true, Goal::Down, turn) => {
                live.kill_by = turn.and_then(|(_, by)| by).map_or(Some(kill_by), |by| Some(by.min(kill_by)));
            }
            (false, Goal::Down, Some((tell_by, deadline))) => {
                // What needs it goes first.
                assert!(users.is_empty() || tell_by <= now, "{app:?} was told to end before {users:?}, which need it");
                let half = !users.is_empty();
                self.seen.extend(half.then_some("told to end at half the deadline"));
                self.seen.extend((!half && waited).then_some("told to end after what needed it was gone"));
                live.kill_by = deadline.or(Some(kill_by));
            }
            (false, Goal::Down, None) => panic!("{app:?} was told to end, and it was not its turn"),
            (false, Goal::Up, _) => {
                let late = live.ready_at.is_none() && now >= live.spawned_at.after(policy.listen_timeout);
                assert!(late, "{app:?} was told to end for no reason");
                let within = policy.listen_timeout;
                record.blame(now, &policy, None, Failure::NotReady { within });
                self.seen.insert("given up on before it was ready");
            }
        }
    }

    fn kill(&mut self, now: Moment, app: AppId, run: Invocation) {
        let live = self.records[index(app)].run.as_mut().filter(|live| live.run == run);
        let live = live.unwrap_or_else(|| panic!("{app:?}: {run:?} was killed, and is gone"));
        assert!(live.told_at.is_some(), "{app:?} was killed without having been asked");
        assert!(live.kill_by.is_some_and(|by| by <= now), "{app:?} was killed before its time: {live:?}");
        let again = live.killed_at.is_none_or(|at| at.after(KILL_AGAIN_AFTER) <= now);
        assert!(again, "{app:?} was killed twice in a breath: {live:?}");
        self.seen.insert(if live.killed_at.is_some() { "escaped from a kill" } else { "killed" });
        live.killed_at = Some(now);
    }
}
