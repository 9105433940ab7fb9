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

/// What a run that asks for more time asks for.
const LATER: Moment = Moment::at(Duration::from_secs(1_060));

const REASONS: [StopReason; 6] = [
    StopReason::Asked,
    StopReason::Restart,
    StopReason::NotReady,
    StopReason::Unhealthy,
    StopReason::Itself,
    StopReason::Exited,
];

/// A state with what makes it a row of its own: what is wanted, and whether a dependency or a dependant is in the way.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Row {
    goal: Goal,
    state: State,
    turn: Option<Turn>,
    untold: bool,
}

impl Row {
    fn up(state: State) -> Self {
        Self { goal: Goal::Up, state, turn: None, untold: false }
    }

    fn down(state: State) -> Self {
        Self { goal: Goal::Down, ..Self::up(state) }
    }

    fn stopping(kill_at: Option<Moment>, why: StopReason) -> Self {
        let goal = if why == StopReason::Asked { Goal::Down } else { Goal::Up };
        let untold = why == StopReason::Itself && kill_at.is_some();
        Self { goal, untold, ..Self::up(State::Stopping { run: RUN, kill_at, why }) }
    }

    fn of(fleet: &Fleet) -> Self {
        let Snapshot { goal, state, turn, untold, .. } = fleet.snapshot(APP);
        Self { goal, state, turn, untold }
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
        let turn = match (self.turn, self.goal) {
            (None, Goal::Up) => "",
            (Some(_), Goal::Up) => ", to begin anew",
            (Some(_) | None, Goal::Down) => ", going down",
        };
        let untold = |reason| if self.untold && reason != StopReason::Itself { ", not told" } else { "" };
        match (self.state, self.goal) {
            (State::Stopped, Goal::Down) => "stopped".into(),
            (State::Stopped, Goal::Up) => "held".into(),
            (State::Starting { .. }, _) => format!("starting{turn}"),
            (State::Running { .. }, _) => format!("running{turn}"),
            (State::Stopping { kill_at: Some(_), why: reason, .. }, _) => {
                format!("stopping {}{}", why(reason), untold(reason))
            }
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
    let turn = Some(Turn { tell_by: NOW.after(Policy::default().kill_timeout / 2), kill_by: None });
    let kill_at = Some(NOW.after(seconds(4)));
    let mut rows = vec![
        Row::down(State::Stopped),
        Row::up(State::Stopped),
        Row::up(starting),
        Row::up(running),
        Row { turn, ..Row::down(starting) },
        Row { turn, ..Row::down(running) },
        Row { turn, ..Row::up(starting) },
        Row { turn, ..Row::up(running) },
        Row { untold: true, ..Row::stopping(kill_at, StopReason::Asked) },
        Row { untold: true, ..Row::stopping(kill_at, StopReason::Restart) },
        Row::up(State::Backoff { retry_at: NOW.after(seconds(7)) }),
        Row::up(State::Cooling { retry_at: NOW.after(seconds(50)), failure: Failure::Unhealthy(Ailment::Health) }),
        Row::up(State::Finished),
    ];
    rows.extend(REASONS.iter().flat_map(|why| [kill_at, None].map(|kill_at| Row::stopping(kill_at, *why))));
    rows
}

/// What can happen to an app, as the table calls it.
#[derive(Clone, Copy, Debug)]
enum Input {
    Event(Event),
    Restart,
    RestartWithDependants,
    Reload,
    Reset,
    /// A tick when the next deadline is due; long after, if there is none.
    Due,
}

impl Input {
    const ALL: [Self; 20] = [
        Self::Event(Event::Wanted(Goal::Up)),
        Self::Event(Event::Wanted(Goal::Down)),
        Self::Restart,
        Self::RestartWithDependants,
        Self::Reload,
        Self::Reset,
        Self::Event(Event::Refresh),
        Self::Event(Event::Ready(RUN)),
        Self::Event(Event::Exited(RUN, Exit::Code(0))),
        Self::Event(Event::Exited(RUN, Exit::Code(1))),
        Self::Event(Event::Gone(RUN)),
        Self::Event(Event::Unhealthy(RUN, Ailment::Health)),
        Self::Event(Event::Unhealthy(RUN, Ailment::Watchdog)),
        Self::Event(Event::Unhealthy(RUN, Ailment::Memory)),
        Self::Event(Event::Leaving(RUN)),
        Self::Event(Event::Extend(RUN, LATER)),
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
            Self::RestartWithDependants => "restart with dependants",
            Self::Reload => "reload",
            Self::Reset => "reset",
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
    let itself = matches!(row.state, State::Stopping { why: StopReason::Itself, .. });
    let snapshot = Snapshot {
        goal: row.goal,
        state: row.state,
        turn: row.turn,
        untold: row.untold,
        ready_for: itself.then_some(Duration::from_millis(200)),
        // A run that is being ended has failed already; one that is not, fails by the event.
        short_runs: (matches!(row.state, State::Stopping { .. }) && !itself).into(),
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
    let mut request = |request| (NOW, fleet.request(NOW, request));
    match input {
        Input::Event(event) => (NOW, fleet.handle(NOW, APP, event)),
        Input::Restart => request(Request::Restart(vec![APP])),
        Input::RestartWithDependants => request(Request::RestartWithDependants(vec![APP])),
        Input::Reload => request(Request::Reload(vec![APP])),
        Input::Reset => request(Request::Reset(vec![APP])),
        Input::Due => {
            let due = fleet.next_deadline().unwrap_or(NOW.after(seconds(60)));
            (due, fleet.tick(due))
        }
    }
}

/// The row that the table's words stand for, coming from `before` at `at`, with what is ordered.
fn outcome(words: &str, before: Row, at: Moment) -> (Row, Option<Action>) {
    let (name, order) = words.rsplit_once(", ").unwrap_or((words, ""));
    match order {
        "spawn" => {
            let ready_by = at.after(Policy::default().listen_timeout);
            assert_eq!(name, "starting");
            let run = LAST_RUN.next();
            (Row::up(State::Starting { run, ready_by }), Some(Action::Spawn(run)))
        }
        "terminate" => {
            let kill_at = Some(at.after(Policy::default().kill_timeout));
            let told = Row { turn: None, untold: false, ..row_named(name, before, at) };
            let State::Stopping { why, .. } = told.state else { panic!("{words}: told to end, but it is not ending") };
            (Row::stopping(kill_at, why), Some(Action::Send(RUN, Signal::Terminate)))
        }
        "kill" => (row_named(name, before, at), Some(Action::Send(RUN, Signal::Kill))),
        "longer" => (longer(row_named(name, before, at)), None),
        _ => (row_named(words, before, at), None),
    }
}

/// The same, with the time that was asked for.
fn longer(row: Row) -> Row {
    let state = match row.state {
        State::Starting { run, .. } => State::Starting { run, ready_by: LATER },
        State::Stopping { run, why, .. } => State::Stopping { run, kill_at: Some(LATER), why },
        state => panic!("{state:?} has no deadline of its own"),
    };
    Row { state, ..row }
}

/// The row of this name that follows from `before` at `at`, if nobody is spawned or told to end.
fn row_named(name: &str, before: Row, at: Moment) -> Row {
    let policy = Policy::default();
    let (ready_by, since) = match before.state {
        State::Starting { ready_by, .. } => (ready_by, at),
        State::Running { since, .. } => (at, since),
        _ => (at, at),
    };
    let kill_at = match before.state {
        State::Stopping { kill_at, .. } => kill_at,
        _ => Some(at.after(policy.kill_timeout)),
    };
    let starting = State::Starting { run: RUN, ready_by };
    let running = State::Running { run: RUN, since };
    let stopping = REASONS.map(|why| Row::stopping(kill_at.or(Some(at)), why));
    let untold = stopping.map(|row| Row { untold: true, ..row });
    let killed = REASONS.map(|why| Row::stopping(None, why));
    let turn = before.turn;
    let candidates = [Row::down(State::Stopped), Row::up(starting), Row::up(running)]
        .into_iter()
        .chain([starting, running].map(|state| Row { turn, ..Row::down(state) }))
        .chain([starting, running].map(|state| Row { turn, ..Row::up(state) }))
        .chain([Row::up(State::Backoff { retry_at: at.after(policy.restart_delay) })])
        .chain(stopping)
        .chain(untold)
        .chain(killed);
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
    assert_eq!(written.len(), 25 * 17);
}

#[test]
fn every_row_of_the_table_is_what_happens() {
    let table = table();
    for row in rows() {
        for input in Input::ALL {
            let mut fleet = fleet(row);
            let (at, actions) = feed(&mut fleet, input);
            let words = &table[&(row.name(), input.name().to_owned())];
            let case = format!("{} + {} -> {words}", row.name(), input.name());
            let stays = words == "stays";
            let (expected, action) = if stays { (row, None) } else { outcome(words, row, at) };
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
