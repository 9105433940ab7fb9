//! One request is one request: whatever somebody sends, what is behind the gateway sees it once, as it was judged, or not at all.
//! The worker here is a thread that counts what reaches it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::Duration,
};

use support::Gateway;

/// A worker that answers everything, and tells of each head that reaches it.
struct Marker {
    url: String,
    heads: mpsc::Receiver<String>,
}

impl Marker {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, heads) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let tell = tell.clone();
                thread::spawn(move || answer(stream, &tell));
            }
        });
        Self { url, heads }
    }
}

/// Reads one request after the other, by the ends that their heads say, and answers each.
fn answer(stream: TcpStream, tell: &mpsc::Sender<String>) {
    let mut stream = BufReader::new(stream);
    while let Some(head) = lines_until_empty(&mut stream) {
        let lower = head.to_ascii_lowercase();
        tell.send(head).unwrap();
        let length = lower.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<u64>().ok());
        let is_whole = if lower.contains("transfer-encoding: chunked") {
            skip_chunks(&mut stream).is_some()
        } else {
            skip(&mut stream, length.unwrap_or_default()).is_some()
        };
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        if !is_whole || stream.get_mut().write_all(answer).is_err() {
            return;
        }
    }
}

fn lines_until_empty(stream: &mut impl BufRead) -> Option<String> {
    let mut lines = String::new();
    while !lines.ends_with("\r\n\r\n") && lines != "\r\n" {
        (stream.read_line(&mut lines).ok()? > 0).then_some(())?;
    }
    Some(lines)
}

fn skip(stream: &mut impl Read, length: u64) -> Option<()> {
    let skipped = io::copy(&mut stream.take(length), &mut io::sink()).ok()?;
    (skipped == length).then_some(())
}

fn skip_chunks(stream: &mut impl BufRead) -> Option<()> {
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let length = u64::from_str_radix(line.trim_end(), 16).ok()?;
        if length == 0 {
            return lines_until_empty(stream).map(drop);
        }
        skip(stream, length + 2)?;
    }
}

/// Of a request that is not whole, nothing more comes than comes at once.
const AT_ONCE: Duration = Duration::from_millis(200);
/// What does not happen within this does not happen.
const SOON: Duration = Duration::from_secs(10);

