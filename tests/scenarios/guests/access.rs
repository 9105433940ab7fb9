//! Whoever guesses, forges or listens, at the real platform.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Stdio,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use scenarios::platform::{GATEWAY, Platform};
use scenarios::{binaries, http, loops};
use serde_json::json;

use super::house::{House, connect_from, heard};

const LATEST: &str = "/api/vitals/latest";
/// Nobody's, though it looks like one.
const WRONG: &str = "authorization: Bearer betti_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n";
/// What somebody says of themselves.
const FORGED: &str =
    "x-forwarded-for: 9.9.9.9\r\nx-real-ip: 9.9.9.9\r\nforwarded: for=9.9.9.9\r\ntrue-client-ip: 9.9.9.9\r\n";

/// Asks on a connection that is kept; the status, and the whole answer.
fn ask(mut stream: &TcpStream, path: &str, headers: &str) -> (u16, String) {
    let head = format!("GET {path} HTTP/1.1\r\nhost: h\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).expect("it is listened to");
    let (mut answer, mut some) = (Vec::new(), [0; 4096]);
    loop {
        let length = stream.read(&mut some).expect("an answer");
        assert!(length > 0, "it ended after {:?}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&some[..length]);
        let text = String::from_utf8_lossy(&answer).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let lengths =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if lengths.is_some_and(|length: usize| body.len() >= length) {
            let status = head.get(9..12).and_then(|status| status.parse().ok()).expect("a status");
            return (status, text);
        }
    }
}

/// Prints one token.
pub fn token(house: &House, role: &str) -> String {
    let mut command = house.platform.hub.command(&binaries::built("betti-api"));
    let output = command.args(["token", "--role", role]).output().expect("betti-api");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
}

#[test]
fn nothing_shown_is_never_counted_and_who_guesses_locks_out_their_own_address_whatever_they_claim() {
    let house = House::open();
    let right = format!("authorization: Bearer {}\r\n", token(&house, "carer"));
    house.bears(|| {
        // Through the gateway, and directly on this machine.
        for (port, guest) in [(house.platform.port(GATEWAY), 66), (house.platform.port(3001), 67)] {
            let stream = connect_from(guest, port).expect("a connection");
            for _ in 0..50 * loops(20) {
                assert_eq!(ask(&stream, LATEST, "").0, 401, "never counted");
            }
            assert_eq!(ask(&stream, LATEST, &right).0, 200);
            let wrong = |from: &TcpStream, more: &str| ask(from, LATEST, &format!("{WRONG}{more}")).0;
            let claims = if port == house.platform.port(GATEWAY) { FORGED } else { "x-real-ip: 9.9.9.9\r\n" };
            let statuses: Vec<_> = (0..40).map(|_| wrong(&stream, claims)).collect();
            assert!(statuses.starts_with(&[401; 10]) && statuses.ends_with(&[429; 10]), "{statuses:?}");
            let other = connect_from(guest + 10, port).expect("a connection");
            assert_eq!(wrong(&other, ""), 401, "another address");
            assert_eq!(ask(&stream, LATEST, &right).0, 200, "whoever is known is not kept out");
        }
    });
    house.platform.hub.ctl(&["stop"]).succeeded();
    let logs = house.platform.hub.read("logs/betti-backend-out.log");
    assert!(logs.contains("127.0.0.66") && logs.contains("127.0.0.67"), "the lockouts are noted: {logs}");
    assert!(!logs.contains("9.9.9.9"), "{logs}");
    let output = house.platform.hub.command(&binaries::built("betti-api")).arg("audit").output().expect("betti-api");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("(from 127.0.0.66)") && told.contains("(from 127.0.0.67)"), "{told}");
    assert!(!told.contains("9.9.9.9"), "{told}");
}

/// What has to be admitted of a device, told when it asked: whoever is slow has more of it, and whoever is fast less.
struct Due {
    requests: f64,
    since: Instant,
}

impl Due {
    const A_SECOND: f64 = 500.0;
    const AT_ONCE: f64 = 2000.0;
    /// Requests that are under way beside the one that is looked at.
    const BESIDE: f64 = 4.0;

    fn answered(&mut self, asked: Instant, status: u16) {
        let gained = asked.saturating_duration_since(self.since).as_secs_f64() * Self::A_SECOND;
        self.requests = (self.requests + gained).min(Self::AT_ONCE);
        self.since = self.since.max(asked);
        match status {
            200 => self.requests = (self.requests - 1.0).max(0.0),
            429 => assert!(self.requests <= Self::BESIDE, "refused, though {} more were due", self.requests),
            status => panic!("{status}"),
        }
    }
}

/// As fast as this machine can, however fast that is.
#[test]
fn who_is_known_may_ask_five_hundred_times_a_second() {
    const REQUESTS: u32 = 6000;
    const CONNECTIONS: u32 = 4;
    let house = House::open();
    let right = format!("authorization: Bearer {}\r\n", token(&house, "carer"));
    let due = Mutex::new(Due { requests: Due::AT_ONCE, since: Instant::now() });
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let stream = http::connect(house.platform.port(3001)).expect("a connection");
                for _ in 0..REQUESTS / CONNECTIONS {
                    let asked = Instant::now();
                    let (status, answer) = ask(&stream, LATEST, &right);
                    due.lock().expect("nobody panicked").answered(asked, status);
                    assert!(status != 429 || answer.contains("retry-after: 1\r\n"), "{answer}");
                }
            });
        }
    });
}

