//! The main job, with the repository's own file and the real workers.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use protocol::control::Word;
use scenarios::hub::app;
use scenarios::platform::{GATEWAY, Platform};
use scenarios::{http, process, wait};
use serde_json::{Value, json};

/// Where betti-backend listens.
const API: u16 = 3001;

/// Starts the platform; every app is online.
fn started(profile: Option<&str>) -> Platform {
    let platform = Platform::new(profile);
    platform.hub.ctl(&["start"]).succeeded();
    let status = platform.hub.status();
    assert!(status.apps.iter().all(|app| app.status == Word::Online), "{status:?}");
    assert_eq!(status.apps.len(), 6, "seven apps, one of which is the other profile's: {status:?}");
    platform
}

fn names(platform: &Platform) -> Vec<String> {
    platform.hub.status().apps.into_iter().map(|app| app.name).collect()
}

/// The latest blood pressure, asked for where phones ask.
fn latest_blood_pressure(platform: &Platform) -> Result<Value, String> {
    let answer = platform.get(GATEWAY, "/api/vitals/latest").map_err(|error| error.to_string())?;
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
    let answer = platform.post(GATEWAY, "/api/vitals", &reading).expect("an answer");
    assert_eq!(answer.status, 201, "{answer:?}");
}

#[test]
fn nothing_is_shown_until_a_device_is_paired_and_the_start_says_how() {
    let platform = Platform::new(None);
    let hub = &platform.hub;
    let said = |arguments: &[&str]| hub.ctl(arguments).succeeded().stdout;
    let how = "betti-api pair --role resident";
    let started = said(&["start"]);
    assert_eq!(started.lines().filter(|line| line.contains(how)).count(), 1, "{started}");
    assert!(!started.contains("/pair#"), "a code would stay in whatever this is piped into: {started}");
    assert!(!said(&["start", "--json"]).contains(how), "a document for programs, and nothing else");
    for port in [API, GATEWAY] {
        let answer = http::get(platform.port(port), "/api/vitals/latest").expect("an answer");
        assert_eq!(answer.status, 401, "who shares the machine is nobody for that: {answer:?}");
    }
    let mut token = hub.command(&scenarios::binaries::built("betti-api"));
    let token = token.args(["token", "--role", "resident"]).output().expect("it runs");
    let token = String::from_utf8(token.stdout).expect("text");
    let answer = http::get_as(token.trim_end(), platform.port(GATEWAY), "/api/vitals/latest").expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(!said(&["start"]).contains(how), "there is somebody now");
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
    platform.hub.kill_9_everything();
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

/// A client that keeps its connection as long as the server lets it, and never asks twice.
struct KeptAlive<'a> {
    platform: &'a Platform,
    token: String,
    stream: Option<BufReader<TcpStream>>,
}

impl KeptAlive<'_> {
    /// The status of the answer.
    fn ask(&mut self, method: &str, path: &str, body: &str) -> io::Result<u16> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => BufReader::new(http::connect(self.platform.port(GATEWAY))?),
        };
        let (length, token) = (body.len(), &self.token);
        let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n");
        let head = format!("{head}content-length: {length}\r\n\r\n");
        stream.get_mut().write_all(format!("{head}{body}").as_bytes())?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head)? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("after {head:?}")));
            }
        }
        let value = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
        let length = value("content-length: ").and_then(|length| length.parse().ok());
        stream.read_exact(&mut vec![0; length.ok_or_else(|| io::Error::other(format!("no length in {head}")))?])?;
        if value("connection: close").is_none() {
            self.stream = Some(stream);
        }
        head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(|| io::Error::other(head.clone()))
    }
}

#[test]
fn a_restart_or_reload_of_any_worker_under_load_fails_no_request_through_the_gateway() {
    let platform = started(None);
    let is_over = AtomicBool::new(false);
    let reading = json!({ "vital_type": "heart_rate", "value_primary": 71, "unit": "bpm" }).to_string();
    let requests = [
        ("GET", "/api/vitals/latest", "", 200),
        ("POST", "/api/vitals", reading.as_str(), 201),
        ("GET", "/api/nutrition/daily", "", 200),
        ("GET", "/health", "", 200),
    ];
    let load = || {
        let mut client = KeptAlive { platform: &platform, token: platform.hub.service_token(), stream: None };
        let mut answered = 0;
        while !is_over.load(Ordering::Relaxed) {
            for (method, path, body, expected) in requests {
                let status = client.ask(method, path, body);
                assert!(status.as_ref().is_ok_and(|status| *status == expected), "{method} {path}: {status:?}");
                answered += 1;
            }
        }
        answered
    };
    let answered: u32 = thread::scope(|scope| {
        let clients = [(); 3].map(|()| scope.spawn(load));
        for verb in ["restart", "reload"] {
            for name in ["betti-backend", "betti-nutrition", "betti-webrtc", "betti-frontend"] {
                platform.hub.ctl(&[verb, name]).succeeded();
            }
        }
        is_over.store(true, Ordering::Relaxed);
        clients.map(|client| client.join().expect("no request failed")).iter().sum()
    });
    assert!(answered >= 24, "there was load: {answered}");
    for name in ["betti-backend", "betti-nutrition", "betti-webrtc", "betti-frontend"] {
        let exit = app(&platform.hub.status(), name).exit.clone();
        assert_eq!(exit, Some(protocol::control::Exit::Code { code: 0 }), "{name}");
    }
}

#[test]
fn a_certificate_is_taken_while_everything_runs_and_what_is_wrong_with_it_is_seen_in_status() {
    let platform = started(None);
    let hub = &platform.hub;
    let state =
        || -> Value { http::get(platform.port(GATEWAY), "/health").expect("an answer").json()["certificate"].clone() };
    assert_eq!(state()["state"], "none");
    let made: Value = serde_json::from_str(&hub.ctl(&["certs", "--json"]).succeeded().stdout).expect("JSON");
    wait::until("the gateway has it", || match state() {
        found if found["state"] == "good" && found["until"] == made["until"] => Ok(()),
        found => Err(found),
    });
    let metrics = hub.ctl(&["metrics"]).succeeded().stdout;
    let line = metrics.lines().find(|line| line.starts_with("betti_certificate_end_time_seconds ")).expect("its end");
    assert!(line.rsplit(' ').next().is_some_and(|end| end.parse::<f64>().is_ok_and(|end| end > 1.0e9)), "{line}");

    let key = hub.read("certs/key.pem");
    hub.write("certs/key.pem", &hub.read("certs/ca-key.pem"));
    for name in ["betti-frontend", "betti-webrtc"] {
        let app = hub.until_app(name, "says what is wrong", |app| app.says.is_some());
        assert!(app.says.as_ref().is_some_and(|says| says.contains("the one before is kept")), "{app:?}");
    }
    hub.write("certs/key.pem", &key);
    for name in ["betti-frontend", "betti-webrtc"] {
        hub.until_app(name, "has nothing to say", |app| app.says.is_none());
        assert_eq!(hub.app(name).restarts, 0, "{name}");
    }
    // What speaks HTTPS now is still changed for what does not, and back.
    hub.ctl(&["profile", "ngrok"]).succeeded();
    hub.ctl(&["profile", "https"]).succeeded();
}
