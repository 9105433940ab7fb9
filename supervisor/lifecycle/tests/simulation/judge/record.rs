//! What is known about one app, and what follows from it.

use std::time::Duration;

use lifecycle::{
    AppId, COOLING_TIME, CRASH_WINDOW, Exit, Failure, Goal, HEALTHY_LONG_ENOUGH, Invocation, LONGEST_BACKOFF,
    MOST_RESTARTS, Moment, Policy,
};

/// A run that was ordered and of which nobody said that it is gone.
#[derive(Clone, Debug)]
pub struct Run {
    pub run: Invocation,
    /// When it is given up on, unless it is ready.
    pub ready_by: Moment,
    /// How much later that is than it was at first.
    pub extended: Duration,
    pub ready_at: Option<Moment>,
    pub exited: bool,
    /// How, if it was not the one that serves.
    pub exit: Option<Exit>,
    /// When it said that it is ending by itself, if it was not to end anyway.
    pub left_at: Option<Moment>,
    pub told_at: Option<Moment>,
    /// When its kill was last ordered by a supervisor that lives.
    pub killed_at: Option<Moment>,
    pub is_killed: bool,
    /// When it has to be killed.
    pub kill_by: Option<Moment>,
    /// The one deadline of a stop of everything: it may not ask for more.
    pub end_by: Option<Moment>,
    /// It is to be told to end, and for this reason must be at once.
    pub must_end: bool,
}

impl Run {
    pub fn new(run: Invocation, ready_by: Moment) -> Self {
        Self {
            run,
            ready_by,
            extended: Duration::ZERO,
            ready_at: None,
            exited: false,
            exit: None,
            left_at: None,
            told_at: None,
            killed_at: None,
            is_killed: false,
            kill_by: None,
            end_by: None,
            must_end: false,
        }
    }

    /// Nothing has happened yet that ends it.
    pub fn is_untouched(&self) -> bool {
        self.told_at.is_none() && !self.exited && self.left_at.is_none()
    }

    /// It said that it is ending by itself, and it is not known how it will.
    pub fn is_leaving(&self) -> bool {
        self.left_at.is_some() && self.told_at.is_none() && !self.exited
    }

    /// It has not become ready in its time.
    pub fn is_late(&self, now: Moment) -> bool {
        self.is_untouched() && self.ready_at.is_none() && now >= self.ready_by
    }

    /// It asks for time: to become ready, or to end. Answers what that came to.
    pub fn extend(&mut self, now: Moment, until: Moment) -> Option<&'static str> {
        if self.is_untouched() {
            if self.ready_at.is_some() {
                return None;
            }
            if self.ready_by <= now {
                return Some("asked for more time too late");
            }
            self.extended = self.extended.saturating_add(until.since(self.ready_by));
            self.ready_by = self.ready_by.max(until);
            return Some("asked for more time to become ready");
        }
        let kill_by = self.kill_by.expect("it is ending");
        if self.is_killed || kill_by <= now {
            return Some("asked for more time too late");
        }
        let allowed = self.end_by.map_or(until, |by| by.min(until));
        self.kill_by = Some(kill_by.max(allowed));
        let is_less = allowed < until;
        Some(if is_less { "asked for more time than the one deadline allows" } else { "asked for more time to end" })
    }

    /// How long it was of use.
    pub fn uptime(&self, now: Moment) -> Option<Duration> {
        self.ready_at.map(|at| self.left_at.unwrap_or(now).since(at))
    }

    /// It has to be gone earlier than it had to.
    pub fn hurry(&mut self, end_by: Option<Moment>) {
        self.end_by = [self.end_by, end_by].into_iter().flatten().min();
        self.kill_by = [self.kill_by, self.end_by].into_iter().flatten().min();
    }
}

/// A failure that is not forgiven.
#[derive(Clone, Debug)]
pub struct Fault {
    pub at: Moment,
    /// It had been up for `min_uptime`.
    pub was_long: bool,
    /// Within the last minute there were more than the policy of that time allows.
    pub too_many: bool,
}

/// A place in a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub number: u64,
    /// It was its turn.
    pub begun: bool,
}

