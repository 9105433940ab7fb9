//! With `watch`, a change of its files is all that an app needs to begin anew.

use std::path::Path;

use protocol::control::Word;
use scenarios::hub::Hub;
use scenarios::{App, process, wait};

/// Lives in the folder `site`, which it watches.
fn watcher(name: &str) -> App {
    App::puppet(name, "ready").waits_for_ready().set("cwd", "site").set("watch", true).set("watch_delay", "200ms")
}

/// A hub with a folder `site`, watched from now on.
fn hub_with(apps: &[App]) -> Hub {
    let hub = Hub::new(apps);
    for folder in ["site/src", "site/node_modules/left-pad", "site/uploads", "site/.git"] {
        std::fs::create_dir_all(hub.path(folder)).expect("a folder");
    }
    hub
}

fn started(apps: &[App]) -> Hub {
    let hub = hub_with(apps);
    hub.ctl(&["start"]).succeeded();
    until_watched(&hub, "site/src");
    hub
}

/// Nothing is missed from the moment on in which the kernel was told.
fn until_watched(hub: &Hub, folder: &str) {
    let (supervisor, path) = (hub.status().supervisor.pid, hub.path(folder));
    wait::until("it is watched", || if process::watches(supervisor, &path) { Ok(()) } else { Err(path.display()) });
}

/// It was restarted so often and is online.
fn until_restarts(hub: &Hub, name: &str, restarts: u64) {
    hub.until_app(name, &format!("was restarted {restarts} times"), |app| {
        assert!(app.restarts <= restarts, "{app:?}");
        app.status == Word::Online && app.restarts == restarts
    });
}

/// What the supervisor says that changed.
fn told(hub: &Hub) -> Vec<String> {
    let log = hub.read("logs/betti-supervisor.log");
    log.lines().filter_map(|line| line.split_once(": restarting").map(|(_, words)| words[2..].to_owned())).collect()
}

#[test]
fn a_change_restarts_the_app_and_names_the_file() {
    let hub = started(&[watcher("web"), App::puppet("other", "ready").waits_for_ready()]);
    let other = hub.pid("other");
    hub.write("site/src/app.js", "1");
    until_restarts(&hub, "web", 1);
    assert_eq!(told(&hub), ["src/app.js changed"]);
    assert_eq!(hub.pid("other"), other);
    assert_eq!(hub.app("web").reason, None, "nothing is wrong with it");
}

#[test]
fn several_quick_changes_restart_it_once() {
    let hub = started(&[watcher("web")]);
    for number in 0..20 {
        hub.write(&format!("site/src/{number}.js"), "1");
    }
    until_restarts(&hub, "web", 1);
    hub.write("site/last.js", "1");
    until_restarts(&hub, "web", 2);
    assert_eq!(told(&hub), ["src/0.js changed", "last.js changed"]);
}

#[test]
fn files_that_appear_in_new_folders_and_files_that_leave_count_too() {
    let hub = started(&[watcher("web")]);
    std::fs::create_dir_all(hub.path("site/new/deep")).expect("a folder");
    until_restarts(&hub, "web", 1);
    until_watched(&hub, "site/new/deep");
    hub.write("site/new/deep/a.js", "1");
    until_restarts(&hub, "web", 2);
    std::fs::remove_file(hub.path("site/new/deep/a.js")).expect("it is there");
    until_restarts(&hub, "web", 3);
    assert_eq!(told(&hub), ["new changed", "new/deep/a.js changed", "new/deep/a.js changed"]);
}

#[test]
fn what_is_ignored_restarts_nothing() {
    let hub = started(&[watcher("web").set("ignore_watch", vec!["uploads/", "*.tmp"])]);
    for ignored in ["uploads/picture", "src/app.tmp", "node_modules/left-pad/index.js", ".env", ".git/index", "src/.x"]
    {
        hub.write(&format!("site/{ignored}"), "1");
    }
    // Changes are told in their order.
    hub.write("site/src/app.js", "1");
    until_restarts(&hub, "web", 1);
    assert_eq!(told(&hub), ["src/app.js changed"]);
    for unwatched in ["node_modules", "uploads", ".git"] {
        let folder = hub.path(&format!("site/{unwatched}"));
        assert!(!process::watches(hub.status().supervisor.pid, &folder), "{unwatched} is not even looked into");
    }
}

