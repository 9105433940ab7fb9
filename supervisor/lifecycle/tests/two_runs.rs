//! Every event and every wish while an app has two runs, against the table that the documentation shows:
//! `src/two_runs.txt`.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use lifecycle::{
    Action, Ailment, AppId, Beside, Event, Exit, Failure, Fleet, Goal, Invocation, Moment, Policy, Reload, Request,
    Signal, Snapshot, State, StopReason,
};

const TABLE: &str = include_str!("../src/two_runs.txt");

const APP: AppId = AppId(0);
const OLD: Invocation = Invocation(7);
const NEW: Invocation = Invocation(8);
const NOW: Moment = Moment::at(Duration::from_secs(1_000));
/// What a run that asks for more time asks for.
const LATER: Moment = Moment::at(Duration::from_secs(1_060));
/// How wide the words for what happens are.
const WIDTH: usize = 60;

/// A pair of runs, and what the table says of it.
struct Row {
    name: &'static str,
    about: &'static str,
    state: State,
    beside: Beside,
}

fn after(seconds: u64) -> Moment {
    NOW.after(Duration::from_secs(seconds))
}

fn rows() -> [Row; 5] {
    let serves = |run| State::Running { run, since: Moment::at(Duration::from_secs(990)) };
    let leaves = |kill_at, untold| Beside::Leaving { run: OLD, kill_at, end_by: None, untold, exit: None };
    let starting = State::Starting { run: NEW, ready_by: after(3) };
    [
        Row {
            name: "trying",
            about: "the old run serves; a new one is tried beside it",
            state: serves(OLD),
            beside: Beside::Trying { run: NEW, ready_by: after(3), extended: Duration::ZERO },
        },
        Row {
            name: "replaced",
            about: "the new run serves; the old one was told to end",
            state: serves(NEW),
            beside: leaves(Some(after(5)), false),
        },
        Row {
            name: "replaced, killed",
            about: "the same, and the old one did not end in time",
            state: serves(NEW),
            beside: leaves(None, false),
        },
        Row {
            name: "in its place",
            about: "the old run ended too early; the new one is not ready yet",
            state: starting,
            beside: leaves(Some(after(5)), false),
        },
        Row {
            name: "in its place, not told",
            about: "the same, and the old one is ending by itself",
            state: starting,
            beside: leaves(Some(after(5)), true),
        },
    ]
}

#[derive(Clone, Copy)]
enum Input {
    Event(Event),
    Restart,
    RestartWithDependants,
    Reload,
    Reset,
    Due,
}

fn inputs() -> Vec<(String, Input)> {
    let wishes = [
        ("wanted up", Input::Event(Event::Wanted(Goal::Up))),
        ("wanted down", Input::Event(Event::Wanted(Goal::Down))),
        ("restart", Input::Restart),
        ("restart with dependants", Input::RestartWithDependants),
        ("reload", Input::Reload),
        ("refresh", Input::Event(Event::Refresh)),
        ("reset", Input::Reset),
        ("cause may be gone", Input::Event(Event::CauseMayBeGone)),
        ("tick", Input::Event(Event::Tick)),
        ("due", Input::Due),
    ];
    let of_run = |who: &'static str, run| {
        let events = [
            ("ready", Event::Ready(run)),
            ("exited well", Event::Exited(run, Exit::Code(0))),
            ("exited badly", Event::Exited(run, Exit::Code(1))),
            ("gone", Event::Gone(run)),
            ("unhealthy", Event::Unhealthy(run, Ailment::Watchdog)),
            ("leaving", Event::Leaving(run)),
            ("extend", Event::Extend(run, LATER)),
        ];
        events.map(|(name, event)| (format!("{who} {name}"), Input::Event(event)))
    };
    let wishes = wishes.map(|(name, input)| (name.to_owned(), input));
    wishes.into_iter().chain(of_run("new", NEW)).chain(of_run("old", OLD)).collect()
}

fn fleet(row: &Row) -> Fleet {
    let policy = Policy { overlap: true, ..Policy::default() };
    let mut fleet = Fleet::new([(APP, policy, vec![])], NEW).expect("one app is no circle");
    let snapshot = Snapshot {
        goal: Goal::Up,
        state: row.state,
        beside: Some(row.beside),
        newest_run: Some(NEW),
        ready_run: Some(OLD),
        reload: Some(Reload { place: 0, begun: true }),
        ..fleet.snapshot(APP)
    };
    // A second ago, so that a kill that may have been lost was repeated and is not due again.
    let before = Moment::at(Duration::from_millis(999_500));
    fleet.restore(before, APP, snapshot, |_| true);
    fleet.tick(before);
    fleet
}

