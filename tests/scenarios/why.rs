//! Why an app is what it is: its last changes, with their causes and who brought them about.

use std::fs;

use protocol::control::{Actor, Happening, Why, Word};
use scenarios::hub::Hub;
use scenarios::ports::Port;
use scenarios::{App, binaries, process};

fn why(hub: &Hub, app: &str) -> Vec<Happening> {
    let output = hub.ctl(&["why", app, "--json"]).succeeded();
    let mut told: Vec<Why> = serde_json::from_str(&output.stdout).expect("what became of it");
    assert_eq!(told.len(), 1, "{output}");
    told.remove(0).happenings
}

/// What happened and who did it, without times and numbers of runs.
fn told(happenings: &[Happening]) -> Vec<(String, Actor)> {
    let words = |what: &str| what.split([';', '(']).next().unwrap_or_default().to_owned();
    let without_times = |what: String| match what.split_once(" after ") {
        Some((before, _)) => before.to_owned(),
        None => what.trim_end().to_owned(),
    };
    happenings.iter().map(|one| (without_times(words(&one.what)), one.actor)).collect()
}

fn expected(pairs: &[(&str, Actor)]) -> Vec<(String, Actor)> {
    pairs.iter().map(|(what, actor)| ((*what).to_owned(), *actor)).collect()
}

#[test]
fn what_became_of_an_app_is_told_with_who_brought_it_about_also_by_the_next_supervisor() {
    let web = App::puppet("web", "ready-exit 3").waits_for_ready().set("restart_delay", "1h");
    let mut hub = Hub::new(&[web, App::puppet("other", "ready").waits_for_ready()]);
    hub.ctl(&["start", "--no-wait"]).succeeded();
    hub.until_status("web", Word::WaitingRestart);
    hub.until_status("other", Word::Online);
    let crash = [
        ("starting", Actor::Hub),
        ("online", Actor::App),
        ("exited with code 3", Actor::App),
        ("retry in 59 min", Actor::Hub),
    ];
    let happenings = why(&hub, "web");
    assert_eq!(told(&happenings), expected(&crash), "{happenings:?}");
    assert_eq!(happenings.last().map(|last| last.status), Some(Word::WaitingRestart));
    assert!(happenings.iter().map(|one| one.after_boot_ms).is_sorted(), "{happenings:?}");
    assert!(happenings.iter().all(|one| one.boot.len() == 8 && one.at.ends_with('Z')), "{happenings:?}");

    process::kill_9(hub.status().supervisor.pid);
    assert_eq!(told(&why(&hub, "web")), expected(&crash), "a successor knows, and nothing twice");

    hub.ctl(&["restart", "other"]).succeeded();
    hub.ctl(&["stop", "other"]).succeeded();
    let begun = [("starting", Actor::Hub), ("online", Actor::App)];
    let asked = [
        ("restarting, as asked", Actor::Operator),
        ("starting again", Actor::Hub),
        ("starting", Actor::Operator),
        ("online", Actor::App),
        ("stopping, as asked", Actor::Operator),
        ("stopped", Actor::Operator),
    ];
    let happenings = told(&why(&hub, "other"));
    let all = [&begun[..], &asked[..]].concat();
    // A run that is gone and the next one that begins may be one change or two.
    let without = |pairs: Vec<(String, Actor)>| pairs.into_iter().filter(|(what, _)| what != "starting again");
    assert!(without(happenings.clone()).eq(without(expected(&all))), "{happenings:?}");

    hub.ctl(&["start", "other"]).succeeded();
    hub.save("", &[App::puppet("other", "ready").waits_for_ready().env("NEW", "1")]);
    hub.until("the edit is in force", |watch| watch.status.apps.len() == 1);
    hub.until_app("other", "runs anew", |app| app.status == Word::Online);
    let by_the_file = why(&hub, "other").into_iter().any(|one| one.actor == Actor::File);
    assert!(by_the_file, "{:?}", why(&hub, "other"));
}

#[test]
fn a_wish_that_is_done_or_changed_nothing_is_not_to_blame_for_a_later_crash() {
    let port = Port::free();
    let web = App::program("web", "./web.sh").waits_for_ready().set("listen", port.address());
    let web = web.env("PUPPET_JOURNAL", "journal").set("restart_delay", 0).set("exp_backoff_restart_delay", 0);
    let hub = Hub::new(&[web]);
    let puppet = binaries::built("puppet");
    hub.write("web.sh", &format!("test -e broken && exit 7\nexec {} drain\n", puppet.display()));
    hub.ctl(&["start"]).succeeded();
    hub.ctl(&["start", "web"]).succeeded();
    hub.ctl(&["reset", "web"]).succeeded();
    let crash = |count| {
        process::kill_9(hub.pid("web"));
        hub.until_app("web", "runs anew", |app| app.status == Word::Online && app.restarts == count);
    };
    crash(1);
    let by_the_operator = || -> Vec<String> {
        why(&hub, "web").into_iter().filter(|one| one.actor == Actor::Operator).map(|one| one.what).collect()
    };
    assert_eq!(by_the_operator(), Vec::<String>::new());
    hub.write("broken", "");
    hub.ctl(&["reload", "web"]).with_code(1);
    fs::remove_file(hub.path("broken")).expect("it is there");
    crash(2);
    assert_eq!(by_the_operator(), ["reloading: run 3 beside the one that serves"]);
}

#[test]
fn people_read_it_as_lines_and_a_name_that_means_nothing_is_refused() {
    let web = App::puppet("web", "exit 3").set("restart_delay", "1h");
    let hub = Hub::new(&[web]);
    hub.ctl(&["start", "--no-wait"]).succeeded();
    hub.until_status("web", Word::WaitingRestart);
    let text = hub.ctl(&["why", "web"]).succeeded().stdout;
    assert!(text.starts_with("web (id 0) is waiting restart: exited with code 3 after "), "{text}");
    assert!(text.contains("exited with code 3 after ") && text.contains("(app)"), "{text}");
    let refused = hub.ctl(&["why", "wep"]).with_code(1);
    assert!(refused.stderr.contains("there is no app, id or namespace `wep`"), "{refused}");
    hub.ctl(&["why"]).with_code(2);
}

#[test]
fn only_the_last_changes_are_kept() {
    let web = App::puppet("web", "exit 3").set("restart_delay", 0).set("exp_backoff_restart_delay", 0);
    let hub = Hub::new(&[web.set("max_restarts", 100)]);
    hub.ctl(&["start", "--no-wait"]).succeeded();
    hub.until_app("web", "was restarted often", |app| app.restarts > 30);
    assert_eq!(why(&hub, "web").len(), 20);
}
