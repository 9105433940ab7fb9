//! Every state with every event, against the table that the documentation shows: `src/transitions.txt`.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use lifecycle::{
    Action, Ailment, AppId, Event, Exit, Failure, Fleet, Goal, Invocation, Moment, Policy, Request, Signal, Snapshot,
    State, StopReason, Turn,
};

const TABLE: &str = include_str!("../src/transitions.txt");

const DEPENDENCY: AppId = AppId(0);
const APP: AppId = AppId(1);
const DEPENDANT: AppId = AppId(2);

/// The app's run, if it has one; and its last, if it has none.
const RUN: Invocation = Invocation(7);
const LAST_RUN: Invocation = Invocation(9);
const NOW: Moment = Moment::at(Duration::from_secs(1_000));

const REASONS: [StopReason; 5] =
    [StopReason::Asked, StopReason::Restart, StopReason::NotReady, StopReason::Unhealthy, StopReason::Exited];

/// A state with what makes it a row of its own: what is wanted, and whether a dependency or a dependant is in the way.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Row {
    goal: Goal,
    state: State,
    turn: Option<Turn>,
}

impl Row {
    fn up(state: State) -> Self {
        Self { goal: Goal::Up, state, turn: None }
    }

    fn down(state: State) -> Self {
        Self { goal: Goal::Down, state, turn: None }
    }

    fn of(fleet: &Fleet) -> Self {
        let Snapshot { goal, state, turn, .. } = fleet.snapshot(APP);
        Self { goal, state, turn }
    }

