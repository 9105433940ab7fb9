//! Ports that no scenario running at the same time has, and that the kernel gives to no outgoing connection.

use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

/// Below the kernel's default range for outgoing connections, above what services are usually found on.
const CANDIDATES: std::ops::Range<u16> = 20_000..32_000;

/// A port of 127.0.0.1, reserved among scenarios for as long as this lives.
pub struct Port {
    number: u16,
    /// A name in the kernel's abstract namespace: gone with the process, so nothing is ever left reserved.
    _reservation: UnixListener,
}

impl Port {
    /// A port that is free now.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn free() -> Self {
        // Scenarios that start together begin their search at different places.
        let turn = u16::try_from(std::process::id() % u32::from(CANDIDATES.end - CANDIDATES.start)).unwrap_or(0);
        let candidates = (CANDIDATES.start + turn..CANDIDATES.end).chain(CANDIDATES);
        candidates.into_iter().find_map(Self::reserve).expect("a free port")
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }

    /// `127.0.0.1:NUMBER`
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.number)
    }

    fn reserve(number: u16) -> Option<Self> {
        let name = SocketAddr::from_abstract_name(format!("betti-scenarios-port-{number}")).ok()?;
        let reservation = UnixListener::bind_addr(&name).ok()?;
        TcpListener::bind(("127.0.0.1", number)).ok()?;
        Some(Self { number, _reservation: reservation })
    }
}
