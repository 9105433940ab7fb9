//! How an app is asked to stop: by a message, by another signal, and by SIGTERM unless said otherwise.

use protocol::control::{Exit, Word};
use scenarios::App;
use scenarios::hub::Hub;

/// Says in the journal what it is told, and leaves then.
const NODE_APP: &str = "
    const fs = require('fs');
    const tell = (what, code) => { fs.writeFileSync('journal', `web ${what}\\n`); process.exit(code); };
    process.on('message', message => tell(`message ${JSON.stringify(message)}`, 0));
    process.on('SIGTERM', () => tell('SIGTERM', 11));
    process.on('SIGINT', () => tell('SIGINT', 12));
    process.send('ready');
    setInterval(() => {}, 1000);
";

fn node(change: impl FnOnce(App) -> App) -> Hub {
    let hub = Hub::new(&[change(App::program("web", "./app.js").waits_for_ready())]);
    hub.write("app.js", NODE_APP);
    hub.ctl(&["start"]).succeeded();
    hub
}

/// Stopped by an operator; what it was told, and its code.
fn stopped(hub: &Hub) -> (String, Option<Exit>) {
    hub.ctl(&["stop", "web"]).succeeded();
    let told = hub.journal().until_any("what it was told", |line| line.starts_with("web "));
    hub.assert_no_worker_is_left();
    (told.last().cloned().unwrap_or_default(), hub.app("web").exit)
}

#[test]
fn a_node_app_is_told_by_a_message_instead_of_the_signal() {
    let hub = node(|app| app.set("shutdown_with_message", true));
    assert_eq!(stopped(&hub), ("web message \"shutdown\"".to_owned(), Some(Exit::Code { code: 0 })));
}

#[test]
fn a_message_is_delivered_by_the_next_supervisor_too() {
    let hub = node(|app| app.set("shutdown_with_message", true));
    scenarios::process::kill_9(hub.status().supervisor.pid);
    hub.until_status("web", Word::Online);
    assert_eq!(stopped(&hub).0, "web message \"shutdown\"");
}

#[test]
fn a_restart_tells_by_the_message_as_well() {
    let hub = node(|app| app.set("shutdown_with_message", true));
    hub.ctl(&["restart", "web"]).succeeded();
    hub.journal().until("web message \"shutdown\"");
    let web = hub.app("web");
    assert_eq!((web.status, web.exit), (Word::Online, Some(Exit::Code { code: 0 })));
}

#[test]
fn an_app_without_a_channel_gets_the_signal_although_a_message_is_asked_for() {
    let hub = Hub::started(&[App::puppet("web", "ready").waits_for_ready().set("shutdown_with_message", true)]);
    hub.ctl(&["stop"]).succeeded();
    hub.journal().until("web terminating");
    assert_eq!(hub.app("web").exit, Some(Exit::Code { code: 0 }));
}

#[test]
fn another_signal_is_sent_if_the_file_names_it() {
    let hub = node(|app| app.set("kill_signal", "SIGINT"));
    assert_eq!(stopped(&hub), ("web SIGINT".to_owned(), Some(Exit::Code { code: 12 })));
}

#[test]
fn else_it_is_sigterm() {
    let hub = node(|app| app);
    assert_eq!(stopped(&hub), ("web SIGTERM".to_owned(), Some(Exit::Code { code: 11 })));
}

#[test]
fn another_way_to_be_stopped_is_taken_on_without_a_restart() {
    let hub = node(|app| app);
    let pid = hub.pid("web");
    hub.save_text(&hub.read("ecosystem.toml").replace("[[apps]]", "[[apps]]\nkill_signal = \"SIGINT\""));
    hub.ctl(&["apply"]).succeeded();
    assert_eq!(hub.pid("web"), pid);
    assert_eq!(stopped(&hub).0, "web SIGINT");
}

#[test]
fn an_app_that_does_not_listen_to_the_message_is_killed_when_its_time_is_up() {
    let deaf = "process.on('message', () => {});\nprocess.send('ready');\nsetInterval(() => {}, 1000);\n";
    let app = App::program("web", "./app.js").waits_for_ready().set("shutdown_with_message", true);
    let hub = Hub::new(&[app.set("kill_timeout", 300)]);
    hub.write("app.js", deaf);
    hub.ctl(&["start"]).succeeded();
    hub.ctl(&["stop", "web"]).succeeded();
    hub.assert_no_worker_is_left();
    assert_eq!(hub.app("web").exit, Some(Exit::Signal { signal: "SIGKILL".into(), core_dumped: false }));
}
