//! The main job, with the repository's own file and the real workers.

use protocol::control::Word;
use scenarios::hub::app;
use scenarios::platform::{GATEWAY, Platform};
use scenarios::{http, process, wait};
use serde_json::{Value, json};

/// Starts the platform; every app is online.
fn started(profile: Option<&str>) -> Platform {
    let platform = Platform::new(profile);
    platform.hub.ctl(&["start"]).succeeded();
    let status = platform.hub.status();
    assert!(status.apps.iter().all(|app| app.status == Word::Online), "{status:?}");
    assert_eq!(status.apps.len(), 5, "six apps, one of which is the other profile's: {status:?}");
    platform
}

fn names(platform: &Platform) -> Vec<String> {
    platform.hub.status().apps.into_iter().map(|app| app.name).collect()
}

/// The latest blood pressure, asked for where phones ask.
fn latest_blood_pressure(platform: &Platform) -> Result<Value, String> {
    let answer = http::get(platform.port(GATEWAY), "/api/vitals/latest").map_err(|error| error.to_string())?;
    let vitals = answer.json();
    let vitals = vitals["data"].as_array().ok_or_else(|| format!("{answer:?}"))?;
    let found = vitals.iter().find(|vital| vital["vitalType"] == "blood_pressure");
    found.cloned().ok_or_else(|| format!("{vitals:?}"))
}

fn post_blood_pressure(platform: &Platform) {
    let reading = json!({
        "vital_type": "blood_pressure",
        "value_primary": 128,
        "value_secondary": 82,
        "unit": "mmHg",
        "source": "device",
    });
    let answer = http::post(platform.port(GATEWAY), "/api/vitals", &reading).expect("an answer");
    assert_eq!(answer.status, 201, "{answer:?}");
}

#[test]
fn a_reading_posted_through_the_gateway_survives_the_death_of_the_api() {
    let platform = started(None);
    let hub = &platform.hub;
    let page = http::get(platform.port(GATEWAY), "/").expect("the page");
    assert_eq!(page.status, 200, "{page:?}");
    let health = http::get(platform.port(GATEWAY), "/api/health").expect("an answer");
    assert_eq!((health.status, &health.json()["status"]), (200, &"ok".into()));

    post_blood_pressure(&platform);
    assert_eq!(latest_blood_pressure(&platform).expect("the reading")["value"], "128/82");

    let dead = hub.pid("betti-backend");
    process::kill_9(dead);
    hub.until_app("betti-backend", "is back", |app| app.status == Word::Online && app.pid != Some(dead));
    let reading = wait::until("the reading is still there", || latest_blood_pressure(&platform));
    assert_eq!(reading["value"], "128/82");
    assert_eq!(hub.app("betti-backend").restarts, 1);

    hub.ctl(&["stop"]).succeeded();
    hub.assert_no_worker_is_left();
    hub.ctl(&["kill"]).succeeded();
    assert!(hub.processes().is_empty(), "{:?}", hub.processes());
}

#[test]
fn an_acknowledged_reading_survives_kill_9_of_everything_at_once() {
    let platform = started(None);
    post_blood_pressure(&platform);
    platform.hub.processes().iter().for_each(|process| process::kill_9(process.pid));
    platform.hub.until_nothing_is_left();
    platform.hub.ctl(&["start"]).succeeded();
    assert_eq!(latest_blood_pressure(&platform).expect("the reading")["value"], "128/82");
}

#[test]
fn the_other_profile_runs_the_other_video_server() {
    let platform = started(Some("ngrok"));
    let hub = &platform.hub;
    assert_eq!(hub.status().profile, "ngrok");
    let names = names(&platform);
    assert!(
        names.contains(&"betti-webrtc-ngrok".to_owned()) && !names.contains(&"betti-webrtc".to_owned()),
        "{names:?}"
    );
    let answer = http::get(platform.port(8080), "/").expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
    hub.ctl(&["stop"]).succeeded();
    hub.assert_no_worker_is_left();
}

#[test]
fn a_profile_can_be_chosen_for_one_start() {
    let platform = Platform::new(None);
    platform.hub.ctl(&["start", "--profile", "ngrok"]).succeeded();
    assert!(names(&platform).contains(&"betti-webrtc-ngrok".to_owned()));
}

#[test]
fn every_worker_has_health_on_its_own_port() {
    let platform = started(None);
    for port in [3001, 3002] {
        let health = http::get(platform.port(port), "/api/health").expect("an answer");
        assert_eq!((health.status, &health.json()["status"]), (200, &"ok".into()), "{port}: {health:?}");
    }
}

#[test]
fn every_worker_drains_and_ends_with_0_when_it_is_stopped() {
    let platform = started(None);
    platform.hub.ctl(&["stop"]).succeeded();
    let status = platform.hub.status();
    for name in names(&platform) {
        let exit = app(&status, &name).exit.clone();
        assert_eq!(exit, Some(protocol::control::Exit::Code { code: 0 }), "{name}");
    }
}