#[test]
fn what_the_hub_writes_itself_restarts_nothing() {
    // With times before them, lines are kept in the runtime directory, which is below the folder too, until they are written.
    let web = App::puppet("web", "lines 5").gated().set("watch", true).set("watch_delay", "200ms").set("time", true);
    let hub = hub_with(&[web]);
    std::fs::create_dir(hub.path("data")).expect("a folder");
    hub.ctl(&["start"]).succeeded();
    until_watched(&hub, "site/src");
    let before = hub.read("logs/web-out.log").len();
    hub.gate("web").let_one_through();
    wait::until("it has written more", || match hub.read("logs/web-out.log").len() {
        length if length > before => Ok(()),
        length => Err(length),
    });
    hub.write("data/web.db", "1");
    // Another way to be looked after restarts nothing by itself.
    hub.write("ecosystem.toml", &hub.read("ecosystem.toml").replace("[[apps]]", "[[apps]]\nkill_timeout = 1234"));
    wait::until("the file is applied", || {
        let described = hub.ctl(&["describe", "web"]).succeeded().stdout;
        if described.contains("1.2 s") { Ok(()) } else { Err(described) }
    });
    hub.write("site/src/app.js", "1");
    until_restarts(&hub, "web", 1);
    assert_eq!(told(&hub), ["site/src/app.js changed"]);
}

#[test]
fn a_change_never_starts_what_an_operator_stopped() {
    let hub = started(&[watcher("held"), watcher("other")]);
    hub.ctl(&["stop", "held"]).succeeded();
    for number in 1..=2 {
        hub.write("site/src/app.js", &number.to_string());
        until_restarts(&hub, "other", number);
    }
    let held = hub.app("held");
    assert_eq!((held.status, held.pid, held.restarts), (Word::Stopped, None, 0));
}

#[test]
fn a_crashed_app_is_tried_at_once_when_its_files_change() {
    let web = App::program("web", "site/app.sh").set("cwd", "site").set("watch", true).set("restart_delay", "1h");
    let hub = hub_with(&[web.set("watch_delay", "200ms").set("wait_ready", true)]);
    hub.write("site/app.sh", "exit 1\n");
    hub.ctl(&["start"]).with_code(1);
    hub.until_status("web", Word::WaitingRestart);
    until_watched(&hub, "site/src");
    hub.write("site/app.sh", "eval \"echo ready >&$BETTI_READY_FD\"\nexec sleep 1000\n");
    hub.until_status("web", Word::Online);
    let log = hub.read("logs/betti-supervisor.log");
    assert!(log.lines().any(|line| line.ends_with("web: starting (run 2): app.sh changed")), "{log}");
}

#[test]
fn a_change_is_the_reason_for_one_restart_and_not_for_the_next() {
    let hub = started(&[watcher("web").set("watch_delay", "100ms")]);
    hub.write("site/src/app.js", "1");
    until_restarts(&hub, "web", 1);
    hub.ctl(&["restart", "web"]).succeeded();
    hub.ctl(&["stop", "web"]).succeeded();
    hub.write("site/src/app.js", "2");
    hub.ctl(&["start", "web"]).succeeded();
    hub.ctl(&["restart", "web"]).succeeded();
    assert_eq!(told(&hub)[..2], ["src/app.js changed", "as asked"]);
}

#[test]
fn files_are_watched_on_by_the_next_supervisor() {
    let hub = started(&[watcher("web")]);
    let supervisor = hub.status().supervisor.pid;
    process::kill_9(supervisor);
    hub.until("another supervisor answers", |watch| watch.status.supervisor.pid != supervisor);
    until_watched(&hub, "site/src");
    hub.write("site/src/app.js", "1");
    until_restarts(&hub, "web", 1);
}

#[test]
fn what_cannot_be_watched_is_said() {
    let hub = Hub::new(&[App::puppet("web", "ready").waits_for_ready().set("watch", vec!["no/such/folder"])]);
    hub.ctl(&["start"]).succeeded();
    let shown = hub.until("the trouble is shown", |watch| watch.status.notice.is_some());
    let notice = shown.status.notice.unwrap_or_default();
    let folder = Path::new("no/such");
    assert!(notice.starts_with("web: cannot watch ") && notice.contains(&*folder.to_string_lossy()), "{notice}");
    assert_eq!(hub.app("web").status, Word::Online);
}