/// What is known about one app.
#[derive(Clone, Debug)]
pub struct Record {
    pub wish: Goal,
    /// It is in no file any more.
    pub leaves: bool,
    pub run: Option<Run>,
    /// The second of two runs: one that is tried, or one that leaves.
    pub beside: Option<Run>,
    /// A run is to be tried beside the one that serves, now.
    pub to_try: bool,
    /// What the last run failed of that was tried.
    pub failed_try: Option<Failure>,
    /// The newest run that was tried and did not take over.
    pub tried: Option<Invocation>,
    /// When it failed since it was last forgiven.
    pub faults: Vec<Fault>,
    /// How many of the last ended runs ailed, since one that was healthy for long.
    pub ailing_runs: usize,
    /// The next run need not wait, and comes however this one ends.
    pub pardoned: bool,
    /// No run is to follow by itself.
    pub over: bool,
    pub gone_at: Option<Moment>,
    /// To be told to end by then at the latest, and then killed by the one deadline, if there is one.
    pub turn: Option<(Moment, Option<Moment>)>,
    /// Its turn did not come at once.
    pub waited: bool,
    /// Runs that have to be gone first.
    pub follows: Vec<(AppId, Invocation)>,
    pub place: Option<Place>,
    pub spawns: Vec<Moment>,
    /// When its cause might have been gone, or it was to begin anew.
    pub excuses: Vec<Moment>,
    /// The next spawn is no restart.
    pub fresh: bool,
    pub restarts: u64,
    pub exit: Option<Exit>,
    pub reason: Option<Failure>,
    pub newest: Option<Invocation>,
    pub finished: Option<Invocation>,
    pub last_ready: Option<Invocation>,
    /// The newest run that failed before it was ready.
    pub failed_start: Option<Invocation>,
}

impl Record {
    /// An app of which nothing has been heard yet.
    pub fn blank() -> Self {
        Self {
            wish: Goal::Down,
            leaves: false,
            run: None,
            beside: None,
            to_try: false,
            failed_try: None,
            tried: None,
            faults: Vec::new(),
            ailing_runs: 0,
            pardoned: false,
            over: false,
            gone_at: None,
            turn: None,
            waited: false,
            follows: Vec::new(),
            place: None,
            spawns: Vec::new(),
            excuses: Vec::new(),
            fresh: true,
            restarts: 0,
            exit: None,
            reason: None,
            newest: None,
            finished: None,
            last_ready: None,
            failed_start: None,
        }
    }