/// What comes back within this time or until the end; then the caller is gone.
fn say(gateway: &Gateway, request: &[u8], within: Duration) -> String {
    let mut stream = gateway.connect();
    stream.set_read_timeout(Some(within)).unwrap();
    let _ = stream.write_all(request); // It may be over before all of it is said.
    let (mut answer, mut some) = (Vec::new(), [0; 4096]);
    while let Ok(length @ 1..) = stream.read(&mut some) {
        answer.extend_from_slice(&some[..length]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// What a request must not bring along.
const SMUGGLED: &str = "GET /api/smuggled HTTP/1.1\r\nHost: hub\r\n\r\n";

#[test]
fn nothing_is_smuggled_through_the_gateway() {
    let marker = Marker::new();
    let gateway = Gateway::start(&[], &[("BETTI_API_URL", &marker.url)]);
    let length = SMUGGLED.len();
    let post = |headers: &str, body: &str| format!("POST /api/x HTTP/1.1\r\nHost: hub\r\n{headers}\r\n\r\n{body}");
    let both = format!("Content-Length: {length}\r\nTransfer-Encoding: chunked");
    let requests = [
        // CL.TE and TE.CL.
        post(&both, &format!("0\r\n\r\n{SMUGGLED}")),
        post("Content-Length: 4\r\nTransfer-Encoding: chunked", &format!("{length:x}\r\n{SMUGGLED}\r\n0\r\n\r\n")),
        // TE.TE: one of the two is written so that somebody does not know it.
        post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", &format!("0\r\n\r\n{SMUGGLED}")),
        post("Transfer-Encoding: xchunked", &format!("0\r\n\r\n{SMUGGLED}")),
        post("Transfer-Encoding: \"chunked\"", &format!("0\r\n\r\n{SMUGGLED}")),
        post("Transfer-Encoding: identity", &format!("0\r\n\r\n{SMUGGLED}")),
        post("Transfer-Encoding:\x0bchunked", &format!("0\r\n\r\n{SMUGGLED}")),
        post("Transfer-Encoding : chunked", &format!("0\r\n\r\n{SMUGGLED}")),
        post(" Transfer-Encoding: chunked", &format!("0\r\n\r\n{SMUGGLED}")),
        post("X: y\r\n\tTransfer-Encoding: chunked", &format!("0\r\n\r\n{SMUGGLED}")),
        // Two lengths, lengths that are none, folded and bare lines, NUL.
        post(&format!("Content-Length: 0\r\nContent-Length: {length}"), SMUGGLED),
        post(&format!("Content-Length: 0, {length}"), SMUGGLED),
        post("Content-Length: -1", SMUGGLED),
        post("Content-Length: 0x10", SMUGGLED),
        post("Content-Length: 99999999999999999999999", SMUGGLED),
        post("Content-Length:\r\n 0", SMUGGLED),
        post("X: a\0b\r\nContent-Length: 0", ""),
        post("X: a\rContent-Length: 0", ""),
        format!(
            "GET /api/x HTTP/1.1\nHost: hub\nContent-Length: {length}\r\nTransfer-Encoding: chunked\n\n0\n\n{SMUGGLED}"
        ),
        // Chunks: lengths that overflow, that are signed, that end early; extensions that carry a line.
        post("Transfer-Encoding: chunked", &format!("10000000000000000\r\n{SMUGGLED}")),
        post("Transfer-Encoding: chunked", &format!("-1\r\n{SMUGGLED}")),
        post("Transfer-Encoding: chunked", &format!("0x5\r\nhello\r\n0\r\n\r\n{SMUGGLED}")),
        post("Transfer-Encoding: chunked", &format!("1\r\nab\r\n0\r\n\r\n{SMUGGLED}")),
        post("Transfer-Encoding: chunked", &format!("0;a=\n\r\n{SMUGGLED}")),
        post("Transfer-Encoding: chunked", &format!("1;{}\r\na\r\n0\r\n\r\n{SMUGGLED}", "a".repeat(100_000))),
        // What is one hop's: it would take the body's end along, or make another protocol of the rest.
        post(&format!("Connection: Content-Length, close\r\nContent-Length: {length}"), SMUGGLED),
        post(&format!("Connection: close\r\nExpect: 100-continue\r\nContent-Length: {length}"), SMUGGLED),
        format!(
            "GET /api/x HTTP/1.1\r\nHost: hub\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
                 HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{SMUGGLED}"
        ),
        // Targets that are a proxy's.
        "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n".to_owned(),
        "GET http://evil.example/api/x HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n".to_owned(),
        "GET /api/x HTTP/1.1\r\nHost: hub\r\nHost: evil.example\r\nConnection: close\r\n\r\n".to_owned(),
        "GET /api/x\r\nX: y HTTP/1.1\r\nHost: hub\r\n\r\n".to_owned(),
    ];
    for request in &requests {
        let answer = say(&gateway, request.as_bytes(), AT_ONCE);
        // Whatever was on its way is there before this one, whose end is the end of the line.
        let last = say(&gateway, b"GET /api/last HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n", SOON);
        assert!(last.starts_with("HTTP/1.1 200"), "{request:?}: the next one is served: {last}");
        let mut heads = Vec::new();
        loop {
            let head = marker.heads.recv_timeout(SOON).unwrap();
            if head.contains("/api/last") {
                break;
            }
            heads.push(head);
        }
        assert!(heads.len() <= 1, "{request:?}: {heads:?}, answered {answer:?}");
        assert!(heads.iter().all(|head| !head.to_lowercase().contains("host: evil")), "{request:?}: {heads:?}");
        assert!(!heads.first().is_some_and(|head| head.contains("smuggled")), "{request:?}: {heads:?}");
    }
}

#[test]
fn a_caller_is_the_same_behind_the_gateway_whatever_it_calls_of_one_hop() {
    let marker = Marker::new();
    let gateway = Gateway::start(&[], &[("BETTI_API_URL", &marker.url)]);
    let named = "Authorization, Cookie, Host, X-Forwarded-For, X-Forwarded-Proto, Content-Type, close";
    say(
        &gateway,
        format!(
            "GET /api/x HTTP/1.1\r\nHost: hub\r\nConnection: {named}\r\nAuthorization: Bearer a\r\nCookie: betti=b\r\n\
             X-Forwarded-For: 9.9.9.9\r\n\r\n"
        )
        .as_bytes(),
        SOON,
    );
    let head = marker.heads.recv_timeout(SOON).unwrap().to_ascii_lowercase();
    for line in ["authorization: bearer a", "cookie: betti=b", "x-forwarded-for: 127.0.0.1", "x-forwarded-proto: http"]
    {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "{line} is missing in {head}");
    }
    assert!(!head.contains("9.9.9.9"), "{head}");
}
