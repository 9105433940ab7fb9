//! What the fleet is told.

use std::time::Duration;

use lifecycle::{Ailment, AppId, Event, Failure, Goal, Moment, Request, STOP_ALL_TIMEOUT};

use super::{
    Input, Judge, index,
    record::{Run, accepts},
};

impl Judge {
    pub fn hear(&mut self, now: Moment, input: &Input) {
        match input {
            Input::Tick => {}
            Input::Event(app, event) => self.hear_event(now, *app, *event),
            Input::Request(Request::Start(ids)) => ids.iter().for_each(|app| self.start(*app)),
            Input::Request(Request::Restart(ids)) => ids.iter().for_each(|app| self.restart(*app)),
            Input::Request(Request::Stop(ids)) => {
                let longest = self.longest_kill_timeout(ids);
                ids.iter().for_each(|app| self.stop(*app, now.after(longest / 2), None));
            }
            Input::Request(Request::StopAll) => {
                let ids: Vec<AppId> = self.ids().collect();
                let within = self.longest_kill_timeout(&ids).max(STOP_ALL_TIMEOUT);
                ids.iter().for_each(|app| self.stop(*app, now.after(within / 2), Some(now.after(within))));
            }
        }
    }

    fn longest_kill_timeout(&self, ids: &[AppId]) -> Duration {
        let alive = ids.iter().filter(|app| self.live_run(**app).is_some());
        alive.map(|app| self.policies[index(*app)].kill_timeout).max().unwrap_or_default()
    }

    fn hear_event(&mut self, now: Moment, app: AppId, event: Event) {
        match event {
            Event::Wanted(Goal::Up) => return self.start(app),
            Event::Wanted(Goal::Down) => return self.hear(now, &Input::Request(Request::Stop(vec![app]))),
            Event::CauseMayBeGone => return self.encourage(now, app),
            Event::Tick => return,
            Event::Ready(_) | Event::Exited(..) | Event::Gone(_) | Event::Unhealthy(..) => {}
        }
        let policy = self.policies[index(app)].clone();
        let record = &mut self.records[index(app)];
        let up = record.wish == Goal::Up;
        let Some(run) = record.run.as_mut().filter(|run| Some(run.run) == event.run()) else { return };
        let untouched = run.is_untouched();
        match event {
            Event::Ready(_) if untouched && run.ready_at.is_none() => {
                run.ready_at = Some(now);
                record.reason = None;
                if up {
                    let dependants: Vec<AppId> = self.dependants(app).collect();
                    dependants.into_iter().for_each(|user| self.encourage(now, user));
                }
            }
            Event::Exited(_, exit) if !run.exited => {
                let uptime = run.ready_at.map(|at| now.since(at));
                run.must_end |= untouched;
                run.exited = true;
                record.exit = Some(exit);
                if !untouched || !up {
                    return;
                }
                if accepts(&policy, exit) {
                    (record.over, record.reason) = (true, None);
                    self.seen.insert("ended well for good");
                } else {
                    record.blame(now, &policy, uptime, Failure::Exited(exit));
                }
            }
            Event::Unhealthy(..) if untouched && up => {
                let uptime = run.ready_at.map(|at| now.since(at));
                run.must_end = true;
                record.blame(now, &policy, uptime, Failure::Unhealthy(Ailment::Health));
                self.seen.insert("unhealthy");
            }
            Event::Gone(ended) => {
                let uptime = run.ready_at.map(|at| now.since(at));
                if !run.exited {
                    record.exit = None;
                }
                if untouched && up {
                    record.blame(now, &policy, uptime, Failure::Vanished);
                    self.seen.insert("vanished");
                }
                (record.run, record.turn) = (None, None);
                (record.gone_at, record.finished) = (Some(now), Some(ended));
                record.fresh |= !up;
                if record.over && record.reason.is_some() {
                    self.seen.insert("ended badly for good");
                }
            }
            _ => {}
        }
    }

    fn encourage(&mut self, now: Moment, app: AppId) {
        let record = &mut self.records[index(app)];
        if !record.over && !record.run.as_ref().is_some_and(Run::is_untouched) {
            record.pardoned = true;
            record.excuses.push(now);
        }
    }

    fn start(&mut self, app: AppId) {
        let record = &mut self.records[index(app)];
        (record.wish, record.turn) = (Goal::Up, None);
        if !record.run.as_ref().is_some_and(Run::is_untouched) {
            record.forgive();
            if record.run.is_some() {
                self.seen.insert("started again while it stopped");
            }
        }
    }

    fn restart(&mut self, app: AppId) {
        let record = &mut self.records[index(app)];
        (record.wish, record.turn) = (Goal::Up, None);
        record.forgive();
        if let Some(run) = record.run.as_mut().filter(|run| run.is_untouched()) {
            run.must_end = true;
        }
    }

    fn stop(&mut self, app: AppId, tell_by: Moment, kill_by: Option<Moment>) {
        let record = &mut self.records[index(app)];
        record.wish = Goal::Down;
        match &mut record.run {
            None => record.fresh = true,
            Some(run) if run.is_untouched() => {
                let (earlier_tell, earlier_kill) = record.turn.unwrap_or((tell_by, kill_by));
                let kill_by = [earlier_kill, kill_by].into_iter().flatten().min();
                record.turn = Some((earlier_tell.min(tell_by), kill_by));
            }
            Some(run) => run.kill_by = [run.kill_by, kill_by].into_iter().flatten().min(),
        }
    }
}
