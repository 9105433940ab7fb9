//! `logs`: the last lines of each file, then what is added, through rotation.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};

use crate::fake::{Answer, Fake, source};
use crate::home::{Home, PATIENCE, finish};

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
fn an_unknown_app_has_no_logs() {
    let (home, _fake) = home_with_logs();
    let call = home.call(&["logs", "nosuch"]);
    assert_eq!((call.code, call.out.as_str()), (Some(1), ""));
    assert!(call.error.contains("the apps are api, frontend"), "{}", call.error);
}

/// The lines that a betti-ctl prints, as they come.
fn lines(child: &mut Child) -> Receiver<String> {
    let (sender, lines) = channel();
    let out = BufReader::new(child.stdout.take().expect("piped"));
    std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    lines
}

#[test]
fn following_goes_on_through_rotation_and_loses_nothing() {
    let (home, _fake) = home_with_logs();
    let mut ctl = home.ctl(&["logs", "api", "-f", "-n", "1", "--out"]).spawn().expect("betti-ctl runs");
    let lines = lines(&mut ctl);
    let next = || lines.recv_timeout(PATIENCE).expect("a line");
    assert_eq!(next(), "0|api  | line 20");
    let log = home.folder().join("api-out.log");
    append(&log, "half of a ");
    append(&log, "line\n");
    assert_eq!(next(), "0|api  | half of a line");
    append(&log, "before\n");
    std::fs::rename(&log, home.folder().join("api-out.log.1")).expect("ours");
    append(&home.folder().join("api-out.log.1"), "late\n");
    append(&log, "after\n");
    assert_eq!([next(), next(), next()], ["0|api  | before", "0|api  | late", "0|api  | after"]);
    std::fs::write(&log, "").expect("ours");
    ctl.kill().expect("ours");
    assert_eq!(finish(ctl).code, None);
}

#[test]
fn following_ends_when_nobody_reads() {
    let (home, _fake) = home_with_logs();
    let mut ctl = home.ctl(&["logs", "-f"]).spawn().expect("betti-ctl runs");
    drop(ctl.stdout.take());
    let log = home.folder().join("api-out.log");
    let deadline = std::time::Instant::now() + PATIENCE;
    while ctl.try_wait().expect("ours").is_none() {
        assert!(std::time::Instant::now() < deadline, "it still follows");
        append(&log, "is anybody there?\n");
        std::thread::yield_now();
    }
    let call = finish(ctl);
    assert_eq!((call.code, call.error.as_str()), (Some(0), ""));
}
