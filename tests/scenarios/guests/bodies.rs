//! Bodies and texts that are not what they say, at each worker, through the gateway and directly.

use std::io::{Read, Write};

use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};
use scenarios::http;
use scenarios::platform::GATEWAY;

use super::house::{House, connect_from, heard, until_heard};

/// Where each worker takes bodies: the gateway's and its own port, and a path. Video takes none; Bluetooth listens to nobody.
const PLACES: [(u16, &str); 6] = [
    (GATEWAY, "/api/vitals"),
    (GATEWAY, "/api/nutrition/log-meal"),
    (GATEWAY, "/api/accelerometer/save"),
    (3001, "/api/vitals"),
    (3002, "/api/nutrition/log-meal"),
    (8080, "/api/vitals"),
];
/// Everything that a WebSocket can be opened for, beside the gateway's own.
const SOCKETS: [(u16, &str); 5] =
    [(GATEWAY, "/ws"), (GATEWAY, "/video"), (3001, "/ws"), (3001, "/api/v1/stream"), (8080, "/")];
const UPGRADE: &str = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
    sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// What came back, until the hub closed.
fn say(house: &House, port: u16, head: &str, body: &[u8]) -> String {
    let mut stream = http::connect(house.platform.port(port)).expect("a connection");
    // Who is refused half-way may find the connection gone.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
    heard(stream)
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or_default()
}

/// 90 MB of zeros.
fn zeros(mut encoder: impl Write) {
    let some = vec![0; 1024 * 1024];
    (0..90).for_each(|_| encoder.write_all(&some).expect("memory takes it"));
    encoder.flush().expect("memory takes it");
}

#[test]
fn what_is_packed_in_whatever_way_is_refused_by_every_worker() {
    let house = House::open();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    zeros(&mut gzip);
    let gzip = gzip.finish().expect("memory takes it");
    let mut twice = GzEncoder::new(Vec::new(), Compression::best());
    twice.write_all(&gzip).expect("memory takes it");
    let twice = twice.finish().expect("memory takes it");
    let mut deflate = ZlibEncoder::new(Vec::new(), Compression::best());
    zeros(&mut deflate);
    let deflate = deflate.finish().expect("memory takes it");
    // Nothing here packs in these two ways: an empty frame of each, which nobody may look into either.
    let (brotli, zstd) = (vec![0x3b], vec![0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x00, 0x01, 0x00, 0x00]);
    let table: [(&str, &[u8]); 15] = [
        ("content-encoding: gzip", &gzip),
        ("content-encoding: GZip", &gzip),
        ("content-encoding: x-gzip", &gzip),
        ("content-encoding:gzip ", &gzip),
        ("content-encoding: \"gzip\"", &gzip),
        ("content-encoding: gzip, gzip", &twice),
        ("content-encoding: gzip\r\ncontent-encoding: gzip", &twice),
        ("content-encoding: identity\r\ncontent-encoding: gzip", &gzip),
        ("content-encoding: identity, gzip", &gzip),
        ("content-encoding: deflate", &deflate),
        ("content-encoding: br", &brotli),
        ("content-encoding: zstd", &zstd),
        ("content-encoding: \u{e4}", &gzip),
        ("content-encoding: compress, br, zstd, gzip", &twice),
        // Nobody says that it is packed, and nobody unpacks it.
        ("x-content-encoding: gzip", &gzip),
    ];
    house.bears(|| {
        for (port, path) in PLACES {
            for (line, body) in table {
                let head = format!(
                    "POST {path} HTTP/1.1\r\n{}connection: close\r\ncontent-type: application/json\r\n{line}\r\n",
                    house.head()
                );
                let length = body.len();
                let chunked = [format!("{length:x}\r\n").as_bytes(), body, b"\r\n0\r\n\r\n"].concat();
                let ends = [
                    (format!("content-length: {length}\r\n\r\n"), body.to_vec()),
                    ("transfer-encoding: chunked\r\n\r\n".to_owned(), chunked),
                    // Lies: what follows is no request, and what is missing never comes.
                    (format!("content-length: {}\r\n\r\n", length / 2), body.to_vec()),
                    (format!("content-length: {}\r\n\r\n", length + 1000), body.to_vec()),
                ];
                // Of what nobody says to be packed, what is missing is waited for.
                let tried = if line.starts_with("x-") { 3 } else { 4 };
                for (end, body) in ends.into_iter().take(tried) {
                    let answer = say(&house, port, &format!("{head}{end}"), &body);
                    let expected: &[&str] = match port {
                        8080 => &["404", "405"],
                        _ => &["415", "400", "413"],
                    };
                    assert!(expected.contains(&status(&answer)), "{port} {path} {line} {end}: {answer}");
                    assert!(answer.matches("HTTP/1.1 ").count() <= 1, "one answer: {answer}");
                }
            }
        }
    });
}

