//! Requests that pass through to a worker behind the gateway. The worker here is a thread that sees every byte.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::Duration,
};

use support::{Answer, Gateway, NOBODY};

/// What does not happen within this does not happen.
const SOON: Duration = Duration::from_secs(10);

/// A worker that hands its connections to the test.
struct Upstream {
    listener: TcpListener,
    url: String,
}

impl Upstream {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self { listener, url }
    }

    fn accept(&self) -> TcpStream {
        let (stream, _) = self.listener.accept().unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream
    }

    /// Answers one request with this, and returns what was asked.
    fn answer_once(self, answer: &'static str) -> thread::JoinHandle<String> {
        thread::spawn(move || {
            let mut stream = self.accept();
            let asked = read_until(&mut stream, "\r\n\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
            asked
        })
    }
}

/// Reads until this text has come.
fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut seen = Vec::new();
    let mut byte = [0];
    while !seen.ends_with(text.as_bytes()) {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "it ended after {:?}", String::from_utf8_lossy(&seen));
        seen.push(byte[0]);
    }
    String::from_utf8(seen).unwrap()
}

fn in_front_of(upstream: &Upstream) -> Gateway {
    Gateway::start(&[], &[("BETTI_API_URL", &upstream.url)])
}

const EMPTY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}";

#[test]
fn each_path_reaches_its_worker_as_it_was_sent() {
    let (backend, nutrition) = (Upstream::new(), Upstream::new());
    let gateway = Gateway::start(&[], &[("BETTI_API_URL", &backend.url), ("BETTI_NUTRITION_URL", &nutrition.url)]);
    let asked = backend.answer_once(EMPTY);
    assert_eq!(gateway.get("/API/Vitals/a%2Fb?x=%20&y").text(), "{}");
    assert!(asked.join().unwrap().starts_with("GET /API/Vitals/a%2Fb?x=%20&y HTTP/1.1\r\n"));
    let asked = nutrition.answer_once(EMPTY);
    assert_eq!(gateway.get("/api/nutrition/foods?query=apple").text(), "{}");
    assert!(asked.join().unwrap().starts_with("GET /api/nutrition/foods?query=apple HTTP/1.1\r\n"));
}

#[test]
fn the_worker_is_told_who_calls_and_nothing_of_one_hop() {
    let upstream = Upstream::new();
    let (gateway, host) = (in_front_of(&upstream), upstream.url.strip_prefix("http://").unwrap().to_owned());
    let asked = upstream.answer_once(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n\
         X-End: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    );
    let answer = gateway.ask(
        "GET",
        "/api/vitals",
        &[
            "X-Forwarded-For: 9.9.9.9",
            "X-Forwarded-Proto: https",
            "Forwarded: for=9.9.9.9",
            "X-Real-IP: 9.9.9.9",
            "TE: trailers",
            "Upgrade: websocket",
            "Authorization: Bearer abc",
        ],
    );
    let asked = asked.join().unwrap().to_lowercase();
    for line in [
        "x-forwarded-for: 127.0.0.1".to_owned(),
        "x-forwarded-proto: http".to_owned(),
        format!("x-forwarded-host: {}", gateway.address),
        format!("host: {host}"),
        "authorization: bearer abc".to_owned(),
    ] {
        assert!(asked.contains(&format!("\r\n{line}\r\n")), "{line} is missing in {asked}");
    }
    for name in ["9.9.9.9", "\r\nte:", "\r\nupgrade:", "\r\nconnection:"] {
        assert!(!asked.contains(name), "{name} is in {asked}");
    }
    assert_eq!((answer.header("x-hop"), answer.header("keep-alive")), (None, None));
    assert_eq!(answer.header("x-end"), Some("2"));
    assert_eq!(answer.headers.matches("set-cookie").count(), 2);
    assert!(answer.text().contains("ok"));
}

#[test]
fn answers_stream() {
    let upstream = Upstream::new();
    let gateway = in_front_of(&upstream);
    let (go_on, wait) = mpsc::channel();
    let worker = thread::spawn(move || {
        let mut stream = upstream.accept();
        read_until(&mut stream, "\r\n\r\n");
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n").unwrap();
        wait.recv_timeout(SOON).unwrap();
        stream.write_all(b"6\r\nsecond\r\n0\r\n\r\n").unwrap();
    });
    let mut stream = gateway.connect();
    stream.write_all(b"GET /api/stream HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n").unwrap();
    // The first part is here while the worker waits for us to say that it is.
    read_until(&mut stream, "first\r\n");
    go_on.send(()).unwrap();
    read_until(&mut stream, "second\r\n0\r\n\r\n");
    worker.join().unwrap();
}

