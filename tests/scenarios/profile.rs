//! One word is the whole deployment switch, and one that does not work takes itself back.

use protocol::control::Word;
use scenarios::hub::{self, Hub};
use scenarios::ports::Port;
use scenarios::{App, http, process};

fn shared() -> App {
    App::puppet("shared", "ready").waits_for_ready()
}

fn call(name: &str, profile: &str, port: &Port) -> App {
    App::puppet(name, "http").waits_for_ready().set("listen", port.address()).set("profiles", vec![profile])
}

fn profile(hub: &Hub) -> String {
    hub.status().profile
}

#[test]
fn switching_stops_what_leaves_starts_what_comes_on_the_same_address_and_touches_nothing_else() {
    let port = Port::free();
    let apps = [shared(), call("secure", "https", &port), call("tunnel", "ngrok", &port)];
    let mut hub = Hub::new(&[]);
    hub.save("profile = \"https\"", &apps);
    hub.ctl(&["start"]).succeeded();
    let (shared_pid, secure) = (hub.pid("shared"), hub.pid("secure"));
    hub.save("profile = \"ngrok\"", &apps);
    hub.until("the other profile is ready", |watch| {
        watch.status.profile == "ngrok"
            && watch.status.apps.len() == 2
            && watch.status.apps.iter().all(|app| app.status == Word::Online)
    });
    let answer = http::get(port.number(), "/").expect("an answer").text();
    assert_eq!(answer, hub.pid("tunnel").to_string());
    assert_eq!(hub.pid("shared"), shared_pid);
    assert!(process::look(secure).is_none());
    assert_eq!(hub.status().notice, None);
}

#[test]
fn a_profile_that_does_not_become_ready_is_taken_back_and_says_so() {
    let port = Port::free();
    let good = call("secure", "https", &port);
    let broken = App::puppet("tunnel", "exit 7").waits_for_ready().set("profiles", vec!["ngrok"]);
    let mut hub = Hub::new(&[]);
    hub.save("profile = \"https\"", &[shared(), good.clone(), broken.clone()]);
    hub.ctl(&["start"]).succeeded();
    let shared_pid = hub.pid("shared");
    hub.save("profile = \"ngrok\"", &[shared(), good.clone(), broken.clone()]);
    let back = hub.until("the last good profile is back", |watch| {
        watch.status.notice.is_some()
            && watch.status.profile == "https"
            && hub::app(&watch.status, "secure").status == Word::Online
    });
    let notice = back.status.notice.unwrap_or_default();
    assert!(notice.contains("the profile ngrok did not become ready (tunnel: exited with code 7"), "{notice}");
    assert!(notice.contains("https is back in force"), "{notice}");
    assert!(hub.read("logs/betti-supervisor.log").contains(&notice), "it is in the log too");
    assert_eq!(hub.pid("shared"), shared_pid);
    http::get(port.number(), "/").expect("calls are served again");
    // The operator's own wish is tried again, and is refused again.
    let refused = hub.ctl(&["apply"]).with_code(1);
    assert!(format!("{refused}").contains("exited with code 7"), "{refused}");
    hub.until_status("secure", Word::Online);
    assert_eq!(profile(&hub), "https");
}

#[test]
fn a_profile_that_never_becomes_ready_is_taken_back_after_its_own_time() {
    let broken = App::puppet("tunnel", "never-ready").set("wait_ready", true).set("listen_timeout", 200);
    let broken = broken.set("profiles", vec!["ngrok"]);
    let mut hub = Hub::new(&[]);
    hub.save("profile = \"https\"", &[shared(), broken.clone()]);
    hub.ctl(&["start"]).succeeded();
    let output = hub.ctl(&["apply", "--profile", "ngrok"]).with_code(1);
    assert!(format!("{output}").contains("not ready within 0.2 s"), "{output}");
    assert_eq!(profile(&hub), "https");
}

