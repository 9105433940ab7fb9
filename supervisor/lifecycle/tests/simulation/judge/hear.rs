//! What the fleet is told.

use std::{collections::BTreeSet, time::Duration};

use lifecycle::{AppId, Event, Exit, Failure, Goal, Invocation, Moment, Request, STOP_ALL_TIMEOUT};

use super::{
    Input, Judge, Record,
    record::{Run, accepts},
};

impl Judge {
    pub fn hear(&mut self, now: Moment, input: &Input) {
        match input {
            Input::Tick => self.give_up_on_the_late(now),
            Input::Event(app, event) if self.is_about_nothing(*app, *event) => return,
            Input::Event(app, event) if self.is_about_beside(*app, *event) => self.hear_beside(now, *app, *event),
            Input::Event(app, event) => self.hear_event(now, *app, *event),
            Input::Request(request) => self.hear_request(now, request),
            Input::Reshape(members) => self.reshape(now, members),
        }
        self.roll_on();
    }

    /// Whoever is not ready in time and is awaited has failed.
    fn give_up_on_the_late(&mut self, now: Moment) {
        let is_late =
            |record: &Record| record.is_own_doing() && record.run.as_ref().is_some_and(|run| run.is_late(now));
        let late: Vec<AppId> = self.records.iter().filter(|(_, record)| is_late(record)).map(|(app, _)| *app).collect();
        for app in late {
            let run = self.record_mut(app).run.as_mut().expect("it is late");
            run.must_end = true;
            let extended = run.extended;
            let within = self.design(app).policy.listen_timeout.saturating_add(extended);
            self.blame(now, app, Failure::NotReady { within });
            self.saw("given up on before it was ready");
        }
        self.give_up_on_late_tries(now);
    }

    /// About no app of ours, or none of its runs that is alive.
    fn is_about_nothing(&self, app: AppId, event: Event) -> bool {
        let is_wish = matches!(event, Event::Wanted(_));
        !is_wish
            && (!self.records.contains_key(&app) || event.run().is_some_and(|run| !self.live_runs(app).contains(&run)))
    }

    fn hear_request(&mut self, now: Moment, request: &Request) {
        let known = |ids: &[AppId]| -> Vec<AppId> {
            ids.iter().copied().filter(|app| self.records.contains_key(app)).collect()
        };
        let stays =
            |ids: &[AppId]| -> Vec<AppId> { known(ids).into_iter().filter(|app| !self.record(*app).leaves).collect() };
        match request {
            Request::Start(ids) => stays(ids).into_iter().for_each(|app| self.start(app)),
            Request::Restart(ids) => stays(ids).into_iter().for_each(|app| self.restart(app)),
            Request::RestartWithDependants(ids) => self.restart_with_dependants(now, stays(ids)),
            Request::Reload(ids) => self.reload(&stays(ids)),
            Request::Reset(ids) => known(ids).into_iter().for_each(|app| self.reset(now, app)),
            Request::Stop(ids) => self.stop(now, &known(ids)),
            Request::StopAll => {
                let ids: Vec<AppId> = self.records.keys().copied().collect();
                let within = self.longest_kill_timeout(&ids).max(STOP_ALL_TIMEOUT);
                ids.iter().for_each(|app| self.go_down(*app, now.after(within / 2), Some(now.after(within))));
            }
        }
    }

    fn longest_kill_timeout(&self, ids: &[AppId]) -> Duration {
        let alive = ids.iter().filter(|app| !self.live_runs(**app).is_empty());
        alive.map(|app| self.design(*app).policy.kill_timeout).max().unwrap_or_default()
    }

    fn hear_event(&mut self, now: Moment, app: AppId, event: Event) {
        match event {
            Event::Wanted(Goal::Up) => self.hear_request(now, &Request::Start(vec![app])),
            Event::Wanted(Goal::Down) => self.hear_request(now, &Request::Stop(vec![app])),
            Event::CauseMayBeGone => self.encourage(now, app),
            Event::Refresh => self.refresh(now, app),
            Event::Tick => {}
            Event::Ready(_) => self.ready(now, app),
            Event::Exited(_, exit) => self.exited(now, app, exit),
            Event::Gone(run) => self.gone(now, app, run),
            Event::Unhealthy(_, ailment) => self.unhealthy(now, app, Failure::Unhealthy(ailment)),
            Event::Extend(_, until) => self.extend(now, app, until),
            Event::Leaving(_) => self.leaving(now, app),
        }
    }

    fn ready(&mut self, now: Moment, app: AppId) {
        let record = self.record_mut(app);
        let Some(run) = record.run.as_mut().filter(|run| run.is_untouched() && run.ready_at.is_none()) else { return };
        run.ready_at = Some(now);
        (record.reason, record.failed_try, record.last_ready) = (None, None, Some(run.run));
        if record.is_ready() {
            let dependants: Vec<AppId> = self.dependants(app).collect();
            dependants.into_iter().for_each(|user| self.encourage(now, user));
        }
    }

