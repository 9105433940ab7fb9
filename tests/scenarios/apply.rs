//! The file is the truth: saving it is all that is needed, and what is not touched by it runs on.

use protocol::control::Word;
use scenarios::hub::{self, Hub};
use scenarios::{App, process};

fn puppet(name: &str) -> App {
    App::puppet(name, "ready").waits_for_ready()
}

/// Waits until exactly these apps are there, all of them online.
fn until_online(hub: &Hub, names: &[&str]) {
    hub.until(&format!("{names:?} are online"), |watch| {
        let apps = &watch.status.apps;
        let mut there: Vec<&str> = apps.iter().map(|app| app.name.as_str()).collect();
        there.sort_unstable();
        there == names && apps.iter().all(|app| app.status == Word::Online)
    });
}

#[test]
fn saving_the_file_starts_what_is_new_ends_what_left_and_touches_nothing_else() {
    let mut hub = Hub::started(&[puppet("keeps"), puppet("leaves")]);
    let (keeps, leaves) = (hub.pid("keeps"), hub.pid("leaves"));
    hub.save("", &[puppet("comes"), puppet("keeps")]);
    until_online(&hub, &["comes", "keeps"]);
    assert_eq!(hub.pid("keeps"), keeps);
    assert!(process::look(leaves).is_none(), "it is gone when it is off the list");
    let ids: Vec<(u32, String)> = hub.status().apps.into_iter().map(|app| (app.id, app.name)).collect();
    assert_eq!(ids, [(0, "keeps".into()), (2, "comes".into())], "a number stays with whoever has it");
}

#[test]
fn a_changed_policy_restarts_nothing_and_a_changed_launch_that_app_only() {
    let mut hub = Hub::started(&[puppet("policy"), puppet("launch"), puppet("other")]);
    let before = hub::pids(&hub.status());
    hub.save("", &[puppet("policy").set("kill_timeout", 1234), puppet("launch").env("NEW", "1"), puppet("other")]);
    hub.until_app("launch", "was restarted", |app| app.status == Word::Online && app.pid != before["launch"]);
    let after = hub::pids(&hub.status());
    assert_eq!((after["policy"], after["other"]), (before["policy"], before["other"]));
    let launch = process::look(hub.pid("launch")).expect("it runs");
    assert_eq!(launch.variable("NEW"), Some("1"));
}

#[test]
fn a_broken_file_changes_nothing_and_is_shown_with_line_and_likely_fix() {
    let mut hub = Hub::started(&[puppet("web")]);
    let before = hub.pid("web");
    hub.save_text("[[apps]]\nname = \"web\"\nscript = \"sleep\"\nwait_redy = true\n");
    let shown = hub.until("the mistake is shown", |watch| watch.status.notice.is_some());
    let notice = shown.status.notice.unwrap_or_default();
    assert!(notice.contains("ecosystem.toml:4:1: unknown key `wait_redy`"), "{notice}");
    assert_eq!(hub.pid("web"), before);
    let table = hub.ctl(&["status"]).succeeded().stdout;
    assert!(table.contains("wait_redy"), "{table}");
    let applied = hub.ctl(&["apply"]).with_code(2);
    assert!(applied.stderr.contains("did you mean `wait_ready`"), "{applied}");
    hub.save("", &[puppet("web")]);
    hub.until("it is mended", |watch| watch.status.notice.is_none());
    assert_eq!(hub.pid("web"), before);
}

#[test]
fn a_save_never_starts_what_an_operator_stopped() {
    let mut hub = Hub::started(&[puppet("held"), puppet("other")]);
    hub.ctl(&["stop", "held"]).succeeded();
    hub.save("", &[puppet("held").env("NEW", "1"), puppet("other"), puppet("comes")]);
    hub.until_status("comes", Word::Online);
    assert_eq!(hub.app("held").status, Word::Stopped);
    process::kill_9(hub.status().supervisor.pid);
    hub.until("another supervisor answers", |watch| watch.status.apps.len() == 3);
    assert_eq!(hub.app("held").status, Word::Stopped);
    hub.ctl(&["start", "held"]).succeeded();
    assert_eq!(process::look(hub.pid("held")).expect("it runs").variable("NEW"), Some("1"));
}

#[test]
fn a_crashing_app_is_tried_at_once_when_the_file_is_mended() {
    let mut hub = Hub::new(&[App::puppet("web", "exit 1").set("restart_delay", "1h")]);
    hub.ctl(&["start", "--no-wait"]).succeeded();
    hub.until_status("web", Word::WaitingRestart);
    hub.save("", &[puppet("web")]);
    hub.until_status("web", Word::Online);
}

#[test]
fn apply_shows_the_plan_and_only_a_dry_run_leaves_it_at_that() {
    let mut hub = Hub::started(&[puppet("keeps"), puppet("leaves"), puppet("changes")]);
    let before = hub.pid("changes");
    // Written in place and not noticed yet, or noticed: a dry run says the same until somebody applies it.
    hub.ctl(&["stop", "leaves"]).succeeded();
    let apps = [puppet("keeps"), puppet("changes").env("NEW", "1"), puppet("comes")];
    hub.save("", &apps);
    let applied = hub.ctl(&["apply"]).succeeded();
    until_online(&hub, &["changes", "comes", "keeps"]);
    assert_ne!(hub.pid("changes"), before, "{applied}");
    let again = hub.ctl(&["apply", "--dry-run", "--json"]).succeeded();
    let plan: serde_json::Value = serde_json::from_str(&again.stdout).expect("JSON");
    let kept: Vec<&str> = plan["plan"].as_array().expect("a plan").iter().filter_map(|s| s["what"].as_str()).collect();
    assert_eq!(kept, ["keep", "keep", "keep"], "{again}");
}

#[test]
fn a_change_survives_the_supervisors_death_at_every_moment() {
    for delay in 0..scenarios::loops(10) {
        let mut hub = Hub::started(&[puppet("keeps"), App::puppet("leaves", "deaf").set("kill_timeout", 300)]);
        let (keeps, supervisor) = (hub.pid("keeps"), hub.status().supervisor.pid);
        hub.save("", &[puppet("comes"), puppet("keeps")]);
        // Somewhere between the save and the end of what left: moments differ from turn to turn.
        for _ in 0..delay * 3 {
            let _ = hub.watch(None, std::time::Duration::from_secs(1));
        }
        process::kill_9(supervisor);
        until_online(&hub, &["comes", "keeps"]);
        assert_eq!(hub.pid("keeps"), keeps, "turn {delay}");
        assert_eq!(hub.workers().len(), 2, "turn {delay}");
    }
}

#[test]
fn an_app_in_the_place_of_another_one_is_another_one() {
    let mut hub = Hub::started(&[puppet("old"), puppet("other")]);
    let old = hub.pid("old");
    hub.save("", &[puppet("new")]);
    hub.until("the new one alone is there", |watch| {
        watch.status.apps.len() == 1 && hub::app(&watch.status, "new").status == Word::Online
    });
    assert!(process::look(old).is_none(), "nothing of what the file has no more is left");
    assert_ne!(hub.pid("new"), old);
    hub.ctl(&["kill"]).succeeded();
}
