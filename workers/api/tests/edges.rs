//! What is no request for anything: unknown paths, broken and endless bodies, pages of other sites. In JSON, where the original
//! answered with a page.
#![allow(clippy::unwrap_used, reason = "what fails in a test is to end it")]

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::{Value, json};
use worker::Running;

/// More than the 100 kB that a body may have.
const TOO_LONG: usize = 100 * 1024 + 1;

fn start(data: &tempfile::TempDir) -> Running {
    Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[])
}

/// An answer to one of the hub's workers, as it comes: its head, and its body as JSON.
fn exchange(api: &Running, request: &str) -> (String, Value) {
    let request = request.replacen("\r\n", &format!("\r\n{}\r\n", api.authorization()), 1);
    let mut stream = TcpStream::connect(api.address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), serde_json::from_str(body).unwrap_or_default())
}

fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )
}

#[test]
fn what_is_not_there_or_cannot_be_read_is_answered_in_the_envelope() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    for (method, path, body, status) in [
        ("GET", "/api/nope", "", 404),
        ("GET", "/", "", 404),
        ("POST", "/api/vitals", "{bad", 400),
        ("POST", "/api/ble/pair", "[", 400),
        ("POST", "/api/ble/pair", "[]", 400),
        ("POST", "/api/ble/state", "3", 400),
        ("PATCH", "/api/v1/devices/AA:BB:CC:DD:EE:FF", "{", 400),
    ] {
        let (head, answer) = exchange(&api, &request(method, path, "Content-Type: application/json\r\n", body));
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{method} {path}: {head}");
        assert!(head.contains("content-type: application/json"), "{head}");
        assert_eq!(answer["success"], json!(false), "{method} {path}");
        assert!(answer["error"].is_string(), "{method} {path}: {answer}");
    }
    let (head, _) = exchange(&api, &request("GET", "/API/Health", "", ""));
    assert!(head.starts_with("http/1.1 200 "), "paths are the same in any case: {head}");
}

#[test]
fn a_body_beyond_the_limit_is_refused_and_the_next_request_is_answered() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let body = json!({"macAddress": "AA:BB:CC:DD:EE:FF", "name": "n".repeat(TOO_LONG)}).to_string();
    let (head, answer) = exchange(&api, &request("POST", "/api/ble/pair", "", &body));
    assert!(head.starts_with("http/1.1 413 "), "{head}");
    assert_eq!(answer["error"], "The body is larger than 102400 bytes");
    assert_eq!(api.get("/api/ble/paired").1["devices"], json!([]));
}

#[test]
fn no_other_sites_page_is_allowed_anything() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    for method in ["OPTIONS", "GET", "POST"] {
        let headers = "Origin: http://evil.example\r\nAccess-Control-Request-Method: POST\r\n";
        let (head, answer) = exchange(&api, &request(method, "/api/vitals", headers, ""));
        assert!(!head.contains("access-control-allow"), "{method}: {head}");
        assert!(!head.starts_with("http/1.1 2"), "{method}: {head}");
        assert_ne!(answer["success"], json!(true));
    }
}

#[test]
fn what_programs_put_around_json_does_not_matter_and_a_form_is_told_what_to_be() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let pulse = r#"{"vital_type":"heart_rate","value_primary":72,"unit":"bpm"}"#;
    for (kind, body, status) in [
        ("application/json; charset=utf-8", pulse.to_owned(), 201),
        ("application/x-www-form-urlencoded", pulse.to_owned(), 201), // What curl says unless it is told otherwise.
        ("text/plain", format!("\u{feff}{pulse}"), 201),
        ("application/x-www-form-urlencoded", "vital_type=heart_rate&value_primary=72".into(), 400),
    ] {
        let headers = format!("Content-Type: {kind}\r\n");
        let (head, answer) = exchange(&api, &request("POST", "/api/vitals", &headers, &body));
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{kind}: {head}");
        if status == 400 {
            assert!(answer["error"].as_str().unwrap().ends_with("It was sent as a form: send JSON"), "{answer}");
        }
    }
    for (method, path) in
        [("HEAD", "/api/vitals/"), ("GET", "/API/VITALS/Heart_Rate/"), ("GET", "/Api/Vitals/heart%5frate")]
    {
        let (head, _) = exchange(&api, &request(method, path, "", ""));
        let status = if path.contains("Heart_Rate") { 400 } else { 200 };
        assert!(
            head.starts_with(&format!("http/1.1 {status} ")),
            "paths in any case, types as they are: {path} {head}"
        );
    }
}

#[test]
fn nobody_is_whom_the_query_says() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    api.post("/api/vitals?userId=2", &json!({"vital_type": "spo2", "value_primary": 97, "unit": "%"}));
    api.post("/api/medications?userId=2", &json!({"name": "Aspirin", "user_id": 2}));
    for path in ["/api/vitals/latest", "/api/vitals/today", "/api/vitals/history/spo2", "/api/medications"] {
        let rows = |query: &str| api.get(&format!("{path}{query}")).1["data"].as_array().unwrap().len();
        assert_eq!((rows(""), rows("?userId=1"), rows("?userId=2")), (1, 1, 0), "{path}");
    }
}
