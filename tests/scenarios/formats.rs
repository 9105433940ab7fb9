//! What lines look like in the files, and which files they are in.

use scenarios::hub::Hub;
use scenarios::{App, wait};
use serde_json::Value;

/// Writes 5 lines to each output, and 5 more at each byte of its gate.
fn chatty() -> App {
    App::puppet("web", "lines 5").gated()
}

/// So many lines are in the file.
fn until_lines(hub: &Hub, file: &str, count: usize) -> Vec<String> {
    wait::until(&format!("{count} lines in {file}"), || {
        let text = std::fs::read_to_string(hub.path(file)).unwrap_or_default();
        match text.lines().count() {
            lines if lines == count && text.ends_with('\n') => Ok(text.lines().map(str::to_owned).collect()),
            _ => Err(text),
        }
    })
}

fn line(what: &str, number: usize) -> String {
    format!("{what} line {number:06} {}", "x".repeat(number))
}

/// Whether a text is as the pattern: `0` is any digit.
fn fits(text: &str, pattern: &str) -> bool {
    let same = |(letter, wanted): (char, char)| if wanted == '0' { letter.is_ascii_digit() } else { letter == wanted };
    text.chars().count() == pattern.chars().count() && text.chars().zip(pattern.chars()).all(same)
}

#[test]
fn a_date_format_stands_before_every_line() {
    let hub = Hub::started(&[chatty().set("log_date_format", "YYYY-MM-DD [at] HH:mm:ss.SSS")]);
    for what in ["out", "error"] {
        for (number, written) in until_lines(&hub, &format!("logs/web-{what}.log"), 5).iter().enumerate() {
            let (date, rest) = written.split_at("0000-00-00 at 00:00:00.000".len());
            assert!(fits(date, "0000-00-00 at 00:00:00.000"), "{written}");
            assert_eq!(rest, format!(": {}", line(what, number)));
        }
    }
}

#[test]
fn time_is_pm2s_own_date_before_every_line() {
    let hub = Hub::started(&[chatty().set("time", true)]);
    for (number, written) in until_lines(&hub, "logs/web-out.log", 5).iter().enumerate() {
        let (date, rest) = written.split_at("0000-00-00T00:00:00".len());
        assert!(fits(date, "0000-00-00T00:00:00"), "{written}");
        assert_eq!(rest, format!(": {}", line("out", number)));
    }
}

#[test]
fn json_is_one_object_a_line_with_pm2s_keys() {
    let hub = Hub::started(&[App::puppet("other", "ready"), chatty().set("log_type", "json")]);
    for (what, kind) in [("out", "out"), ("error", "err")] {
        for (number, written) in until_lines(&hub, &format!("logs/web-{what}.log"), 5).iter().enumerate() {
            let object: Value = serde_json::from_str(written).expect("JSON");
            assert_eq!(object["message"], format!("{}\n", line(what, number)));
            assert_eq!((&object["type"], &object["app_name"]), (&Value::from(kind), &Value::from("web")));
            assert_eq!(object["process_id"], 1, "its id, as in PM2");
            let timestamp = object["timestamp"].as_str().expect("a time");
            assert!(fits(timestamp.get(..19).unwrap_or_default(), "0000-00-00T00:00:00"), "{timestamp}");
        }
    }
}

#[test]
fn instances_have_files_of_their_own_unless_they_are_merged() {
    let apart = Hub::started(&[App::puppet("web", "lines 5").waits_for_ready().set("instances", 2)]);
    until_lines(&apart, "logs/web-out.log", 5);
    until_lines(&apart, "logs/web-out-1.log", 5);
    let together = App::puppet("web", "lines 5").waits_for_ready().set("instances", 2).set("merge_logs", true);
    let together = Hub::started(&[together]);
    let mut all = until_lines(&together, "logs/web-out.log", 10);
    all.sort();
    let twice: Vec<String> = (0..5).flat_map(|number| [line("out", number), line("out", number)]).collect();
    assert_eq!(all, twice, "none lost, none torn");
    let files = std::fs::read_dir(together.path("logs")).expect("the logs").filter_map(Result::ok);
    let names: Vec<String> = files.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(names.iter().filter(|name| name.starts_with("web-") && name.ends_with(".log")).count(), 2, "{names:?}");
}

