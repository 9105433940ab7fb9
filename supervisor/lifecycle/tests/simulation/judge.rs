//! The promises, kept by a bookkeeper of its own who sees only what the fleet is told and what it orders.
//!
//! Each app has a [`Record`] of facts. From these follows what the fleet may do, what it must do and what it must show;
//! the fleet's states are not looked at for that.

use std::{collections::BTreeSet, time::Duration};

use lifecycle::{
    Action, AppId, COOLING_TIME, CRASH_WINDOW, Event, Exit, Failure, Fleet, Goal, Invocation, KILL_AGAIN_AFTER,
    LONGEST_BACKOFF, MOST_RESTARTS, Moment, Policy, Request, STOP_ALL_TIMEOUT, Signal, State,
};

use crate::plan::Plan;

/// What the supervisor is told.
#[derive(Clone, Debug)]
pub enum Input {
    Event(AppId, Event),
    Request(Request),
    Tick,
}

/// A run that was ordered and of which nobody said that it is gone.
#[derive(Clone, Debug)]
struct Run {
    run: Invocation,
    spawned_at: Moment,
    ready_at: Option<Moment>,
    exited: bool,
    told_at: Option<Moment>,
    killed_at: Option<Moment>,
    /// When it has to be killed.
    kill_by: Option<Moment>,
    /// It is to be told to end, and for this reason must be at once.
    must_end: bool,
}

impl Run {
    /// Nothing has happened yet that ends it.
    fn is_untouched(&self) -> bool {
        self.told_at.is_none() && !self.exited
    }
}

/// What is known about one app.
#[derive(Clone, Debug)]
pub struct Record {
    wish: Goal,
    run: Option<Run>,
    /// When it failed since it was last forgiven, and whether it had been up for `min_uptime`.
    failures: Vec<(Moment, bool)>,
    /// The next run need not wait.
    pardoned: bool,
    /// No run is to follow by itself.
    over: bool,
    gone_at: Option<Moment>,
    /// In an orderly stop: told by then at the latest, and then killed by the one deadline, if there is one.
    turn: Option<(Moment, Option<Moment>)>,
    /// Its turn did not come at once.
    waited: bool,
    spawns: Vec<Moment>,
    /// When its cause might have been gone.
    excuses: Vec<Moment>,
    /// The next spawn is no restart.
    fresh: bool,
    restarts: u64,
    exit: Option<Exit>,
    reason: Option<Failure>,
    finished: Option<Invocation>,
}

pub struct Judge {
    policies: Vec<Policy>,
    needs: Vec<Vec<AppId>>,
    pub records: Vec<Record>,
    /// What the world has led to: see [`SITUATIONS`].
    pub seen: BTreeSet<&'static str>,
}

/// What has to come up in some world, or the promises are checked in vain.
pub const SITUATIONS: [&str; 16] = [
    "cooled down and tried again",
    "ended badly for good",
    "ended well for good",
    "escaped from a kill",
    "given up on before it was ready",
    "held back by a dependency",
    "killed",
    "restarted after a back-off",
    "restarted at once after a long run",
    "restarted at once because its cause might have been gone",
    "spawn lost with the supervisor",
    "started again while it stopped",
    "told to end after what needed it was gone",
    "told to end at half the deadline",
    "unhealthy",
    "vanished",
];

fn index(app: AppId) -> usize {
    app.0 as usize
}

impl Judge {
    pub fn new(apps: &[Plan]) -> Self {
        let blank = Record {
            wish: Goal::Down,
            run: None,
            failures: Vec::new(),
            pardoned: false,
            over: false,
            gone_at: None,
            turn: None,
            waited: false,
            spawns: Vec::new(),
            excuses: Vec::new(),
            fresh: true,
            restarts: 0,
            exit: None,
            reason: None,
            finished: None,
        };
        Self {
            policies: apps.iter().map(|plan| plan.policy.clone()).collect(),
            needs: apps.iter().map(|plan| plan.needs.clone()).collect(),
            records: vec![blank; apps.len()],
            seen: BTreeSet::new(),
        }
    }

    fn ids(&self) -> impl Iterator<Item = AppId> + use<> {
        (0..self.records.len() as u32).map(AppId)
    }

