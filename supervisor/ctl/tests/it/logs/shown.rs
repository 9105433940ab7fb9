//! What `logs` shows of logs with their indexes.

use std::fs::File;
use std::io::Write;
use std::process::Command;

use protocol::control::LogSource;
use serde_json::Value;

use super::append;
use super::written::{Log, compress};
use crate::fake::{Answer, Fake, source};
use crate::home::{Call, Home, finish};
use crate::terminal::on_terminal;

/// Two apps whose lines came in turn, in files that were put aside and compressed.
fn busy() -> (Home, Fake) {
    let home = Home::new();
    let folder = home.folder();
    let sources = [source(0, "api", &folder), source(1, "web", &folder)];
    let fake = Fake::listen(&home.socket(), move |_| Answer::ok(&sources));
    let mut out = Log::of(0, &folder.join("api-out.log"));
    let mut error = Log::of(0, &folder.join("api-error.log"));
    error.mark.error = true;
    let mut web = Log::of(1, &folder.join("web-out.log"));
    out.say(0, "api 0\n");
    web.say(1, "web 1\n");
    out.put_aside();
    out.say(2, "api 2\n");
    web.say(3, "web 3\nweb 3 too\n");
    out.put_aside();
    compress(&out.path, 2);
    error.say(4, "Error 4\n");
    out.say(5, "api 5\n");
    (home, fake)
}

fn utc(home: &Home, arguments: &[&str]) -> Command {
    let mut ctl = home.ctl(arguments);
    ctl.env("TZ", "UTC");
    ctl
}

fn call(home: &Home, arguments: &[&str]) -> Call {
    finish(utc(home, arguments).spawn().expect("betti-ctl runs"))
}

#[test]
fn lines_of_all_apps_outputs_and_rotations_are_in_the_order_of_time() {
    let (home, _fake) = busy();
    let shown = call(&home, &["logs"]);
    let expected = "0|api  | api 0\n1|web  | web 1\n0|api  | api 2\n1|web  | web 3\n1|web  | web 3 too\n\
                    0|api  | Error 4\n0|api  | api 5\n";
    assert_eq!((shown.code, shown.out.as_str(), shown.error.as_str()), (Some(0), expected, ""));
    let expected = "1|web  | web 3 too\n0|api  | Error 4\n0|api  | api 5\n";
    assert_eq!(call(&home, &["logs", "-n", "1"]).out, expected);
    assert_eq!(call(&home, &["logs", "api", "--out", "-n", "2"]).out, "0|api  | api 2\n0|api  | api 5\n");
}

#[test]
fn times_are_shown_when_asked_for() {
    let (home, _fake) = busy();
    append(&home.folder().join("web-error.log"), "old\n");
    let shown = call(&home, &["logs", "--timestamp", "-n", "1", "--out"]).out;
    let expected = "2026-11-25T08:00:03.000+00:00 1|web  | web 3 too\n2026-11-25T08:00:05.000+00:00 0|api  | api 5\n";
    assert_eq!(shown, expected);
    assert_eq!(call(&home, &["logs", "api", "--timestamp=%H:%M:%S", "-n1", "--out"]).out, "08:00:05 0|api  | api 5\n");
    let mut ctl = home.ctl(&["logs", "api", "--timestamp", "-n1", "--out"]);
    ctl.env("TZ", "Asia/Kolkata");
    assert!(finish(ctl.spawn().expect("it runs")).out.starts_with("2026-11-25T13:30:05.000+05:30 "));
}

#[test]
fn since_looks_back_over_everything_that_was_put_aside() {
    let (home, _fake) = busy();
    let all = call(&home, &["logs", "--since", "2026-11-25T08:00:00Z"]).out;
    assert_eq!(all.lines().count(), 7, "{all}");
    let some = call(&home, &["logs", "--since", "2026-11-25 08:00:02"]).out;
    assert_eq!(some.lines().next(), Some("0|api  | api 2"));
    assert_eq!(some.lines().count(), 5, "{some}");
    let last = call(&home, &["logs", "--since", "2026-11-25 08:00:02", "-n", "1", "--out"]).out;
    assert_eq!(last, "1|web  | web 3 too\n0|api  | api 5\n");
    assert_eq!(call(&home, &["logs", "--since", "2999-01-01"]).out, "");
}