#[test]
fn a_page_whose_name_was_turned_to_this_hub_gets_what_is_public_and_guesses_codes_no_longer_than_others() {
    let house = House::open();
    let rebound = "host: evil.example\r\norigin: http://evil.example\r\nconnection: close\r\n";
    let say = |port: u16, text: String| {
        let mut stream = connect_from(66, port).expect("a connection");
        stream.write_all(text.as_bytes()).expect("it is listened to");
        heard(stream)
    };
    house.bears(|| {
        for port in [GATEWAY, 3001, 3002, 8080].map(|port| house.platform.port(port)) {
            for path in [LATEST, "/api/nutrition/goals", "/api/v1/access/devices", "/api/v1/access/me", "/metrics"] {
                let answer = say(port, format!("GET {path} HTTP/1.1\r\n{rebound}\r\n"));
                let is_refused =
                    ["401", "403", "404"].iter().any(|status| answer.starts_with(&format!("HTTP/1.1 {status}")));
                assert!(is_refused, "{port}{path}: {answer}");
            }
        }
        let port = house.platform.port(GATEWAY);
        let body = json!({ "code": "ZZZZ-ZZZZ", "as": "token" }).to_string();
        let statuses: Vec<_> = (0..20)
            .map(|_| {
                let length = body.len();
                let head = format!("POST /api/v1/access/pair HTTP/1.1\r\n{rebound}content-length: {length}\r\n");
                say(port, format!("{head}content-type: application/json\r\n\r\n{body}"))[9..12].to_owned()
            })
            .collect();
        assert!(statuses[0] == "401" && statuses[10..].iter().all(|status| status == "429"), "{statuses:?}");
    });
}

#[test]
fn no_credential_is_in_logs_lists_arguments_or_environments() {
    let house = House::open();
    let hub = &house.platform.hub;
    let mut command = hub.command(&binaries::built("betti-api"));
    let output = command.args(["pair", "--role", "resident"]).output().expect("betti-api");
    let printed = String::from_utf8(output.stdout).expect("text");
    let link = printed.lines().find(|line| line.contains("/pair#")).expect("a link");
    let code = link.rsplit('#').next().expect("a code").trim().to_owned();
    let body = json!({ "code": code, "as": "token" });
    let stream = http::connect(house.platform.port(GATEWAY)).expect("a connection");
    let paired = http::exchange(stream, "POST", "/api/v1/access/pair", &[], &body.to_string()).expect("an answer");
    assert_eq!(paired.status, 201, "{paired:?}");
    let paired = paired.json()["data"]["token"].as_str().expect("a token").to_owned();
    let secrets = [house.token.clone(), code, paired, token(&house, "carer")];
    for secret in &secrets {
        // Right, and somewhere where it is wrong.
        let bearer = format!("authorization: Bearer {secret}\r\n");
        let cookie = format!("cookie: betti={secret}\r\n");
        for path in [LATEST, "/api/nowhere"] {
            for shown in [&bearer, &cookie] {
                ask(&house.connect(), path, shown);
            }
        }
    }
    let processes = hub.processes();
    assert!(processes.len() > 5, "workers, supervisor and keeper");
    let mut seen: Vec<(String, String)> =
        [&["status", "--json"][..], &["status"], &["describe", "betti-backend", "--json"], &["describe", "betti-ble"]]
            .iter()
            .map(|arguments| (arguments.join(" "), hub.ctl(arguments).succeeded().stdout))
            .collect();
    seen.extend(
        processes
            .iter()
            .map(|process| (process.to_string(), format!("{} {}", process.command, process.environment.join(" ")))),
    );
    for entry in std::fs::read_dir(hub.path("logs")).expect("logs").filter_map(Result::ok) {
        let text = String::from_utf8_lossy(&std::fs::read(entry.path()).expect("a log")).into_owned();
        seen.push((entry.path().display().to_string(), text));
    }
    for (place, text) in &seen {
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{place} has {secret}");
        }
    }
}