    fn dependants(&self, app: AppId) -> impl Iterator<Item = AppId> + '_ {
        self.ids().filter(move |user| self.needs[index(*user)].contains(&app))
    }

    /// Said that it is ready, and is neither ending nor wanted down.
    pub fn is_ready(&self, app: AppId) -> bool {
        let record = &self.records[index(app)];
        record.wish == Goal::Up && record.run.as_ref().is_some_and(|run| run.ready_at.is_some() && run.is_untouched())
    }

    pub fn wish(&self, app: AppId) -> Goal {
        self.records[index(app)].wish
    }

    pub fn is_over(&self, app: AppId) -> bool {
        self.records[index(app)].over
    }

    pub fn live_run(&self, app: AppId) -> Option<Invocation> {
        self.records[index(app)].run.as_ref().map(|run| run.run)
    }

    fn all_ready(&self, needs: &[AppId]) -> bool {
        needs.iter().all(|need| self.is_ready(*need))
    }

    // What the fleet is told.

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
            Event::Ready(_) | Event::Exited(..) | Event::Gone(_) | Event::Unhealthy(_) => {}
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
            Event::Unhealthy(_) if untouched && up => {
                let uptime = run.ready_at.map(|at| now.since(at));
                run.must_end = true;
                record.blame(now, &policy, uptime, Failure::Unhealthy);
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

    // What the fleet orders.

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

    // What must be so.

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

    /// A spawn that was counted and remembered, but whose order was lost: the run never existed.
    pub fn lose_spawn(&mut self, app: AppId, heard: &Record) {
        self.seen.insert("spawn lost with the supervisor");
        let restarts = self.records[index(app)].restarts;
        self.records[index(app)] = Record { restarts, fresh: true, ..heard.clone() };
    }

    /// A kill that was ordered may have been lost with the supervisor, so it may come again.
    pub fn forget_kills(&mut self) {
        for run in self.records.iter_mut().filter_map(|record| record.run.as_mut()) {
            run.killed_at = None;
        }
    }
}

impl Record {
    fn forgive(&mut self) {
        self.fresh |= self.over && self.run.is_none();
        // Whoever asks starts a new account.
        self.failures.clear();
        self.spawns.clear();
        self.excuses.clear();
        (self.pardoned, self.over) = (true, false);
    }

    fn blame(&mut self, now: Moment, policy: &Policy, uptime: Option<Duration>, failure: Failure) {
        self.failures.push((now, uptime.is_some_and(|uptime| uptime >= policy.min_uptime)));
        self.reason = Some(failure);
        self.over |= !policy.autorestart;
    }

    /// Why a run follows now.
    fn kind_of_spawn(&self, policy: &Policy) -> Option<&'static str> {
        match self.failures.last() {
            _ if self.fresh => None,
            Some(_) if self.pardoned => Some("restarted at once because its cause might have been gone"),
            Some((_, true)) if self.delay(policy).is_zero() => Some("restarted at once after a long run"),
            Some(_) if self.delay(policy) == COOLING_TIME => Some("cooled down and tried again"),
            Some(_) if !self.delay(policy).is_zero() => Some("restarted after a back-off"),
            Some(_) | None => None,
        }
    }

    /// When the next run is due, if its dependencies are ready.
    fn due_at(&self, policy: &Policy) -> Moment {
        match self.gone_at {
            Some(gone_at) if !self.pardoned && !self.fresh => gone_at.after(self.delay(policy)),
            _ => Moment::START,
        }
    }

    fn delay(&self, policy: &Policy) -> Duration {
        let since_long = self.failures.iter().rposition(|(_, long)| *long);
        let limit = policy.max_restarts.min(MOST_RESTARTS) as usize;
        let too_many = (since_long.unwrap_or(0)..self.failures.len()).any(|last| {
            let (at, _) = self.failures[last];
            self.failures[..=last].iter().filter(|(earlier, _)| at.since(*earlier) < CRASH_WINDOW).count() > limit
        });
        if too_many {
            return COOLING_TIME;
        }
        let short_runs = self.failures.len() - since_long.map_or(0, |place| place + 1);
        if short_runs == 0 {
            return Duration::ZERO;
        }
        let growths = if policy.backoff { short_runs - 1 } else { 0 };
        let nanos = (0..growths).fold(policy.restart_delay.as_nanos(), |nanos, _| (nanos + nanos / 2).min(1 << 64));
        let longest = policy.restart_delay.max(LONGEST_BACKOFF);
        Duration::from_nanos(nanos.min(longest.as_nanos()) as u64)
    }

    /// However it fails, and whatever its delays are: in a minute it is spawned no more often than this.
    fn check_spawn_rate(&self, now: Moment, policy: &Policy, app: AppId) {
        let lately = |moments: &[Moment]| moments.iter().filter(|at| now.since(**at) < CRASH_WINDOW).count();
        let limit = policy.max_restarts.min(MOST_RESTARTS) as usize + 2;
        let (spawns, excuses) = (lately(&self.spawns), lately(&self.excuses));
        assert!(spawns <= limit + excuses, "{app:?} was spawned {spawns} times in a minute");
    }
}

/// Whether ending like this is what the run was meant to do.
fn accepts(policy: &Policy, exit: Exit) -> bool {
    match exit {
        Exit::Code(code) => policy.stop_exit_codes.contains(&code) || (code == 0 && !policy.autorestart),
        Exit::Signal { .. } | Exit::OutOfMemory | Exit::NotSpawned(_) => false,
    }
}
