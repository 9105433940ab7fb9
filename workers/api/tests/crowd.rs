//! More live connections than betti-api has places for, on its own port: whoever has the most gives them up.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod hub;
#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use hub::Hub;
use serde_json::json;

/// As many as are told of things at once, of each kind.
const MOST: usize = 512;
const FLOOD: usize = MOST + 60;
/// Nothing here takes this long, unless it hangs.
const DEADLINE: Duration = Duration::from_secs(30);
const UPGRADE: &str = "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

impl Hub {
    fn token(&self) -> String {
        self.command(&["token", "--role", "resident"]).trim_end().to_owned()
    }

    /// Asks for what does not end, and waits until it has begun.
    fn open(&self, token: &str, path: &str, more: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.worker.address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let asked = format!("GET {path} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {token}\r\n{more}\r\n");
        stream.write_all(asked.as_bytes()).unwrap();
        until_heard(&mut stream, "\r\n\r\n");
        stream
    }
}

fn until_heard(stream: &mut TcpStream, text: &str) {
    let (mut all, mut some) = (Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&all).contains(text) {
        let length = stream.read(&mut some).unwrap();
        assert!(length > 0, "it ended after {:?}", String::from_utf8_lossy(&all));
        all.extend_from_slice(&some[..length]);
    }
}

fn until_its_end(mut stream: TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    all
}

#[test]
fn one_device_takes_nobody_elses_place_on_the_workers_own_port() {
    let hub = Hub::start();
    let (neighbour, flood) = (hub.token(), hub.token());
    for (path, more, farewell) in
        [("/ws", UPGRADE, true), ("/api/v1/stream", UPGRADE, true), ("/api/v1/stream", "Connection: close\r\n", false)]
    {
        let mut first = hub.open(&neighbour, path, more);
        let mut open: Vec<_> = (0..FLOOD).map(|_| hub.open(&flood, path, more)).collect();
        let oldest = until_its_end(open.remove(0));
        let said = String::from_utf8_lossy(&oldest).into_owned();
        let crowded = 1013_u16.to_be_bytes();
        assert_eq!(
            oldest.windows(2).any(|two| two == crowded) && said.contains("Too many"),
            farewell,
            "{path}: {said}"
        );
        let mut late = hub.open(&neighbour, path, more);
        let reading = json!({"vital_type": "heart_rate", "value_primary": 71, "unit": "bpm"});
        assert_eq!(hub.worker.post("/api/vitals", &reading).0, 201);
        for stream in [&mut first, &mut late, open.last_mut().unwrap()] {
            until_heard(stream, "heart_rate");
        }
        // All that are over their share are gone, the oldest first, and no other one; two places are the neighbour's.
        for (number, mut stream) in open.into_iter().enumerate() {
            let goes = number + 1 < FLOOD + 2 - MOST;
            stream.set_nonblocking(!goes).unwrap();
            assert_eq!(stream.read_to_end(&mut Vec::new()).is_ok(), goes, "{path}: {number}");
        }
    }
}
