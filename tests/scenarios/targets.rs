//! Apps are meant by name, id, namespace, several at once, or all.

use protocol::control::Word;
use scenarios::App;
use scenarios::hub::Hub;

/// Names of those that are not stopped.
fn running(hub: &Hub) -> Vec<String> {
    let apps = hub.status().apps;
    apps.into_iter().filter(|app| app.status != Word::Stopped).map(|app| app.name).collect()
}

#[test]
fn names_ids_namespaces_several_and_all_are_understood() {
    let app = |name: &str, namespace: &str| App::puppet(name, "ready").set("namespace", namespace);
    let hub = Hub::started(&[app("zero", "house"), app("one", "house"), app("two", "garden"), app("three", "garden")]);
    let cases: [(&[&str], &[&str]); 5] = [
        (&["one"], &["zero", "two", "three"]),
        (&["2"], &["zero", "one", "three"]),
        (&["house"], &["two", "three"]),
        (&["zero", "3", "garden"], &["one"]),
        (&["all"], &[]),
    ];
    for (targets, left) in cases {
        hub.ctl(&[&["stop"], targets].concat()).succeeded();
        assert_eq!(running(&hub), left, "after stop {targets:?}");
        hub.ctl(&[&["start"], targets].concat()).succeeded();
        assert_eq!(running(&hub).len(), 4, "after start {targets:?}");
    }
}

#[test]
fn restart_gives_a_new_process_to_what_runs_and_starts_what_does_not() {
    let hub = Hub::started(&[App::puppet("a", "ready").waits_for_ready(), App::puppet("b", "ready").waits_for_ready()]);
    hub.ctl(&["stop", "b"]).succeeded();
    let before = hub.pid("a");
    hub.ctl(&["restart"]).succeeded();
    assert_ne!(hub.pid("a"), before);
    assert!(!scenarios::process::is_alive(before));
    assert_eq!(hub.app("b").status, Word::Online);
}