    fn exited(&mut self, now: Moment, app: AppId, exit: Exit) {
        if self.is_trying(app) {
            return self.exited_while_trying(now, app, exit);
        }
        let record = self.record_mut(app);
        let is_own = record.is_own_doing();
        let Some(run) = record.run.as_mut().filter(|run| !run.exited) else { return };
        let was_leaving = run.is_leaving();
        // What is left of its tree has not been told, unless it was killed.
        run.must_end |= run.told_at.is_none() && !run.is_killed;
        run.exited = true;
        record.exit = Some(exit);
        if is_own {
            let well = self.judge_exit(now, app, exit);
            let kind =
                if well { "a run that left by itself ended well" } else { "a run that left by itself ended badly" };
            self.seen.extend(was_leaving.then_some(kind));
        }
    }

    /// It ended by itself: well or badly.
    fn judge_exit(&mut self, now: Moment, app: AppId, exit: Exit) -> bool {
        let well = accepts(&self.design(app).policy, exit);
        if well {
            self.note_uptime(now, app);
            self.record_mut(app).reason = None;
            self.saw("ended well for good");
        } else {
            self.blame(now, app, Failure::Exited(exit));
        }
        well
    }

    fn unhealthy(&mut self, now: Moment, app: AppId, failure: Failure) {
        if self.is_trying(app) {
            return self.unhealthy_while_trying(now, app, failure);
        }
        let record = self.record_mut(app);
        if record.is_untouched() && record.is_own_doing() {
            self.blame(now, app, failure);
            self.record_mut(app).run.as_mut().expect("it is untouched").must_end = true;
            self.saw("unhealthy");
        }
    }

    fn gone(&mut self, now: Moment, app: AppId, ended: Invocation) {
        if self.is_trying(app) {
            return self.vanished_while_trying(now, app);
        }
        let record = self.record(app);
        let run = record.run.as_ref().expect("it is about its run");
        let (unseen, was_leaving) = (!run.exited, run.is_leaving());
        if unseen && record.is_own_doing() {
            self.blame(now, app, Failure::Vanished);
            self.saw("vanished");
            self.seen.extend(was_leaving.then_some("a run that left by itself vanished"));
        }
        let autorestart = self.design(app).policy.autorestart;
        let record = self.record_mut(app);
        if unseen {
            record.exit = None;
        }
        (record.run, record.turn) = (None, None);
        (record.gone_at, record.finished) = (Some(now), record.finished.max(Some(ended)));
        if record.wish == Goal::Down {
            record.fresh = true;
        } else if !record.pardoned && (record.reason.is_none() || !autorestart) {
            record.over = true;
            let badly = record.reason.is_some();
            self.seen.extend(badly.then_some("ended badly for good"));
        }
        self.drop_if_it_left(app);
    }

    fn extend(&mut self, now: Moment, app: AppId, until: Moment) {
        let run = self.record_mut(app).run.as_mut().expect("it is about its run");
        let seen = run.extend(now, until);
        self.seen.extend(seen);
    }

    fn leaving(&mut self, now: Moment, app: AppId) {
        let kill_by = now.after(self.design(app).policy.kill_timeout);
        let record = self.record_mut(app);
        if record.is_untouched() && record.is_own_doing() {
            let run = record.run.as_mut().expect("it is untouched");
            (run.left_at, run.kill_by) = (Some(now), Some(kill_by));
            self.leaves_while_trying(now, app);
        }
    }

    pub fn blame(&mut self, now: Moment, app: AppId, failure: Failure) {
        let uptime = self.note_uptime(now, app);
        let policy = self.design(app).policy.clone();
        self.record_mut(app).blame(now, &policy, uptime, failure);
    }

    /// How long the run that ends now was of use; for long, and it is healthy.
    fn note_uptime(&mut self, now: Moment, app: AppId) -> Option<Duration> {
        let record = self.record_mut(app);
        let uptime = record.run.as_ref().and_then(|run| run.uptime(now));
        let recovered = record.note_uptime(uptime);
        self.seen.extend(recovered.then_some("an unhealthy run was forgotten after a healthy one"));
        uptime
    }

    /// What it failed of may be mended. What is to end for another reason, or has not failed yet, is not concerned.
    pub fn encourage(&mut self, now: Moment, app: AppId) {
        let autorestart = self.design(app).policy.autorestart;
        let record = self.record_mut(app);
        let fails = match &record.run {
            None => !record.over,
            Some(run) => !run.is_untouched() && !run.is_leaving() && record.reason.is_some() && autorestart,
        };
        if fails && record.wish == Goal::Up {
            record.pardon(now);
        }
    }

