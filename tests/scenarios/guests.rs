//! Bad guests: whatever they send and however many they are, the hub's memory stays bounded and everybody else is served.
//! They are known here, so that they come further than strangers.
//!
//! What a request may say twice, and what a caller may claim about itself, is tried where it is decided: in the gateway's
//! own tests (`workers/web/tests/`).

mod access;
mod bodies;
mod house;
mod websockets;

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use house::{House, heard};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use scenarios::http;

#[test]
fn ten_thousand_idle_connections_take_bounded_memory_and_nobodys_place() {
    const CONNECTIONS: u64 = 10_000;
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("the limit on descriptors");
    setrlimit(Resource::RLIMIT_NOFILE, most, most).expect("up to the hard limit");
    // The listener's queue and this process's own files have descriptors too.
    let many = CONNECTIONS.min(most.saturating_sub(100));
    assert!(many > 2000, "this needs some thousand descriptors, and the hard limit is {most}: raise it with ulimit -n");
    let house = House::open();
    house.bears(|| {
        let mut idle: Vec<_> = (0..many).map(|_| house.connect()).collect();
        assert_eq!(heard(idle.swap_remove(0)), "", "the first made room for those who came later");
    });
}

#[test]
fn heads_that_come_a_byte_at_a_time_hold_nobody_up_and_end() {
    let house = House::open();
    house.bears(|| {
        let mut slow: Vec<_> = (0..500).map(|_| house.connect()).collect();
        for byte in b"GET /api/vitals HTTP/1.1\r\nhost: h\r\nx: " {
            slow.iter_mut().for_each(|stream| stream.write_all(&[*byte]).expect("it is listened to"));
        }
        let last = slow.pop().expect("one of them");
        let answer = heard(last);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "closed in the end, unanswered: {answer}");
    });
}

#[test]
fn a_head_without_end_is_refused() {
    let house = House::open();
    house.bears(|| {
        for _ in 0..20 {
            let mut stream = house.connect();
            stream.write_all(b"GET / HTTP/1.1\r\nhost: h\r\n").expect("it is listened to");
            let line = format!("x: {}\r\n", "a".repeat(8000));
            let refused = (0..10_000).any(|_| stream.write_all(line.as_bytes()).is_err());
            assert!(refused, "80 MB of headers were taken");
        }
        let answer = house.say(format!("GET / HTTP/1.1\r\nhost: h\r\nx: {}\r\n\r\n", "a".repeat(60_000)).as_bytes());
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    });
}

#[test]
fn a_body_without_end_is_refused() {
    let house = House::open();
    house.bears(|| {
        for path in ["/api/vitals", "/api/nutrition/meals", "/api/nowhere"] {
            let mut stream = house.connect();
            let guest = house.head();
            let head = format!("POST {path} HTTP/1.1\r\n{guest}transfer-encoding: chunked\r\n\r\n");
            stream.write_all(head.as_bytes()).expect("it is listened to");
            let chunk = [&b"10000\r\n"[..], &vec![b'1'; 0x10000], b"\r\n"].concat();
            // For a moment it is thrown away, so that the refusal is not lost; then the connection is gone.
            while stream.write_all(&chunk).is_ok() {}
        }
        let head = format!("POST /api/vitals HTTP/1.1\r\n{}content-length: 99999999999\r\n\r\n{{", house.head());
        let answer = house.say([head.as_bytes(), &vec![b'1'; 200_000]].concat().as_slice());
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    });
}

#[test]
fn a_body_that_would_unpack_to_a_gigabyte_is_not_unpacked() {
    let house = House::open();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![0; 1024 * 1024];
    for _ in 0..90 {
        encoder.write_all(&zeros).expect("memory takes it");
    }
    let bomb = encoder.finish().expect("memory takes it");
    assert!(bomb.len() < 100 * 1024, "small enough to be read: {}", bomb.len());
    house.bears(|| {
        for _ in 0..20 {
            let (length, guest) = (bomb.len(), house.head());
            let head = format!(
                "POST /api/vitals HTTP/1.1\r\n{guest}connection: close\r\ncontent-type: application/json\r\n\
                 content-encoding: gzip\r\ncontent-length: {length}\r\n\r\n"
            );
            let answer = house.say(&[head.as_bytes(), &bomb].concat());
            assert!(answer.starts_with("HTTP/1.1 415"), "{answer}");
        }
    });
}

