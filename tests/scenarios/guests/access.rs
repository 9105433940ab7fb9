//! Whoever guesses, forges or listens, at the real platform.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use scenarios::platform::GATEWAY;
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
fn token(house: &House, role: &str) -> String {
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
}

#[test]
fn who_is_known_may_ask_five_hundred_times_a_second() {
    const A_SECOND: u32 = 600;
    const SECONDS: u32 = 3;
    const CONNECTIONS: u32 = 4;
    let house = House::open();
    let right = format!("authorization: Bearer {}\r\n", token(&house, "carer"));
    let begin = Instant::now();
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let stream = house.connect();
                for number in 0..A_SECOND * SECONDS / CONNECTIONS {
                    // The client keeps its pace; how long it takes is not what is asked here.
                    let due = begin + number * CONNECTIONS * Duration::from_secs(1) / A_SECOND;
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                    assert_eq!(ask(&stream, LATEST, &right).0, 200);
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
