//! What workers write is kept, shown and followed, line by line.

use scenarios::hub::Hub;
use scenarios::{App, process, wait};

/// As the puppet writes it.
fn line(what: &str, number: usize) -> String {
    format!("{what} line {number:06} {}", "x".repeat(number % 50))
}

fn lines(what: &str, numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| line(what, number)).collect()
}

/// Writes 40 lines of about 40 bytes at once, and 40 more at each opening of its gate.
fn chatty() -> App {
    App::puppet("web", "lines 40").gated()
}

/// Every line of an app's log, the rotated files first; fewer while one is being put aside.
fn kept(hub: &Hub, kind: &str) -> Vec<String> {
    let bytes = scenarios::kept::bytes(&hub.path(&format!("logs/web-{kind}.log"))).unwrap_or_default();
    String::from_utf8(bytes).expect("text").lines().map(str::to_owned).collect()
}

fn until_kept(hub: &Hub, kind: &str, count: usize) -> Vec<String> {
    wait::until("all lines are in the files", || match kept(hub, kind) {
        all if all.len() == count => Ok(all),
        all => Err(format!("{} of {count}", all.len())),
    })
}

#[test]
fn standard_output_and_standard_error_go_to_files_of_the_apps_name() {
    let hub = Hub::started(&[chatty()]);
    until_kept(&hub, "out", 40);
    until_kept(&hub, "error", 40);
    assert_eq!(hub.read("logs/web-out.log").lines().collect::<Vec<_>>(), lines("out", 0..40));
    assert_eq!(hub.read("logs/web-error.log").lines().collect::<Vec<_>>(), lines("error", 0..40));
}

#[test]
fn logs_shows_the_last_lines_with_the_apps_id_and_name() {
    let hub = Hub::started(&[App::puppet("other", "ready"), chatty()]);
    until_kept(&hub, "out", 40);
    until_kept(&hub, "error", 40);
    let shown = hub.ctl(&["logs", "web", "-n", "3"]).succeeded();
    for what in ["out", "error"] {
        for (number, expected) in [(36, false), (37, true), (39, true)] {
            assert_eq!(shown.stdout.contains(&line(what, number)), expected, "{what} {number} in {shown}");
        }
    }
    let prefixed = shown.stdout.lines().find(|shown| shown.ends_with(&line("out", 39))).expect("the last line");
    assert!(prefixed.starts_with("1|web") && prefixed.contains('|'), "PM2's prefix: {prefixed}");
}

#[test]
fn following_shows_every_line_once_and_in_order_across_rotations() {
    let hub = Hub::started(&[chatty().set("log_max_size", 1024)]);
    until_kept(&hub, "out", 40);
    let mut follow = hub.begin(&["logs", "-f", "-n", "1", "web"]);
    let mut next_out_line = || loop {
        let shown = follow.line();
        if let Some(at) = shown.find("out line ") {
            break shown[at..].to_owned();
        }
    };
    assert_eq!(next_out_line(), line("out", 39), "the last line before following");
    for batch in 1..6 {
        hub.gate("web").let_one_through();
        for number in batch * 40..(batch + 1) * 40 {
            assert_eq!(next_out_line(), line("out", number));
        }
    }
    assert!(follow.is_running(), "it follows until it is ended");
}

#[test]
fn rotation_by_size_loses_no_line_and_cuts_none() {
    let hub = Hub::started(&[chatty().set("log_max_size", 2048)]);
    for batch in 1..4 {
        until_kept(&hub, "out", batch * 40);
        until_kept(&hub, "error", batch * 40);
        hub.gate("web").let_one_through();
    }
    for kind in ["out", "error"] {
        assert_eq!(until_kept(&hub, kind, 160), lines(kind, 0..160));
    }
    let rotated = scenarios::kept::files(&hub.path("logs/web-out.log")).expect("the logs").len();
    assert!(rotated >= 2, "160 lines, of which 40 come at once, are more than twice 2048 bytes: {rotated} file(s)");
}

#[test]
fn logs_go_on_in_the_same_file_after_a_restart() {
    let hub = Hub::started(&[chatty()]);
    until_kept(&hub, "out", 40);
    hub.ctl(&["restart", "web"]).succeeded();
    let all = until_kept(&hub, "out", 80);
    assert_eq!(all.len(), 80);
    assert_eq!(hub.read("logs/web-out.log").lines().count(), 80);
}

#[test]
fn the_last_words_of_a_crashing_worker_are_kept() {
    let hub = Hub::new(&[App::program("crash", "echo 'last words' >&2; exit 4").set("restart_delay", 60_000)]);
    let start = hub.ctl(&["start"]);
    let read = || std::fs::read_to_string(hub.path("logs/crash-error.log")).unwrap_or_default();
    wait::until("the line is in the file", || if read().contains("last words\n") { Ok(()) } else { Err(read()) });
    drop(start);
}

#[test]
fn lines_written_while_the_supervisor_is_dead_are_kept() {
    let hub = Hub::started(&[chatty()]);
    until_kept(&hub, "out", 40);
    for batch in 1..=5 {
        scenarios::process::kill_9(hub.status().supervisor.pid);
        hub.gate("web").let_one_through();
        assert_eq!(until_kept(&hub, "out", (batch + 1) * 40), lines("out", 0..(batch + 1) * 40));
    }
}

#[test]
fn after_a_crash_of_everything_the_logs_are_shown_all_the_same() {
    let hub = Hub::started(&[chatty()]);
    until_kept(&hub, "out", 40);
    process::kill_9(hub.status().keeper.pid);
    hub.until_nothing_is_left();
    let shown = hub.ctl(&["logs", "web", "--out", "-n", "1"]).succeeded();
    assert!(shown.stdout.ends_with(&format!("| {}\n", line("out", 39))), "{shown}");
    assert!(shown.stderr.contains("no supervisor is running"), "{shown}");
}