    /// It is to begin anew if it is wanted up.
    pub fn refresh(&mut self, now: Moment, app: AppId) {
        let record = self.record(app);
        if record.wish == Goal::Down {
            return self.saw("a refresh of a stopped app");
        }
        let (untouched, waits) = (record.is_untouched(), record.turn.is_some());
        if untouched && waits {
            return;
        }
        if untouched {
            self.note_uptime(now, app);
            self.saw("a refresh of what runs");
            self.abandon(app, "a try refreshed");
        }
        let record = self.record_mut(app);
        let was_over = record.over;
        match record.run.as_mut() {
            Some(run) => run.must_end |= untouched,
            None if record.fresh => return,
            None => record.over = false,
        }
        record.pardon(now);
        let ended = record.run.is_some() && !untouched;
        self.seen.extend(was_over.then_some("a refresh of a job that had ended for good"));
        self.seen.extend(ended.then_some("a refresh while it ended"));
    }

    fn reset(&mut self, now: Moment, app: AppId) {
        let record = self.record_mut(app);
        if record.failed_in_reload() {
            record.place = None;
        }
        record.clear();
        record.failed_try = None;
        record.restarts = 0;
        self.encourage(now, app);
        self.saw("a reset");
    }

    pub fn start(&mut self, app: AppId) {
        let record = self.record_mut(app);
        if record.wish == Goal::Down && record.is_untouched() {
            // Whatever it was to end for, it goes on.
            (record.turn, record.pardoned) = (None, false);
        }
        (record.wish, record.place) = (Goal::Up, None);
        if record.is_untouched() {
            return;
        }
        let left = record.run.as_ref().is_some_and(Run::is_leaving);
        record.forgive();
        let stops = record.run.is_some();
        self.seen.extend(stops.then_some("started again while it stopped"));
        self.seen.extend(left.then_some("a run that left by itself was asked for again"));
    }

    pub fn restart(&mut self, app: AppId) {
        self.abandon(app, "a try restarted");
        let record = self.record_mut(app);
        (record.wish, record.turn, record.place) = (Goal::Up, None, None);
        let untouched = record.is_untouched();
        record.forgive();
        if let Some(run) = record.run.as_mut() {
            run.must_end |= untouched;
        }
    }

    fn restart_with_dependants(&mut self, now: Moment, ids: Vec<AppId>) {
        let mut all: BTreeSet<AppId> = ids.iter().copied().collect();
        loop {
            let is_up = |user: &AppId| {
                let record = self.record(*user);
                record.wish == Goal::Up && !(record.over && record.run.is_none())
            };
            let users: BTreeSet<AppId> = all.iter().flat_map(|app| self.dependants(*app)).filter(is_up).collect();
            if users.is_subset(&all) {
                break;
            }
            all.extend(users);
        }
        self.seen.extend((all.len() > ids.len()).then_some("restarted along with what it needs"));
        let ids: Vec<AppId> = all.into_iter().collect();
        let tell_by = now.after(self.longest_kill_timeout(&ids) / 2);
        for app in ids {
            if !self.record(app).is_untouched() {
                self.start(app);
                continue;
            }
            self.abandon(app, "a try restarted");
            let record = self.record_mut(app);
            let earlier = record.turn.filter(|_| record.wish == Goal::Up).map_or(tell_by, |(by, _)| by.min(tell_by));
            record.forgive();
            (record.wish, record.place, record.turn) = (Goal::Up, None, Some((earlier, None)));
        }
    }

    pub fn stop(&mut self, now: Moment, ids: &[AppId]) {
        let tell_by = now.after(self.longest_kill_timeout(ids) / 2);
        ids.iter().for_each(|app| self.go_down(*app, tell_by, None));
    }

    fn go_down(&mut self, app: AppId, tell_by: Moment, kill_by: Option<Moment>) {
        self.abandon(app, "a try stopped");
        let record = self.record_mut(app);
        if let Some(beside) = &mut record.beside {
            beside.hurry(kill_by);
        }
        (record.wish, record.place) = (Goal::Down, None);
        match &mut record.run {
            None => (record.fresh, record.over) = (true, false),
            Some(run) if run.is_untouched() => {
                let (earlier_tell, earlier_kill) = record.turn.unwrap_or((tell_by, kill_by));
                let kill_by = [earlier_kill, kill_by].into_iter().flatten().min();
                record.turn = Some((earlier_tell.min(tell_by), kill_by));
            }
            Some(run) => {
                let left = run.is_leaving();
                run.hurry(kill_by);
                self.seen.extend(left.then_some("a run that left by itself was stopped"));
            }
        }
    }
}

impl Record {
    /// If its run ends now, it does so by itself: it is to be up, and nothing else was asked of this run.
    fn is_own_doing(&self) -> bool {
        let by_itself = |run: &Run| run.is_untouched() || run.is_leaving();
        self.wish == Goal::Up && self.turn.is_none() && !self.pardoned && self.run.as_ref().is_some_and(by_itself)
    }
}
