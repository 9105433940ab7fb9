//! How an instance's runs began and how they ended, counted. Every run ends once, for one reason: why it was ended if somebody
//! ended it, else how it ended by itself.
//!
//! Counted in the same breath as the change of state, and remembered with it in one message: whenever a supervisor is killed,
//! its successor knows of both or of neither, and no end is counted twice or not at all.

use std::collections::BTreeMap;

use lifecycle::{Ailment, Beside, Exit, Failure, Goal, Invocation, Snapshot, State, StopReason};
use serde::{Deserialize, Serialize};

use super::reason;

/// The most kinds of ends that are told apart, so that a program that ends with ever other codes fills no memory.
const MOST_KINDS: usize = 32;
/// What the rest is counted as.
const OTHER: &str = "other";

/// Until when a run counts as ready within a bucket of the histogram, in milliseconds; the last bucket has no end.
pub const READY_WITHIN_MS: [u64; 11] = [10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000];

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself.
    Exited(Exit),
    /// It was stopped.
    Asked,
    /// Another run was to take its place.
    Restart,
    NotReady,
    Ailing(Ailment),
    /// Nobody saw how.
    Vanished,
}

impl End {
    /// Those that need no detail, which are known before the first one happens.
    pub const PLAIN: [&str; 8] =
        ["asked", "restart", "not_ready", "unhealthy", "watchdog", "memory_limit", "out_of_memory", "vanished"];

    /// The word for it, and what else there is to say: a code, or a signal's or an error's name.
    fn in_words(self) -> (&'static str, String) {
        match self {
            Self::Exited(Exit::Code(code)) => ("code", code.to_string()),
            Self::Exited(Exit::Signal { signal, .. }) => ("signal", reason::signal_name(signal).replace(' ', "_")),
            Self::Exited(Exit::NotSpawned(errno)) => ("not_spawned", reason::errno_name(errno).replace(' ', "_")),
            Self::Exited(Exit::OutOfMemory) => ("out_of_memory", String::new()),
            Self::Asked => ("asked", String::new()),
            Self::Restart => ("restart", String::new()),
            Self::NotReady => ("not_ready", String::new()),
            Self::Ailing(Ailment::Health) => ("unhealthy", String::new()),
            Self::Ailing(Ailment::Watchdog) => ("watchdog", String::new()),
            Self::Ailing(Ailment::Memory) => ("memory_limit", String::new()),
            Self::Vanished => ("vanished", String::new()),
        }
    }
}

/// What is counted of an instance, for as long as the hub knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// From when on: nanoseconds of `CLOCK_BOOTTIME`.
    pub since_ns: u64,
    /// From when on restarts are counted; they can be counted from 0 again.
    pub restarts_since_ns: u64,
    /// By reason and detail, with a space between.
    ends: BTreeMap<String, u64>,
    /// Health checks that failed, whether the run was ended for it or not.
    pub health_failures: u64,
    /// By bucket of [`READY_WITHIN_MS`], and those beyond: how many runs became ready after a time in there.
    ready: Vec<u64>,
    /// How long all of those took together.
    pub ready_sum_ms: u64,
}

impl Tally {
    /// Counts from now on, unless it does already.
    pub fn begin(&mut self, now_ns: u64) {
        if self.since_ns == 0 {
            (self.since_ns, self.restarts_since_ns) = (now_ns, now_ns);
        }
    }

    pub fn count_end(&mut self, end: End) {
        let (reason, detail) = end.in_words();
        let mut key = key(reason, &detail);
        if !self.ends.contains_key(&key) && self.ends.len() >= MOST_KINDS && !detail.is_empty() {
            key = self::key(reason, OTHER);
        }
        *self.ends.entry(key).or_default() += 1;
    }

    pub fn count_ready(&mut self, took_ms: u64) {
        self.ready.resize(READY_WITHIN_MS.len() + 1, 0);
        let bucket = READY_WITHIN_MS.iter().position(|within| took_ms <= *within).unwrap_or(READY_WITHIN_MS.len());
        self.ready[bucket] += 1;
        self.ready_sum_ms += took_ms;
    }

    /// Reason, detail, how often. Only what happened.
    pub fn ends(&self) -> impl Iterator<Item = (&str, &str, u64)> {
        self.ends.iter().map(|(key, count)| {
            let (reason, detail) = key.split_once(' ').unwrap_or((key, ""));
            (reason, detail, *count)
        })
    }

    /// How often a run ended for this reason, whatever the detail.
    pub fn ends_by(&self, reason: &str) -> u64 {
        self.ends().filter(|(other, ..)| *other == reason).map(|(.., count)| count).sum()
    }

