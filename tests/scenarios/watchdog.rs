//! What an app can say of itself by `sd_notify`: that it lives, that it failed, that it needs more time, that it is leaving,
//! and who goes on in its place.

use protocol::control::{Exit, Word};
use scenarios::hub::{self, Hub};
use scenarios::{App, process};

/// A watchdog's interval: many times the tenth of a second between two signs of life, half of how long they are watched.
const INTERVAL: &str = "1s";
const FIVE_MINUTES: &str = "EXTEND_TIMEOUT_USEC=300000000";

/// Says these words, one at each byte of its gate.
fn talker(name: &str, words: &str) -> App {
    App::puppet(name, &format!("says {words}")).gated().set("restart_delay", "1h")
}

/// Lets it say its next word.
fn hear(hub: &Hub, name: &str, word: &str) {
    hub.gate(name).let_one_through();
    hub.journal().until(&format!("{name} said {word}"));
}

/// The hub with its talkers ready.
fn online(apps: &[App]) -> Hub {
    let hub = Hub::new(apps);
    for app in apps.iter().filter(|app| app.name != "plain") {
        hub.gate(&app.name).let_one_through();
    }
    hub.ctl(&["start"]).succeeded();
    hub.journal().so_far();
    hub
}

#[test]
fn an_app_that_shows_signs_of_life_is_left_alone_and_one_that_goes_silent_is_restarted() {
    let web = App::puppet("web", "heartbeat").gated().set("watchdog", INTERVAL).set("restart_delay", "1h");
    let hub = Hub::started(&[web]);
    let pid = hub.pid("web");
    hub.journal().until("web lived on");
    let web = hub.app("web");
    assert_eq!((web.status, web.pid, web.restarts), (Word::Online, Some(pid), 0));
    hub.gate("web").let_one_through();
    hub.journal().until("web silent");
    let web = hub.until_status("web", Word::WaitingRestart);
    let reason = web.reason.unwrap_or_default();
    assert!(reason.starts_with("no WATCHDOG=1 for 1.") && reason.contains(" of 1 s; retry in "), "{reason}");
    assert!(process::look(pid).is_none());
}

#[test]
fn an_app_is_told_the_interval_and_may_not_be_silent_from_the_beginning() {
    let hub = Hub::new(&[talker("web", "READY=1").set("watchdog", INTERVAL)]);
    hub.gate("web").let_one_through();
    hub.ctl(&["start", "--no-wait"]).succeeded();
    let web = hub.until_status("web", Word::Online);
    let process = process::look(web.pid.expect("it runs")).expect("it runs");
    assert_eq!(process.variable("WATCHDOG_USEC"), Some("1000000"));
    let web = hub.until_status("web", Word::WaitingRestart);
    assert!(web.reason.is_some_and(|reason| reason.starts_with("no WATCHDOG=1 for ")));
}

#[test]
fn an_app_that_says_that_it_failed_is_restarted_though_nobody_asked_for_a_watchdog() {
    let hub = online(&[talker("web", "READY=1 WATCHDOG=trigger")]);
    hear(&hub, "web", "WATCHDOG=trigger");
    let web = hub.until_status("web", Word::WaitingRestart);
    assert!(web.reason.is_some_and(|reason| reason.starts_with("it said WATCHDOG=trigger; retry in ")));
}

#[test]
fn an_app_that_asks_for_more_time_to_start_gets_it() {
    let asks = talker("asks", &format!("{FIVE_MINUTES} READY=1")).set("listen_timeout", "2s");
    let mute = App::puppet("mute", "never-ready").set("wait_ready", true).set("listen_timeout", "2s");
    let hub = Hub::new(&[asks, mute.set("autorestart", false)]);
    hub.gate("asks").let_one_through();
    hub.ctl(&["start", "--no-wait"]).succeeded();
    hub.journal().until(&format!("asks said {FIVE_MINUTES}"));
    // They were started together with the same time.
    hub.until_status("mute", Word::Errored);
    assert_eq!(hub.app("asks").status, Word::Launching);
    hub.gate("asks").let_one_through();
    assert_eq!(hub.until_status("asks", Word::Online).restarts, 0);
}

#[test]
fn an_app_that_asks_for_more_time_to_stop_gets_it() {
    let asks = App::puppet("asks", &format!("says-deaf READY=1 {FIVE_MINUTES} exit=0")).gated();
    let deaf = App::puppet("plain", "deaf").waits_for_ready();
    let stays = App::puppet("stays", "says READY=1").gated();
    let hub = online(&[asks.set("kill_timeout", "3s"), deaf.set("kill_timeout", "3s"), stays]);
    // Not everything is stopped: that has one deadline for all.
    let (asks, stop) = (hub.pid("asks"), hub.begin(&["stop", "asks", "plain"]));
    hub.until_status("asks", Word::Stopping);
    hear(&hub, "asks", FIVE_MINUTES);
    // They were told at the same moment and had the same time.
    let plain = hub.until_status("plain", Word::Stopped);
    assert_eq!(plain.exit, Some(Exit::Signal { signal: "SIGKILL".into(), core_dumped: false }));
    assert_eq!((hub.app("asks").status, hub.app("asks").pid), (Word::Stopping, Some(asks)));
    hub.gate("asks").let_one_through();
    stop.output().succeeded();
    assert_eq!(hub.app("asks").exit, Some(Exit::Code { code: 0 }), "it left by itself");
}

