//! Several instances of an app share its sockets, have numbers of their own, and are reloaded one after the other.

use std::collections::BTreeSet;

use protocol::control::{App as Seen, Status, Word};
use protocol::worker;
use scenarios::hub::Hub;
use scenarios::ports::Port;
use scenarios::{App, http, process};

fn instances<'s>(status: &'s Status, name: &str) -> Vec<&'s Seen> {
    status.apps.iter().filter(|app| app.name == name).collect()
}

fn web(port: &Port, count: u32) -> App {
    App::puppet("web", "http").waits_for_ready().set("listen", port.address()).set("instances", count)
}

#[test]
fn instances_have_numbers_of_their_own_and_share_the_socket() {
    let port = Port::free();
    let hub = Hub::started(&[web(&port, 3), App::puppet("other", "ready")]);
    let status = hub.status();
    let web = instances(&status, "web");
    assert_eq!(web.iter().map(|app| app.instance).collect::<Vec<_>>(), [Some(0), Some(1), Some(2)]);
    assert_eq!(web.iter().map(|app| app.id).collect::<Vec<_>>(), [0, 2, 3], "1 is the other app's place in the file");
    let mut numbers = BTreeSet::new();
    for app in &web {
        let process = process::look(app.pid.expect("it runs")).expect("it runs");
        assert_eq!(process.variable("NODE_APP_INSTANCE"), process.variable(worker::INSTANCE));
        numbers.insert(process.variable(worker::INSTANCE).map(str::to_owned));
    }
    assert_eq!(numbers.len(), 3);
    let answered: i32 = http::get(port.number(), "/").expect("an answer").text().parse().expect("a pid");
    assert!(web.iter().any(|app| app.pid == Some(answered)));
    assert!(hub.path("logs/web-out.log").exists() && hub.path("logs/web-out-2.log").exists());
}

#[test]
fn scaling_up_and_down_leaves_the_others_alone_and_lasts_over_a_save() {
    let port = Port::free();
    let mut hub = Hub::started(&[web(&port, 1)]);
    let first = hub.pid("web");
    hub.ctl(&["scale", "web", "3"]).succeeded();
    assert_eq!(instances(&hub.status(), "web").len(), 3);
    hub.ctl(&["scale", "web", "-1"]).succeeded();
    let status = hub.status();
    let left = instances(&status, "web");
    assert_eq!(left.len(), 2);
    assert_eq!(left[0].pid, Some(first));
    hub.save("", &[web(&port, 1), App::puppet("comes", "ready")]);
    hub.until_status("comes", Word::Online);
    assert_eq!(instances(&hub.status(), "web").len(), 2, "the file says the same as before about it");
    hub.save("", &[web(&port, 4), App::puppet("comes", "ready")]);
    hub.until("the file's word counts", |watch| {
        let web = instances(&watch.status, "web");
        web.len() == 4 && web.iter().all(|app| app.status == Word::Online)
    });
    hub.ctl(&["scale", "web", "0"]).with_code(1);
    hub.ctl(&["scale", "web", "many"]).with_code(2);
    hub.ctl(&["scale", "nobody", "2"]).with_code(1);
}

#[test]
fn a_reload_restarts_one_after_the_other_and_stops_at_the_first_that_fails() {
    let port = Port::free();
    let mut hub = Hub::started(&[web(&port, 3)]);
    let before: Vec<_> = instances(&hub.status(), "web").iter().map(|app| app.pid).collect();
    hub.ctl(&["reload", "web"]).succeeded();
    let status = hub.status();
    let after: Vec<_> = instances(&status, "web").iter().map(|app| app.pid).collect();
    assert!(before.iter().zip(&after).all(|(before, after)| before != after && after.is_some()));
    // From now on it cannot start any more: the first tries beside its old run, and all run on.
    hub.save("", &[web(&port, 3).set("env_file", "vars").set("restart_delay", "1h")]);
    std::fs::write(hub.path("vars"), "A=1\n").expect("written");
    hub.ctl(&["apply"]).succeeded();
    hub.until("all are online with the file", |watch| {
        instances(&watch.status, "web").iter().all(|app| app.status == Word::Online)
    });
    let before: Vec<_> = instances(&hub.status(), "web").iter().map(|app| app.pid).collect();
    std::fs::write(hub.path("vars"), "nonsense\n").expect("written");
    let failed = hub.ctl(&["reload", "web"]).with_code(1);
    assert!(format!("{failed}").contains("vars:1"), "{failed}");
    let status = hub.status();
    let after: Vec<_> = instances(&status, "web").iter().map(|app| app.pid).collect();
    assert_eq!(after, before, "{failed}");
}