    /// How many became ready within each time of [`READY_WITHIN_MS`], and at all.
    pub fn ready_within(&self) -> ([u64; READY_WITHIN_MS.len()], u64) {
        let (mut within, mut sum) = ([0; READY_WITHIN_MS.len()], 0);
        for (bucket, within) in within.iter_mut().enumerate() {
            sum += self.ready.get(bucket).unwrap_or(&0);
            *within = sum;
        }
        sum += self.ready.get(READY_WITHIN_MS.len()).unwrap_or(&0);
        (within, sum)
    }
}

fn key(reason: &str, detail: &str) -> String {
    if detail.is_empty() { reason.to_owned() } else { format!("{reason} {detail}") }
}

/// Why runs ended of which it was decided between the two that they do. From then on it may take until their `kill_timeout` until
/// they are gone.
pub fn ended(before: &Snapshot, after: &Snapshot) -> Vec<End> {
    let still: Vec<Invocation> = undecided(after).collect();
    undecided(before).filter(|run| !still.contains(run)).map(|run| why(before, after, run)).collect()
}

fn why(before: &Snapshot, after: &Snapshot, run: Invocation) -> End {
    match (after.state, after.beside) {
        (State::Stopping { run: now, why, .. }, _) if now == run => match (why, after.last_failure) {
            (StopReason::Asked, _) => End::Asked,
            (StopReason::Restart, _) => End::Restart,
            (StopReason::NotReady, _) => End::NotReady,
            (StopReason::Unhealthy, Some(Failure::Unhealthy(ailment))) => End::Ailing(ailment),
            (StopReason::Unhealthy, _) => End::Ailing(Ailment::Health),
            (StopReason::Exited | StopReason::Itself, _) => exit_of(after, run).map_or(End::Vanished, End::Exited),
        },
        (_, Some(Beside::Leaving { run: now, exit, .. })) if now == run => {
            exit.map_or_else(|| why_beside(before, after, run), End::Exited)
        }
        _ => why_gone(before, after, run),
    }
}

/// Of a run that leaves while another serves, and has not ended by itself.
fn why_beside(before: &Snapshot, after: &Snapshot, run: Invocation) -> End {
    let failure = if is_tried(before, run) { after.failed_try } else { news(before.last_failure, after.last_failure) };
    match failure {
        Some(Failure::NotReady { .. }) => End::NotReady,
        Some(Failure::Unhealthy(ailment)) => End::Ailing(ailment),
        Some(Failure::Exited(exit)) => End::Exited(exit),
        Some(Failure::Vanished) => End::Vanished,
        None if after.goal == Goal::Down => End::Asked,
        None => End::Restart,
    }
}

/// Of a run that is gone, and nobody heard that it was about to be.
fn why_gone(before: &Snapshot, after: &Snapshot, run: Invocation) -> End {
    match exit_of(after, run) {
        Some(exit) => End::Exited(exit),
        None if before.goal == Goal::Down => End::Asked,
        None if before.turn.is_some() => End::Restart,
        None => End::Vanished,
    }
}

fn is_tried(snapshot: &Snapshot, run: Invocation) -> bool {
    matches!(snapshot.beside, Some(Beside::Trying { run: tried, .. }) if tried == run)
}

fn news(before: Option<Failure>, after: Option<Failure>) -> Option<Failure> {
    after.filter(|_| before != after)
}

/// Runs of which it is not decided yet why they end.
fn undecided(snapshot: &Snapshot) -> impl Iterator<Item = Invocation> + use<> {
    let serving = match snapshot.state {
        State::Starting { run, .. } | State::Running { run, .. } => Some(run),
        State::Stopping { run, why: StopReason::Itself, .. } => Some(run),
        State::Stopping { .. } | State::Stopped | State::Backoff { .. } | State::Cooling { .. } | State::Finished => {
            None
        }
    };
    let beside = match snapshot.beside {
        Some(Beside::Trying { run, .. } | Beside::Leaving { run, untold: true, exit: None, .. }) => Some(run),
        Some(Beside::Leaving { .. }) | None => None,
    };
    serving.into_iter().chain(beside)
}

