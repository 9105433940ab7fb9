//! WebSockets: too many of them, and what may not be said on one.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use scenarios::platform::GATEWAY;
use scenarios::{loops, process, wait};
use serde_json::json;

use super::{
    access::token,
    house::{House, heard, until_heard},
};

/// As many as the gateway carries at once.
const MOST_TUNNELS: usize = 512;
/// The largest message that a worker takes, in bytes.
const LARGEST_MESSAGE: usize = 64 * 1024;
/// What asks for a WebSocket; its last lines.
const UPGRADE: &str = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
    sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
/// Everything that a WebSocket can be opened for.
const PATHS: [&str; 2] = ["/ws", "/video"];

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const LAST: u8 = 0x80;
/// Set by whoever compresses.
const COMPRESSED: u8 = 0x40;

/// A client's frame, masked with zeros, which is a mask like any other. Up to 65,535 bytes.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("a length in two bytes").to_be_bytes();
    let length = if payload.len() < 126 { vec![0x80 | length[1]] } else { [&[0x80 | 126][..], &length].concat() };
    [&[first][..], &length, &[0; 4], payload].concat()
}

/// Asks for a WebSocket; what is answered, up to the end of the head, and nothing more.
fn upgrade(who: &str, mut stream: &TcpStream, path: &str, more: &str) -> String {
    let asked = format!("GET {path} HTTP/1.1\r\n{who}{UPGRADE}{more}\r\n");
    stream.write_all(asked.as_bytes()).expect("it is listened to");
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("an answer");
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("text")
}

/// A WebSocket of this guest's.
fn opened(house: &House, guest: u8, path: &str) -> TcpStream {
    opened_by(&house.head(), house, guest, path)
}

/// The same, of a device that says this.
fn opened_by(who: &str, house: &House, guest: u8, path: &str) -> TcpStream {
    let stream = house.connect_from(guest);
    let head = upgrade(who, &stream, path, "");
    assert!(head.starts_with("HTTP/1.1 101"), "{path}: {head}");
    stream
}

/// How many the gateway carries.
fn carried(house: &House) -> u64 {
    let health = house.platform.get(GATEWAY, "/health").expect("an answer").json();
    health["websockets"].as_u64().expect("a number")
}

#[test]
fn a_flood_of_websockets_and_of_what_they_say_keeps_nobody_out() {
    const FLOOD: usize = MOST_TUNNELS + 100;
    let house = House::open();
    // Another device: the worker behind shares its places by device, as the gateway does by address.
    let flooding = format!("host: h\r\nauthorization: Bearer {}\r\n", token(&house, "resident"));
    house.bears(|| {
        let neighbour = opened(&house, 7, "/ws");
        let mut flood: Vec<_> = (0..FLOOD).map(|_| opened_by(&flooding, &house, 66, "/ws")).collect();
        let oldest = heard(flood.swap_remove(0));
        assert!(oldest.contains("Too many connections of yours"), "{oldest}");
        let said = frame(LAST | TEXT, &[b'a'; 60_000]);
        for stream in &mut flood {
            // Whether it is listened to or closed is the hub's choice.
            let _ = (0..20).try_for_each(|_| stream.write_all(&said));
        }
        let late = opened(&house, 8, "/ws");
        let reading = json!({ "vital_type": "heart_rate", "value_primary": 71, "unit": "bpm" });
        assert_eq!(house.platform.post(3001, "/api/vitals", &reading).expect("an answer").status / 100, 2);
        for who in [neighbour, late] {
            until_heard(&who, "vital-update");
        }
        let mut stream = flood.pop().expect("the newest");
        let _ = stream.write_all(&frame(LAST | TEXT, &[0xff, 0xfe]));
        assert!(heard(stream).contains("connection"), "the greeting, then the end: no text may be no text");
        assert!(carried(&house) <= MOST_TUNNELS as u64 + 1);
    });
}

