//! What the fleet shows: whether it is so.

use lifecycle::{AppId, Fleet, Goal, Moment, State, Status};

use super::{Judge, Record};

impl Judge {
    /// After every call.
    pub fn check(&mut self, now: Moment, fleet: &Fleet) {
        let ids: Vec<AppId> = fleet.ids().collect();
        let known: Vec<AppId> = self.records.keys().copied().collect();
        assert_eq!(ids, known, "which apps there are");
        for app in ids {
            self.check_facts(app, fleet);
            self.check_waiting(app, fleet);
            let record = self.record(app);
            self.check_state(app, record, fleet.app(app).state());
            self.check_beside(app, record, fleet.app(app).beside());
            assert_eq!(fleet.status(app), self.status(app, record), "{app:?}: what it is called");
            self.check_way_out(now, app, fleet);
        }
    }

    fn check_facts(&self, app: AppId, fleet: &Fleet) {
        let (shown, record) = (fleet.app(app), self.record(app));
        let design = self.design(app);
        assert_eq!(shown.policy(), &design.policy, "{app:?}: its policy");
        assert_eq!(shown.goal(), record.wish, "{app:?}: what is wanted");
        assert_eq!(fleet.is_leaving(app), record.leaves, "{app:?}: whether it leaves");
        assert_eq!(shown.alive(), self.live_run(app), "{app:?}: what serves or is to");
        assert_eq!(shown.runs().collect::<Vec<_>>(), self.live_runs(app), "{app:?}: what is alive");
        assert_eq!(shown.failed_try(), record.failed_try, "{app:?}: what was tried in vain");
        assert_eq!(shown.is_ready(), record.is_ready(), "{app:?}: whether it is ready");
        let (shown_start, start) = (shown.lets_dependants_start(), record.lets_dependants_start());
        assert_eq!(shown_start, start, "{app:?}: whether what depends on it may start");
        assert_eq!(shown.restarts(), record.restarts, "{app:?}: restarts");
        assert_eq!(shown.last_exit(), record.exit, "{app:?}: how it ended last");
        assert_eq!(shown.last_failure(), record.reason, "{app:?}: what went wrong last");
        assert_eq!(shown.newest_run(), record.newest, "{app:?}: what is newest");
        assert_eq!(shown.finished_run(), record.finished, "{app:?}: what is finished");
        assert_eq!(shown.ready_run(), record.last_ready, "{app:?}: what was ready");
        let is_waiting = record.place.is_some() && (!record.failed_in_reload() || record.beside.is_some());
        assert_eq!(fleet.reload_pending(app), is_waiting, "{app:?}: whether it is to be reloaded");
    }

    fn check_waiting(&mut self, app: AppId, fleet: &Fleet) {
        let held = self.record(app).is_to_spawn() || self.is_to_be_tried(app);
        self.seen.extend((self.is_to_be_tried(app) && self.is_held_back(app)).then_some("a try held back"));
        let (needs, follows) = (fleet.waits_for(app), fleet.waits_for_end_of(app));
        let expected = |waits: Vec<AppId>| if held { waits } else { Vec::new() };
        assert_eq!(needs, expected(self.waits_for(app)), "{app:?}: what it waits for");
        assert_eq!(follows, expected(self.waits_for_end_of(app)), "{app:?}: whose end it waits for");
        self.seen.extend((!needs.is_empty()).then_some("held back by a dependency"));
        self.seen.extend((!follows.is_empty()).then_some("held back by what it follows"));
    }

    fn check_state(&self, app: AppId, record: &Record, state: State) {
        let run = || record.run.as_ref().expect("checked to be alive");
        match state {
            State::Starting { ready_by, .. } => {
                let run = run();
                assert!(run.ready_at.is_none() && run.is_untouched(), "{app:?} is not starting: {run:?}");
                assert_eq!(ready_by, run.ready_by, "{app:?}: its time to become ready");
            }
            State::Running { since, .. } => {
                let run = run();
                assert!(run.is_untouched(), "{app:?} is not running: {run:?}");
                assert_eq!(Some(since), run.ready_at, "{app:?}: its uptime");
            }
            State::Stopping { kill_at, .. } => {
                let run = run();
                assert!(!run.is_untouched(), "{app:?} was never told to end: {run:?}");
                assert!(kill_at.is_none() == run.is_killed, "{app:?}: whether it was killed");
                assert!(kill_at.is_none() || kill_at == run.kill_by, "{app:?}: its time to end");
            }
            State::Stopped => assert!(record.wish == Goal::Down || !record.over, "{app:?} ended for good"),
            State::Backoff { .. } | State::Cooling { .. } => {
                assert!(record.wish == Goal::Up && !record.over, "{app:?} waits for a run that is not to come");
            }
            State::Finished => assert!(record.wish == Goal::Up && record.over, "{app:?} is not over"),
        }
    }

    fn status(&self, app: AppId, record: &Record) -> Status {
        match (&record.run, record.wish) {
            (Some(_), _) if record.is_ending() => Status::Stopping,
            (Some(run), _) if run.ready_at.is_some() => Status::Online,
            (Some(_), _) => Status::Launching,
            (None, _) if record.beside.is_some() => Status::Stopping,
            (None, Goal::Down) => Status::Stopped,
            (None, Goal::Up) if record.over && record.reason.is_some() => Status::Errored,
            (None, Goal::Up) if record.over => Status::Stopped,
            (None, Goal::Up) if record.is_cooling(&self.design(app).policy) => Status::Cooling,
            (None, Goal::Up) if self.is_held_back(app) => Status::Waiting,
            (None, Goal::Up) if record.fresh => Status::Launching,
            (None, Goal::Up) => Status::WaitingRestart,
        }
    }
}