    /// What the table calls it. A new state does not compile until it has a name, and then lacks its rows.
    fn name(&self) -> String {
        let why = |why| match why {
            StopReason::Asked => "asked",
            StopReason::Restart => "restart",
            StopReason::NotReady => "not ready",
            StopReason::Unhealthy => "unhealthy",
            StopReason::Itself => "itself",
            StopReason::Exited => "exited",
        };
        match (self.state, self.goal) {
            (State::Stopped, Goal::Down) => "stopped".into(),
            (State::Stopped, Goal::Up) => "held".into(),
            (State::Starting { .. }, Goal::Up) => "starting".into(),
            (State::Starting { .. }, Goal::Down) => "starting, going down".into(),
            (State::Running { .. }, Goal::Up) => "running".into(),
            (State::Running { .. }, Goal::Down) => "running, going down".into(),
            (State::Stopping { kill_at: Some(_), why: reason, .. }, _) => format!("stopping {}", why(reason)),
            (State::Stopping { kill_at: None, why: reason, .. }, _) => format!("killed {}", why(reason)),
            (State::Backoff { .. }, _) => "backoff".into(),
            (State::Cooling { .. }, _) => "cooling".into(),
            (State::Finished, _) => "finished".into(),
        }
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn rows() -> Vec<Row> {
    let starting = State::Starting { run: RUN, ready_by: NOW.after(seconds(3)) };
    let running = State::Running { run: RUN, since: Moment::at(Duration::from_millis(999_800)) };
    let turn = Some(Turn { tell_by: NOW.after(seconds(2)), kill_by: None });
    let mut rows = vec![
        Row::down(State::Stopped),
        Row::up(State::Stopped),
        Row::up(starting),
        Row::up(running),
        Row { turn, ..Row::down(starting) },
        Row { turn, ..Row::down(running) },
        Row::up(State::Backoff { retry_at: NOW.after(seconds(7)) }),
        Row::up(State::Cooling { retry_at: NOW.after(seconds(50)), failure: Failure::Unhealthy(Ailment::Health) }),
        Row::up(State::Finished),
    ];
    for why in REASONS {
        for kill_at in [Some(NOW.after(seconds(4))), None] {
            let goal = if why == StopReason::Asked { Goal::Down } else { Goal::Up };
            rows.push(Row { goal, state: State::Stopping { run: RUN, kill_at, why }, turn: None });
        }
    }
    rows
}

/// What can happen to an app, as the table calls it.
#[derive(Clone, Copy, Debug)]
enum Input {
    Event(Event),
    Restart,
    /// A tick when the next deadline is due; long after, if there is none.
    Due,
}

impl Input {
    const ALL: [Self; 12] = [
        Self::Event(Event::Wanted(Goal::Up)),
        Self::Event(Event::Wanted(Goal::Down)),
        Self::Restart,
        Self::Event(Event::Ready(RUN)),
        Self::Event(Event::Exited(RUN, Exit::Code(0))),
        Self::Event(Event::Exited(RUN, Exit::Code(1))),
        Self::Event(Event::Gone(RUN)),
        Self::Event(Event::Unhealthy(RUN, Ailment::Health)),
        Self::Event(Event::CauseMayBeGone),
        Self::Event(Event::Tick),
        Self::Due,
        Self::Event(Event::Exited(RUN, Exit::OutOfMemory)),
    ];

    /// A new event does not compile until it has a name, and then lacks its rows once it is in [`Input::ALL`].
    fn name(self) -> &'static str {
        match self {
            Self::Event(Event::Wanted(Goal::Up)) => "wanted up",
            Self::Event(Event::Wanted(Goal::Down)) => "wanted down",
            Self::Restart => "restart",
            Self::Event(Event::Ready(_)) => "ready",
            Self::Event(Event::Exited(_, exit)) if exit.is_success() => "exited well",
            Self::Event(Event::Exited(..)) => "exited badly",
            Self::Event(Event::Gone(_)) => "gone",
            Self::Event(Event::Unhealthy(..)) => "unhealthy",
            Self::Event(Event::Extend(..)) => "extend",
            Self::Event(Event::Leaving(_)) => "leaving",
            Self::Event(Event::Refresh) => "refresh",
            Self::Event(Event::CauseMayBeGone) => "cause may be gone",
            Self::Event(Event::Tick) => "tick",
            Self::Due => "due",
        }
    }
}

/// A fleet of three in a row, of which the middle one is in the row's state.
fn fleet(row: Row) -> Fleet {
    let apps = [(DEPENDENCY, vec![]), (APP, vec![DEPENDENCY]), (DEPENDANT, vec![APP])];
    let mut fleet =
        Fleet::new(apps.map(|(id, needs)| (id, Policy::default(), needs)), LAST_RUN).expect("no circle in a row");
    let blank = fleet.snapshot(APP);
    if row.name() != "held" {
        let state = State::Running { run: Invocation(1), since: Moment::START };
        fleet.restore(NOW, DEPENDENCY, Snapshot { goal: Goal::Up, state, ..blank.clone() }, |_| true);
    }
    if row.turn.is_some() {
        let kill_at = Some(NOW.after(seconds(100)));
        let state = State::Stopping { run: Invocation(2), kill_at, why: StopReason::Asked };
        fleet.restore(NOW, DEPENDANT, Snapshot { state, ..blank.clone() }, |_| true);
    }
    let failed_once = row.name() != "stopped" && row.name() != "held";
    let snapshot = Snapshot {
        goal: row.goal,
        state: row.state,
        turn: row.turn,
        // A run that is being ended has failed already; one that is not, fails by the event.
        short_runs: matches!(row.state, State::Stopping { .. }).into(),
        last_exit: failed_once.then_some(Exit::Code(1)),
        exited_run: failed_once.then_some(RUN),
        last_failure: failed_once.then_some(Failure::Exited(Exit::Code(1))),
        newest_run: failed_once.then_some(RUN),
        ..blank
    };
    let before = Moment::at(Duration::from_millis(999_500));
    fleet.restore(before, APP, snapshot, |_| true);
    if matches!(row.state, State::Stopping { kill_at: None, .. }) {
        let kill = Action::Send(RUN, Signal::Kill);
        assert_eq!(fleet.tick(before), [(APP, kill)], "a kill that may have been lost is repeated");
    }
    assert_eq!(Row::of(&fleet), row, "a row must come out of its snapshot as it went in");
    fleet
}

/// Feeds the input; answers when it happened and what was ordered.
fn feed(fleet: &mut Fleet, input: Input) -> (Moment, Vec<(AppId, Action)>) {
    match input {
        Input::Event(event) => (NOW, fleet.handle(NOW, APP, event)),
        Input::Restart => (NOW, fleet.request(NOW, Request::Restart(vec![APP]))),
        Input::Due => {
            let due = fleet.next_deadline().unwrap_or(NOW.after(seconds(60)));
            (due, fleet.tick(due))
        }
    }
}

/// The row that the table's words stand for, coming from `before` at `at`.
fn row_named(name: &str, before: Row, at: Moment, spawned: bool) -> Row {
    let policy = Policy::default();
    let (run, ready_by, since) = match before.state {
        State::Starting { run, ready_by } => (run, ready_by, at),
        State::Running { run, since } => (run, at, since),
        _ => (RUN, at, at),
    };
    let starting = if spawned {
        State::Starting { run: LAST_RUN.next(), ready_by: at.after(policy.listen_timeout) }
    } else {
        State::Starting { run, ready_by }
    };
    let kill_at = match before.state {
        State::Stopping { kill_at, .. } => kill_at,
        _ => Some(at.after(policy.kill_timeout)),
    };
    let stopping = REASONS.map(|why| State::Stopping { run, kill_at, why });
    let killed = REASONS.map(|why| State::Stopping { run, kill_at: None, why });
    let running = State::Running { run, since };
    let candidates = [Row::down(State::Stopped), Row::up(starting), Row::up(running)]
        .into_iter()
        .chain([starting, running].map(|state| Row { turn: before.turn, ..Row::down(state) }))
        .chain([Row::up(State::Backoff { retry_at: at.after(policy.restart_delay) })])
        .chain(stopping.into_iter().chain(killed).flat_map(|state| match state {
            State::Stopping { why: StopReason::Asked, .. } => [Row::down(state)],
            _ => [Row::up(state)],
        }));
    let found: Vec<Row> = candidates.filter(|row| row.name() == name).collect();
    *found.first().unwrap_or_else(|| panic!("the table says {name:?}, which is nothing that a row leads to"))
}

/// From a state and an event to what the table says of them.
fn table() -> BTreeMap<(String, String), String> {
    let mut table = BTreeMap::new();
    let mut state = "";
    for line in TABLE.lines().filter(|line| !line.trim().is_empty()) {
        let Some((events, outcome)) = line.split_once("->") else {
            state = line.split("   ").next().expect("a line that is not empty");
            continue;
        };
        for event in events.split('|').map(str::trim) {
            let before = table.insert((state.into(), event.into()), outcome.trim().into());
            assert_eq!(before, None, "the table says twice what {event:?} does to {state:?}");
        }
    }
    table
}

#[test]
fn the_table_has_every_state_with_every_event_and_nothing_else() {
    let expected: BTreeSet<(String, String)> =
        rows().iter().flat_map(|row| Input::ALL.map(|input| (row.name(), input.name().to_owned()))).collect();
    let written: BTreeSet<(String, String)> = table().into_keys().collect();
    let missing: Vec<_> = expected.difference(&written).collect();
    let unknown: Vec<_> = written.difference(&expected).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "missing: {missing:#?}\nunknown: {unknown:#?}");
    assert_eq!(written.len(), 19 * 11);
}

