//! `start`, `stop` and `restart` of a supervisor that runs: wait until it is true, or say why not.

use protocol::control::Word;

use crate::fake::{self, Answer, Fake, Seen, play};
use crate::home::Home;

fn down(status: Word) -> Seen {
    Seen { wanted: false, ..Seen::new("api", status) }
}

#[test]
fn stop_waits_until_everything_is_gone() {
    let home = Home::new();
    let fake =
        Fake::listen(&home.socket(), play(&["api"], vec![vec![down(Word::Stopping)], vec![down(Word::Stopped)]]));
    let call = home.call(&["stop", "api", "0"]);
    assert_eq!(call.code, Some(0), "{call:?}");
    let lines: Vec<&str> = call.out.lines().take(3).collect();
    let expected = [
        "[Betti] Applying action stopProcessId on app [api](ids: [ 0 ])",
        "[Betti] [api](0) stopping",
        "[Betti] [api](0) ✓ stopped",
    ];
    assert_eq!(lines, expected);
    assert!(call.out.contains("│ stopped │"));
    let acts = fake.acts();
    assert_eq!(acts.len(), 1);
    assert_eq!((acts[0].line.as_str(), acts[0].body.as_str()), ("POST /v1/stop", r#"{"targets":["api","0"]}"#));
}

#[test]
fn start_and_restart_wait_until_it_is_ready() {
    for verb in ["start", "restart"] {
        let home = Home::new();
        let old = Seen { newest: Some(7), finished: Some(6), ..Seen::new("api", Word::Online) };
        let states = vec![vec![old], vec![Seen::new("api", Word::Launching)], vec![Seen::new("api", Word::Online)]];
        let fake = Fake::listen(&home.socket(), play(&["api"], states));
        let call = home.call(&[verb, "api"]);
        assert_eq!(call.code, Some(0), "{call:?}");
        assert!(
            call.out.contains("[Betti] [api](0) launching\n[Betti] [api](0) ✓ online, ready after 41 ms\n┌"),
            "{}",
            call.out
        );
        assert_eq!(fake.acts()[0].line, format!("POST /v1/{verb}"));
    }
}

#[test]
fn the_first_failed_run_ends_the_wait_with_its_reason() {
    let home = Home::new();
    let failed = Seen {
        newest: Some(8),
        finished: Some(8),
        reason: Some("not ready within 3 s"),
        ..Seen::new("api", Word::WaitingRestart)
    };
    let _fake =
        Fake::listen(&home.socket(), play(&["api"], vec![vec![Seen::new("api", Word::Launching)], vec![failed]]));
    let call = home.call(&["restart", "api"]);
    assert_eq!(call.code, Some(1));
    assert_eq!(call.error, "[Betti][ERROR] [api](0) not ready within 3 s\n");
    assert!(call.out.contains("│ waiting restart │"), "the table is shown all the same: {}", call.out);
}

#[test]
fn a_stopped_dependency_is_named_with_the_way_to_start_it() {
    let home = Home::new();
    let web = Seen { newest: None, finished: None, waits_for: &["api"], ..Seen::new("web", Word::Waiting) };
    let states = vec![vec![web, down(Word::Stopped)]];
    let _fake = Fake::listen(&home.socket(), play(&["web"], states));
    let call = home.call(&["start", "web"]);
    assert_eq!(call.code, Some(1));
    assert_eq!(call.error, "[Betti][ERROR] [web](0) it waits for api, which is stopped: betti-ctl start api\n");
}

#[test]
fn no_wait_returns_at_once() {
    let home = Home::new();
    let fake = Fake::listen(&home.socket(), play(&["api"], vec![vec![Seen::new("api", Word::Launching)]]));
    let call = home.call(&["restart", "--no-wait"]);
    assert_eq!(call.code, Some(0));
    assert!(call.out.contains("│ launching │"));
    assert!(fake.asked().iter().all(|asked| !asked.line.contains("watch")));
    assert_eq!(fake.acts()[0].body, r#"{"targets":[]}"#);
}

#[test]
fn an_unknown_app_is_refused_by_the_supervisor() {
    let home = Home::new();
    let _fake = Fake::listen(&home.socket(), |asked| match asked.line.as_str() {
        "GET /v1/status" => Answer::ok(&fake::status(&[])),
        _ => Answer::refused(404, "there is no app, id or namespace `nosuch`"),
    });
    for verb in ["start", "stop", "restart"] {
        let call = home.call(&[verb, "nosuch"]);
        assert_eq!((call.code, call.out.as_str()), (Some(1), ""));
        assert_eq!(call.error, "[Betti][ERROR] there is no app, id or namespace `nosuch`\n");
    }
}

#[test]
fn a_supervisor_that_is_replaced_meanwhile_is_asked_again() {
    let home = Home::new();
    let mut states =
        play(&["api"], vec![vec![Seen::new("api", Word::Launching)], vec![Seen::new("api", Word::Online)]]);
    let mut breaks = 3;
    let fake = Fake::listen(&home.socket(), move |asked| match breaks {
        1.. if asked.line.contains("watch?after=0") => {
            breaks -= 1;
            Answer::Drop
        }
        _ => states(asked),
    });
    assert_eq!(home.call(&["restart", "api"]).code, Some(0));
    assert_eq!(fake.acts().len(), 1);
}

#[test]
fn a_socket_that_is_gone_for_good_ends_the_wait() {
    let home = Home::new();
    let mut states = play(&["api"], vec![vec![Seen::new("api", Word::Launching)]]);
    let _fake = Fake::listen(&home.socket(), move |asked| match asked.line.contains("watch?after=0") {
        true => Answer::Leave,
        false => states(asked),
    });
    let call = home.call(&["restart", "api"]);
    assert_eq!(call.code, Some(3), "{call:?}");
}

#[test]
fn what_waits_for_a_failed_app_is_not_blamed_as_well() {
    let home = Home::new();
    let failed =
        Seen { finished: Some(8), reason: Some("exited with code 1"), ..Seen::new("api", Word::WaitingRestart) };
    let web = Seen { newest: None, finished: None, waits_for: &["api"], ..Seen::new("web", Word::Waiting) };
    let states = vec![vec![Seen::new("api", Word::Launching), web], vec![failed, web]];
    let _fake = Fake::listen(&home.socket(), play(&["api", "web"], states));
    let call = home.call(&["start"]);
    assert_eq!((call.code, call.error.as_str()), (Some(1), "[Betti][ERROR] [api](0) exited with code 1\n"));
}