#[test]
fn a_switch_goes_back_even_if_the_supervisor_dies_half_way() {
    for _ in 0..scenarios::loops(5) {
        let late = App::puppet("tunnel", "never-ready").set("wait_ready", true).set("listen_timeout", 500);
        let late = late.set("profiles", vec!["ngrok"]);
        let mut hub = Hub::new(&[]);
        hub.save("profile = \"https\"", &[shared(), late.clone()]);
        hub.ctl(&["start"]).succeeded();
        let pid = hub.pid("shared");
        hub.save("profile = \"ngrok\"", &[shared(), late]);
        let seen = hub.until("the switch began", |watch| watch.status.profile == "ngrok");
        process::kill_9(seen.status.supervisor.pid);
        hub.until("the last good profile is back", |watch| {
            watch.status.profile == "https" && watch.status.notice.is_some()
        });
        assert_eq!(hub.pid("shared"), pid);
    }
}

#[test]
fn the_profile_verb_edits_the_file_and_waits_until_it_is_true() {
    let port = Port::free();
    let apps = [call("secure", "https", &port), call("tunnel", "ngrok", &port)];
    let mut hub = Hub::new(&[]);
    hub.save("# which way calls go\nprofile = \"https\" # the word\n", &apps);
    hub.ctl(&["start"]).succeeded();
    hub.ctl(&["profile", "ngrok"]).succeeded();
    assert!(hub.read("ecosystem.toml").starts_with("# which way calls go\nprofile = \"ngrok\" # the word\n"));
    assert_eq!(hub.app("tunnel").status, Word::Online);
    let unknown = hub.ctl(&["profile", "ngork"]).with_code(2);
    assert!(unknown.stderr.contains("did you mean `ngrok`"), "{unknown}");
}

#[test]
fn a_profile_asked_for_on_the_command_line_lasts_until_the_file_names_another() {
    let port = Port::free();
    let apps = [call("secure", "https", &port), call("tunnel", "ngrok", &port)];
    let mut hub = Hub::new(&[]);
    hub.save("profile = \"https\"", &apps);
    hub.ctl(&["start", "--profile", "ngrok"]).succeeded();
    assert_eq!(profile(&hub), "ngrok");
    let more = [apps[0].clone(), apps[1].clone(), shared()];
    hub.save("profile = \"https\"", &more);
    hub.until_status("shared", Word::Online);
    assert_eq!(profile(&hub), "ngrok");
    hub.ctl(&["start", "--profile", "https"]).succeeded();
    assert_eq!(profile(&hub), "https");
}

#[test]
fn an_operators_stop_and_delete_outlast_other_profiles_and_one_that_is_taken_back() {
    let only = |name: &str, profile: &str| App::puppet(name, "ready").waits_for_ready().set("profiles", vec![profile]);
    let broken = App::puppet("broken", "exit 7").waits_for_ready().set("profiles", vec!["broken"]);
    let mut hub = Hub::new(&[]);
    hub.save("profile = \"one\"", &[only("held", "one"), only("away", "one"), only("other", "two"), broken]);
    hub.ctl(&["start"]).succeeded();
    hub.ctl(&["stop", "held"]).succeeded();
    hub.ctl(&["delete", "away"]).succeeded();
    let is_left_alone = |hub: &Hub| {
        assert_eq!(hub.app("held").status, Word::Stopped);
        assert!(hub.status().apps.iter().all(|app| app.name != "away"));
    };
    hub.ctl(&["profile", "two"]).succeeded();
    hub.ctl(&["profile", "one"]).succeeded();
    is_left_alone(&hub);
    let refused = hub.ctl(&["profile", "broken", "--json"]).with_code(1);
    is_left_alone(&hub);
    let answer: serde_json::Value = serde_json::from_str(&refused.stdout).expect("JSON");
    let failed = answer["failed"].as_array().expect("those that failed");
    assert!(failed.iter().all(|app| app["name"] == "broken"), "what came back is not blamed: {answer}");
    hub.ctl(&["start", "held", "away"]).succeeded();
    hub.ctl(&["profile", "two"]).succeeded();
    hub.ctl(&["profile", "one"]).succeeded();
    assert!(["held", "away"].iter().all(|name| hub.app(name).status == Word::Online));
}
