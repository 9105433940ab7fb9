//! What must have been done, and what must be going to be.

use lifecycle::{AppId, Fleet, KILL_AGAIN_AFTER, Moment};

use super::Judge;

impl Judge {
    /// No dead end: whoever is not where it is wanted has a moment at which that changes.
    pub fn check_way_out(&self, now: Moment, app: AppId, fleet: &Fleet) {
        let record = self.record(app);
        let wake_up = fleet.next_deadline();
        let by = |moment: Moment| {
            assert!(wake_up.is_some_and(|at| at <= moment.max(now)), "{app:?}: nobody wakes up at {moment:?}");
        };
        match &record.run {
            None if record.is_to_spawn() && record.beside.is_none() && !self.is_held_back(app) => {
                by(record.due_at(&self.design(app).policy))
            }
            None => {}
            Some(run) if !run.is_untouched() => {
                by(run.killed_at.map_or(run.kill_by.unwrap_or(now), |at| at.after(KILL_AGAIN_AFTER)));
            }
            Some(run) => match record.turn {
                Some((tell_by, _)) => by(tell_by),
                None if run.ready_at.is_none() => by(run.ready_by),
                None => {}
            },
        }
        self.check_way_out_beside(now, app, by);
    }

    /// After every tick: what was due was done, and nothing is due, so that nobody spins.
    pub fn check_tick(&self, now: Moment, fleet: &Fleet) {
        assert!(fleet.next_deadline().is_none_or(|due| due > now), "a tick left something due: the daemon would spin");
        for (&app, record) in &self.records {
            self.check_tick_beside(now, app);
            let Some(run) = &record.run else {
                let due = record.is_to_spawn() && record.due_at(&self.design(app).policy) <= now;
                let waits = record.beside.is_some() || self.is_held_back(app);
                assert!(!due || waits, "{app:?} was due and was not spawned");
                continue;
            };
            if !run.is_untouched() {
                let kept = run.killed_at.is_some() || run.kill_by.is_none_or(|by| by > now);
                assert!(kept, "{app:?} should have been killed by now: {run:?}");
            } else if let Some((tell_by, _)) = record.turn {
                assert!(tell_by > now && !self.in_the_way(app).is_empty(), "{app:?} should have been told to end");
            } else {
                assert!(!run.is_late(now), "{app:?} should have been given up on");
            }
        }
    }
}
