//! What was remembered by a version that somebody runs is read by every later one.
//!
//! The texts here are kept as they were written. When a test says that something else is written now, keep its text beside the
//! older ones; never change an older one.

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use lifecycle::{
    Ailment, AppId, Beside, Exit, Failure, Goal, Invocation, Moment, Reload, Snapshot, State, StopReason, Turn,
};
use manifest::Manifest;
use protocol::keeper::Order;

use super::book::{self, InForce, KeptTrial, Leaver};
use super::memory::{self, Memory, Notes, Tried};
use super::roster::{Changes, Unit};
use super::tally::{End, Tally};

/// How an instance fares, as it was written before anything was counted.
const APP_BEFORE_COUNTS: &str = concat!(
    r#"{"up":true,"state":{"starting":{"run":9,"ready_by_ns":1000000}},"turn":{"tell_by_ns":2000000,"kill_by_ns":3000000},"#,
    r#""extended_ns":4000000,"end_by_ns":5000000,"untold":true,"ready_for_ns":6000000,"failures_ns":[7000000,8000000],"#,
    r#""short_runs":9,"ailing_runs":10,"tripped":true,"restarts":11,"last_exit":{"code":12},"exited_run":8,"#,
    r#""last_failure":{"not_ready":{"within_ns":13000000}},"newest_run":14,"finished_run":15,"ready_run":16,"#,
    r#""failed_start":17,"leaving":true,"follows":[[18,19]],"reload":{"place":20,"begun":true},"#,
    r#""notes":{"ready_ms":21,"lasted_ms":22,"detail":"no answer on 127.0.0.1:3000","cause":"app.js changed","#,
    r#""scheduled_at":-23,"says":"é \"quoted\"","exited_at_ns":24},"counts_sleep":true}"#,
);
/// What was added of an app that is reloaded with overlap, and of the run that is tried.
const OVERLAP: &str = concat!(
    r#","beside":{"leaving":{"run":24,"kill_at_ns":25000000,"end_by_ns":26000000,"untold":true,"exit":{"code":27}}},"#,
    r#""failed_try":{"exited":{"code":28}},"tried_run":29,"notes":{"#,
);
const TRIED: &str = r#""ready_sum_ms":40},"tried":{"lasted_ms":30,"detail":"tried","says":"hello"}}"#;
/// How an instance fares, with everything that can be said of it: it ends as the older text does, with more of the notes.
const COUNTS: &str = concat!(
    r#","tally":{"since_ns":25,"restarts_since_ns":25,"ends":{"asked":1,"code 1":2},"health_failures":26,"#,
    r#""ready":[0,0,1,0,0,0,0,0,0,0,0,0],"ready_sum_ms":40}},"counts_sleep":true}"#,
);
/// Which file is in force, with a profile on trial, as it was written before it said when it was taken on.
const IN_FORCE_BEFORE_TIMES: &str = concat!(
    r#"{"generation":3,"asked":"ngrok","relaunch":["web/1"],"#,
    r#""trial":{"generation":2,"asked":"https","watched":[[4,17],[5,null]]},"#,
    r#""refused":18446744073709551615,"notice":"the file is broken"}"#,
);
const TIMES: &str = r#","broken":true,"applied_at_ns":27}"#;
/// What was changed beside the file.
const ROSTER: &str = r#"{"scales":{"web":4},"deleted":["api"],"held":["web/1"],"ids":{"web":1,"web/1":7}}"#;
/// An instance on its way out.
const LEAVING: &str = concat!(
    r#"{"id":7,"table":"[[apps]]\nname = \"web\"\nnamespace = \"house\"\nscript = \"none\"\nkill_signal = \"SIGINT\"\n"#,
    r#"kill_timeout = 1234\nshutdown_with_message = true\nlisten = [\"127.0.0.1:3000\"]\n"#,
    r#"out_file = \"/hub/logs/web-out-1.log\"\nerror_file = \"/hub/logs/web-error-1.log\"\nuser = \"pi\"\n"}"#,
);