#[test]
fn a_pattern_chooses_lines_and_the_number_counts_those() {
    let (home, _fake) = busy();
    assert_eq!(call(&home, &["logs", "--grep", "[02]$", "-n", "1"]).out, "0|api  | api 2\n");
    assert_eq!(call(&home, &["logs", "--grep", "error"]).out, "");
    assert_eq!(call(&home, &["logs", "--grep", "error", "-i"]).out, "0|api  | Error 4\n");
}

#[test]
fn misuse_says_what_is_accepted() {
    let (home, fake) = busy();
    for (arguments, said) in [
        (&["logs", "--grep", "a(b"][..], "unclosed group, at character 2"),
        (&["logs", "--since", "soon"], "10m"),
        (&["logs", "--since", "10"], "10m"),
        (&["logs", "-n", "-1"], "-1"),
        (&["logs", "-i"], "--grep"),
        (&["logs", "--raw", "--json"], "--raw"),
        (&["logs", "--raw", "--timestamp"], "--timestamp"),
        (&["logs", "--timestamp=HH:mm"], "%H:%M:%S"),
    ] {
        let call = home.call(arguments);
        assert_eq!(call.code, Some(2), "{arguments:?}: {call:?}");
        assert!(format!("{}{}", call.out, call.error).contains(said), "{arguments:?}: {call:?}");
    }
    assert_eq!(fake.asked().len(), 0);
}

#[test]
fn programs_get_the_time_the_run_and_what_the_clock_was_worth() {
    let (home, _fake) = busy();
    let mut log = Log::of(1, &home.folder().join("web-error.log"));
    (log.mark.clock_is_right, log.mark.boot, log.mark.run) = (false, 99, 0);
    log.say(-3600, "at night\n");
    let shown = call(&home, &["logs", "--json", "-n1"]).out;
    let lines: Vec<Value> = shown.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let expected = serde_json::json!({
        "message": "at night", "timestamp": "2026-11-25T07:00:00.000Z", "type": "err", "process_id": 1, "app_name": "web",
        "run": null, "clock": "unsynchronised",
    });
    assert_eq!(lines[0], expected);
    let expected = serde_json::json!({
        "message": "web 3 too", "timestamp": "2026-11-25T08:00:03.000Z", "type": "out", "process_id": 1, "app_name": "web",
        "run": 7,
    });
    assert_eq!(lines[1], expected);
    let shown = call(&home, &["logs", "web", "--err", "--timestamp=%H:%M"]).out;
    assert_eq!(shown, "~07:00 1|web  | at night\n");
}

#[test]
fn a_wrong_clock_is_put_right_by_anothers_log_of_the_same_boot() {
    let (home, _fake) = busy();
    let mut wrong = Log::of(1, &home.folder().join("web-error.log"));
    (wrong.mark.clock_is_right, wrong.mark.boot, wrong.mark.uptime_us) = (false, 5, 10_000_000);
    wrong.say(-9_999_999, "just started\n");
    let mut right = Log::of(0, &home.folder().join("api-error.log"));
    (right.mark.boot, right.mark.uptime_us) = (5, 40_000_000);
    right.say(60, "set\n");
    let shown = call(&home, &["logs", "web", "--err", "--timestamp=%H:%M:%S"]).out;
    assert_eq!(shown, "08:00:30 1|web  | just started\n");
}

#[test]
fn a_shared_log_is_shown_once_and_each_line_is_its_writers() {
    let home = Home::new();
    let file = home.folder().join("both.log").display().to_string();
    let shared = |id, name: &str| LogSource {
        id,
        name: name.into(),
        namespace: "default".into(),
        out_file: file.clone(),
        error_file: file.clone(),
    };
    let sources = [shared(0, "web"), shared(1, "web"), shared(2, "api")];
    let _fake = Fake::listen(&home.socket(), move |_| Answer::ok(&sources));
    let mut log = Log::of(0, &home.folder().join("both.log"));
    for (app, error, text) in
        [(0, false, "zero\n"), (1, true, "one, ba"), (0, false, "zero again\n"), (2, true, "two\n")]
    {
        (log.mark.app, log.mark.error) = (app, error);
        log.say(i64::from(app), text);
    }
    let shown = |arguments: &[&str]| home.call(&[&["logs"], arguments].concat()).out;
    assert_eq!(shown(&[]), "0|web  | zero\n1|web  | one, ba\n0|web  | zero again\n2|api  | two\n");
    assert_eq!(shown(&["web", "--out"]), "0|web  | zero\n0|web  | zero again\n");
    assert_eq!(shown(&["1"]), "1|web  | one, ba\n");
    assert_eq!(shown(&["--err", "api"]), "2|api  | two\n");
    assert_eq!(shown(&["--err", "-n", "1"]), "2|api  | two\n");
}

