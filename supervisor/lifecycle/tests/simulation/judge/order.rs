//! What the fleet orders: whether it may.

use lifecycle::{Action, AppId, Goal, Invocation, KILL_AGAIN_AFTER, Moment, Signal};

use super::{Judge, record::Run};

impl Judge {
    pub fn order(&mut self, now: Moment, actions: &[(AppId, Action)]) {
        for &(app, action) in actions {
            match action {
                Action::Spawn(run) => self.spawn(now, app, run),
                Action::Send(run, Signal::Terminate) => self.terminate(now, app, run),
                Action::Send(run, Signal::Kill) => self.kill(now, app, run),
            }
        }
        for (app, record) in &mut self.records {
            let forgotten = record.runs().any(|run| run.must_end && run.told_at.is_none());
            assert!(!record.to_try, "{app:?}: a run was to be tried at once, and was not");
            assert!(!forgotten, "{app:?} was to be told to end at once, and was not");
            record.waited = record.turn.is_some();
        }
    }

    fn spawn(&mut self, now: Moment, app: AppId, run: Invocation) {
        if self.record(app).to_try {
            return self.spawn_beside(now, app, run);
        }
        let policy = self.design(app).policy.clone();
        let record = self.record(app);
        // Stopped means gone: never two runs of one app.
        let alive: Vec<&Run> = record.runs().collect();
        assert!(alive.is_empty(), "{app:?} spawned while {alive:?} is alive");
        // Stop wins.
        assert_eq!(record.wish, Goal::Up, "{app:?} spawned although it was stopped");
        assert!(!record.over, "{app:?} spawned although it had ended for good");
        // Ready means ready.
        assert_eq!(self.waits_for(app), [], "{app:?} spawned before what it needs was ready");
        // What leaves stops first.
        assert_eq!(self.waits_for_end_of(app), [], "{app:?} spawned before what it follows was gone");
        // A failing app backs off.
        let due = record.due_at(&policy);
        assert!(due <= now, "{app:?} spawned at {now:?}, before its back-off was over at {due:?}");
        self.seen.extend(self.records[&app].kind_of_spawn(&policy));
        let record = self.record_mut(app);
        record.spawns.push(now);
        record.check_spawn_rate(now, &policy, app);
        record.restarts += u64::from(!record.fresh);
        record.follows.clear();
        (record.fresh, record.pardoned) = (false, false);
        (record.newest, record.tried) = (Some(run), None);
        record.run = Some(Run::new(run, now.after(policy.listen_timeout)));
    }

    fn terminate(&mut self, now: Moment, app: AppId, run: Invocation) {
        if self.is_beside(app, run) {
            return self.terminate_beside(now, app);
        }
        let users = self.in_the_way(app);
        let own = now.after(self.design(app).policy.kill_timeout);
        let record = self.record_mut(app);
        let (wish, turn, waited) = (record.wish, record.turn.take(), record.waited);
        let live = record.run.as_mut().filter(|live| live.run == run);
        let live = live.unwrap_or_else(|| panic!("{app:?}: {run:?} was told to end, and is gone"));
        assert_eq!(live.told_at, None, "{app:?} was asked twice");
        assert!(!live.is_killed, "{app:?} was asked after it was killed");
        live.told_at = Some(now);
        let deadline = turn.and_then(|(_, kill_by)| kill_by);
        match (live.must_end, turn) {
            (true, _) => {
                live.kill_by = Some(own);
                live.hurry(deadline);
            }
            (false, Some((tell_by, _))) => {
                // What needs it goes first.
                assert!(users.is_empty() || tell_by <= now, "{app:?} was told to end before {users:?}, which need it");
                live.kill_by = deadline.or(Some(own));
                live.end_by = deadline;
                let kind = match (users.is_empty(), wish) {
                    (false, _) => Some("told to end at half the deadline"),
                    (true, Goal::Down) => waited.then_some("told to end after what needed it was gone"),
                    (true, Goal::Up) => waited.then_some("told to begin anew after what needed it was gone"),
                };
                self.seen.extend(kind);
            }
            (false, None) => panic!("{app:?} was told to end for no reason: {live:?}"),
        }
    }

    fn kill(&mut self, now: Moment, app: AppId, run: Invocation) {
        let is_beside = self.is_beside(app, run);
        let record = self.record_mut(app);
        let live = if is_beside { record.beside.as_mut() } else { record.run.as_mut() };
        let live = live.filter(|live| live.run == run);
        let live = live.unwrap_or_else(|| panic!("{app:?}: {run:?} was killed, and is gone"));
        assert!(!live.is_untouched(), "{app:?} was killed without having been asked");
        assert!(live.kill_by.is_some_and(|by| by <= now), "{app:?} was killed before its time: {live:?}");
        let again = live.killed_at.is_none_or(|at| at.after(KILL_AGAIN_AFTER) <= now);
        assert!(again, "{app:?} was killed twice in a breath: {live:?}");
        let kind = if live.killed_at.is_some() { "escaped from a kill" } else { "killed" };
        let left = live.is_leaving();
        (live.killed_at, live.is_killed) = (Some(now), true);
        self.saw(kind);
        self.seen.extend(is_beside.then_some("a run beside another was killed"));
        self.seen.extend(left.then_some("a run that left by itself and was killed"));
    }
}
