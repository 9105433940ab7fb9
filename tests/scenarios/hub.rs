//! Hubs keep apart.

use scenarios::App;
use scenarios::hub::{Hub, pids};

#[test]
fn a_second_hub_runs_beside_the_first() {
    let apps = [App::puppet("web", "ready").waits_for_ready()];
    let (first, second) = (Hub::started(&apps), Hub::started(&apps));
    let before = first.status();
    assert_ne!(before.keeper, second.status().keeper);
    second.ctl(&["restart"]).succeeded();
    second.ctl(&["kill"]).succeeded();
    assert!(second.processes().is_empty());
    assert_eq!((pids(&first.status()), first.status().keeper), (pids(&before), before.keeper));
}

#[test]
fn a_run_is_never_numbered_twice_also_across_keepers() {
    let hub = Hub::started(&[App::puppet("web", "ready")]);
    let invocation = || hub.workers()[0].variable(protocol::worker::INVOCATION).expect("an invocation").to_owned();
    let first = invocation();
    hub.ctl(&["kill"]).succeeded();
    hub.ctl(&["start"]).succeeded();
    let second = invocation();
    let number = |invocation: &str| invocation.rsplit_once('-').and_then(|(_, run)| run.parse::<u64>().ok());
    assert_eq!(first.rsplit_once('-').map(|(hub, _)| hub), second.rsplit_once('-').map(|(hub, _)| hub), "one hub id");
    assert!(number(&second) > number(&first), "{first}, {second}");
}
