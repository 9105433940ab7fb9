//! A power cut at any instant leaves a file that is whole, and logs that go on behind their last whole line.
//!
//! The real programs are recorded once, and then everything is tried that the disk may hold afterwards.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use protocol::control::Word;
use scenarios::command::Running;
use scenarios::power::{Files, Operation, power_cuts, settle, trace};
use scenarios::{App, Hub, binaries, loops, wait};

/// Where the runtime directory of a hub is: gone with the power.
const RUN: &str = "run";
const TRACE: &str = "trace";
/// The hubs that are started on what is left, of thousands of states.
const HUBS: usize = 12;

/// What is of the scenario, and no file of anybody's.
fn is_left_out(path: &Path) -> bool {
    let is_of_the_scenario = [RUN, TRACE, "data", "journal"].iter().any(|name| path.starts_with(name));
    is_of_the_scenario || path.extension().is_some_and(|extension| extension == "gate")
}

fn is_no_log(path: &Path) -> bool {
    !path.starts_with("logs/")
}

fn on_disk(hub: &Hub, is_left_out: fn(&Path) -> bool) -> Files {
    let mut files = Files::new();
    for folder in ["", "logs"] {
        let entries = std::fs::read_dir(hub.path(folder)).into_iter().flatten().filter_map(Result::ok);
        for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file())) {
            let path = Path::new(folder).join(entry.file_name());
            files.insert(path.clone(), std::fs::read(hub.path(&path.to_string_lossy())).expect("a file"));
        }
    }
    files.retain(|path, _| !is_left_out(path));
    files
}

/// What was on the disk before, and what was done to it: recorded now, or what was recorded once where that cannot be.
fn recorded(name: &str, record: impl FnOnce() -> (Files, Vec<Operation>)) -> (Files, Vec<Operation>) {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings/power").join(name).with_extension("json");
    if !trace::is_there() {
        let text = std::fs::read_to_string(&kept).expect("what was recorded");
        let (files, operations): (Vec<(PathBuf, String)>, _) = serde_json::from_str(&text).expect("operations");
        return (files.into_iter().map(|(path, text)| (path, text.into_bytes())).collect(), operations);
    }
    let (before, operations) = record();
    if std::env::var_os("BETTI_RECORD").is_some() {
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        let files: Vec<_> = before.iter().map(|(path, bytes)| (path, text(bytes))).collect();
        let text = serde_json::to_string_pretty(&(files, &operations)).expect("text");
        std::fs::write(&kept, anywhere(&text)).expect("a file");
    }
    (before, operations)
}

/// Without this machine's paths.
fn anywhere(text: &str) -> String {
    let program = binaries::built("betti-ctl");
    let text = text.replace(&*program.parent().expect("a folder").to_string_lossy(), "/opt/betti/bin");
    let mut parts = text.split("/tmp/betti");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + "/srv/betti" + part.trim_start_matches(char::is_alphanumeric)) + "\n"
}

fn operations(hub: &Hub, before: &Files, is_left_out: fn(&Path) -> bool) -> Vec<Operation> {
    let folder = hub.path("").canonicalize().expect("a folder");
    settle(before, &trace::operations(&hub.read(TRACE), &folder, is_left_out), &on_disk(hub, is_left_out))
}

/// `betti-ctl` with these arguments, in a hub that does not run.
fn ctl(hub: &Hub, arguments: &[&str]) -> (Files, Vec<Operation>) {
    let before = on_disk(hub, is_left_out);
    let mut command = hub.command(&binaries::built("betti-ctl"));
    command.args(arguments);
    Running::start(trace::recorded(&command, &hub.path(TRACE))).output().succeeded();
    (before.clone(), operations(hub, &before, is_left_out))
}

/// Every text that the file may have after a power cut; none where it may not be there.
fn texts(file: &str, (before, operations): &(Files, Vec<Operation>)) -> BTreeSet<Option<String>> {
    let mut texts = BTreeSet::new();
    power_cuts(before, operations, |_, files| {
        let text = files.get(Path::new(file)).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        texts.insert(text);
    });
    texts
}

const OF_TWO: &str = "profile = \"https\" # the one in use\n[[apps]]\nname = \"a\"\nscript = \"/bin/true\"\n\
                      profiles = [\"https\", \"ngrok\"]\n";

#[test]
fn the_file_is_the_old_or_the_new_one_whenever_the_power_is_cut_while_the_profile_is_switched() {
    let done = recorded("profile", || ctl(&Hub::with_file(OF_TWO), &["profile", "ngrok"]));
    let new = OF_TWO.replace("profile = \"https\"", "profile = \"ngrok\"");
    assert_eq!(texts("ecosystem.toml", &done), [Some(OF_TWO.to_owned()), Some(new)].into());
}