#[test]
fn websockets_that_come_and_go_leave_nothing_behind() {
    let house = House::open();
    let gateway = house.platform.hub.pid("betti-frontend");
    house.bears(|| {
        let files = process::open_files(gateway).len();
        for turn in 0..5 * loops(20) {
            let path = PATHS[turn % 2];
            // Gone without having waited for the answer, gone without a word, and gone as one should.
            let mut half_open = house.connect_from(66);
            let asked = format!("GET {path} HTTP/1.1\r\n{}{UPGRADE}\r\n", house.head());
            half_open.write_all(asked.as_bytes()).expect("it is listened to");
            drop(half_open);
            drop(opened(&house, 66, path));
            let mut polite = opened(&house, 66, path);
            polite.write_all(&frame(LAST | CLOSE, &1000_u16.to_be_bytes())).expect("it is listened to");
            heard(polite);
        }
        wait::until("nothing is carried any more", || match carried(&house) {
            0 => Ok(()),
            left => Err(format!("{left} left")),
        });
        wait::until("no more files are open than before", || match process::open_files(gateway).len() {
            // The healthy client's own come and go.
            now if now <= files + 16 => Ok(()),
            now => Err(format!("{now}, and {files} before")),
        });
    });
}

#[test]
fn what_may_not_be_said_on_a_websocket_ends_it_and_nothing_else() {
    let house = House::open();
    let endless = |kind: u8| {
        let first = frame(kind, &[b'a'; 1000]);
        let more = frame(CONTINUATION, &[b'a'; 1000]);
        [first, more.repeat(2 * LARGEST_MESSAGE / 1000)].concat()
    };
    let announced = |length: u64| [&[LAST | BINARY, 0x80 | 127][..], &length.to_be_bytes(), &[0; 4], b"aaaa"].concat();
    let table = [
        ("fragments without end", endless(TEXT)),
        ("fragments without end, of bytes", endless(BINARY)),
        ("as much as can be said", announced(i64::MAX as u64)),
        ("more than can be said", announced(u64::MAX)),
        ("a little too much", announced(LARGEST_MESSAGE as u64 + 1)),
        ("compressed, though nobody agreed to it", frame(LAST | COMPRESSED | TEXT, b"\xca\x48\xcd\xc9\xc9\x07\x00")),
        ("no mask", b"\x81\x05hello".to_vec()),
        ("a kind that is none", frame(LAST | 3, b"a")),
        ("a ping that is too long", frame(LAST | PING, &[b'a'; 126])),
        ("a ping in pieces", frame(PING, b"a")),
        ("a piece of nothing", frame(LAST | CONTINUATION, b"a")),
        ("no text", frame(LAST | TEXT, &[0xc0, 0xaf])),
        ("no text, in a goodbye", frame(LAST | CLOSE, &[0x03, 0xe8, 0xff])),
    ];
    house.bears(|| {
        for path in PATHS {
            for (what, bytes) in &table {
                let mut stream = opened(&house, 66, path);
                let _ = stream.write_all(bytes); // It may be over before all of it is said.
                let mut rest = Vec::new();
                let ended = stream.read_to_end(&mut rest);
                let is_reset = ended.as_ref().is_err_and(|error| error.kind() == ErrorKind::ConnectionReset);
                assert!(ended.is_ok() || is_reset, "{what} on {path}: {ended:?}");
            }
        }
    });
}

#[test]
fn whoever_talks_without_end_and_reads_nothing_is_held_back() {
    /// Far more than the buffers on the way hold, in bytes.
    const SAID: usize = 16 * 1024 * 1024;
    let house = House::open();
    let (pings, tiny) = (frame(LAST | PING, &[b'a'; 125]).repeat(500), frame(LAST | TEXT, b"a").repeat(5000));
    house.bears(|| {
        for path in PATHS {
            for bytes in [&pings, &tiny] {
                let mut talkers: Vec<_> = (0..10).map(|_| opened(&house, 66, path)).collect();
                for stream in &mut talkers {
                    stream.set_write_timeout(Some(Duration::from_millis(200))).expect("a timeout");
                    // Taken, not taken, or over: each is the hub's choice.
                    let _ = (0..SAID / bytes.len() / 10).try_for_each(|_| stream.write_all(bytes));
                }
            }
        }
    });
}

#[test]
fn nobody_agrees_to_compression_so_nothing_can_unpack() {
    let house = House::open();
    house.bears(|| {
        for path in PATHS {
            let asked = "sec-websocket-extensions: permessage-deflate; client_max_window_bits\r\n";
            let head = upgrade(&house.head(), &house.connect(), path, asked);
            assert!(head.starts_with("HTTP/1.1 101"), "{path}: {head}");
            assert!(!head.to_ascii_lowercase().contains("sec-websocket-extensions"), "{path}: {head}");
        }
    });
}
