//! The platform with bad guests in it, and somebody else who uses it meanwhile.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    os::fd::AsRawFd,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::channel,
    },
    thread,
};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, socket};
use scenarios::platform::{GATEWAY, Platform};
use scenarios::wait::PATIENCE;
use scenarios::{http, process};

/// How much a worker may grow while bad guests are there, in KiB, in a debug build.
const MOST_GROWTH_KIB: u64 = 64 * 1024;
/// Workers that guests reach, directly or through the gateway.
const WORKERS: [&str; 3] = ["betti-frontend", "betti-backend", "betti-webrtc"];

/// The platform, whose workers' memory was looked at before anybody came.
pub struct House {
    pub platform: Platform,
    before: Vec<u64>,
    pub token: String,
}

impl House {
    pub fn open() -> Self {
        let platform = Platform::new(None);
        platform.hub.ctl(&["start"]).succeeded();
        let mut house = Self { token: platform.hub.service_token(), platform, before: Vec::new() };
        assert_eq!(house.ask_latest().expect("an answer"), 200);
        house.before = house.memory();
        house
    }

    fn memory(&self) -> Vec<u64> {
        WORKERS.iter().map(|name| process::anonymous_kib(self.platform.hub.pid(name))).collect()
    }

    pub fn gateway(&self) -> u16 {
        self.platform.port(GATEWAY)
    }

    pub fn connect(&self) -> TcpStream {
        http::connect(self.gateway()).expect("a connection")
    }

    /// As [`connect`](Self::connect), by a guest whose address is another one than everybody else's.
    pub fn connect_from(&self, guest: u8) -> TcpStream {
        connect_from(guest, self.gateway()).expect("a connection")
    }

    pub fn ask_latest(&self) -> io::Result<u16> {
        Ok(self.platform.get(GATEWAY, "/api/vitals/latest")?.status)
    }

    /// Does it while somebody else uses the hub all the time, and looks at what it cost.
    pub fn bears(&self, attack: impl FnOnce()) {
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let (asked, is_there) = channel();
            let client = scope.spawn({
                let over = &over;
                move || {
                    while !over.load(Ordering::Relaxed) {
                        assert_eq!(self.ask_latest().expect("an answer"), 200);
                        let _ = asked.send(()); // It is waited for once.
                    }
                }
            });
            // However short the attack is, somebody is there by then.
            is_there.recv().expect("somebody who is served");
            // Over also if it panics, or the client would go on for ever.
            let attacked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(attack));
            over.store(true, Ordering::Relaxed);
            client.join().expect("everybody else is served meanwhile");
            attacked.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        });
        assert_eq!(self.ask_latest().expect("an answer"), 200);
        for ((name, before), now) in WORKERS.iter().zip(&self.before).zip(self.memory()) {
            assert!(now <= before + MOST_GROWTH_KIB, "{name} grew from {before} to {now} KiB");
        }
    }

    /// Header lines that every guest sends.
    pub fn head(&self) -> String {
        format!("host: h\r\nauthorization: Bearer {}\r\n", self.token)
    }

    /// Sends bytes as they are, and returns what came back until the hub closed.
    pub fn say(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        // Who is refused half-way may find the connection gone.
        let _ = stream.write_all(bytes);
        heard(stream)
    }
}

/// Everything until the end, also if it is a reset.
pub fn heard(mut stream: TcpStream) -> String {
    let (mut all, mut some) = (Vec::new(), [0; 4096]);
    while let Ok(length) = stream.read(&mut some)
        && length > 0
    {
        all.extend_from_slice(&some[..length]);
    }
    String::from_utf8_lossy(&all).into_owned()
}

/// Reads until this was said; whoever is told goodbye instead was not served.
pub fn until_heard(mut stream: &TcpStream, text: &str) {
    let (mut all, mut some) = (Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&all).contains(text) {
        let length = stream.read(&mut some).expect("something that is said");
        assert!(length > 0, "it ended after {:?}", String::from_utf8_lossy(&all));
        all.extend_from_slice(&some[..length]);
    }
}

/// A connection from 127.0.0.`guest` to a port of 127.0.0.1.
pub fn connect_from(guest: u8, port: u16) -> io::Result<TcpStream> {
    let stream = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    bind(stream.as_raw_fd(), &SockaddrIn::new(127, 0, 0, guest, 0))?;
    connect(stream.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, port))?;
    let stream = TcpStream::from(stream);
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}
