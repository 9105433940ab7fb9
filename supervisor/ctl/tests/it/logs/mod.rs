//! `logs`: the last lines of each log, merged, then what is added, through rotation.

mod follow;
mod offline;
mod shown;
mod written;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use protocol::control::LogSource;

use crate::fake::{Answer, Fake, source};
use crate::home::Home;

fn append(path: &Path, text: &str) {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).expect("the log can be written");
}

/// Two apps; the first one has written.
fn home_with_logs() -> (Home, Fake) {
    let home = Home::new();
    let folder = home.folder();
    let sources = [source(0, "api", &folder), source(1, "frontend", &folder)];
    let fake = Fake::listen(&home.socket(), move |_| Answer::ok(&sources));
    let lines: String = (1..=20).map(|number| format!("line {number}\n")).collect();
    append(&home.folder().join("api-out.log"), &lines);
    append(&home.folder().join("api-error.log"), "oh\nno");
    append(&home.folder().join("frontend-out.log"), "hello\n");
    (home, fake)
}

#[test]
fn the_last_lines_of_each_file_are_shown_with_pm2s_prefix() {
    let (home, _fake) = home_with_logs();
    let call = home.call(&["logs", "-n", "2"]);
    let expected =
        "0|api       | line 19\n0|api       | line 20\n0|api       | oh\n0|api       | no\n1|frontend  | hello\n";
    assert_eq!((call.code, call.out.as_str()), (Some(0), expected), "{}", call.error);
    assert_eq!(home.call(&["logs"]).out.lines().count(), 15 + 2 + 1);
    assert_eq!(home.call(&["logs", "api", "--lines", "1", "--out"]).out, "0|api  | line 20\n");
    assert_eq!(home.call(&["logs", "0", "--err"]).out, "0|api  | oh\n0|api  | no\n");
    assert_eq!(home.call(&["logs", "1", "--err"]).out, "", "a file that is not there yet is empty");
    assert_eq!(home.call(&["logs", "-n", "0"]).out, "");
}

#[test]
fn both_outputs_may_be_asked_for_and_pm2s_nostream_is_what_happens_anyway() {
    let (home, _fake) = home_with_logs();
    let plain = home.call(&["logs"]);
    for same in [&["logs", "--out", "--err"][..], &["logs", "--nostream"]] {
        let call = home.call(same);
        assert_eq!((call.code, &call.out), (Some(0), &plain.out), "{same:?}: {}", call.error);
    }
    assert_eq!(home.call(&["logs", "--nostream", "-f"]).code, Some(2));
}

#[test]
fn an_app_that_writes_no_logs_is_said_to_write_none() {
    let home = Home::new();
    let nowhere = "/dev/null".to_owned();
    let sources = [LogSource { out_file: nowhere.clone(), error_file: nowhere, ..source(0, "off", &home.folder()) }];
    let _fake = Fake::listen(&home.socket(), move |_| Answer::ok(&sources));
    let call = home.call(&["logs", "off"]);
    assert_eq!((call.code, call.out.as_str()), (Some(0), ""));
    assert_eq!(call.error, "[Betti] off writes no logs: they go to /dev/null\n");
}

#[test]
fn an_unknown_app_has_no_logs() {
    let (home, _fake) = home_with_logs();
    let call = home.call(&["logs", "nosuch"]);
    assert_eq!((call.code, call.out.as_str()), (Some(1), ""));
    assert!(call.error.contains("the apps are api, frontend"), "{}", call.error);
}
