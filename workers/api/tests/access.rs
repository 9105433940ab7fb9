//! Who is let in: pairing, tokens, roles, grants and revocation, over HTTP and WebSockets, beside the command line.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod hub;
#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::{os::unix::fs::PermissionsExt, time::Duration};

use futures_util::StreamExt;
use hub::Hub;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};
use worker::{Answer, Running};

const API: &str = env!("CARGO_BIN_EXE_betti-api");
const VITALS: &str = "/api/vitals/latest";
/// Nothing here takes this long, unless it hangs.
const DEADLINE: Duration = Duration::from_secs(30);

/// With which code the hub closes it.
async fn close_code(mut socket: WebSocketStream<MaybeTlsStream<TcpStream>>) -> u16 {
    let closed = async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(Some(frame)))) => return u16::from(frame.code),
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    };
    timeout(DEADLINE, closed).await.unwrap()
}

impl Hub {
    fn token(&self, role: &str) -> String {
        self.command(&["token", "--role", role]).trim_end().to_owned()
    }

    fn ask(&self, token: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.worker.exchange(method, path, &[("Authorization", &format!("Bearer {token}"))], body)
    }

    fn status(&self, token: &str, path: &str) -> u16 {
        self.ask(token, "GET", path, None).0
    }

    /// Without a credential, from this machine.
    fn neighbour(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.worker.exchange(method, path, &[], body)
    }

    /// Without a credential, from another machine, as the gateway says.
    fn stranger(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.worker.exchange(method, path, &[("X-Forwarded-For", "192.168.1.7")], body)
    }

    fn device(&self, token: &str) -> String {
        self.ask(token, "GET", "/api/v1/access/me", None).1["data"]["device"].as_str().unwrap().to_owned()
    }
}