#[test]
fn what_is_no_text_is_refused_and_ends_nothing() {
    let house = House::open();
    house.bears(|| {
        for path in ["/%ff", "/api/vitals/%ff%fe", "/api/vitals/history/%c0%af", "/api/vitals?startDate=%ff"] {
            let head = format!("GET {path} HTTP/1.1\r\n{}connection: close\r\n\r\n", house.head());
            let answer = house.say(head.as_bytes());
            assert!(answer.starts_with("HTTP/1.1 "), "{path}: {answer}");
            assert!(!answer.starts_with("HTTP/1.1 5"), "{path}: {answer}");
        }
        let guest = house.head();
        for line in [
            &b"cookie: betti=\xff\xfe"[..],
            b"cookie: \xc0\xaf=1; betti=\x80",
            b"idempotency-key: \xff",
            b"accept: \xf0\x28",
        ] {
            let head = format!("GET /api/vitals HTTP/1.1\r\n{guest}connection: close\r\n");
            let answer = house.say(&[head.as_bytes(), line, b"\r\n\r\n"].concat());
            assert!(answer.starts_with("HTTP/1.1 ") && !answer.starts_with("HTTP/1.1 5"), "{line:?}: {answer}");
        }
        for body in [
            &b"{\"vital_type\": \"\xc0\xaf\"}"[..],
            b"{\"vital_type\": \"\\ud800\"}",
            b"\xef\xbb\xbf{}",
            b"\0",
            b"{\"a\": \"\0\"}",
        ] {
            let head = format!(
                "POST /api/vitals HTTP/1.1\r\n{guest}connection: close\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            let answer = house.say(&[head.as_bytes(), body].concat());
            assert!(answer.starts_with("HTTP/1.1 400"), "{body:?}: {answer}");
        }
        let header = b"GET /api/vitals HTTP/1.1\r\nhost: h\xff\r\nx: \xff\xfe\r\nconnection: close\r\n\r\n";
        assert!(!house.say(header).starts_with("HTTP/1.1 5"));
        let head =
            format!("POST /api/vitals HTTP/1.1\r\n{}connection: close\r\ncontent-length: 4\r\n\r\n", house.head());
        assert!(house.say(&[head.as_bytes(), b"\"\xff\xfe\""].concat()).starts_with("HTTP/1.1 400"));
        assert!(house.say(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n").starts_with("HTTP/1.1 400"), "TLS to plain HTTP");
    });
}

#[test]
fn no_path_leads_out_of_the_app() {
    let house = House::open();
    house.bears(|| {
        for path in [
            "/../../../../etc/passwd",
            "/..%2f..%2f..%2f..%2fetc/passwd",
            "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
            "/assets/../../../../../etc/passwd",
            "/....//....//etc/passwd",
            "/..\\..\\etc\\passwd",
            "//etc/passwd",
            "/etc/passwd%00.js",
            "/video/../../etc/passwd",
            "/%252e%252e/%252e%252e/etc/passwd",
            "/%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd",
            "/..%5c..%5cetc%5cpasswd",
            "/..%00/etc/passwd",
            "/trust/../../etc/passwd",
            "/trust/..%2f..%2fetc%2fpasswd",
            "/api/../../../../etc/passwd",
            "/api/v1/recordings/..%2f..%2f..%2f..%2fetc%2fpasswd",
            "/api/nutrition/..%2f..%2fetc%2fpasswd",
            "/api/accelerometer/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
            &format!("/{}etc/passwd", "../".repeat(5000)),
            &format!("/assets/{}", "a".repeat(20_000)),
        ] {
            let head = format!("GET {path} HTTP/1.1\r\n{}connection: close\r\n\r\n", house.head());
            let answer = house.say(head.as_bytes());
            assert!(!answer.contains("root:"), "{path}: {answer}");
            assert!(answer.starts_with("HTTP/1.1 ") && !answer.starts_with("HTTP/1.1 5"), "{path}: {answer}");
        }
        let head = format!("GET /../../../../etc/passwd HTTP/1.1\r\n{}connection: close\r\n\r\n", house.head());
        let mut stream = http::connect(house.platform.port(8080)).expect("a connection");
        stream.write_all(head.as_bytes()).expect("it is listened to");
        let answer = heard(stream);
        assert!(answer.starts_with("HTTP/1.1 404"), "video has no files: {answer}");
    });
}