fn feed(fleet: &mut Fleet, input: Input) -> Vec<(AppId, Action)> {
    match input {
        Input::Event(event) => fleet.handle(NOW, APP, event),
        Input::Restart => fleet.request(NOW, Request::Restart(vec![APP])),
        Input::RestartWithDependants => fleet.request(NOW, Request::RestartWithDependants(vec![APP])),
        Input::Reload => fleet.request(NOW, Request::Reload(vec![APP])),
        Input::Reset => fleet.request(NOW, Request::Reset(vec![APP])),
        Input::Due => fleet.tick(fleet.next_deadline().expect("with two runs, something is due")),
    }
}

fn who(run: Invocation) -> &'static str {
    match run {
        OLD => "old",
        NEW => "new",
        _ => "another",
    }
}

fn longer(at: Moment) -> &'static str {
    if at == LATER { " longer" } else { "" }
}

fn alone(state: State) -> String {
    match state {
        State::Stopped => "stopped".into(),
        State::Starting { run, ready_by } => format!("{} starting{}", who(run), longer(ready_by)),
        State::Running { run, .. } => format!("{} serves", who(run)),
        State::Stopping { run, kill_at, why } => {
            let why = match why {
                StopReason::Asked => "as asked",
                StopReason::Restart => "to begin anew",
                StopReason::NotReady => "not ready",
                StopReason::Unhealthy => "unhealthy",
                StopReason::Itself => "by itself",
                StopReason::Exited => "exited",
            };
            let how = kill_at.map_or(" killed", longer);
            format!("{} ends {why}{how}", who(run))
        }
        State::Backoff { .. } => "backoff".into(),
        State::Cooling { .. } => "cooling".into(),
        State::Finished => "finished".into(),
    }
}

fn beside(beside: Beside) -> String {
    match beside {
        Beside::Trying { run, ready_by, .. } => format!("{} tried{}", who(run), longer(ready_by)),
        Beside::Leaving { run, kill_at, untold, exit, .. } => {
            let how = kill_at.map_or(", killed", longer);
            let told = if untold { ", not told" } else { "" };
            let exit = if exit.is_some() { ", exited" } else { "" };
            format!("{} leaves{how}{told}{exit}", who(run))
        }
    }
}

fn failure(failure: Failure) -> &'static str {
    match failure {
        Failure::Exited(_) => "exited",
        Failure::NotReady { .. } => "not ready",
        Failure::Unhealthy(_) => "unhealthy",
        Failure::Vanished => "vanished",
    }
}

/// What has become of the two, whether the try failed, and what is ordered.
fn outcome(before: &Snapshot, fleet: &Fleet, actions: &[(AppId, Action)]) -> String {
    let after = fleet.snapshot(APP);
    let is_same = (after.state, after.beside, after.failed_try) == (before.state, before.beside, before.failed_try);
    if is_same && actions.is_empty() {
        return "stays".into();
    }
    let mut words = alone(after.state);
    words.extend(after.beside.map(|other| format!("; {}", beside(other))));
    words.extend(after.failed_try.map(|why| format!("; failed: {}", failure(why))));
    for (_, action) in actions {
        let order = match action {
            Action::Spawn(_) => "spawn".into(),
            Action::Send(run, Signal::Terminate) => format!("terminate {}", who(*run)),
            Action::Send(run, Signal::Kill) => format!("kill {}", who(*run)),
        };
        write!(words, "; {order}").expect("text takes text");
    }
    words
}

/// The whole table, as it is.
fn table() -> String {
    let mut text = String::new();
    for row in rows() {
        writeln!(text, "{:<WIDTH$} {}", row.name, row.about).expect("text takes text");
        let mut outcomes: Vec<(String, Vec<String>)> = Vec::new();
        let mut places = BTreeMap::new();
        for (name, input) in inputs() {
            let mut fleet = fleet(&row);
            let before = fleet.snapshot(APP);
            let actions = feed(&mut fleet, input);
            let outcome = outcome(&before, &fleet, &actions);
            let place = *places.entry(outcome.clone()).or_insert_with(|| {
                outcomes.push((outcome, Vec::new()));
                outcomes.len() - 1
            });
            outcomes[place].1.push(name);
        }
        for (outcome, names) in outcomes {
            write_rows(&mut text, &names, &outcome);
        }
        text.push('\n');
    }
    text
}

/// As many names a line as there is room for.
fn write_rows(text: &mut String, names: &[String], outcome: &str) {
    let mut line = String::new();
    for name in names {
        if !line.is_empty() && line.len() + name.len() + 3 > WIDTH - 5 {
            writeln!(text, "    {line:<56} -> {outcome}").expect("text takes text");
            line.clear();
        }
        if !line.is_empty() {
            line.push_str(" | ");
        }
        line.push_str(name);
    }
    writeln!(text, "    {line:<56} -> {outcome}").expect("text takes text");
}

#[test]
fn every_row_of_the_table_of_two_runs_is_what_happens() {
    let is = table();
    if is.trim_end() != TABLE.trim_end() {
        panic!("the table should be, if this is what is meant:\n{is}");
    }
}