#[test]
fn a_token_is_one_line_and_valid_at_once_for_what_its_role_may() {
    let hub = Hub::start();
    let printed = hub.command(&["token", "--role", "carer", "--name", "Script"]);
    assert!(printed.starts_with("betti_") && printed.lines().count() == 1, "{printed}");
    let (carer, device, service) = (printed.trim_end(), hub.token("device"), hub.token("service"));
    assert_eq!(hub.status(carer, VITALS), 200);
    assert_eq!(hub.status(&service, VITALS), 200);
    assert_eq!(hub.status(&device, VITALS), 403, "a sensor reads nothing");
    let reading = json!({"vital_type": "heart_rate", "value_primary": 72, "unit": "bpm"});
    assert_eq!(hub.ask(&device, "POST", "/api/vitals", Some(&reading)).0 / 100, 2);
    let clinician = hub.token("clinician");
    assert_eq!(hub.ask(&clinician, "POST", "/api/vitals", Some(&reading)).0, 403, "only to read was granted");
    assert_eq!(hub.status(&clinician, VITALS), 200);
    for file in ["access.db", "service.key"] {
        let mode = hub.folder.path().join(file).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let kept = std::fs::read(hub.folder.path().join("access.db")).unwrap();
    assert!(!kept.windows(carer.len()).any(|window| window == carer.as_bytes()), "credentials are kept as hashes");
}

#[test]
fn strangers_and_wrong_credentials_are_answered_alike() {
    let hub = Hub::start();
    let missing = hub.stranger("GET", VITALS, None);
    let wrong = hub.status("betti_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", VITALS);
    assert_eq!((missing.0, wrong), (401, 401));
    assert_eq!(hub.neighbour("GET", VITALS, None), missing, "whoever shares the machine is nobody for that");
    assert_eq!(hub.ask("nonsense", "GET", VITALS, None), missing);
    for _ in 0..200 {
        assert_eq!(hub.stranger("GET", VITALS, None).0, 401, "whoever shows nothing is not counted");
    }
    let valid = hub.token("carer");
    let statuses: Vec<_> = (0..40).map(|_| hub.status("betti_wrong", VITALS)).collect();
    assert!(statuses.starts_with(&[401; 10]) && statuses.ends_with(&[429; 10]), "{statuses:?}");
    assert_eq!(hub.status(&valid, VITALS), 200, "a guesser keeps nobody out who is known");
}

#[test]
fn only_where_nobody_is_paired_is_it_said_how_and_no_code_gets_into_a_log() {
    let hub = Hub::start();
    let first = || hub.command(&["pair", "--role", "resident", "--if-first"]);
    let said = first();
    assert!(said.lines().count() == 1 && said.contains("betti-api pair --role resident"), "{said}");
    hub.token("clinician");
    assert_eq!(first(), said, "a clinician lets nobody in");
    let resident = hub.token("resident");
    assert_eq!(first(), "");
    let path = format!("/api/v1/access/devices/{}", hub.device(&resident));
    assert_eq!(hub.ask(&resident, "DELETE", &path, None).0, 200);
    assert_eq!(first(), said, "nobody is left");
}

#[test]
fn a_right_code_behind_wrong_ones_that_come_all_at_once_is_not_looked_at() {
    use std::io::{Read, Write};
    const WRONG: usize = 100;
    let hub = Hub::start();
    let printed = hub.command(&["pair", "--role", "resident"]);
    let right = printed.lines().find_map(|line| line.split_once("/pair#")).unwrap().1.trim();
    // Another code that could be one: its first character is the next one's.
    let first = if right.starts_with('2') { '3' } else { '2' };
    let wrong = format!("{first}{}", &right[1..]);
    let asked = |code: &str| {
        let mut stream = std::net::TcpStream::connect(hub.worker.address).unwrap();
        let body = json!({"code": code}).to_string();
        let head =
            "POST /api/v1/access/pair HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nX-Forwarded-For: 192.168.1.7\r\n";
        stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).unwrap();
        stream
    };
    // Nothing can be looked up until all of them are there.
    let held = rusqlite::Connection::open(hub.folder.path().join("access.db")).unwrap();
    held.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut streams: Vec<_> = (0..WRONG).map(|_| asked(&wrong)).collect();
    streams.push(asked(right));
    assert_eq!(hub.neighbour("GET", "/api/health", None).0, 200, "whoever comes later is served");
    held.execute_batch("ROLLBACK").unwrap();
    let mut answers = streams.into_iter().map(|mut stream| {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let looked_at = answers.by_ref().take(WRONG).filter(|answer| answer.starts_with("HTTP/1.1 401")).count();
    assert!(looked_at > 0 && looked_at < 8, "{looked_at}");
    let last = answers.next().unwrap();
    assert!(last.starts_with("HTTP/1.1 429"), "{last}");
}

#[test]
fn a_device_is_paired_once_by_its_code() {
    let hub = Hub::start();
    let printed = hub.command(&["pair", "--role", "resident", "--name", "Tablet"]);
    assert!(!printed.contains('\x1b') && printed.contains('█'), "{printed}");
    let link = printed.lines().find(|line| line.contains("/pair#")).unwrap();
    let code = link.rsplit('#').next().unwrap();
    let pair = |code: &str| {
        hub.stranger("POST", "/api/v1/access/pair", Some(&json!({"code": code, "as": "token", "name": "Anna's phone"})))
    };
    assert_eq!(pair("ZZZZ-ZZZZ").0, 401);
    let (status, body) = pair(&code.to_lowercase());
    assert_eq!(
        (status, &body["data"]["name"], &body["data"]["role"]),
        (201, &json!("Anna's phone"), &json!("resident"))
    );
    let token = body["data"]["token"].as_str().unwrap();
    assert_eq!(hub.status(token, VITALS), 200);
    assert_eq!(pair(code).0, 401, "once");
    let statuses: Vec<_> = (0..20).map(|_| pair("ZZZZ-ZZZZ").0).collect();
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
}

#[test]
fn a_browser_gets_a_cookie_that_counts_and_is_taken_away_when_it_does_not() {
    let hub = Hub::start();
    let resident = hub.token("resident");
    let invited = hub.ask(&resident, "POST", "/api/v1/access/invitations", Some(&json!({"role": "carer"}))).1;
    let body = json!({"code": invited["data"]["code"], "name": "Laptop"}).to_string();
    let head = worker_head(&hub, "POST", "/api/v1/access/pair", "X-Forwarded-Proto: https\r\n", &body);
    let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    assert!(cookie.contains("HttpOnly; SameSite=Strict; Secure") && !head.contains("\"token\""), "{head}");
    let pair = cookie.split(';').next().unwrap();
    assert_eq!(hub.worker.exchange("GET", VITALS, &[("Cookie", pair)], None).0, 200);
    assert_eq!(hub.worker.exchange("DELETE", "/api/v1/access/me", &[("Cookie", pair)], None).0, 200);
    let head = worker_head(&hub, "GET", VITALS, &format!("Cookie: {pair}\r\n"), "");
    assert!(head.starts_with("HTTP/1.1 401") && head.contains("set-cookie: betti=; Path=/; Max-Age=0"), "{head}");
    assert!(head.contains("www-authenticate: Bearer"), "{head}");
    assert_eq!(hub.worker.exchange("GET", "/api/health", &[("Cookie", pair)], None).0, 200, "what is public stays so");
}

fn worker_head(hub: &Hub, method: &str, path: &str, headers: &str, body: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(hub.worker.address).unwrap();
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n{headers}");
    stream.write_all(format!("{head}Content-Length: {length}\r\n\r\n{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn what_is_granted_can_be_withdrawn_by_the_resident_and_is_reported() {
    let hub = Hub::start();
    let (resident, carer) = (hub.token("resident"), hub.token("carer"));
    let device = hub.device(&carer);
    let grant = format!("/api/v1/access/grants/{device}/medication");
    assert_eq!(hub.status(&carer, "/api/medications"), 200);
    assert_eq!(hub.ask(&carer, "DELETE", &grant, None).0, 403, "not for a carer to decide");
    assert_eq!(hub.ask(&resident, "DELETE", &grant, None).0, 200);
    assert_eq!(hub.status(&carer, "/api/medications"), 403);
    assert_eq!(hub.status(&carer, VITALS), 200, "the rest is as it was");
    assert_eq!(hub.ask(&resident, "PUT", &grant, Some(&json!({"level": "read"}))).0, 200);
    assert_eq!(hub.status(&carer, "/api/medications"), 200);
    let report = hub.ask(&resident, "GET", "/api/v1/access/report", None).1;
    let of_carer =
        report["data"].as_array().unwrap().iter().find(|row| row["device"]["id"] == device.as_str()).unwrap();
    let medication = of_carer["grants"].as_array().unwrap().iter().filter(|grant| grant["area"] == "medication");
    assert_eq!(medication.count(), 2, "also what was withdrawn: {of_carer}");
    let proxy = hub.command(&["token", "--role", "carer", "--proxy"]);
    assert_eq!(hub.ask(proxy.trim_end(), "DELETE", &grant, None).0, 200, "who speaks for the resident");
    let sharing = format!("/api/v1/access/grants/{device}/sharing");
    assert_eq!(hub.ask(proxy.trim_end(), "PUT", &sharing, Some(&json!({"level": "write"}))).0, 403);
    assert_eq!(hub.status(&carer, &format!("{VITALS}?resident=2")), 403, "nobody else's");
}

#[tokio::test]
async fn all_others_are_out_at_once_when_something_may_be_in_wrong_hands() {
    let hub = Hub::start();
    let (resident, carer, proxy) = (hub.token("resident"), hub.token("carer"), {
        hub.command(&["token", "--role", "carer", "--proxy"]).trim_end().to_owned()
    });
    let elsewhere = hub.command(&["token", "--role", "carer", "--resident", "2"]).trim_end().to_owned();
    let grant = format!("/api/v1/access/grants/{}/vitals", hub.device(&elsewhere));
    assert_eq!(hub.ask(&resident, "PUT", &grant, Some(&json!({"level": "read"}))).0, 200);
    let open = async |token: &str| {
        let mut request = format!("ws://{}/api/v1/stream", hub.worker.address).into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        connect_async(request).await.unwrap().0
    };
    let invited = hub.ask(&carer, "POST", "/api/v1/access/invitations", Some(&json!({"role": "carer"}))).1;
    let own = hub.ask(&proxy, "POST", "/api/v1/access/invitations", Some(&json!({"role": "carer"}))).1;
    assert_eq!(hub.ask(&carer, "DELETE", "/api/v1/access/devices", None).0, 403, "not for who does not speak for them");
    assert_eq!(hub.status(&resident, VITALS), 200, "and nothing is changed");
    let sockets = [open(&carer).await, open(&resident).await];
    let (status, answer) = hub.ask(&proxy, "DELETE", "/api/v1/access/devices", None);
    assert_eq!((status, &answer["data"]["removed"]), (200, &json!(3)), "{answer}");
    for gone in [&resident, &carer] {
        assert_eq!(hub.status(gone, VITALS), 401);
    }
    for socket in sockets {
        assert_eq!(close_code(socket).await, 1008);
    }
    assert_eq!(hub.status(&proxy, VITALS), 200, "who asked stays");
    assert_eq!(hub.status(&elsewhere, VITALS), 403, "who is there for somebody else sees nothing of this resident");
    assert_eq!(hub.status(&elsewhere, "/api/v1/access/me"), 200, "and is let in");
    for code in [invited, own] {
        let body = json!({"code": code["data"]["code"], "name": "Late"});
        assert_eq!(hub.stranger("POST", "/api/v1/access/pair", Some(&body)).0, 401, "codes are void");
    }
    let devices = hub.ask(&proxy, "GET", "/api/v1/access/devices", None).1;
    let hub_itself = devices["data"].as_array().unwrap().iter().find(|row| row["is_hub"] == true).unwrap();
    assert!(hub_itself["revoked_at"].is_null(), "workers still reach each other: {hub_itself}");
    let again = hub.ask(&proxy, "DELETE", "/api/v1/access/devices", None).1;
    assert_eq!(again["data"]["removed"], 0);
}

#[test]
fn the_link_of_an_invitation_works_elsewhere() {
    let hub = Hub::start();
    let carer = hub.token("carer");
    let link = |worker: &Running, host: &str| {
        let headers = [("Authorization", &*format!("Bearer {carer}")), ("X-Forwarded-Host", host)];
        let body = json!({"role": "carer"});
        let (status, answer) = worker.request("POST", "/api/v1/access/invitations", &headers, Some(&body));
        assert_eq!(status, 201, "{answer}");
        answer["data"].clone()
    };
    let url = |answer: &Value| answer["url"].as_str().unwrap().to_owned();
    assert!(
        url(&link(&hub.worker, "hub.local:5173")).starts_with("http://hub.local:5173/pair#"),
        "as its inviter reaches it"
    );
    for own in ["127.0.0.1:5999", "localhost:5999"] {
        let answer = link(&hub.worker, own);
        let is_elsewhere = !url(&answer).contains("127.0.0.1") && !url(&answer).contains("localhost");
        assert!(is_elsewhere != answer["note"].is_string(), "either it is good elsewhere or that is said: {answer}");
        assert!(url(&answer).contains(":5999/pair#"), "{answer}");
    }
    let folder = hub.folder.path();
    let public = Running::start(API, folder, &[("BETTI_PUBLIC_URL", "https://hub.example/")]);
    assert!(url(&link(&public, "127.0.0.1:5999")).starts_with("https://hub.example/pair#"));
}

#[test]
fn nobody_invites_beyond_what_they_have() {
    let hub = Hub::start();
    let (carer, clinician) = (hub.token("carer"), hub.token("clinician"));
    let invite =
        |token: &str, role: &str| hub.ask(token, "POST", "/api/v1/access/invitations", Some(&json!({"role": role})));
    assert_eq!(invite(&carer, "clinician").0, 201);
    assert_eq!(invite(&carer, "resident").0, 403);
    assert_eq!(invite(&carer, "service").0, 403);
    assert_eq!(invite(&clinician, "carer").0, 403);
    assert_eq!(invite(&carer, "admin").0, 400);
    assert_eq!(hub.stranger("POST", "/api/v1/access/invitations", Some(&json!({"role": "carer"}))).0, 401);
}

#[tokio::test]
async fn a_revoked_device_is_out_at_once_and_its_websockets_are_closed() {
    let hub = Hub::start();
    let (resident, carer) = (hub.token("resident"), hub.token("carer"));
    let mut sockets = Vec::new();
    for path in ["/", "/api/v1/stream"] {
        let mut request = format!("ws://{}{path}", hub.worker.address).into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {carer}").parse().unwrap());
        sockets.push(connect_async(request).await.unwrap().0);
    }
    let mut request = format!("ws://{}/", hub.worker.address).into_client_request().unwrap();
    request.headers_mut().insert("x-forwarded-for", "192.168.1.7".parse().unwrap());
    assert!(connect_async(request).await.is_err(), "a stranger");
    let device = hub.device(&carer);
    let path = format!("/api/v1/access/devices/{device}");
    assert_eq!(hub.ask(&resident, "DELETE", &path, None).0, 200);
    assert_eq!(hub.status(&carer, VITALS), 401);
    for socket in sockets {
        assert_eq!(close_code(socket).await, 1008);
    }
    let devices = hub.ask(&resident, "GET", "/api/v1/access/devices", None).1;
    let row = devices["data"].as_array().unwrap().iter().find(|row| row["id"] == device.as_str()).unwrap().clone();
    assert!(row["revoked_at"].is_string() && row["last_used_at"].is_string(), "{row}");
    assert!(!devices.to_string().contains("hash"), "{devices}");
}