#[test]
fn bodies_stream_to_the_worker_and_have_no_largest_size_here() {
    const PART: usize = 64 * 1024;
    const PARTS: usize = 64;
    let upstream = Upstream::new();
    let gateway = in_front_of(&upstream);
    let (heard, hears) = mpsc::channel();
    let worker = thread::spawn(move || {
        let mut stream = upstream.accept();
        let head = read_until(&mut stream, "\r\n\r\n");
        assert!(head.contains(&format!("content-length: {}\r\n", PART * PARTS)), "{head}");
        let mut part = vec![0; PART];
        for _ in 0..PARTS {
            stream.read_exact(&mut part).unwrap();
            heard.send(part[0]).unwrap();
        }
        stream.write_all(EMPTY.as_bytes()).unwrap();
    });
    let mut stream = gateway.connect();
    let head =
        format!("POST /api/x HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", PART * PARTS);
    stream.write_all(head.as_bytes()).unwrap();
    for number in 0..PARTS {
        stream.write_all(&[number as u8; PART]).unwrap();
        // Each part is with the worker before the next is sent.
        assert_eq!(hears.recv_timeout(SOON).unwrap(), number as u8);
    }
    assert_eq!(Answer::read(&mut stream).status, 200);
    worker.join().unwrap();
}

#[test]
fn a_worker_that_is_away_is_named_at_once() {
    let gateway = Gateway::start(&[], &[("BETTI_API_URL", NOBODY)]);
    for (path, name) in [("/api/vitals", "betti-backend"), ("/api/nutrition/daily", "betti-nutrition")] {
        let answer = gateway.get(path);
        assert_eq!((answer.status, answer.header("content-type")), (502, Some("application/json; charset=utf-8")));
        let body: serde_json::Value = serde_json::from_str(answer.text()).unwrap();
        assert_eq!(body["success"], false);
        assert!(body["error"].as_str().unwrap().starts_with(&format!("{name} does not answer")), "{body}");
    }
}

#[test]
fn a_worker_that_comes_back_is_found_again() {
    let port_of = Upstream::new();
    let (url, address) = (port_of.url.clone(), port_of.listener.local_addr().unwrap());
    let mut gateway = in_front_of(&port_of);
    let asked = port_of.answer_once(EMPTY);
    assert_eq!(gateway.get("/api/vitals").status, 200);
    asked.join().unwrap(); // The worker is gone now, with a connection of its kept in the pool.
    assert_eq!(gateway.get("/api/vitals").status, 502);
    gateway.wait_for_line("does not answer");
    let again = Upstream { listener: TcpListener::bind(address).unwrap(), url };
    let asked = again.answer_once(EMPTY);
    assert_eq!(gateway.get("/api/vitals").status, 200);
    gateway.wait_for_line("answers again");
    asked.join().unwrap();
}

#[test]
fn a_worker_that_dies_in_the_middle_is_said_to_have() {
    let upstream = Upstream::new();
    let gateway = in_front_of(&upstream);
    let worker = thread::spawn(move || {
        let mut stream = upstream.accept();
        read_until(&mut stream, "\r\n\r\n");
    });
    let answer = gateway.get("/api/vitals");
    worker.join().unwrap();
    assert_eq!(answer.status, 502);
    assert!(answer.text().contains("betti-backend broke off"), "{}", answer.text());
}

/// Answers the first request of its first connection, ends at the second one, and answers the first of the next
/// connection, if there is one. Returns what it was asked, connection by connection.
fn replaced(upstream: Upstream) -> thread::JoinHandle<[String; 3]> {
    thread::spawn(move || {
        let mut first = upstream.accept();
        let asked = read_until(&mut first, "\r\n\r\n");
        first.write_all(EMPTY.as_bytes()).unwrap();
        let lost = read_until(&mut first, "\r\n\r\n");
        drop(first);
        upstream.listener.set_nonblocking(true).unwrap();
        let deadline = std::time::Instant::now() + Duration::from_millis(500);
        let again = loop {
            match upstream.listener.accept() {
                Ok((mut stream, _)) => {
                    stream.set_nonblocking(false).unwrap();
                    let again = read_until(&mut stream, "\r\n\r\n");
                    stream.write_all(EMPTY.as_bytes()).unwrap();
                    break again;
                }
                Err(_) if std::time::Instant::now() > deadline => break String::new(),
                Err(_) => thread::sleep(Duration::from_millis(5)),
            }
        };
        [asked, lost, again]
    })
}