#[test]
fn what_is_no_text_is_an_answer_or_an_end_at_every_worker_and_none_fails() {
    let house = House::open();
    // Longer than need be, half of a pair, cut off, none at all, and two ways of writing at once.
    let broken: [&[u8]; 8] = [
        b"\xc0\xaf",
        b"\xe0\x80\xaf",
        b"\xed\xa0\x80",
        b"\xf0\x9f\x92",
        b"\xff\xfe\x00a",
        b"\xc3\xa4\xe4",
        b"\0",
        b"\xf4\x90\x80\x80",
    ];
    let fails = |answer: &str| answer.starts_with("HTTP/1.1 5") || answer.is_empty();
    house.bears(|| {
        for (port, path) in PLACES {
            for bytes in broken {
                let escaped: String = bytes.iter().map(|byte| format!("%{byte:02x}")).collect();
                let guest = house.head();
                let end = "connection: close\r\n";
                for line in [
                    format!("GET {path}/{escaped}"),
                    format!("GET {path}?x={escaped}&{escaped}=1&startDate={escaped}&resident={escaped}"),
                    format!("GET {path}/%25{escaped}"),
                ] {
                    let answer = say(&house, port, &format!("{line} HTTP/1.1\r\n{guest}{end}\r\n"), b"");
                    assert!(!fails(&answer), "{port} {line}: {answer}");
                }
                let raw = [b"GET ", path.as_bytes(), b"/", bytes, b" HTTP/1.1\r\n"].concat();
                let answer = say(&house, port, "", &[&raw, guest.as_bytes(), end.as_bytes(), b"\r\n"].concat());
                assert!(!answer.starts_with("HTTP/1.1 5"), "{port} {path} {bytes:?} raw: {answer}");
                for name in ["x", "cookie", "content-type", "idempotency-key", "accept-language", "if-none-match"] {
                    let head = format!("GET {path} HTTP/1.1\r\n{guest}{end}{name}: ");
                    let answer = say(&house, port, &head, &[bytes, b"\r\n\r\n"].concat());
                    assert!(!fails(&answer), "{port} {path} {name} {bytes:?}: {answer}");
                }
                for body in [[b"{\"", bytes, b"\": 1}"].concat(), [b"{\"vital_type\": \"", bytes, b"\"}"].concat()] {
                    let head = format!(
                        "POST {path} HTTP/1.1\r\n{guest}{end}content-type: application/json\r\ncontent-length: {}\r\n\r\n",
                        body.len()
                    );
                    let answer = say(&house, port, &head, &body);
                    let is_refused = ["400", "404", "405"].contains(&status(&answer));
                    assert!(is_refused, "{port} {path} {body:?}: {answer}");
                }
            }
        }
        for (port, path) in SOCKETS {
            for bytes in broken.into_iter().filter(|bytes| std::str::from_utf8(bytes).is_err()) {
                let length = u8::try_from(bytes.len()).expect("a short text");
                // Whole, and in two pieces of which only the second shows it.
                let whole = [&[0x81, 0x80 | length][..], &[0; 4], bytes].concat();
                let pieces = [&[0x01, 0x81][..], &[0; 4], b"a", &[0x80, 0x80 | length], &[0; 4], bytes].concat();
                for said in [whole, pieces] {
                    let mut stream = http::connect(house.platform.port(port)).expect("a connection");
                    let head = format!("GET {path} HTTP/1.1\r\n{}{UPGRADE}\r\n", house.head());
                    stream.write_all(head.as_bytes()).expect("it is listened to");
                    let mut first = [0; 12];
                    stream.read_exact(&mut first).expect("an answer");
                    assert_eq!(&first, b"HTTP/1.1 101", "{port} {path}");
                    let _ = stream.write_all(&said);
                    heard(stream); // It ends.
                }
            }
        }
    });
}