fn exit_of(snapshot: &Snapshot, run: Invocation) -> Option<Exit> {
    snapshot.last_exit.filter(|_| snapshot.exited_run == Some(run))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lifecycle::{AppId, Event, Fleet, Moment, Policy, Request};
    use proptest::prelude::*;

    use super::*;

    const APP: AppId = AppId(0);

    fn at(ms: u64) -> Moment {
        Moment::at(Duration::from_millis(ms))
    }

    /// A fleet of one app, with what is counted of it.
    struct World {
        fleet: Fleet,
        tally: Tally,
        kept: Snapshot,
        now: u64,
    }

    impl World {
        fn new() -> Self {
            Self::with(Policy::default())
        }

        fn with(policy: Policy) -> Self {
            let fleet = Fleet::new([(APP, policy, Vec::new())], Invocation(0)).unwrap();
            let kept = fleet.snapshot(APP);
            Self { fleet, tally: Tally::default(), kept, now: 1000 }
        }

        fn step(&mut self, step: impl FnOnce(&mut Fleet, Moment)) {
            step(&mut self.fleet, at(self.now));
            let after = self.fleet.snapshot(APP);
            ended(&self.kept, &after).into_iter().for_each(|end| self.tally.count_end(end));
            self.kept = after;
        }

        fn happen(&mut self, event: impl FnOnce(Invocation) -> Event) {
            let run = self.fleet.app(APP).newest_run().unwrap_or_default();
            self.step(|fleet, now| drop(fleet.handle(now, APP, event(run))));
        }

        /// To the older of two runs.
        fn happen_before(&mut self, event: impl FnOnce(Invocation) -> Event) {
            let newest = self.fleet.app(APP).newest_run();
            let Some(run) = self.fleet.app(APP).runs().find(|run| Some(*run) != newest) else { return };
            self.step(|fleet, now| drop(fleet.handle(now, APP, event(run))));
        }

        fn ask(&mut self, request: Request) {
            self.step(|fleet, now| drop(fleet.request(now, request)));
        }

        fn counted(&self) -> Vec<(String, u64)> {
            self.tally.ends.clone().into_iter().collect()
        }
    }

    #[test]
    fn every_end_is_counted_once_under_its_reason() {
        let crash = Exit::Signal { signal: 11, core_dumped: true };
        let happen = |events: Vec<Event>, expected: &str| {
            let mut world = World::new();
            world.ask(Request::Start(vec![APP]));
            for event in events.into_iter().chain([Event::Gone(Invocation(1))]) {
                world.happen(|_| event);
            }
            let counted: Vec<_> = world.counted().into_iter().map(|(key, count)| format!("{key}: {count}")).collect();
            assert_eq!(counted, [format!("{expected}: 1")]);
        };
        let run = Invocation(1);
        happen(vec![Event::Exited(run, Exit::Code(1))], "code 1");
        happen(vec![Event::Ready(run), Event::Exited(run, crash)], "signal SIGSEGV");
        happen(vec![Event::Exited(run, Exit::Signal { signal: 40, core_dumped: false })], "signal signal_40");
        happen(vec![Event::Exited(run, Exit::OutOfMemory)], "out_of_memory");
        happen(vec![Event::Exited(run, Exit::NotSpawned(2))], "not_spawned ENOENT");
        happen(vec![Event::Leaving(run), Event::Exited(run, Exit::Code(3))], "code 3");
        happen(vec![Event::Ready(run), Event::Leaving(run)], "vanished");
        happen(vec![], "vanished");
        happen(vec![Event::Ready(run), Event::Refresh, Event::Exited(run, Exit::Code(0))], "restart");
        happen(vec![Event::Wanted(Goal::Down), Event::Exited(run, Exit::Code(0))], "asked");
        // Who asks for another end afterwards does not change why it ended.
        happen(vec![Event::Exited(run, Exit::Code(1)), Event::Wanted(Goal::Down)], "code 1");
        let ailing = |ailment| vec![Event::Ready(run), Event::Unhealthy(run, ailment), Event::Exited(run, crash)];
        happen(ailing(Ailment::Health), "unhealthy");
        happen(ailing(Ailment::Watchdog), "watchdog");
        happen(ailing(Ailment::Memory), "memory_limit");
    }

    #[test]
    fn two_runs_side_by_side_are_counted_each_for_its_own_reason() {
        let (old, new) = (Invocation(1), Invocation(2));
        let happen = |events: Vec<Event>, expected: &[&str]| {
            let mut world = World::with(Policy { overlap: true, ..Policy::default() });
            world.ask(Request::Start(vec![APP]));
            world.happen(Event::Ready);
            world.ask(Request::Reload(vec![APP]));
            for event in events {
                world.happen(|_| event);
            }
            let counted: Vec<_> = world.counted().into_iter().map(|(key, count)| format!("{key}: {count}")).collect();
            assert_eq!(counted, expected);
        };
        happen(vec![Event::Ready(new), Event::Exited(old, Exit::Code(0)), Event::Gone(old)], &["restart: 1"]);
        happen(vec![Event::Exited(new, Exit::Code(7)), Event::Gone(new)], &["code 7: 1"]);
        happen(vec![Event::Unhealthy(new, Ailment::Health)], &["unhealthy: 1"]);
        happen(vec![Event::Gone(new)], &["vanished: 1"]);
        happen(vec![Event::Wanted(Goal::Down)], &["asked: 2"]);
        happen(vec![Event::Exited(old, Exit::Code(3)), Event::Gone(old)], &["code 3: 1"]);
        happen(vec![Event::Unhealthy(old, Ailment::Watchdog), Event::Gone(old)], &["watchdog: 1"]);
    }

    #[test]
    fn a_run_that_is_given_up_on_is_not_ready() {
        let mut world = World::new();
        world.ask(Request::Start(vec![APP]));
        world.now += 3_600_000;
        world.step(|fleet, now| drop(fleet.tick(now)));
        assert_eq!(world.counted(), [("not_ready".to_owned(), 1)]);
    }

    fn any_step() -> impl Strategy<Value = u8> {
        0..18_u8
    }

    proptest! {
        /// Whatever happens, as many ends are counted as there are runs that are over or about to be.
        #[test]
        fn as_many_ends_are_counted_as_runs_ended(
            overlap: bool,
            steps in prop::collection::vec((any_step(), 0..20_000_u64), 1..60),
        ) {
            let mut world = World::with(Policy { overlap, ..Policy::default() });
            for (step, passed) in steps {
                world.now += passed;
                match step {
                    0 => world.ask(Request::Start(vec![APP])),
                    1 => world.ask(Request::Stop(vec![APP])),
                    2 => world.ask(Request::Restart(vec![APP])),
                    3 => world.ask(Request::Reload(vec![APP])),
                    4 => world.happen(Event::Ready),
                    5 => world.happen(|run| Event::Exited(run, Exit::Code(1))),
                    6 | 7 => world.happen(Event::Gone),
                    8 => world.happen(|run| Event::Unhealthy(run, Ailment::Watchdog)),
                    9 => world.happen(Event::Leaving),
                    10 => world.happen(|_| Event::Refresh),
                    11 => world.happen(|_| Event::CauseMayBeGone),
                    12 => world.ask(Request::StopAll),
                    13 => world.happen_before(|run| Event::Exited(run, Exit::Code(1))),
                    14 => world.happen_before(Event::Gone),
                    15 => world.happen_before(|run| Event::Unhealthy(run, Ailment::Health)),
                    16 => world.happen_before(Event::Leaving),
                    _ => world.step(|fleet, now| drop(fleet.tick(now))),
                }
                let begun = world.kept.newest_run.unwrap_or_default().0;
                let goes_on = undecided(&world.kept).count() as u64;
                let counted: u64 = world.tally.ends.values().sum();
                prop_assert_eq!(counted, begun - goes_on, "{:?}", world.kept);
            }
        }

        #[test]
        fn a_histogram_counts_everything_once(times in prop::collection::vec(0..100_000_u64, 0..50)) {
            let mut tally = Tally::default();
            times.iter().for_each(|took| tally.count_ready(*took));
            let (within, all) = tally.ready_within();
            for (limit, count) in READY_WITHIN_MS.iter().zip(within) {
                prop_assert_eq!(count, times.iter().filter(|took| *took <= limit).count() as u64);
            }
            prop_assert_eq!(all, times.len() as u64);
            prop_assert_eq!(tally.ready_sum_ms, times.iter().sum::<u64>());
        }
    }

    #[test]
    fn kinds_of_ends_are_few_however_many_codes_there_are() {
        let mut tally = Tally::default();
        (0..255).for_each(|code| tally.count_end(End::Exited(Exit::Code(code))));
        End::PLAIN.iter().for_each(|_| tally.count_end(End::Asked));
        assert_eq!(tally.ends().count(), MOST_KINDS + 2);
        assert_eq!(tally.ends_by("code"), 255);
        assert!(tally.ends().any(|end| end == ("code", OTHER, 255 - MOST_KINDS as u64)));
    }

    #[test]
    fn what_an_older_supervisor_remembered_is_understood() {
        let tally: Tally = serde_json::from_str(r#"{"ready":[2],"ready_sum_ms":7}"#).unwrap();
        assert_eq!(tally.ready_within(), ([2; READY_WITHIN_MS.len()], 2));
    }
}
