//! `kill` returns when the keeper's process is gone, not when it said so.

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use protocol::control::{Keeper, Status, Word};

use crate::fake::{self, Answer, Asked, Fake, Seen};
use crate::home::{Home, finish, wait_for};

#[test]
fn kill_returns_when_the_keeper_is_gone() {
    let home = Home::new();
    let keeper = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("cat runs");
    let pid = i32::try_from(keeper.id()).expect("a pid");
    let has_left = Arc::new(Mutex::new(false));
    let leaving = Arc::clone(&has_left);
    let fake = Fake::listen(&home.socket(), move |asked: &Asked| match asked.line.as_str() {
        "POST /v1/kill" => Answer::Json(200, "{}".into()),
        "GET /v1/status" => {
            let mut status = fake::status(&[Seen::new("api", Word::Online)]);
            status.keeper = Keeper { pid };
            Answer::ok(&status)
        }
        line if line.ends_with("after=0") => {
            *leaving.lock().expect("no panic") = true;
            Answer::Leave
        }
        _ => Answer::ok(&fake::watch(0, &[Seen { wanted: false, ..Seen::new("api", Word::Stopping) }])),
    });
    let mut ctl = home.ctl(&["kill"]).spawn().expect("betti-ctl runs");
    wait_for("the end of the socket", || has_left.lock().expect("no panic").then_some(()));
    assert!(ctl.try_wait().expect("ours").is_none(), "the keeper is still there");
    let mut keeper = keeper;
    drop(keeper.stdin.take());
    let call = finish(ctl);
    assert_eq!(call.code, Some(0), "{call:?}");
    assert!(call.out.contains("[Betti] [api](0) stopping\n"), "{}", call.out);
    assert!(keeper.try_wait().expect("ours").is_some(), "gone, and not yet buried by its parent");
    assert_eq!(fake.acts().len(), 1);
}

#[test]
fn a_refused_kill_is_not_done() {
    let home = Home::new();
    let _fake = Fake::listen(&home.socket(), |asked| match asked.line.as_str() {
        "GET /v1/status" => Answer::ok(&fake::status(&[])),
        _ => Answer::refused(400, "not now"),
    });
    assert_eq!(home.call(&["kill"]).code, Some(1));
}

#[test]
fn for_programs_nobody_is_left_to_describe() {
    let home = Home::new();
    let mut gone = Command::new("true").spawn().expect("true runs");
    let pid = i32::try_from(gone.id()).expect("a pid");
    gone.wait().expect("ours");
    let _fake = Fake::listen(&home.socket(), move |asked: &Asked| match asked.line.as_str() {
        "POST /v1/kill" => Answer::Json(200, "{}".into()),
        "GET /v1/status" => Answer::ok(&Status { keeper: Keeper { pid }, ..fake::status(&[]) }),
        _ => Answer::Leave,
    });
    let call = home.call(&["kill", "--json"]);
    assert_eq!((call.code, call.out.as_str()), (Some(0), "{\"ok\":true,\"failed\":[],\"status\":null}\n"), "{call:?}");
}