    /// All that are alive.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.run.iter().chain(&self.beside)
    }

    pub fn is_untouched(&self) -> bool {
        self.run.as_ref().is_some_and(Run::is_untouched)
    }

    /// Said that it is ready, and is neither ending nor to end.
    pub fn is_ready(&self) -> bool {
        let is_of_use = |run: &Run| run.ready_at.is_some() && run.is_untouched() && !run.must_end;
        self.wish == Goal::Up && self.turn.is_none() && self.run.as_ref().is_some_and(is_of_use)
    }

    /// What depends on it may start: it is ready, or was and ended as it was to.
    pub fn lets_dependants_start(&self) -> bool {
        let is_done = self.run.is_none() && self.over && self.reason.is_none();
        let is_newest = self.last_ready == self.newest || self.tried == self.newest;
        let was_ready = self.last_ready.is_some() && is_newest;
        self.is_ready() || (self.wish == Goal::Up && is_done && was_ready)
    }

    /// Nothing of it is alive, and a run is to follow.
    pub fn is_to_spawn(&self) -> bool {
        self.run.is_none() && self.wish == Goal::Up && !self.over
    }

    /// It has a run that is to end, or is ending.
    pub fn is_ending(&self) -> bool {
        self.run.is_some() && (self.wish == Goal::Down || self.turn.is_some() || !self.is_untouched())
    }

    /// Nothing of it is alive, and it waits for better times.
    pub fn is_cooling(&self, policy: &Policy) -> bool {
        self.is_to_spawn() && !self.fresh && !self.pardoned && self.delay(policy) == COOLING_TIME
    }

    /// It was its turn in a reload.
    pub fn is_begun(&self) -> bool {
        self.place.is_some_and(|place| place.begun)
    }

    /// It began anew in a reload and failed.
    pub fn failed_in_reload(&self) -> bool {
        self.is_begun() && (self.failed_try.is_some() || !self.faults.is_empty())
    }

    /// Whoever asks starts a new account.
    pub fn forgive(&mut self) {
        self.fresh |= self.over && self.run.is_none();
        self.clear();
        (self.pardoned, self.over) = (true, false);
        if let Some(run) = self.run.as_mut() {
            run.end_by = None;
        }
    }

    pub fn clear(&mut self) {
        self.faults.clear();
        self.spawns.clear();
        self.excuses.clear();
        self.ailing_runs = 0;
    }

    /// The next run need not wait, although nobody has asked for it.
    pub fn pardon(&mut self, now: Moment) {
        self.pardoned = true;
        self.excuses.push(now);
    }

    pub fn note_uptime(&mut self, uptime: Option<Duration>) -> bool {
        let healthy = uptime.is_some_and(|uptime| uptime >= HEALTHY_LONG_ENOUGH);
        let recovered = healthy && self.ailing_runs > 0;
        if healthy {
            self.ailing_runs = 0;
        }
        recovered
    }

    pub fn blame(&mut self, now: Moment, policy: &Policy, uptime: Option<Duration>, failure: Failure) {
        let limit = policy.max_restarts.min(MOST_RESTARTS) as usize;
        let recent = self.faults.iter().filter(|fault| now.since(fault.at) < CRASH_WINDOW).count();
        let was_long = uptime.is_some_and(|uptime| uptime >= policy.min_uptime);
        self.faults.push(Fault { at: now, was_long, too_many: recent + 1 > limit });
        if uptime.is_none() {
            self.failed_start = self.run.as_ref().map(|run| run.run);
        }
        self.ailing_runs += usize::from(matches!(failure, Failure::Unhealthy(_)));
        self.reason = Some(failure);
    }

    /// Failed runs in a row that were shorter than `min_uptime`.
    pub fn short_runs(&self) -> usize {
        self.faults.iter().rev().take_while(|fault| !fault.was_long).count()
    }

    /// Why a run follows now.
    pub fn kind_of_spawn(&self, policy: &Policy) -> Option<&'static str> {
        let ailed = matches!(self.reason, Some(Failure::Unhealthy(_)));
        match self.faults.last() {
            _ if self.fresh => None,
            Some(_) if self.pardoned => Some("restarted at once because its cause might have been gone"),
            Some(Fault { was_long: true, .. }) if self.delay(policy).is_zero() => {
                Some("restarted at once after a long run")
            }
            Some(_) if self.delay(policy) == COOLING_TIME => Some("cooled down and tried again"),
            Some(Fault { was_long: true, .. }) if ailed => {
                Some("restarted after a back-off although it had lived long")
            }
            Some(_) if !self.delay(policy).is_zero() => Some("restarted after a back-off"),
            Some(_) | None => None,
        }
    }

    /// When the next run is due, if nothing holds it back.
    pub fn due_at(&self, policy: &Policy) -> Moment {
        match self.gone_at {
            Some(gone_at) if !self.pardoned && !self.fresh => gone_at.after(self.delay(policy)),
            _ => Moment::START,
        }
    }

    pub fn delay(&self, policy: &Policy) -> Duration {
        let since_long = self.faults.iter().rposition(|fault| fault.was_long).unwrap_or(0);
        if self.faults[since_long..].iter().any(|fault| fault.too_many) {
            return COOLING_TIME;
        }
        let ailing_runs = if matches!(self.reason, Some(Failure::Unhealthy(_))) { self.ailing_runs } else { 0 };
        let failed_runs = self.short_runs().max(ailing_runs);
        if failed_runs == 0 {
            return Duration::ZERO;
        }
        let growths = if policy.backoff { failed_runs - 1 } else { 0 };
        let nanos = (0..growths).fold(policy.restart_delay.as_nanos(), |nanos, _| (nanos + nanos / 2).min(1 << 64));
        let longest = policy.restart_delay.max(LONGEST_BACKOFF);
        Duration::from_nanos(nanos.min(longest.as_nanos()) as u64)
    }

    /// However it fails, and whatever its delays are: in a minute it is spawned no more often than this.
    pub fn check_spawn_rate(&self, now: Moment, policy: &Policy, app: AppId) {
        let lately = |moments: &[Moment]| moments.iter().filter(|at| now.since(**at) < CRASH_WINDOW).count();
        let limit = policy.max_restarts.min(MOST_RESTARTS) as usize + 2;
        let (spawns, excuses) = (lately(&self.spawns), lately(&self.excuses));
        assert!(spawns <= limit + excuses, "{app:?} was spawned {spawns} times in a minute");
    }
}

/// Whether ending like this is what the run was meant to do.
pub fn accepts(policy: &Policy, exit: Exit) -> bool {
    match exit {
        Exit::Code(code) => policy.stop_exit_codes.contains(&code) || (code == 0 && !policy.autorestart),
        Exit::Signal { .. } | Exit::OutOfMemory | Exit::NotSpawned(_) => false,
    }
}