/// Bodies that do not go on, on a route that strangers may ask: each has a connection to the worker behind as well.
#[test]
fn requests_that_do_not_go_on_take_nobodys_place_behind_the_gateway() {
    /// More than the gateway passes on at once.
    const FLOOD: usize = 900;
    let house = House::open();
    house.bears(|| {
        let follow = |guest: u8| {
            let mut stream = house.connect_from(guest);
            let head = format!("GET /api/v1/stream HTTP/1.1\r\n{}\r\n", house.head());
            stream.write_all(head.as_bytes()).expect("it is listened to");
            let mut first = [0; 12];
            stream.read_exact(&mut first).expect("an answer");
            assert_eq!(&first, b"HTTP/1.1 200");
            stream
        };
        let neighbour = follow(7);
        let begun = format!(
            "POST /api/v1/access/pair HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: 8000\r\n\r\n{}",
            " ".repeat(7900)
        );
        let mut flood: Vec<_> = (0..FLOOD)
            .map(|_| {
                let mut stream = house.connect_from(66);
                stream.write_all(begun.as_bytes()).expect("it is listened to");
                stream
            })
            .collect();
        let oldest = heard(flood.swap_remove(0));
        assert!(oldest.starts_with("HTTP/1.1 503") && oldest.contains("Too many requests of yours"), "{oldest}");
        for stream in [neighbour, follow(8)] {
            let reading = serde_json::json!({ "vital_type": "heart_rate", "value_primary": 71, "unit": "bpm" });
            assert_eq!(house.platform.post(3001, "/api/vitals", &reading).expect("an answer").status / 100, 2);
            until_heard(&stream, "heart_rate");
        }
        // More than strangers may say in one body is not waited for.
        let large = begun.replace("content-length: 8000", "content-length: 90000");
        let answer = say(&house, GATEWAY, &large, &[b' '; 1000]);
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    });
}

/// The same words for all, whatever they show and however long it is, and only a number of seconds more once they are locked out.
#[test]
fn whatever_is_wrong_is_answered_alike_whatever_its_length() {
    const A_GUEST: usize = 15;
    let house = House::open();
    let key = house.token.clone();
    let mut shown: Vec<String> = (0..=100).map(|length| "A".repeat(length)).collect();
    shown.extend((0..key.len()).map(|length| key[..length].to_owned()));
    shown.extend([format!("{key}A"), format!("{key}="), key.to_uppercase(), key.replace("betti_", "BETTI_")]);
    shown.extend((0..20).map(|number| format!("betti_{}", format!("{number:02}").repeat(21) + "0")));
    let without_date = |answer: String| {
        answer.lines().filter(|line| !line.to_ascii_lowercase().starts_with("date:")).collect::<Vec<_>>().join("\n")
    };
    let ask = |guest: u8, port: u16, line: &str| {
        let mut stream = connect_from(guest, house.platform.port(port)).expect("a connection");
        let head = format!("GET /api/nutrition/goals HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{line}\r\n");
        stream.write_all(head.as_bytes()).expect("it is listened to");
        without_date(heard(stream))
    };
    for (place, port) in [GATEWAY, 3001, 3002].into_iter().enumerate() {
        // Those that come through the gateway are counted by the worker behind it.
        let first = 10 + 50 * place;
        let locked_out = u8::try_from(first + 40).expect("few guests");
        let nothing = ask(5, port, "");
        assert!(nothing.starts_with("HTTP/1.1 401"), "{nothing}");
        for (number, text) in shown.iter().enumerate() {
            let guest = u8::try_from(first + number / A_GUEST).expect("few guests");
            assert_eq!(ask(guest, port, &format!("authorization: Bearer {text}\r\n")), nothing, "{port} {text:?}");
        }
        let wrong = format!("authorization: Bearer betti_{}\r\n", "A".repeat(43));
        (0..29).for_each(|_| drop(ask(locked_out, port, &wrong)));
        let locked = ask(locked_out, port, &wrong);
        let seconds = locked.lines().find_map(|line| line.strip_prefix("retry-after: ")?.parse::<u32>().ok());
        assert!(locked.starts_with("HTTP/1.1 429") && seconds.is_some_and(|left| (1..=60).contains(&left)), "{locked}");
        assert!(ask(locked_out, port, "").starts_with("HTTP/1.1 401"), "who shows nothing is told so");
    }
}
