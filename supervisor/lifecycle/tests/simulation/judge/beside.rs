//! Two runs of one app: the one that serves, and one that is tried or that leaves.

use lifecycle::{AppId, Beside, Event, Exit, Failure, Goal, Invocation, KILL_AGAIN_AFTER, Moment};

use super::{
    Judge, Record,
    record::{Place, Run, accepts},
};

impl Judge {
    /// Whether the next run of an app in a reload comes beside the one that serves.
    pub fn overlaps(&self, app: AppId) -> bool {
        self.record(app).is_ready() && self.design(app).policy.overlap
    }

    /// Whether it is an app's turn in a reload, and its next run comes beside.
    pub fn is_to_be_tried(&self, app: AppId) -> bool {
        let places = || self.records.values().filter_map(|record| record.place);
        let is_next = self.record(app).place.is_some_and(|place| places().all(|other| !other.begun && place <= other));
        is_next && self.overlaps(app)
    }

    /// Another run is tried, and takes the place of the one that serves if that ends.
    pub fn is_trying(&self, app: AppId) -> bool {
        let record = self.record(app);
        record.wish == Goal::Up && record.turn.is_none() && record.has_try()
    }

    pub fn is_beside(&self, app: AppId, run: Invocation) -> bool {
        self.record(app).beside.as_ref().is_some_and(|beside| beside.run == run)
    }

    pub fn is_about_beside(&self, app: AppId, event: Event) -> bool {
        self.records.contains_key(&app) && event.run().is_some_and(|run| self.is_beside(app, run))
    }

    /// Whether an app follows a run that nobody ends.
    pub fn waits_for_what_stays(&self, app: AppId) -> bool {
        let stays = |(other, run): &(AppId, Invocation)| {
            let other = self.record(*other);
            let is_kept = other.wish == Goal::Up && other.turn.is_none();
            is_kept && other.runs().any(|live| live.run == *run && live.is_untouched())
        };
        self.record(app).follows.iter().filter(|(other, _)| self.records.contains_key(other)).any(stays)
    }

    // -- what is asked

    pub fn begin_try(&mut self, app: AppId, place: Place) {
        let record = self.record_mut(app);
        record.clear();
        (record.failed_try, record.to_try) = (None, true);
        record.place = Some(Place { begun: true, ..place });
    }

    /// What is tried is wanted no more: it is told at once.
    pub fn abandon(&mut self, app: AppId, why: &'static str) {
        if let Some(beside) = self.record_mut(app).beside.as_mut().filter(|beside| beside.is_untouched()) {
            beside.must_end = true;
            self.saw(why);
        }
    }

    /// A spawn that was remembered, but whose order was lost: its turn is yet to come.
    pub fn lose_try(&mut self, app: AppId) {
        self.saw("a try lost with the supervisor");
        let record = self.record_mut(app);
        record.beside = None;
        record.place = record.place.map(|place| Place { begun: false, ..place });
    }

    // -- what is heard

    pub fn hear_beside(&mut self, now: Moment, app: AppId, event: Event) {
        let record = self.record_mut(app);
        let is_tried = record.has_try();
        let beside = record.beside.as_mut().expect("it is about that");
        let failure = match event {
            Event::Ready(_) if is_tried => return self.ready_beside(now, app),
            Event::Exited(_, exit) if !beside.exited => {
                beside.must_end |= beside.told_at.is_none() && !beside.is_killed;
                (beside.exited, beside.exit) = (true, Some(exit));
                Failure::Exited(exit)
            }
            Event::Gone(_) => {
                self.beside_gone(app);
                Failure::Vanished
            }
            Event::Unhealthy(_, ailment) if is_tried => {
                beside.must_end = true;
                Failure::Unhealthy(ailment)
            }
            Event::Extend(_, until) => {
                beside.extend(now, until);
                return;
            }
            _ => return,
        };
        if is_tried {
            self.fail_try(app, failure);
        }
        self.drop_if_it_left(app);
    }

    fn fail_try(&mut self, app: AppId, failure: Failure) {
        if let Some(record) = self.records.get_mut(&app) {
            record.failed_try = Some(failure);
        }
        self.saw(match failure {
            Failure::Exited(_) => "a try that ended before it was ready",
            Failure::NotReady { .. } => "a try that was not ready in time",
            Failure::Unhealthy(_) => "a try that ailed",
            Failure::Vanished => "a try that vanished",
        });
    }

    fn ready_beside(&mut self, now: Moment, app: AppId) {
        if !self.is_trying(app) {
            self.record_mut(app).beside.as_mut().expect("it is ready").must_end = true;
            return;
        }
        self.swap(now, app);
        let record = self.record_mut(app);
        let serving = record.run.as_mut().expect("swapped");
        serving.ready_at = Some(now);
        (record.reason, record.failed_try, record.last_ready) = (None, None, Some(serving.run));
        record.beside.as_mut().expect("swapped").must_end = true;
        self.saw("a run took over when it was ready");
    }

    /// What is tried serves from now on, or is to; what served leaves.
    fn swap(&mut self, now: Moment, app: AppId) {
        let record = self.record_mut(app);
        let uptime = record.run.as_ref().and_then(|run| run.uptime(now));
        record.note_uptime(uptime);
        std::mem::swap(&mut record.run, &mut record.beside);
        record.tried = None;
        record.restarts += 1;
    }

    pub fn exited_while_trying(&mut self, now: Moment, app: AppId, exit: Exit) {
        let well = accepts(&self.design(app).policy, exit);
        self.swap(now, app);
        let record = self.record_mut(app);
        record.reason = Some(Failure::Exited(exit)).filter(|_| !well);
        let old = record.beside.as_mut().expect("swapped");
        (old.exited, old.exit, old.must_end) = (true, Some(exit), true);
        self.saw("a try took the place of one that ended");
    }

