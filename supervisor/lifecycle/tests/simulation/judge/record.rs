//! What is known about one app, and what follows from it.

use std::time::Duration;

use lifecycle::{
    AppId, COOLING_TIME, CRASH_WINDOW, Exit, Failure, Goal, Invocation, LONGEST_BACKOFF, MOST_RESTARTS, Moment, Policy,
};

/// A run that was ordered and of which nobody said that it is gone.
#[derive(Clone, Debug)]
pub struct Run {
    pub run: Invocation,
    pub spawned_at: Moment,
    pub ready_at: Option<Moment>,
    pub exited: bool,
    pub told_at: Option<Moment>,
    pub killed_at: Option<Moment>,
    /// When it has to be killed.
    pub kill_by: Option<Moment>,
    /// It is to be told to end, and for this reason must be at once.
    pub must_end: bool,
}

impl Run {
    /// Nothing has happened yet that ends it.
    pub fn is_untouched(&self) -> bool {
        self.told_at.is_none() && !self.exited
    }
}

/// What is known about one app.
#[derive(Clone, Debug)]
pub struct Record {
    pub wish: Goal,
    pub run: Option<Run>,
    /// When it failed since it was last forgiven, and whether it had been up for `min_uptime`.
    pub failures: Vec<(Moment, bool)>,
    /// The next run need not wait.
    pub pardoned: bool,
    /// No run is to follow by itself.
    pub over: bool,
    pub gone_at: Option<Moment>,
    /// In an orderly stop: told by then at the latest, and then killed by the one deadline, if there is one.
    pub turn: Option<(Moment, Option<Moment>)>,
    /// Its turn did not come at once.
    pub waited: bool,
    pub spawns: Vec<Moment>,
    /// When its cause might have been gone.
    pub excuses: Vec<Moment>,
    /// The next spawn is no restart.
    pub fresh: bool,
    pub restarts: u64,
    pub exit: Option<Exit>,
    pub reason: Option<Failure>,
    pub finished: Option<Invocation>,
}

impl Record {
    pub fn forgive(&mut self) {
        self.fresh |= self.over && self.run.is_none();
        // Whoever asks starts a new account.
        self.failures.clear();
        self.spawns.clear();
        self.excuses.clear();
        (self.pardoned, self.over) = (true, false);
    }

    pub fn blame(&mut self, now: Moment, policy: &Policy, uptime: Option<Duration>, failure: Failure) {
        self.failures.push((now, uptime.is_some_and(|uptime| uptime >= policy.min_uptime)));
        self.reason = Some(failure);
        self.over |= !policy.autorestart;
    }

    /// Why a run follows now.
    pub fn kind_of_spawn(&self, policy: &Policy) -> Option<&'static str> {
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
    pub fn due_at(&self, policy: &Policy) -> Moment {
        match self.gone_at {
            Some(gone_at) if !self.pardoned && !self.fresh => gone_at.after(self.delay(policy)),
            _ => Moment::START,
        }
    }

    pub fn delay(&self, policy: &Policy) -> Duration {
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
