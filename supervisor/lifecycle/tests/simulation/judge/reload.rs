//! A reload: who is next, and when it is over.

use lifecycle::{AppId, Goal};

use super::{Judge, Record, record::Place};

impl Judge {
    pub fn reload(&mut self, ids: &[AppId]) {
        for record in self.records.values_mut().filter(|record| record.failed_in_reload()) {
            record.place = None;
        }
        let taken = self.records.values().filter_map(|record| record.place);
        let first = taken.map(|place| place.number + 1).max().unwrap_or(0);
        for (&app, number) in ids.iter().zip(first..) {
            match self.record(app).place {
                Some(place) if place.begun => {
                    self.saw("a reload asked for again while it was under way");
                    if self.overlaps(app) {
                        self.abandon(app, "a try replaced by another one");
                        self.record_mut(app).place = Some(Place { begun: false, ..place });
                        continue;
                    }
                    self.begin(app, place);
                }
                Some(_) => {}
                None => self.enter(app, number),
            }
        }
    }

    fn enter(&mut self, app: AppId, number: u64) {
        let record = self.record_mut(app);
        let begins_anew = record.wish == Goal::Up && record.turn.is_some();
        let has_an_old_run = record.is_untouched() && !begins_anew;
        self.start(app);
        if has_an_old_run {
            self.record_mut(app).place = Some(Place { number, begun: false });
        }
    }

    /// What a new supervisor finds of a reload.
    pub fn look_at_reload(&mut self) {
        let (begun, waiting): (Vec<&Record>, _) =
            self.records.values().filter(|record| record.place.is_some()).partition(|record| record.is_begun());
        let goes_on = begun.iter().any(|record| !record.failed_in_reload()) && !waiting.is_empty();
        self.seen.extend(goes_on.then_some("a reload went on under a new supervisor"));
    }

    /// Its old run is ended; the place is kept until the new one is ready.
    fn begin(&mut self, app: AppId, place: Place) {
        self.restart(app);
        let record = self.record_mut(app);
        (record.failed_try, record.place) = (None, Some(Place { begun: true, ..place }));
    }

    /// What follows in a reload, now that something has happened.
    pub fn roll_on(&mut self) {
        if self.records.values().any(Record::failed_in_reload) {
            let mut waiting = 0;
            for record in self.records.values_mut().filter(|record| !record.failed_in_reload()) {
                waiting += usize::from(record.place.take().is_some());
            }
            return self.seen.extend((waiting > 0).then_some("a reload ended by a failure"));
        }
        let mut done = false;
        for record in self.records.values_mut() {
            let is_over = record.is_ready() || (record.run.is_none() && record.over);
            if is_over && record.beside.is_none() && record.is_begun() {
                (record.place, done) = (None, true);
            }
        }
        let places = || self.records.iter().filter_map(|(app, record)| Some((record.place?, *app)));
        // Never two at once.
        if places().any(|(place, _)| place.begun) {
            return;
        }
        let Some((place, app)) = places().min() else { return };
        let overlaps = self.overlaps(app);
        if overlaps && (self.record(app).beside.is_some() || self.is_held_back(app)) {
            return;
        }
        let first = place.number == 0;
        self.seen.extend(done.then_some("a reload went on after one that was ready"));
        self.seen.extend((!done && !first).then_some("a reload went on after one that was taken out"));
        if overlaps {
            return self.begin_try(app, place);
        }
        self.begin(app, place);
    }
}