#[test]
fn bytes_stay_what_they_are() {
    let (home, _fake) = busy();
    let bytes = b"\xff\x1b[31mred \x07 caf\xe9\r\nno end";
    File::create(home.folder().join("web-error.log")).and_then(|mut file| file.write_all(bytes)).expect("ours");
    let out = |arguments: &[&str]| home.ctl(arguments).output().expect("betti-ctl runs").stdout;
    assert_eq!(out(&["logs", "web", "--err", "--raw"]), bytes);
    let prefixed = out(&["logs", "web", "--err"]);
    assert_eq!(prefixed, b"1|web  | \xff\x1b[31mred \x07 caf\xe9\r\n1|web  | no end\n");
}

#[test]
fn a_terminal_is_shown_colours_and_obeys_nothing_else() {
    let (home, _fake) = busy();
    let log = home.folder().join("web-error.log");
    append(&log, "\u{1b}[32mgreen\u{1b}]0;title\u{7}\n");
    let shown = on_terminal(home.ctl(&["logs", "web", "--err"]), 80);
    assert!(shown.ends_with("\u{1b}[1;31m|\u{1b}[0m \u{1b}[32mgreen^[]0;title^G\u{1b}[0m\r\n"), "{shown:?}");
    assert!(shown.starts_with("\u{1b}[38;5;"), "{shown:?}");
    let mut ctl = home.ctl(&["logs", "web", "--err"]);
    ctl.env("NO_COLOR", "1");
    assert_eq!(on_terminal(ctl, 80), "1|web  | green^[]0;title^G\r\n");
    let raw = on_terminal(home.ctl(&["logs", "web", "--err", "--raw"]), 80);
    assert_eq!(raw, "\u{1b}[32mgreen\u{1b}]0;title\u{7}\r\n");
}

#[test]
fn of_a_huge_log_only_its_end_is_read() {
    let (home, _fake) = busy();
    let log = home.folder().join("web-error.log");
    // A file of a terabyte, of which hardly anything is on the disk.
    append(&log, "beginning\n");
    let file = std::fs::OpenOptions::new().write(true).open(&log).expect("ours");
    file.set_len(1 << 40).expect("a file with holes");
    append(&log, "\nlast but one\nlast\n");
    let shown = call(&home, &["logs", "web", "--err", "-n", "2"]);
    assert_eq!(shown.out, "1|web  | last but one\n1|web  | last\n");
    assert_eq!(call(&home, &["logs", "web", "--err", "-n", "0"]).out, "");
}

#[test]
fn memory_is_bounded_however_much_is_read() {
    let (home, _fake) = busy();
    let log = home.folder().join("web-error.log");
    let line = format!("{}\n", "x".repeat(99));
    append(&log, &line.repeat(100_000));
    let ctl = home.ctl(&["logs", "web", "--err", "-n", "1000000", "--raw"]);
    let program = ctl.get_program().to_owned();
    let mut limited = Command::new("/bin/sh");
    // In kilobytes: the program and its threads' stacks, and much less than the log.
    limited.arg("-c").arg("ulimit -d 8000; exec \"$0\" \"$@\"").arg(program).args(ctl.get_args());
    limited.current_dir(home.folder()).env("BETTI_RUNTIME_DIR", home.runtime_dir());
    let output = limited.output().expect("a shell");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout.len(), 100_000 * line.len());
}

#[test]
fn what_is_damaged_is_named_and_the_rest_is_shown() {
    let (home, _fake) = busy();
    std::fs::write(home.folder().join("api-out.log.2.gz"), "no gzip").expect("ours");
    let shown = call(&home, &["logs", "api", "--out"]);
    assert_eq!((shown.code, shown.out.as_str()), (Some(1), "0|api  | api 2\n0|api  | api 5\n"));
    assert!(shown.error.contains("api-out.log.2.gz"), "{shown:?}");
    assert_eq!(call(&home, &["logs", "api", "--out", "-n2"]).code, Some(0), "it is not needed");
}