#[test]
fn every_row_of_the_table_is_what_happens() {
    let table = table();
    for row in rows() {
        for input in Input::ALL {
            let mut fleet = fleet(row);
            let (at, actions) = feed(&mut fleet, input);
            let outcome = &table[&(row.name(), input.name().to_owned())];
            let case = format!("{} + {} -> {outcome}", row.name(), input.name());
            if outcome == "stays" {
                assert_eq!((Row::of(&fleet), actions), (row, vec![]), "{case}");
                continue;
            }
            let (next, order) = outcome.rsplit_once(", ").unwrap_or((outcome, ""));
            let (next, action) = match order {
                "spawn" => (next, Some(Action::Spawn(LAST_RUN.next()))),
                "terminate" => (next, Some(Action::Send(RUN, Signal::Terminate))),
                "kill" => (next, Some(Action::Send(RUN, Signal::Kill))),
                _ => (outcome.as_str(), None),
            };
            let expected = row_named(next, row, at, order == "spawn");
            assert_eq!(Row::of(&fleet), expected, "{case}");
            assert_eq!(actions, action.map(|action| (APP, action)).into_iter().collect::<Vec<_>>(), "{case}");
        }
    }
}

#[test]
fn what_is_heard_of_another_run_changes_nothing_in_any_state() {
    let others = [Invocation(0), Invocation(RUN.0 - 1), RUN.next(), LAST_RUN, Invocation(u64::MAX)];
    for row in rows() {
        for run in others {
            let heard = [
                Event::Ready(run),
                Event::Exited(run, Exit::Code(0)),
                Event::Gone(run),
                Event::Unhealthy(run, Ailment::Health),
            ];
            for event in heard {
                // So late that everything is due: not even that is done on the word of a stranger.
                let late = NOW.after(seconds(1_000));
                let mut fleet = fleet(row);
                let before = [DEPENDENCY, APP, DEPENDANT].map(|id| fleet.snapshot(id));
                assert_eq!(fleet.handle(late, APP, event), [], "{} + {event:?}", row.name());
                let after = [DEPENDENCY, APP, DEPENDANT].map(|id| fleet.snapshot(id));
                assert_eq!(before, after, "{} + {event:?}", row.name());
            }
        }
    }
}