#[test]
fn whoever_is_revoked_hears_nothing_more_through_the_gateway() {
    const UPGRADE: &str = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
        sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    /// What is open is closed within this; far less than the time after which a ping finds out.
    const AT_ONCE: Duration = Duration::from_secs(5);
    let house = House::open();
    let token = token(&house, "resident");
    let right = format!("authorization: Bearer {token}\r\n");
    let (_, me) = ask(&house.connect(), "/api/v1/access/me", &right);
    let me: serde_json::Value = serde_json::from_str(me.split_once("\r\n\r\n").expect("a body").1).expect("JSON");
    let device = me["data"]["device"].as_str().expect("a device");
    let open = |path: &str, headers: &str, status: &str| {
        let mut stream = house.connect();
        let head = format!("GET {path} HTTP/1.1\r\nhost: h\r\n{right}{headers}\r\n");
        stream.write_all(head.as_bytes()).expect("it is listened to");
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).expect("an answer");
        assert_eq!(std::str::from_utf8(&answer), Ok(&*format!("HTTP/1.1 {status}")), "{path}");
        stream
    };
    let streams = [
        open("/api/v1/stream", "accept: text/event-stream\r\nconnection: close\r\n", "200"),
        open("/ws", UPGRADE, "101"),
        open("/video", UPGRADE, "101"),
    ];
    let revoked = Instant::now();
    let stream = house.connect();
    let service = http::bearer(&house.token);
    let path = format!("/api/v1/access/devices/{device}");
    let answer = http::exchange(stream, "DELETE", &path, &[("authorization", &service)], "").expect("an answer");
    assert_eq!(answer.status, 200, "a service token may do everything: {answer:?}");
    for stream in streams {
        heard(stream);
        assert!(revoked.elapsed() < AT_ONCE, "{:?}", revoked.elapsed());
    }
    assert_eq!(ask(&house.connect(), LATEST, &right).0, 401);
}

#[test]
fn programs_that_begin_at_once_agree_on_one_key_and_a_lost_one_is_said_and_replaced() {
    const AT_ONCE: usize = 8;
    let platform = Platform::new(None);
    let hub = &platform.hub;
    std::fs::create_dir(hub.path("data")).expect("a folder");
    let begin = || {
        let mut command = hub.command(&binaries::built("betti-api"));
        command.args(["token", "--role", "service"]).stdout(Stdio::piped()).spawn().expect("betti-api")
    };
    let began: Vec<_> = (0..AT_ONCE).map(|_| begin()).collect();
    let tokens: Vec<_> = began
        .into_iter()
        .map(|program| {
            let output = program.wait_with_output().expect("its end");
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
        })
        .collect();
    let key = hub.service_token();
    hub.ctl(&["start"]).succeeded();
    assert_eq!(hub.service_token(), key, "the first one stays");
    let status =
        |token: &str, port: u16, path: &str| http::get_as(token, platform.port(port), path).expect("an answer").status;
    for token in tokens.iter().chain([&key]) {
        assert_eq!((status(token, 3001, LATEST), status(token, 3002, "/api/nutrition/goals")), (200, 200));
    }
    // While everything runs, nobody looks at it; the next that starts needs it.
    std::fs::remove_file(hub.path("data/service.key")).expect("a key");
    assert_eq!(status(&key, 3001, LATEST), 200);
    hub.ctl(&["restart", "betti-nutrition"]).succeeded();
    let new = hub.service_token();
    assert_ne!(new, key);
    assert_eq!((status(&new, 3001, LATEST), status(&key, 3001, LATEST)), (200, 401), "the former is nobody's");
    assert!(hub.read("logs/betti-nutrition-out.log").contains("service.key was lost"), "it is said");
    assert_eq!(
        status(&new, 3001, "/api/nutrition/goals"),
        200,
        "who runs already shows the new one, and is known by it"
    );
    hub.ctl(&["restart", "all"]).succeeded();
    assert_eq!(hub.service_token(), new, "and it stays");
}
