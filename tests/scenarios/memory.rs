//! An app whose whole tree uses more memory than it may is restarted, and says how much that was.

use protocol::control::{Exit, Word};
use scenarios::hub::{Hub, app};
use scenarios::{App, process};

/// Its child takes so much at a byte of its gate.
fn family(name: &str, mebibytes: u32, most: &str) -> App {
    let app = App::puppet(name, &format!("family {mebibytes}")).gated();
    app.set("max_memory_restart", most).set("restart_delay", "1h").set("min_uptime", 1)
}

#[test]
fn a_tree_that_grows_over_its_limit_is_restarted_with_the_numbers_and_backs_off() {
    let hub = Hub::started(&[family("greedy", 120, "60M"), family("modest", 10, "100M")]);
    let (greedy, modest) = (hub.pid("greedy"), hub.pid("modest"));
    let child = process::children(greedy)[0];
    hub.gate("greedy").let_one_through();
    hub.gate("modest").let_one_through();
    hub.journal().until_any("one hoards", |line| line.ends_with(" hoarding"));
    hub.journal().until_any("both hoard", |line| line.ends_with(" hoarding"));
    let waits = hub.until_status("greedy", Word::WaitingRestart);
    let reason = waits.reason.expect("it is on show");
    let used = reason.strip_prefix("uses ").and_then(|rest| rest.split_once(' ')).map(|(number, _)| number.parse());
    assert!(matches!(used, Some(Ok(used)) if (120.0..200.0f64).contains(&used)), "the child counts: {reason}");
    assert!(reason.contains(" MiB, more than max_memory_restart = 60 MiB; retry in "), "{reason}");
    assert!(!process::is_alive(greedy) && !process::is_alive(child));
    let modest_now = hub.app("modest");
    assert_eq!((modest_now.status, modest_now.pid, modest_now.restarts), (Word::Online, Some(modest), 0));
}

#[test]
fn it_is_asked_to_stop_before_it_is_killed_and_comes_back() {
    let hub = Hub::started(&[family("web", 120, "60M").set("restart_delay", 10)]);
    hub.gate("web").let_one_through();
    hub.until("it came back", |watch| {
        let web = app(&watch.status, "web");
        web.status == Word::Online && web.restarts == 1
    });
    hub.journal().until("web leaving");
    assert_eq!(hub.app("web").exit, Some(Exit::Code { code: 0 }));
}

#[test]
fn a_limit_that_comes_to_the_file_counts_without_a_restart() {
    let free = App::puppet("web", "family 120").gated();
    let mut hub = Hub::started(std::slice::from_ref(&free));
    let pid = hub.pid("web");
    hub.gate("web").let_one_through();
    hub.journal().until("web hoarding");
    hub.save("", &[free.set("max_memory_restart", "60M").set("restart_delay", "1h")]);
    hub.ctl(&["apply"]).succeeded();
    assert_eq!(hub.pid("web"), pid);
    let waits = hub.until_status("web", Word::WaitingRestart);
    assert!(waits.reason.is_some_and(|reason| reason.contains("more than max_memory_restart = 60 MiB")));
}
