//! What the supervisor has the keeper remember for its successor of each instance of an app: how it was. Which there are, is
//! in [`book`](super::book).
//!
//! The words here outlive an upgrade, so they only ever gain fields with defaults.

use std::collections::BTreeMap;
use std::time::Duration;

use lifecycle::{
    Ailment, AppId, Beside, Exit, Failure, Goal, Invocation, Moment, Reload, Snapshot, State, StopReason, Turn,
};
use protocol::keeper::Order;
use serde::{Deserialize, Serialize};

use super::tally::Tally;
use crate::clock;

const APP: &str = "app";
/// Set once the apps of the first start were told to start.
const STARTED: &str = "started";
/// Set once somebody asked for the end of everything.
const LEAVING: &str = "leaving";

/// What a predecessor had remembered, by key.
pub type Memory = BTreeMap<String, String>;

pub fn remember_started() -> Order {
    remember(STARTED.to_owned(), Some(String::new()))
}

/// That everything is to be stopped, and then left.
pub fn remember_leaving() -> Order {
    remember(LEAVING.to_owned(), Some(String::new()))
}

pub fn was_leaving(memory: &Memory) -> bool {
    memory.contains_key(LEAVING)
}

pub fn was_started(memory: &Memory) -> bool {
    memory.contains_key(STARTED)
}

/// What is kept about one app: its lifecycle, and what is only told to people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Notes {
    /// From spawned to ready, of the run that was last ready.
    pub ready_ms: Option<u64>,
    /// How long the last finished run lasted.
    pub lasted_ms: Option<u64>,
    /// What else is known of the last failure.
    pub detail: Option<String>,
    /// Why it is begun anew, if nobody asked for that.
    pub cause: Option<String>,
    /// The last time of its `cron_restart` that was seen to, in seconds since 1970.
    pub scheduled_at: Option<i64>,
    /// What the newest run said of itself last.
    pub says: Option<String>,
    /// When the last run that ended did: nanoseconds of [`clock::now`].
    pub exited_at_ns: Option<u64>,
    /// What is counted.
    pub tally: Tally,
    /// The same of the last run that was tried beside another.
    #[serde(skip_serializing_if = "Tried::is_empty")]
    pub tried: Tried,
    /// Whether an operator asked for what is happening to it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub asked: bool,
}

/// What is only told to people of a run that is tried beside another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tried {
    /// How long it lasted.
    pub lasted_ms: Option<u64>,
    /// What else is known of its failure.
    pub detail: Option<String>,
    /// What it said of itself last.
    pub says: Option<String>,
}