#[test]
fn what_may_be_asked_twice_is_asked_again_when_the_worker_is_replaced() {
    for method in ["GET", "HEAD", "DELETE"] {
        let upstream = Upstream::new();
        let gateway = in_front_of(&upstream);
        let worker = replaced(upstream);
        assert_eq!(gateway.get("/api/vitals").status, 200);
        assert_eq!(gateway.ask(method, "/api/vitals/7?x=y", &["X-End: 1"]).status, 200, "{method}");
        let [_, lost, again] = worker.join().unwrap();
        assert!(lost.starts_with(&format!("{method} /api/vitals/7?x=y ")) && lost.contains("x-end: 1"), "{lost}");
        assert_eq!(lost, again);
    }
}

#[test]
fn what_changes_something_is_never_asked_twice() {
    for (method, headers) in [("POST", &["Content-Length: 0"][..]), ("PATCH", &[])] {
        let upstream = Upstream::new();
        let gateway = in_front_of(&upstream);
        let worker = thread::spawn(move || {
            read_until(&mut upstream.accept(), "\r\n\r\n");
            upstream
        });
        let answer = gateway.ask(method, "/api/vitals", headers);
        assert_eq!(answer.status, 502, "{method}");
        assert!(answer.text().contains("broke off"), "{}", answer.text());
        let upstream = worker.join().unwrap();
        upstream.listener.set_nonblocking(true).unwrap();
        assert!(upstream.listener.accept().is_err(), "{method}");
    }
}

#[test]
fn what_changes_something_never_meets_the_end_of_a_kept_connection() {
    let upstream = Upstream::new();
    let gateway = in_front_of(&upstream);
    let worker = thread::spawn(move || {
        let mut kept = upstream.accept();
        read_until(&mut kept, "\r\n\r\n");
        kept.write_all(EMPTY.as_bytes()).unwrap();
        for _ in 0..20 {
            let mut stream = upstream.accept();
            read_until(&mut stream, "\r\n\r\n");
            // Kept, as far as the answer says, and then closed.
            stream.write_all(EMPTY.as_bytes()).unwrap();
        }
    });
    assert_eq!(gateway.get("/api/vitals").status, 200);
    for _ in 0..20 {
        assert_eq!(gateway.ask("POST", "/api/vitals", &["Content-Length: 0"]).status, 200);
    }
    worker.join().unwrap();
}

#[test]
fn head_passes_through_without_a_body() {
    let upstream = Upstream::new();
    let gateway = in_front_of(&upstream);
    let asked = upstream.answer_once("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    let answer = gateway.ask("HEAD", "/api/vitals", &[]);
    assert!(asked.join().unwrap().starts_with("HEAD "));
    assert_eq!((answer.status, answer.header("content-length"), answer.body.len()), (200, Some("1000"), 0));
}

#[test]
fn an_open_request_is_finished_when_the_gateway_stops() {
    let upstream = Upstream::new();
    let mut gateway = in_front_of(&upstream);
    let (go_on, wait) = mpsc::channel();
    let (asked, hears) = mpsc::channel();
    let worker = thread::spawn(move || {
        let mut stream = upstream.accept();
        read_until(&mut stream, "\r\n\r\n");
        asked.send(()).unwrap();
        wait.recv_timeout(SOON).unwrap();
        stream.write_all(EMPTY.as_bytes()).unwrap();
    });
    let mut stream = gateway.connect();
    stream.write_all(b"GET /api/slow HTTP/1.1\r\nHost: hub\r\n\r\n").unwrap();
    hears.recv_timeout(SOON).unwrap();
    gateway.terminate();
    gateway.wait_for_line("\"draining\"");
    go_on.send(()).unwrap();
    assert_eq!(Answer::read(&mut stream).text(), "{}");
    assert!(gateway.wait().success());
    worker.join().unwrap();
}

#[test]
fn a_page_of_another_site_reaches_no_worker() {
    let upstream = Upstream::new();
    let gateway = in_front_of(&upstream);
    for origin in ["Origin: http://evil.example", "Origin: null"] {
        let answer = gateway.ask("POST", "/api/vitals", &[origin, "Content-Length: 0"]);
        assert_eq!(answer.status, 403, "{origin}");
    }
    let asked = upstream.answer_once(EMPTY);
    let own = format!("Origin: http://{}", gateway.address);
    assert_eq!(gateway.ask("POST", "/api/vitals", &[&own, "Content-Length: 0"]).status, 200);
    asked.join().unwrap();
}

#[test]
fn a_worker_is_told_from_where_the_caller_comes_and_shown_its_credential() {
    // Only its own addresses make a machine look like another one to itself; one without a network has none.
    let Some(address) = own_address() else { return };
    let upstream = Upstream::new();
    let gateway = Gateway::start(&[], &[("HOST", "0.0.0.0"), ("BETTI_API_URL", &upstream.url)]);
    let port = gateway.address.rsplit(':').next().unwrap().to_owned();
    let asked = upstream.answer_once(EMPTY);
    let mut stream = TcpStream::connect(format!("{address}:{port}")).unwrap();
    let headers =
        "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-For: ::1\r\nAuthorization: Bearer a\r\nCookie: betti=b\r\n";
    let request = format!("GET /api/vitals HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    assert_eq!(Answer::read(&mut stream).status, 200);
    let asked = asked.join().unwrap().to_ascii_lowercase();
    let said: Vec<_> = asked.lines().filter(|line| line.starts_with("x-forwarded-for:")).collect();
    assert_eq!(said, [format!("x-forwarded-for: {address}")], "and nothing that the caller says of itself");
    assert!(asked.contains("authorization: bearer a\r\n") && asked.contains("cookie: betti=b\r\n"), "{asked}");
}

/// The address from which this machine would reach others; no packet is sent.
fn own_address() -> Option<std::net::IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|address| !address.is_loopback())
}