    pub fn vanished_while_trying(&mut self, now: Moment, app: AppId) {
        self.swap(now, app);
        self.record_mut(app).reason = Some(Failure::Vanished);
        self.beside_gone(app);
        self.saw("a try took the place of one that vanished");
    }

    pub fn unhealthy_while_trying(&mut self, now: Moment, app: AppId, failure: Failure) {
        self.swap(now, app);
        let record = self.record_mut(app);
        record.reason = Some(failure);
        record.beside.as_mut().expect("swapped").must_end = true;
        self.saw("a try took the place of one that ailed");
    }

    pub fn leaves_while_trying(&mut self, now: Moment, app: AppId) {
        if self.is_trying(app) {
            self.swap(now, app);
            self.saw("a try took the place of one that left by itself");
        }
    }

    fn beside_gone(&mut self, app: AppId) {
        let record = self.record_mut(app);
        let gone = record.beside.take().expect("it is gone");
        record.finished = record.finished.max(Some(gone.run));
        if !record.run.as_ref().is_some_and(|run| run.exited) {
            record.exit = gone.exit;
        }
    }

    pub fn give_up_on_late_tries(&mut self, now: Moment) {
        let tried: Vec<AppId> =
            self.records.iter().filter(|(_, record)| record.has_try()).map(|(app, _)| *app).collect();
        for app in tried {
            let is_wanted = self.is_trying(app);
            let listen_timeout = self.design(app).policy.listen_timeout;
            let beside = self.record_mut(app).beside.as_mut().expect("it is tried");
            beside.must_end |= !is_wanted || beside.is_late(now);
            if is_wanted && beside.must_end {
                let within = listen_timeout.saturating_add(beside.extended);
                self.fail_try(app, Failure::NotReady { within });
            }
        }
    }

    // -- what is ordered

    pub fn spawn_beside(&mut self, now: Moment, app: AppId, run: Invocation) {
        // Never more than two runs, and two only in a reload with overlap.
        assert!(self.overlaps(app), "{app:?}: a second run without a reload with overlap");
        assert!(self.record(app).beside.is_none(), "{app:?}: a third run");
        assert_eq!(self.waits_for(app), [], "{app:?} spawned before what it needs was ready");
        assert_eq!(self.waits_for_end_of(app), [], "{app:?} spawned before what it follows was gone");
        let ready_by = now.after(self.design(app).policy.listen_timeout);
        let record = self.record_mut(app);
        record.to_try = false;
        record.follows.clear();
        (record.newest, record.tried) = (Some(run), Some(run));
        record.beside = Some(Run::new(run, ready_by));
        self.saw("a run tried beside another");
    }

    pub fn terminate_beside(&mut self, now: Moment, app: AppId) {
        let own = now.after(self.design(app).policy.kill_timeout);
        let beside = self.record_mut(app).beside.as_mut().expect("it is told");
        assert_eq!(beside.told_at, None, "{app:?} was asked twice");
        assert!(!beside.is_killed, "{app:?} was asked after it was killed");
        // The old one goes on until the new one is ready.
        assert!(beside.must_end, "{app:?} was told to end for no reason: {beside:?}");
        (beside.told_at, beside.kill_by) = (Some(now), Some(own));
        beside.hurry(None);
    }

    // -- what is shown

    pub fn check_beside(&self, app: AppId, record: &Record, shown: Option<Beside>) {
        match (shown, &record.beside) {
            (None, None) => {}
            (Some(Beside::Trying { ready_by, extended, .. }), Some(run)) => {
                assert!(run.is_untouched() && run.ready_at.is_none(), "{app:?} is not tried: {run:?}");
                assert_eq!((ready_by, extended), (run.ready_by, run.extended), "{app:?}: its time to become ready");
            }
            (Some(Beside::Leaving { kill_at, untold, exit, .. }), Some(run)) => {
                assert!(!run.is_untouched(), "{app:?}: what is beside does not leave: {run:?}");
                assert_eq!(kill_at.is_none(), run.is_killed, "{app:?}: whether what is beside was killed");
                assert!(kill_at.is_none() || kill_at == run.kill_by, "{app:?}: its time to end");
                assert_eq!(untold, run.is_leaving() && !run.is_killed, "{app:?}: whether it was told");
                assert_eq!(exit, run.exit, "{app:?}: how what is beside ended");
            }
            (shown, run) => panic!("{app:?}: {run:?} is shown as {shown:?}"),
        }
    }

    pub fn check_way_out_beside(&self, now: Moment, app: AppId, by: impl Fn(Moment)) {
        match &self.record(app).beside {
            None => {}
            Some(run) if run.is_untouched() => by(run.ready_by),
            Some(run) => by(run.killed_at.map_or(run.kill_by.unwrap_or(now), |at| at.after(KILL_AGAIN_AFTER))),
        }
    }

    pub fn check_tick_beside(&self, now: Moment, app: AppId) {
        let Some(run) = &self.record(app).beside else { return };
        if run.is_untouched() {
            assert!(self.is_trying(app) && !run.is_late(now), "{app:?}: what is tried should have been given up on");
        } else {
            let kept = run.killed_at.is_some() || run.kill_by.is_none_or(|by| by > now);
            assert!(kept, "{app:?}: what is beside should have been killed by now: {run:?}");
        }
    }
}

impl Record {
    /// A run is tried beside the one that serves.
    pub fn has_try(&self) -> bool {
        self.beside.as_ref().is_some_and(Run::is_untouched)
    }
}