impl Tried {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Notes {
    /// As far as they explain what a run failed of that was tried.
    pub fn of_try(&self) -> Self {
        let Tried { lasted_ms, detail, says } = self.tried.clone();
        Self { lasted_ms, detail, says, ..Self::default() }
    }
}

pub fn remember_app(name: &str, snapshot: &Snapshot, notes: &Notes) -> Order {
    let kept = Kept { notes: notes.clone(), counts_sleep: true, ..Kept::of(snapshot) };
    remember(format!("{APP}/{name}"), serde_json::to_string(&kept).ok())
}

pub fn remembered_app(memory: &Memory, name: &str) -> Option<(Snapshot, Notes)> {
    let kept: Kept = serde_json::from_str(memory.get(&format!("{APP}/{name}"))?).ok()?;
    // An older supervisor counted only the time in which the machine is awake.
    let behind = if kept.counts_sleep { Duration::ZERO } else { clock::asleep() };
    Some((later(kept.snapshot(), behind), kept.notes))
}

/// Nothing of it is left, and it is no longer among the apps.
pub fn forget_app(key: &str) -> Order {
    remember(format!("{APP}/{key}"), None)
}

pub fn remember(key: String, value: Option<String>) -> Order {
    Order::Remember { key, value }
}

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    up: bool,
    state: KeptState,
    #[serde(default)]
    turn: Option<KeptTurn>,
    #[serde(default)]
    extended_ns: u64,
    #[serde(default)]
    end_by_ns: Option<u64>,
    #[serde(default)]
    untold: bool,
    #[serde(default)]
    ready_for_ns: Option<u64>,
    #[serde(default)]
    failures_ns: Vec<u64>,
    #[serde(default)]
    short_runs: u32,
    #[serde(default)]
    ailing_runs: u32,
    #[serde(default)]
    tripped: bool,
    #[serde(default)]
    restarts: u64,
    #[serde(default)]
    last_exit: Option<protocol::keeper::Exit>,
    #[serde(default)]
    exited_run: Option<u64>,
    #[serde(default)]
    last_failure: Option<KeptFailure>,
    #[serde(default)]
    newest_run: Option<u64>,
    #[serde(default)]
    finished_run: Option<u64>,
    #[serde(default)]
    ready_run: Option<u64>,
    #[serde(default)]
    failed_start: Option<u64>,
    #[serde(default)]
    leaving: bool,
    /// Apps by number, each with the run that is to be gone.
    #[serde(default)]
    follows: Vec<(u32, u64)>,
    #[serde(default)]
    reload: Option<KeptReload>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    beside: Option<KeptBeside>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed_try: Option<KeptFailure>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tried_run: Option<u64>,
    #[serde(default)]
    notes: Notes,
    /// Whether its moments are of a clock that goes on while the machine sleeps.
    #[serde(default)]
    counts_sleep: bool,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeptBeside {
    Trying {
        run: u64,
        ready_by_ns: u64,
        #[serde(default)]
        extended_ns: u64,
    },
    Leaving {
        run: u64,
        kill_at_ns: Option<u64>,
        #[serde(default)]
        end_by_ns: Option<u64>,
        #[serde(default)]
        untold: bool,
        #[serde(default)]
        exit: Option<protocol::keeper::Exit>,
    },
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct KeptTurn {
    tell_by_ns: u64,
    kill_by_ns: Option<u64>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct KeptReload {
    place: u64,
    begun: bool,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeptState {
    Stopped,
    Starting { run: u64, ready_by_ns: u64 },
    Running { run: u64, since_ns: u64 },
    Stopping { run: u64, kill_at_ns: Option<u64>, why: KeptReason },
    Backoff { retry_at_ns: u64 },
    Cooling { retry_at_ns: u64, failure: KeptFailure },
    Finished,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeptReason {
    Asked,
    Restart,
    NotReady,
    Unhealthy,
    Itself,
    Exited,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeptFailure {
    Exited(protocol::keeper::Exit),
    NotReady {
        within_ns: u64,
    },
    /// Which ailment is not said: a failed health check, as it was before there were others.
    Unhealthy,
    Ailing(KeptAilment),
    Vanished,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeptAilment {
    Health,
    Watchdog,
    Memory,
}

impl Kept {
    fn of(snapshot: &Snapshot) -> Self {
        Self {
            up: snapshot.goal == Goal::Up,
            state: KeptState::of(snapshot.state),
            turn: snapshot.turn.map(|turn| KeptTurn {
                tell_by_ns: from_moment(turn.tell_by),
                kill_by_ns: turn.kill_by.map(from_moment),
            }),
            extended_ns: from_duration(snapshot.extended),
            end_by_ns: snapshot.end_by.map(from_moment),
            untold: snapshot.untold,
            ready_for_ns: snapshot.ready_for.map(from_duration),
            failures_ns: snapshot.failures.iter().copied().map(from_moment).collect(),
            short_runs: snapshot.short_runs,
            ailing_runs: snapshot.ailing_runs,
            tripped: snapshot.tripped,
            restarts: snapshot.restarts,
            last_exit: snapshot.last_exit.map(exit_out),
            exited_run: snapshot.exited_run.map(|run| run.0),
            last_failure: snapshot.last_failure.map(KeptFailure::of),
            newest_run: snapshot.newest_run.map(|run| run.0),
            finished_run: snapshot.finished_run.map(|run| run.0),
            ready_run: snapshot.ready_run.map(|run| run.0),
            failed_start: snapshot.failed_start.map(|run| run.0),
            leaving: snapshot.leaving,
            follows: snapshot.follows.iter().map(|(app, run)| (app.0, run.0)).collect(),
            reload: snapshot.reload.map(|Reload { place, begun }| KeptReload { place, begun }),
            beside: snapshot.beside.map(KeptBeside::of),
            failed_try: snapshot.failed_try.map(KeptFailure::of),
            tried_run: snapshot.tried_run.map(|run| run.0),
            notes: Notes::default(),
            counts_sleep: false,
        }
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            goal: if self.up { Goal::Up } else { Goal::Down },
            state: self.state.back(),
            turn: self
                .turn
                .map(|turn| Turn { tell_by: to_moment(turn.tell_by_ns), kill_by: turn.kill_by_ns.map(to_moment) }),
            extended: Duration::from_nanos(self.extended_ns),
            end_by: self.end_by_ns.map(to_moment),
            untold: self.untold,
            ready_for: self.ready_for_ns.map(Duration::from_nanos),
            failures: self.failures_ns.iter().copied().map(to_moment).collect(),
            short_runs: self.short_runs,
            ailing_runs: self.ailing_runs,
            tripped: self.tripped,
            restarts: self.restarts,
            last_exit: self.last_exit.map(exit_in),
            exited_run: self.exited_run.map(Invocation),
            last_failure: self.last_failure.map(KeptFailure::back),
            newest_run: self.newest_run.map(Invocation),
            finished_run: self.finished_run.map(Invocation),
            ready_run: self.ready_run.map(Invocation),
            failed_start: self.failed_start.map(Invocation),
            leaving: self.leaving,
            follows: self.follows.iter().map(|(app, run)| (AppId(*app), Invocation(*run))).collect(),
            reload: self.reload.map(|KeptReload { place, begun }| Reload { place, begun }),
            beside: self.beside.map(KeptBeside::back),
            failed_try: self.failed_try.map(KeptFailure::back),
            tried_run: self.tried_run.map(Invocation),
        }
    }
}

impl KeptBeside {
    fn of(beside: Beside) -> Self {
        match beside {
            Beside::Trying { run, ready_by, extended } => {
                Self::Trying { run: run.0, ready_by_ns: from_moment(ready_by), extended_ns: from_duration(extended) }
            }
            Beside::Leaving { run, kill_at, end_by, untold, exit } => Self::Leaving {
                run: run.0,
                kill_at_ns: kill_at.map(from_moment),
                end_by_ns: end_by.map(from_moment),
                untold,
                exit: exit.map(exit_out),
            },
        }
    }

    fn back(self) -> Beside {
        match self {
            Self::Trying { run, ready_by_ns, extended_ns } => Beside::Trying {
                run: Invocation(run),
                ready_by: to_moment(ready_by_ns),
                extended: Duration::from_nanos(extended_ns),
            },
            Self::Leaving { run, kill_at_ns, end_by_ns, untold, exit } => Beside::Leaving {
                run: Invocation(run),
                kill_at: kill_at_ns.map(to_moment),
                end_by: end_by_ns.map(to_moment),
                untold,
                exit: exit.map(exit_in),
            },
        }
    }
}

impl KeptState {
    fn of(state: State) -> Self {
        match state {
            State::Stopped => Self::Stopped,
            State::Starting { run, ready_by } => Self::Starting { run: run.0, ready_by_ns: from_moment(ready_by) },
            State::Running { run, since } => Self::Running { run: run.0, since_ns: from_moment(since) },
            State::Stopping { run, kill_at, why } => {
                Self::Stopping { run: run.0, kill_at_ns: kill_at.map(from_moment), why: KeptReason::of(why) }
            }
            State::Backoff { retry_at } => Self::Backoff { retry_at_ns: from_moment(retry_at) },
            State::Cooling { retry_at, failure } => {
                Self::Cooling { retry_at_ns: from_moment(retry_at), failure: KeptFailure::of(failure) }
            }
            State::Finished => Self::Finished,
        }
    }

    fn back(self) -> State {
        match self {
            Self::Stopped => State::Stopped,
            Self::Starting { run, ready_by_ns } => {
                State::Starting { run: Invocation(run), ready_by: to_moment(ready_by_ns) }
            }
            Self::Running { run, since_ns } => State::Running { run: Invocation(run), since: to_moment(since_ns) },
            Self::Stopping { run, kill_at_ns, why } => {
                State::Stopping { run: Invocation(run), kill_at: kill_at_ns.map(to_moment), why: why.back() }
            }
            Self::Backoff { retry_at_ns } => State::Backoff { retry_at: to_moment(retry_at_ns) },
            Self::Cooling { retry_at_ns, failure } => {
                State::Cooling { retry_at: to_moment(retry_at_ns), failure: failure.back() }
            }
            Self::Finished => State::Finished,
        }
    }
}

impl KeptReason {
    fn of(why: StopReason) -> Self {
        match why {
            StopReason::Asked => Self::Asked,
            StopReason::Restart => Self::Restart,
            StopReason::NotReady => Self::NotReady,
            StopReason::Unhealthy => Self::Unhealthy,
            StopReason::Itself => Self::Itself,
            StopReason::Exited => Self::Exited,
        }
    }

    fn back(self) -> StopReason {
        match self {
            Self::Asked => StopReason::Asked,
            Self::Restart => StopReason::Restart,
            Self::NotReady => StopReason::NotReady,
            Self::Unhealthy => StopReason::Unhealthy,
            Self::Itself => StopReason::Itself,
            Self::Exited => StopReason::Exited,
        }
    }
}

impl KeptFailure {
    fn of(failure: Failure) -> Self {
        match failure {
            Failure::Exited(exit) => Self::Exited(exit_out(exit)),
            Failure::NotReady { within } => Self::NotReady { within_ns: from_duration(within) },
            Failure::Unhealthy(ailment) => Self::Ailing(KeptAilment::of(ailment)),
            Failure::Vanished => Self::Vanished,
        }
    }

    fn back(self) -> Failure {
        match self {
            Self::Exited(exit) => Failure::Exited(exit_in(exit)),
            Self::NotReady { within_ns } => Failure::NotReady { within: Duration::from_nanos(within_ns) },
            Self::Unhealthy => Failure::Unhealthy(Ailment::Health),
            Self::Ailing(ailment) => Failure::Unhealthy(ailment.back()),
            Self::Vanished => Failure::Vanished,
        }
    }
}

impl KeptAilment {
    fn of(ailment: Ailment) -> Self {
        match ailment {
            Ailment::Health => Self::Health,
            Ailment::Watchdog => Self::Watchdog,
            Ailment::Memory => Self::Memory,
        }
    }

    fn back(self) -> Ailment {
        match self {
            Self::Health => Ailment::Health,
            Self::Watchdog => Ailment::Watchdog,
            Self::Memory => Ailment::Memory,
        }
    }
}

/// The keeper's word for an exit, as `lifecycle` has it.
pub fn exit_in(exit: protocol::keeper::Exit) -> Exit {
    use protocol::keeper::Exit as Told;
    match exit {
        Told::Code(code) => Exit::Code(code),
        Told::Signal { signal, core_dumped } => Exit::Signal { signal, core_dumped },
        Told::OutOfMemory => Exit::OutOfMemory,
        Told::NotSpawned(errno) => Exit::NotSpawned(errno),
    }
}

fn exit_out(exit: Exit) -> protocol::keeper::Exit {
    use protocol::keeper::Exit as Told;
    match exit {
        Exit::Code(code) => Told::Code(code),
        Exit::Signal { signal, core_dumped } => Told::Signal { signal, core_dumped },
        Exit::OutOfMemory => Told::OutOfMemory,
        Exit::NotSpawned(errno) => Told::NotSpawned(errno),
    }
}

/// The same, with every moment later.
fn later(mut snapshot: Snapshot, by: Duration) -> Snapshot {
    let state = match &mut snapshot.state {
        State::Starting { ready_by: at, .. }
        | State::Running { since: at, .. }
        | State::Stopping { kill_at: Some(at), .. }
        | State::Backoff { retry_at: at }
        | State::Cooling { retry_at: at, .. } => Some(at),
        State::Stopped | State::Stopping { kill_at: None, .. } | State::Finished => None,
    };
    let turn = snapshot.turn.iter_mut().flat_map(|turn| [Some(&mut turn.tell_by), turn.kill_by.as_mut()]).flatten();
    let beside = snapshot.beside.iter_mut().flat_map(|beside| match beside {
        Beside::Trying { ready_by, .. } => [Some(ready_by), None],
        Beside::Leaving { kill_at, end_by, .. } => [kill_at.as_mut(), end_by.as_mut()],
    });
    for moment in
        state.into_iter().chain(turn).chain(beside.flatten()).chain(&mut snapshot.end_by).chain(&mut snapshot.failures)
    {
        *moment = moment.after(by);
    }
    snapshot
}

fn from_moment(moment: Moment) -> u64 {
    from_duration(moment.since(Moment::START))
}

fn to_moment(ns: u64) -> Moment {
    Moment::at(Duration::from_nanos(ns))
}

fn from_duration(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept_in(orders: Vec<Order>) -> Memory {
        let pair = |order| match order {
            Order::Remember { key, value } => (key, value.unwrap()),
            other => panic!("{other:?}"),
        };
        orders.into_iter().map(pair).collect()
    }

    fn moment(ms: u64) -> Moment {
        Moment::at(Duration::from_millis(ms))
    }

    #[test]
    fn an_app_is_remembered_as_it_was_in_every_state() {
        let failure = Failure::Exited(Exit::Signal { signal: 11, core_dumped: true });
        let run = Invocation(9);
        for state in [
            State::Stopped,
            State::Starting { run, ready_by: moment(1) },
            State::Running { run, since: moment(2) },
            State::Stopping { run, kill_at: Some(moment(3)), why: StopReason::NotReady },
            State::Stopping { run, kill_at: None, why: StopReason::Asked },
            State::Stopping { run, kill_at: None, why: StopReason::Itself },
            State::Backoff { retry_at: moment(4) },
            State::Cooling { retry_at: moment(5), failure },
            State::Cooling { retry_at: moment(5), failure: Failure::Unhealthy(Ailment::Health) },
            State::Cooling { retry_at: moment(5), failure: Failure::Unhealthy(Ailment::Watchdog) },
            State::Cooling { retry_at: moment(5), failure: Failure::Unhealthy(Ailment::Memory) },
            State::Finished,
        ] {
            let snapshot = Snapshot {
                goal: Goal::Up,
                state,
                turn: Some(Turn { tell_by: moment(6), kill_by: None }),
                extended: Duration::from_millis(11),
                end_by: Some(moment(9)),
                untold: true,
                ready_for: Some(Duration::from_millis(10)),
                failures: vec![moment(7), moment(8)],
                short_runs: 2,
                ailing_runs: 4,
                tripped: true,
                restarts: 3,
                last_exit: Some(Exit::NotSpawned(2)),
                exited_run: Some(Invocation(8)),
                last_failure: Some(Failure::NotReady { within: Duration::from_secs(3) }),
                newest_run: Some(run),
                finished_run: Some(Invocation(8)),
                ready_run: Some(Invocation(7)),
                failed_start: Some(Invocation(6)),
                leaving: true,
                follows: vec![(AppId(3), Invocation(5))],
                reload: Some(Reload { place: 1, begun: true }),
                beside: Some(Beside::Trying { run: Invocation(10), ready_by: moment(12), extended: Duration::ZERO }),
                failed_try: Some(failure),
                tried_run: Some(Invocation(10)),
            };
            let notes = Notes {
                ready_ms: Some(5),
                exited_at_ns: Some(6),
                detail: Some("why".into()),
                cause: Some("app.js changed".into()),
                scheduled_at: Some(9),
                says: Some("well".into()),
                ..Notes::default()
            };
            let memory = kept_in(vec![remember_app("a", &snapshot, &notes)]);
            assert_eq!(remembered_app(&memory, "a"), Some((snapshot, notes)));
            assert_eq!(remembered_app(&memory, "b"), None);
            let by = Duration::from_millis(100);
            let moved = later(remembered_app(&memory, "a").unwrap().0, by);
            assert_eq!(moved.turn.map(|turn| turn.tell_by), Some(moment(106)));
            assert_eq!((moved.end_by, moved.failures), (Some(moment(109)), vec![moment(107), moment(108)]));
            let expected = match state {
                State::Starting { run, .. } => State::Starting { run, ready_by: moment(101) },
                State::Running { run, .. } => State::Running { run, since: moment(102) },
                State::Stopping { run, kill_at: Some(_), why } => {
                    State::Stopping { run, kill_at: Some(moment(103)), why }
                }
                State::Backoff { .. } => State::Backoff { retry_at: moment(104) },
                State::Cooling { failure, .. } => State::Cooling { retry_at: moment(105), failure },
                other => other,
            };
            assert_eq!(moved.state, expected);
        }
    }
}
