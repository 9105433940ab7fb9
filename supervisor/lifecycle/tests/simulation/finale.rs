//! How a world ends: perhaps with a time of peace, and always with a stop of everything.

use std::time::Duration;

use lifecycle::{AppId, Request};

use crate::drive::{Drive, trace};

/// A world that is left in peace has everything up after this long: the last crash, cooling, and a chain of starts.
const PEACE: Duration = Duration::from_secs(1_800);

impl Drive {
    /// Everything behaves from now on, and nobody asks for anything: what is wanted comes up by itself, and a trial ends.
    pub fn live_in_peace(&mut self) {
        trace(self.tracing, || "-- peace".into());
        (self.world.prompt, self.deaths) = (true, 0);
        let mut until = self.now.after(PEACE);
        self.look_at_trial();
        while self.now < until && (self.world.next().is_some() || self.fleet.next_deadline().is_some()) {
            self.advance();
            let tried = self.keeper.trial.is_some();
            self.look_at_trial();
            if tried && self.keeper.trial.is_none() {
                until = self.now.after(PEACE);
            }
        }
        assert!(
            self.keeper.trial.is_none(),
            "a trial has not ended: {:?}",
            self.keeper.trial.as_ref().map(|kept| &kept.0)
        );
        for id in self.fleet.ids().collect::<Vec<AppId>>() {
            let up = self.judge.is_ready(id) || !self.judge.can_be_ready(id);
            assert!(up, "{id:?} did not come up: {:?}", self.fleet.app(id));
            assert_eq!(self.fleet.app(id).beside(), None, "{id:?} has two runs still");
            assert!(!self.fleet.is_leaving(id), "{id:?} has not left: {:?}", self.fleet.app(id));
        }
    }

    /// However we got here: a stop of everything ends by its deadline, with nothing alive, however deaf everybody is.
    pub fn end(&mut self) {
        trace(self.tracing, || "-- the end".into());
        (self.world.prompt, self.world.deaf) = (true, true);
        self.keeper.trial = None;
        self.request(Request::StopAll);
        let longest = self.fleet.ids().map(|id| self.fleet.app(id).policy().kill_timeout).max().unwrap_or_default();
        // Lateness of the supervisors and their deaths aside: two kills, in case the first is escaped from.
        let patience = longest.max(lifecycle::STOP_ALL_TIMEOUT) + 2 * lifecycle::KILL_AGAIN_AFTER;
        self.deaths = 0;
        let started = self.now;
        while !self.fleet.is_settled_down() {
            let next = [self.world.next(), self.fleet.next_deadline()].into_iter().flatten().min();
            self.now = self.now.max(next.expect("something is alive and nobody does anything about it"));
            assert!(self.now.since(started) <= patience, "stopping everything took {:?}", self.now.since(started));
            match self.world.pop(self.now) {
                Some(happening) => self.happen(happening),
                None => self.tick(),
            }
        }
        let alive = self.world.processes.values().filter(|process| process.alive).count();
        assert_eq!(alive, 0, "processes are alive after a stop of everything");
        assert_eq!(self.fleet.next_deadline(), None, "everything is over, and something is due");
        self.now = self.now.after(PEACE);
        self.tick();
        while let Some(at) = self.world.next() {
            self.now = self.now.max(at);
            let happening = self.world.pop(self.now).expect("it happens by now");
            self.happen(happening);
        }
        assert!(self.fleet.is_settled_down(), "something came back after a stop of everything");
    }
}
