//! What must be so after everything that happens.

use lifecycle::{AppId, Fleet, Goal, KILL_AGAIN_AFTER, Moment, State};

use super::{Judge, index, record::Record};

impl Judge {
    /// After every call.
    pub fn check(&mut self, now: Moment, fleet: &Fleet) {
        for (app, record) in self.ids().zip(&self.records) {
            let shown = fleet.app(app);
            assert_eq!(shown.goal(), record.wish, "{app:?}: what is wanted");
            assert_eq!(shown.alive(), self.live_run(app), "{app:?}: what is alive");
            assert_eq!(shown.is_ready(), self.is_ready(app), "{app:?}: whether it is ready");
            assert_eq!(shown.restarts(), record.restarts, "{app:?}: restarts");
            assert_eq!(shown.last_exit(), record.exit, "{app:?}: how it ended last");
            assert_eq!(shown.last_failure(), record.reason, "{app:?}: what went wrong last");
            assert_eq!(shown.finished_run(), record.finished, "{app:?}: what is finished");
            let waits = fleet.waits_for(app);
            let held = record.run.is_none() && record.wish == Goal::Up && !record.over;
            let expected: Vec<AppId> =
                self.needs[index(app)].iter().copied().filter(|need| held && !self.is_ready(*need)).collect();
            assert_eq!(waits, expected, "{app:?}: what it waits for");
            self.seen.extend((!waits.is_empty()).then_some("held back by a dependency"));
            self.check_state(app, record, shown.state());
            self.check_way_out(now, app, record, fleet);
        }
    }

    fn check_state(&self, app: AppId, record: &Record, state: State) {
        let policy = &self.policies[index(app)];
        match state {
            State::Starting { ready_by, .. } => {
                let run = record.run.as_ref().expect("checked to be alive");
                assert!(run.ready_at.is_none() && run.is_untouched(), "{app:?} is not starting: {run:?}");
                assert_eq!(ready_by, run.spawned_at.after(policy.listen_timeout), "{app:?}: its time to become ready");
            }
            State::Running { since, .. } => {
                let run = record.run.as_ref().expect("checked to be alive");
                assert!(run.is_untouched(), "{app:?} is not running: {run:?}");
                assert_eq!(Some(since), run.ready_at, "{app:?}: its uptime");
            }
            State::Stopping { kill_at, .. } => {
                let run = record.run.as_ref().expect("checked to be alive");
                assert!(run.told_at.is_some(), "{app:?} was never told to end: {run:?}");
                assert!(kill_at.is_none() || kill_at == run.kill_by, "{app:?}: its time to end");
            }
            State::Stopped => assert!(record.wish == Goal::Down || !record.over, "{app:?} ended for good"),
            State::Backoff { .. } | State::Cooling { .. } => {
                assert!(record.wish == Goal::Up && !record.over, "{app:?} waits for a run that is not to come");
            }
            State::Finished => assert!(record.wish == Goal::Up && record.over, "{app:?} is not over"),
        }
    }

    /// No dead end: whoever is not where it is wanted has a moment at which that changes.
    fn check_way_out(&self, now: Moment, app: AppId, record: &Record, fleet: &Fleet) {
        let policy = &self.policies[index(app)];
        let wake_up = fleet.next_deadline();
        let by = |moment: Moment| {
            assert!(wake_up.is_some_and(|at| at <= moment.max(now)), "{app:?}: nobody wakes up at {moment:?}");
        };
        match &record.run {
            None if record.wish == Goal::Up && !record.over && self.all_ready(&self.needs[index(app)]) => {
                by(record.due_at(policy));
            }
            None => {}
            Some(run) if run.told_at.is_some() => {
                by(run.killed_at.map_or(run.kill_by.unwrap_or(now), |at| at.after(KILL_AGAIN_AFTER)));
            }
            Some(_) if record.wish == Goal::Down => by(record.turn.expect("it is not told yet").0),
            Some(run) if run.ready_at.is_none() => by(run.spawned_at.after(policy.listen_timeout)),
            Some(_) => {}
        }
    }

    /// After every tick: what was due was done, and nothing is due, so that nobody spins.
    pub fn check_tick(&self, now: Moment, fleet: &Fleet) {
        assert!(fleet.next_deadline().is_none_or(|due| due > now), "a tick left something due: the daemon would spin");
        for (app, record) in self.ids().zip(&self.records) {
            let policy = &self.policies[index(app)];
            let Some(run) = &record.run else {
                let due = record.wish == Goal::Up && !record.over && record.due_at(policy) <= now;
                assert!(!due || !self.all_ready(&self.needs[index(app)]), "{app:?} was due and was not spawned");
                continue;
            };
            if run.told_at.is_some() {
                let kept = run.killed_at.is_some() || run.kill_by.is_none_or(|by| by > now);
                assert!(kept, "{app:?} should have been killed by now: {run:?}");
            } else if record.wish == Goal::Down {
                let (tell_by, _) = record.turn.expect("it is not told yet");
                let mut users = self.dependants(app).filter(|user| self.wish(*user) == Goal::Down);
                let held = users.any(|user| self.live_run(user).is_some());
                assert!(held && tell_by > now, "{app:?} should have been told to end");
            } else if run.ready_at.is_none() {
                let late = now >= run.spawned_at.after(policy.listen_timeout);
                assert!(!late, "{app:?} should have been given up on");
            }
        }
    }
}