// ---- one request is one request ------------------------------------------------------------------------------------

#[test]
fn a_body_with_two_ends_becomes_one_request_and_the_connection_ends() {
    for headers in
        ["Content-Length: 6\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 6"]
    {
        let upstream = Upstream::new();
        let gateway = in_front_of(&upstream);
        let worker = thread::spawn(move || {
            let mut stream = upstream.accept();
            let request = read_until(&mut stream, "0\r\n\r\n");
            stream.write_all(EMPTY.as_bytes()).unwrap();
            // Whatever else the caller sent never arrives: the gateway ends, and with it this connection.
            let mut more = String::new();
            let _ = stream.read_to_string(&mut more);
            (request, more)
        });
        let smuggled = "GET /api/smuggled HTTP/1.1\r\nHost: hub\r\n\r\n";
        let answer = gateway
            .exchange(&format!("POST /api/vitals HTTP/1.1\r\nHost: hub\r\n{headers}\r\n\r\n0\r\n\r\n{smuggled}"));
        assert_eq!(answer.headers.matches("HTTP/1.1").count(), 1, "{answer:?}");
        assert!(!answer.text().contains("HTTP/1.1"), "one answer: {answer:?}");
        drop(gateway);
        let (request, more) = worker.join().unwrap();
        assert!(!request.to_lowercase().contains("content-length"), "{request}");
        assert!(!request.contains("smuggled") && more.is_empty(), "{request}{more}");
    }
}

#[test]
fn a_request_that_can_be_read_in_two_ways_is_refused() {
    let upstream = Upstream::new();
    let gateway = in_front_of(&upstream);
    for request in [
        "POST /api/x HTTP/1.1\r\nHost: hub\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "POST /api/x HTTP/1.1\r\nHost: hub\r\nContent-Length: 5, 6\r\n\r\nhello!",
        "POST /api/x HTTP/1.1\r\nHost: hub\r\nContent-Length: +5\r\n\r\nhello",
        "POST /api/x HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST /api/x HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "POST /api/x HTTP/1.0\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /api/x HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding : chunked\r\n\r\n",
        "GET /api/x HTTP/1.1\r\nHost: hub\r\n folded: yes\r\n\r\n",
        "GET /api/x\0 HTTP/1.1\r\nHost: hub\r\n\r\n",
    ] {
        assert_eq!(gateway.exchange(request).status, 400, "{request:?}");
    }
    upstream.listener.set_nonblocking(true).unwrap();
    assert!(upstream.listener.accept().is_err(), "none of it reached the worker");
}

#[test]
fn settings_that_are_no_addresses_are_refused_with_an_example() {
    let output = support::command().env("BETTI_API_URL", "3001").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("BETTI_API_URL=3001 is not the address of a worker: write it as http://127.0.0.1:3001"),
        "{said}"
    );
}

#[test]
fn workers_that_nobody_says_where_to_find_are_looked_for_where_they_listen() {
    let (nutrition, video) = (Upstream::new(), Upstream::new());
    let port = |upstream: &Upstream| upstream.url.rsplit(':').next().unwrap().to_owned();
    let mut command = support::command();
    command.env_remove("BETTI_NUTRITION_URL").env_remove("BETTI_VIDEO_URL");
    command.env("NUTRITION_PORT", port(&nutrition)).env("VIDEO_PORT", port(&video));
    let gateway = Gateway::start_with(command);
    let asked = nutrition.answer_once(EMPTY);
    assert_eq!(gateway.get("/api/nutrition/daily").status, 200);
    asked.join().unwrap();
    let upgrade = [
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    let asked = video.answer_once(EMPTY);
    gateway.ask("GET", "/video", &upgrade);
    assert!(asked.join().unwrap().starts_with("GET / HTTP/1.1\r\n"), "the prefix is the gateway's");
}