#[test]
fn a_changed_file_is_written_to_from_then_on_without_a_restart() {
    let mut hub = Hub::started(&[chatty()]);
    until_lines(&hub, "logs/web-out.log", 5);
    let pid = hub.pid("web");
    hub.save("", &[chatty().set("out_file", "elsewhere/web.log")]);
    wait::until("the file is applied", || {
        let described = hub.ctl(&["describe", "web", "--json"]).succeeded().stdout;
        if described.contains("elsewhere/web.log") { Ok(()) } else { Err(described) }
    });
    hub.gate("web").let_one_through();
    let moved = until_lines(&hub, "elsewhere/web.log", 5);
    assert_eq!(moved, (5..10).map(|number| line("out", number)).collect::<Vec<_>>());
    until_lines(&hub, "logs/web-out.log", 5);
    until_lines(&hub, "logs/web-error.log", 10);
    assert_eq!((hub.pid("web"), hub.app("web").restarts), (pid, 0));
    let shown = hub.ctl(&["logs", "web", "-n", "1", "--out"]).succeeded();
    assert!(shown.stdout.contains(&line("out", 9)), "{shown}");
}

#[test]
fn a_changed_look_is_taken_on_without_a_restart() {
    let mut hub = Hub::started(&[chatty()]);
    until_lines(&hub, "logs/web-out.log", 5);
    let pid = hub.pid("web");
    hub.save("", &[chatty().set("log_type", "json")]);
    wait::until("the file is applied", || {
        let described = hub.ctl(&["describe", "web"]).succeeded().stdout;
        if described.contains("log_type") { Ok(()) } else { Err(described) }
    });
    hub.gate("web").let_one_through();
    let lines = until_lines(&hub, "logs/web-out.log", 10);
    assert_eq!(lines[4], line("out", 4));
    assert!(lines[5].starts_with("{\"message\":\"out line 000005"), "{}", lines[5]);
    assert_eq!((hub.pid("web"), hub.app("web").restarts), (pid, 0));
}

#[test]
fn flush_empties_what_is_named_and_writing_goes_on_from_the_beginning() {
    let hub = Hub::started(&[chatty(), App::puppet("other", "lines 5").waits_for_ready()]);
    for file in ["web-out", "web-error", "other-out"] {
        until_lines(&hub, &format!("logs/{file}.log"), 5);
    }
    let flushed = hub.ctl(&["flush", "web"]).succeeded();
    for file in ["web-out.log", "web-error.log"] {
        assert!(format!("{flushed}").contains(file), "{flushed}");
        assert_eq!(hub.read(&format!("logs/{file}")), "");
    }
    until_lines(&hub, "logs/other-out.log", 5);
    hub.gate("web").let_one_through();
    let after = until_lines(&hub, "logs/web-out.log", 5);
    assert_eq!(after, (5..10).map(|number| line("out", number)).collect::<Vec<_>>());
    hub.ctl(&["flush", "wbe"]).with_code(1);
    hub.ctl(&["flush"]).succeeded();
    assert_eq!(hub.read("logs/other-out.log"), "");
}

#[test]
fn flush_empties_files_of_any_look_and_of_every_instance() {
    let web = App::puppet("web", "lines 5").waits_for_ready().set("instances", 2).set("log_type", "json");
    let hub = Hub::started(&[web]);
    let files = ["logs/web-out.log", "logs/web-out-1.log"];
    files.iter().for_each(|file| drop(until_lines(&hub, file, 5)));
    hub.ctl(&["flush", "web"]).succeeded();
    files.iter().for_each(|file| assert_eq!(hub.read(file), ""));
    hub.ctl(&["restart", "web"]).succeeded();
    files.iter().for_each(|file| drop(until_lines(&hub, file, 5)));
}

#[test]
fn no_line_in_another_look_is_lost_doubled_or_torn_by_the_supervisors_death() {
    let hub = Hub::started(&[App::puppet("web", "lines 40").gated().set("log_type", "json")]);
    until_lines(&hub, "logs/web-out.log", 40);
    for batch in 1..=scenarios::loops(5) {
        scenarios::process::kill_9(hub.status().supervisor.pid);
        hub.gate("web").let_one_through();
        let lines = until_lines(&hub, "logs/web-out.log", (batch + 1) * 40);
        let words = |line: &String| serde_json::from_str::<Value>(line).expect("JSON")["message"].clone();
        for (number, message) in lines.iter().map(words).enumerate() {
            let start = format!("out line {number:06} ");
            assert!(message.as_str().is_some_and(|message| message.starts_with(&start)), "{start} is {message}");
        }
    }
}