fn kept(pairs: &[(&str, &str)]) -> Memory {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn written(order: Order) -> (String, String) {
    match order {
        Order::Remember { key, value: Some(value) } => (key, value),
        other => panic!("{other:?}"),
    }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn moment(ms: u64) -> Moment {
    Moment::at(Duration::from_millis(ms))
}

fn file(text: &str) -> Manifest {
    manifest::parse(Path::new("/hub/ecosystem.toml"), text, None).expect("a good file")
}

/// No field is what it would be if nothing were said.
fn app() -> (Snapshot, Notes) {
    let snapshot = Snapshot {
        goal: Goal::Up,
        state: State::Starting { run: Invocation(9), ready_by: moment(1) },
        turn: Some(Turn { tell_by: moment(2), kill_by: Some(moment(3)) }),
        extended: ms(4),
        end_by: Some(moment(5)),
        untold: true,
        ready_for: Some(ms(6)),
        failures: vec![moment(7), moment(8)],
        short_runs: 9,
        ailing_runs: 10,
        tripped: true,
        restarts: 11,
        last_exit: Some(Exit::Code(12)),
        exited_run: Some(Invocation(8)),
        last_failure: Some(Failure::NotReady { within: ms(13) }),
        newest_run: Some(Invocation(14)),
        finished_run: Some(Invocation(15)),
        ready_run: Some(Invocation(16)),
        failed_start: Some(Invocation(17)),
        leaving: true,
        follows: vec![(AppId(18), Invocation(19))],
        reload: Some(Reload { place: 20, begun: true }),
        beside: None,
        failed_try: None,
        tried_run: None,
    };
    let notes = Notes {
        ready_ms: Some(21),
        lasted_ms: Some(22),
        detail: Some("no answer on 127.0.0.1:3000".into()),
        cause: Some("app.js changed".into()),
        scheduled_at: Some(-23),
        says: Some("é \"quoted\"".into()),
        exited_at_ns: Some(24),
        tally: tally(),
        tried: Tried::default(),
        asked: false,
    };
    (snapshot, notes)
}

fn tally() -> Tally {
    let mut tally = Tally::default();
    tally.begin(25);
    tally.health_failures = 26;
    for end in [End::Asked, End::Exited(Exit::Code(1)), End::Exited(Exit::Code(1))] {
        tally.count_end(end);
    }
    tally.count_ready(40);
    tally
}

fn app_text() -> String {
    APP_BEFORE_COUNTS.strip_suffix(r#"},"counts_sleep":true}"#).unwrap().to_owned() + COUNTS
}

#[test]
fn an_app_is_read_as_it_was_written() {
    let (snapshot, notes) = app();
    let text = app_text();
    let now = written(memory::remember_app("web/1", &snapshot, &notes));
    assert_eq!((now.0.as_str(), now.1.as_str()), ("app/web/1", text.as_str()));
    let read = |text| memory::remembered_app(&kept(&[("app/web/1", text)]), "web/1");
    assert_eq!(read(&text), Some((snapshot.clone(), notes.clone())));
    let before = Notes { tally: Tally::default(), ..notes };
    assert_eq!(read(APP_BEFORE_COUNTS), Some((snapshot, before)));
}

#[test]
fn an_app_that_is_reloaded_with_overlap_is_read_as_it_was_written() {
    let (snapshot, notes) = app();
    let beside = Beside::Leaving {
        run: Invocation(24),
        kill_at: Some(moment(25)),
        end_by: Some(moment(26)),
        untold: true,
        exit: Some(Exit::Code(27)),
    };
    let failed_try = Some(Failure::Exited(Exit::Code(28)));
    let snapshot = Snapshot { beside: Some(beside), failed_try, tried_run: Some(Invocation(29)), ..snapshot };
    let tried = Tried { lasted_ms: Some(30), detail: Some("tried".into()), says: Some("hello".into()) };
    let notes = Notes { tried, ..notes };
    let text = app_text().replace(r#","notes":{"#, OVERLAP).replace(r#""ready_sum_ms":40}}"#, TRIED);
    assert_eq!(written(memory::remember_app("web/1", &snapshot, &notes)).1, text);
    assert_eq!(memory::remembered_app(&kept(&[("app/web/1", &text)]), "web/1"), Some((snapshot, notes)));
}

#[test]
fn every_word_for_a_second_run_is_read_as_it_was_meant() {
    let (run, ready_by) = (Invocation(9), moment(1));
    for (word, beside) in [
        (r#"{"trying":{"run":9,"ready_by_ns":1000000}}"#, Beside::Trying { run, ready_by, extended: ms(0) }),
        (
            r#"{"trying":{"run":9,"ready_by_ns":1000000,"extended_ns":2000000}}"#,
            Beside::Trying { run, ready_by, extended: ms(2) },
        ),
        (
            r#"{"leaving":{"run":9,"kill_at_ns":null}}"#,
            Beside::Leaving { run, kill_at: None, end_by: None, untold: false, exit: None },
        ),
    ] {
        let text = format!(r#"{{"up":true,"state":"stopped","beside":{word}}}"#);
        let (snapshot, _) = memory::remembered_app(&kept(&[("app/a", &text)]), "a").expect(word);
        assert_eq!(snapshot.beside, Some(beside), "{word}");
    }
}

/// Each word for a state, and the state.
fn states() -> Vec<(&'static str, State)> {
    let (run, retry_at) = (Invocation(9), moment(1));
    let stopping = |why| State::Stopping { run, kill_at: None, why };
    let cooling = |failure| State::Cooling { retry_at, failure };
    vec![
        (r#""stopped""#, State::Stopped),
        (r#"{"starting":{"run":9,"ready_by_ns":2000000}}"#, State::Starting { run, ready_by: moment(2) }),
        (r#"{"running":{"run":9,"since_ns":2000000}}"#, State::Running { run, since: moment(2) }),
        (
            r#"{"stopping":{"run":9,"kill_at_ns":2000000,"why":"asked"}}"#,
            State::Stopping { run, kill_at: Some(moment(2)), why: StopReason::Asked },
        ),
        (r#"{"stopping":{"run":9,"kill_at_ns":null,"why":"asked"}}"#, stopping(StopReason::Asked)),
        (r#"{"stopping":{"run":9,"kill_at_ns":null,"why":"restart"}}"#, stopping(StopReason::Restart)),
        (r#"{"stopping":{"run":9,"kill_at_ns":null,"why":"not_ready"}}"#, stopping(StopReason::NotReady)),
        (r#"{"stopping":{"run":9,"kill_at_ns":null,"why":"unhealthy"}}"#, stopping(StopReason::Unhealthy)),
        (r#"{"stopping":{"run":9,"kill_at_ns":null,"why":"itself"}}"#, stopping(StopReason::Itself)),
        (r#"{"stopping":{"run":9,"kill_at_ns":null,"why":"exited"}}"#, stopping(StopReason::Exited)),
        (r#"{"backoff":{"retry_at_ns":1000000}}"#, State::Backoff { retry_at }),
        (
            r#"{"cooling":{"retry_at_ns":1000000,"failure":{"exited":{"code":1}}}}"#,
            cooling(Failure::Exited(Exit::Code(1))),
        ),
        (
            r#"{"cooling":{"retry_at_ns":1000000,"failure":{"exited":{"signal":{"signal":11,"core_dumped":true}}}}}"#,
            cooling(Failure::Exited(Exit::Signal { signal: 11, core_dumped: true })),
        ),
        (
            r#"{"cooling":{"retry_at_ns":1000000,"failure":{"exited":"out_of_memory"}}}"#,
            cooling(Failure::Exited(Exit::OutOfMemory)),
        ),
        (
            r#"{"cooling":{"retry_at_ns":1000000,"failure":{"exited":{"not_spawned":2}}}}"#,
            cooling(Failure::Exited(Exit::NotSpawned(2))),
        ),
        (
            r#"{"cooling":{"retry_at_ns":1000000,"failure":{"not_ready":{"within_ns":2000000}}}}"#,
            cooling(Failure::NotReady { within: ms(2) }),
        ),
        (
            r#"{"cooling":{"retry_at_ns":1000000,"failure":{"ailing":"health"}}}"#,
            cooling(Failure::Unhealthy(Ailment::Health)),
        ),
        (
            r#"{"cooling":{"retry_at_ns":1000000,"failure":{"ailing":"watchdog"}}}"#,
            cooling(Failure::Unhealthy(Ailment::Watchdog)),
        ),
        (
            r#"{"cooling":{"retry_at_ns":1000000,"failure":{"ailing":"memory"}}}"#,
            cooling(Failure::Unhealthy(Ailment::Memory)),
        ),
        (r#"{"cooling":{"retry_at_ns":1000000,"failure":"vanished"}}"#, cooling(Failure::Vanished)),
        (r#""finished""#, State::Finished),
    ]
}

/// The state of an app of which nothing else was said.
fn state_in(word: &str) -> Option<State> {
    let text = format!(r#"{{"up":false,"state":{word},"counts_sleep":true}}"#);
    let (snapshot, notes) = memory::remembered_app(&kept(&[("app/a", &text)]), "a")?;
    assert_eq!((snapshot.goal, notes), (Goal::Down, Notes::default()));
    Some(snapshot.state)
}

#[test]
fn every_word_for_a_state_is_read_as_it_was_meant() {
    for (word, state) in states() {
        assert_eq!(state_in(word), Some(state), "{word}");
        let now = written(memory::remember_app("a", &Snapshot { state, ..app().0 }, &Notes::default())).1;
        assert!(now.contains(&format!(r#""state":{word},"#)), "{word} is written in another way: {now}");
    }
    let before_there_were_ailments = r#"{"cooling":{"retry_at_ns":1000000,"failure":"unhealthy"}}"#;
    let state = State::Cooling { retry_at: moment(1), failure: Failure::Unhealthy(Ailment::Health) };
    assert_eq!(state_in(before_there_were_ailments), Some(state));
}

#[test]
fn what_is_in_force_is_read_as_it_was_written() {
    let in_force = InForce {
        generation: 3,
        asked: Some("ngrok".into()),
        relaunch: ["web/1".to_owned()].into(),
        trial: Some(KeptTrial { generation: 2, asked: Some("https".into()), watched: vec![(4, Some(17)), (5, None)] }),
        refused: Some(u64::MAX),
        notice: Some("the file is broken".into()),
        broken: true,
        applied_at_ns: 27,
    };
    let text = IN_FORCE_BEFORE_TIMES.strip_suffix('}').unwrap().to_owned() + TIMES;
    let now = written(book::remember_in_force(&in_force));
    assert_eq!((now.0.as_str(), now.1.as_str()), ("in-force", text.as_str()));
    let read = |text| book::remembered_in_force(&kept(&[("in-force", text)]));
    assert_eq!(read(&text).as_ref(), Some(&in_force));
    assert_eq!(read(IN_FORCE_BEFORE_TIMES), Some(InForce { broken: false, applied_at_ns: 0, ..in_force }));
}

#[test]
fn what_was_changed_beside_the_file_is_read_as_it_was_written() {
    let changes = Changes {
        scales: [("web".to_owned(), 4)].into(),
        deleted: ["api".to_owned()].into(),
        held: ["web/1".to_owned()].into(),
        ids: [("web".to_owned(), 1), ("web/1".to_owned(), 7)].into(),
    };
    let now = written(book::remember_changes(&changes));
    assert_eq!((now.0.as_str(), now.1.as_str()), ("roster", ROSTER));
    assert_eq!(book::remembered_changes(&kept(&[("roster", ROSTER)])), changes);
}

#[test]
fn who_leaves_can_be_ended_as_it_was_to_be() {
    let text = "[[apps]]\nname = 'web'\nnamespace = 'house'\nscript = 'x'\ninstances = 2\nkill_signal = 'SIGINT'\nuser = 'pi'\n\
                kill_timeout = 1234\nshutdown_with_message = true\nlisten = ['127.0.0.1:3000']\n";
    let unit = Unit { id: AppId(7), instance: 1, of: 2, app: Rc::new(file(text).apps.remove(0)), ad_hoc: false };
    let now = written(book::remember_leaving(&unit));
    assert_eq!((now.0.as_str(), now.1.as_str()), ("leaving/web/1", LEAVING));
    let leaver = book::remembered_leaving(&kept(&[("leaving/web/1", LEAVING)])).remove("web/1");
    let Some(Leaver { id: 7, table }) = leaver else { panic!("{leaver:?}") };
    let app = file(&table).apps.remove(0);
    assert_eq!((app.name.as_str(), app.namespace.as_str(), app.kill_signal.name()), ("web", "house", "SIGINT"));
    assert_eq!((app.policy.kill_timeout, app.shutdown_with_message), (ms(1234), true));
    assert_eq!((app.listen.len(), app.listen[0].to_string().as_str()), (1, "127.0.0.1:3000"));
    assert_eq!(app.out_file, Path::new("/hub/logs/web-out-1.log"));
    assert_eq!(app.error_file, Path::new("/hub/logs/web-error-1.log"));
    assert_eq!(app.user.as_deref(), Some("pi"));
}

#[test]
fn files_and_signs_are_found_under_the_keys_that_they_were_kept_under() {
    let memory = kept(&[
        ("file-3/0000", "[[apps]]\nname = 'a'\n"),
        ("file-3/0001", "script = 'b'\n"),
        ("file-12/0000", "other"),
        ("ad-hoc/extra", "[[apps]]\nname = 'extra'\nscript = '/bin/extra'\n"),
        ("started", ""),
        ("leaving", ""),
    ]);
    let texts = [(3, "[[apps]]\nname = 'a'\nscript = 'b'\n".to_owned()), (12, "other".to_owned())];
    assert_eq!(book::remembered_texts(&memory), texts.into());
    let extra = book::remembered_ad_hoc(&memory);
    assert_eq!(extra.iter().map(|table| file(table).apps.remove(0).name).collect::<Vec<_>>(), ["extra"]);
    assert!(memory::was_started(&memory) && memory::was_leaving(&memory));
    assert!(book::remembered_leaving(&memory).is_empty());
    let now = [memory::remember_started(), memory::remember_leaving()].map(|order| written(order).0);
    assert_eq!(now, ["started", "leaving"]);
    let now = book::remember_text(3, "x").map(|order| written(order).0).collect::<Vec<_>>();
    assert_eq!(now, ["file-3/0000"]);
    assert_eq!(written(book::remember_ad_hoc("extra", Some("x".into()))).0, "ad-hoc/extra");
}