#[test]
fn a_file_that_is_made_is_whole_or_not_there_whenever_the_power_is_cut() {
    let made = |name: &str, file: &str, arguments: &[&str]| {
        let done = recorded(name, || {
            let hub = Hub::with_file("");
            std::fs::remove_file(hub.path("ecosystem.toml")).expect("made a moment ago");
            hub.write("ecosystem.config.json", r#"{"apps": [{"name": "a", "script": "a.js"}]}"#);
            ctl(&hub, arguments)
        });
        let found = texts(file, &done);
        assert!(found.len() == 2 && found.contains(&None), "{name}: {found:?}");
    };
    made("init", "ecosystem.toml", &["init"]);
    made("import", "ecosystem.toml", &["import", "ecosystem.config.json", "--output", "ecosystem.toml"]);
    let done = recorded("startup", || {
        let hub = Hub::with_file(OF_TWO);
        ctl(&hub, &["startup", "--user", "root", "--unit-dir", "."])
    });
    let found = texts("betti.service", &done);
    assert!(found.len() == 2 && found.contains(&None), "{found:?}");
}

fn chatty(name: &str, log_max_size: u32) -> App {
    App::puppet(name, "lines 25").waits_for_ready().behind_a_gate().set("log_max_size", log_max_size)
}

/// A hub that writes logs and puts them aside, from its start to its end.
fn a_days_logs() -> (Files, Vec<Operation>) {
    // Raw bytes are known from where they are at the end, so what is put aside of those is not compressed: that is from .2 on.
    let hub = Hub::new(&[chatty("raw", 1500), chatty("formatted", 1100).set("log_type", "json")]);
    std::fs::create_dir(hub.path("logs")).expect("a folder");
    hub.write("logs/raw-out.log", "of the day before\n");
    let before = on_disk(&hub, is_no_log);
    let mut command = hub.command(&binaries::built("betti-supervisor"));
    command.args(["--config", "ecosystem.toml"]);
    let supervisor = Running::start(trace::recorded(&command, &hub.path(TRACE)));
    for name in ["raw", "formatted"] {
        hub.until_status(name, Word::Online);
        hub.gate(name).let_one_through();
        let log = hub.path(&format!("logs/{name}-error.log"));
        wait::until("it wrote all that it has to say", || match std::fs::read_to_string(&log) {
            Ok(text) if text.contains("line 000049") => Ok(()),
            seen => Err(format!("{seen:?}")),
        });
    }
    hub.ctl(&["kill"]).succeeded();
    supervisor.output().succeeded();
    (before.clone(), operations(&hub, &before, is_no_log))
}

/// What is to be left of a log that ends somehow.
fn whole_lines(bytes: &[u8]) -> Vec<u8> {
    let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
    let end = bytes[..written].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    bytes[..end].to_vec()
}

fn is_text(path: &Path) -> bool {
    !path.extension().is_some_and(|ending| ["index", "gz", "tmp"].iter().any(|other| ending == *other))
}

/// What is compressed is whole, or there is still what it was made of.
fn assert_compressed_is_kept(when: &str, logs: &Files) {
    for (path, bytes) in logs.iter().filter(|(path, _)| path.extension().is_some_and(|ending| ending == "gz")) {
        let is_whole = GzDecoder::new(&bytes[..]).read_to_end(&mut Vec::new()).is_ok();
        assert!(is_whole || logs.contains_key(&path.with_extension("")), "{when}: {} is lost", path.display());
    }
}

#[test]
fn a_hub_starts_on_whatever_a_power_cut_left_and_its_logs_go_on_behind_their_last_whole_line() {
    let (before, operations) = recorded("logs", a_days_logs);
    let torn = |visit: &mut dyn FnMut(&str, Files)| {
        power_cuts(&before, &operations, |when, files| {
            let logs = files.iter().filter(|(path, _)| path.starts_with("logs"));
            let logs: Files = logs.map(|(path, bytes)| (path.clone(), bytes.clone())).collect();
            assert_compressed_is_kept(when, &logs);
            if logs.iter().any(|(path, bytes)| is_text(path) && whole_lines(bytes) != *bytes) {
                visit(when, logs);
            }
        });
    };
    let mut count = 0_usize;
    torn(&mut |_, _| count += 1);
    assert!(count > 100, "a power cut tears something: {count}");
    let (mut number, step) = (0, count.div_ceil(loops(HUBS)));
    torn(&mut |when, logs| {
        if number % step == step / 2 {
            go_on(when, &logs);
        }
        number += 1;
    });
}

/// What is in a log as it was compressed, if it was.
fn compressed(logs: &Files, path: &Path) -> Option<Vec<u8>> {
    let mut name = path.as_os_str().to_owned();
    name.push(".gz");
    let mut bytes = Vec::new();
    GzDecoder::new(&logs.get(Path::new(&name))?[..]).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// A new boot: nothing runs, and nothing is in the runtime directory.
fn go_on(when: &str, logs: &Files) {
    let app = |name: &str| App::puppet(name, "lines 3").waits_for_ready();
    let hub = Hub::new(&[app("raw"), app("formatted").set("log_type", "json")]);
    std::fs::create_dir(hub.path("logs")).expect("a folder");
    for (path, bytes) in logs {
        std::fs::write(hub.path(&path.to_string_lossy()), bytes).expect("a file");
    }
    hub.ctl(&["start"]).succeeded();
    hub.ctl(&["kill"]).succeeded();
    let now = on_disk(&hub, is_no_log);
    for (path, bytes) in logs.iter().filter(|(path, _)| is_text(path)) {
        // One that was compressed is whole, whatever became of what it was made of.
        let left = compressed(logs, path).unwrap_or_else(|| whole_lines(bytes));
        let now = now.get(path).cloned().or_else(|| compressed(&now, path)).expect("a log");
        let new = now.strip_prefix(left.as_slice());
        let new = new.unwrap_or_else(|| panic!("{when}: {} begins otherwise: {now:?}", path.display()));
        let new = String::from_utf8(new.to_vec()).expect("text");
        assert!(new.is_empty() || new.ends_with('\n'), "{when}: {}: {new}", path.display());
        let is_new = |line: &str| line.contains("line 00000");
        assert!(new.lines().all(is_new) && new.lines().count() <= 3, "{when}: {}: {new}", path.display());
    }
    let current = |name: &str| now.get(Path::new("logs").join(name).as_path()).map_or(0, Vec::len);
    for name in ["raw-out.log", "raw-error.log", "formatted-out.log", "formatted-error.log"] {
        assert!(current(name) > 0, "{when}: {name} goes on");
    }
}