#[test]
fn whoever_says_that_it_is_leaving_is_not_ready_for_anybody_and_its_exit_is_its_own() {
    let web = talker("web", "READY=1 STOPPING=1 exit=3").set("kill_timeout", "300s");
    let next = App::puppet("plain", "ready").waits_for_ready().depends_on(&["web"]);
    let hub = online(&[web, next]);
    hub.ctl(&["stop", "plain"]).succeeded();
    hear(&hub, "web", "STOPPING=1");
    let web = hub.until_status("web", Word::Stopping);
    hub.ctl(&["start", "plain", "--no-wait"]).succeeded();
    let next = hub.until_status("plain", Word::Waiting);
    assert_eq!(next.reason.as_deref(), Some("waiting for web: stopping"));
    assert!(web.pid.is_some_and(process::is_alive), "nobody has told it to end");
    hub.gate("web").let_one_through();
    let web = hub.until_status("web", Word::WaitingRestart);
    assert_eq!(web.exit, Some(Exit::Code { code: 3 }));
    assert!(web.reason.is_some_and(|reason| reason.starts_with("exited with code 3 after ")));
    assert!(!hub.journal().so_far().contains(&"web terminating".to_owned()));
}

#[test]
fn a_main_process_that_is_named_is_the_app_and_its_end_is_the_apps() {
    let hub = Hub::started(&[App::puppet("web", "daemon").waits_for_ready().set("restart_delay", 10)]);
    let web = hub.until_app("web", "is its main process", |web| {
        let is_main = |pid| process::look(pid).is_some_and(|process| process.command.ends_with("never-ready"));
        web.status == Word::Online && web.pid.is_some_and(is_main)
    });
    assert_eq!(web.restarts, 0);
    process::kill_9(web.pid.expect("it runs"));
    let after = hub.until_app("web", "came back", |app| app.status == Word::Online && app.restarts == 1);
    assert_eq!(after.exit, Some(Exit::Signal { signal: "SIGKILL".into(), core_dumped: false }));
    hub.journal().so_far();
    hub.ctl(&["stop"]).succeeded();
    hub.journal().until("web leaving");
    hub.assert_no_worker_is_left();
}

#[test]
fn what_was_asked_for_and_said_survives_the_supervisors_death() {
    let hub = online(&[talker("web", "READY=1 STOPPING=1 exit=0").set("kill_timeout", "300s")]);
    let before = hub::pids(&hub.status());
    hear(&hub, "web", "STOPPING=1");
    hub.until_status("web", Word::Stopping);
    let supervisor = hub.status().supervisor.pid;
    process::kill_9(supervisor);
    hub.until("another supervisor answers", |watch| watch.status.supervisor.pid != supervisor);
    let web = hub.app("web");
    assert_eq!((web.status, web.pid), (Word::Stopping, before["web"]));
    hub.gate("web").let_one_through();
    let web = hub.until_status("web", Word::WaitingRestart);
    assert_eq!(web.exit, Some(Exit::Code { code: 0 }));
}

#[test]
fn silence_is_noticed_after_the_supervisors_death_too() {
    let web = App::puppet("web", "heartbeat").gated().set("watchdog", INTERVAL).set("restart_delay", "1h");
    let hub = Hub::started(&[web]);
    process::kill_9(hub.status().supervisor.pid);
    hub.until_status("web", Word::Online);
    hub.journal().until("web lived on");
    assert_eq!(hub.app("web").restarts, 0);
    hub.gate("web").let_one_through();
    let web = hub.until_status("web", Word::WaitingRestart);
    assert!(web.reason.is_some_and(|reason| reason.starts_with("no WATCHDOG=1 for 1.")));
}

#[test]
fn nobody_is_let_out_of_a_stop_by_saying_that_it_is_ready_or_leaving() {
    let hub = online(&[App::puppet("web", "says-deaf READY=1 READY=1 STOPPING=1 exit=5").gated()]);
    let stop = hub.begin(&["stop"]);
    hub.until_status("web", Word::Stopping);
    hear(&hub, "web", "READY=1");
    hear(&hub, "web", "STOPPING=1");
    assert_eq!(hub.app("web").status, Word::Stopping);
    hub.gate("web").let_one_through();
    stop.output().succeeded();
    let web = hub.app("web");
    assert_eq!((web.status, web.exit), (Word::Stopped, Some(Exit::Code { code: 5 })));
}
