//! What we tell whoever started us, if that is systemd or speaks like it (`sd_notify(3)`): that we are ready, that we stop, and
//! regularly that we are well.
//!
//! We are well as long as a supervisor is at work, or is being replaced as quickly as that may take. When none can be had
//! any more, saying nothing makes the service manager start us anew, if its unit says so.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use protocol::worker::{NOTIFY_SOCKET, WATCHDOG_PID, WATCHDOG_USEC};

use crate::clock;

/// Variables of our own environment that are meant for nobody else.
pub const FOR_US_ONLY: [&str; 3] = [NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID];
/// How often within its patience the service manager is told.
const SIGNS_WITHIN_PATIENCE: u32 = 2;

/// Whoever started us; says nothing to anybody if nobody asked to be told.
pub struct ServiceManager {
    socket: Option<(UnixDatagram, SocketAddr)>,
    sign_every: Option<Duration>,
    next_sign: Duration,
    is_ready: bool,
}

impl ServiceManager {
    /// Whoever the environment names.
    pub fn of_environment() -> Self {
        let variable = |name: &str| std::env::var(name).ok();
        let address = variable(NOTIFY_SOCKET).as_deref().and_then(address);
        let patience = patience(variable, std::process::id());
        let socket = address.and_then(|address| {
            let socket = UnixDatagram::unbound().and_then(|socket| socket.set_nonblocking(true).map(|()| socket));
            Some((socket.ok()?, address))
        });
        let sign_every = patience.filter(|_| socket.is_some()).map(|patience| patience / SIGNS_WITHIN_PATIENCE);
        Self { socket, sign_every, next_sign: clock::now(), is_ready: false }
    }

    /// Once: the first supervisor has taken over.
    pub fn is_ready(&mut self) {
        if !std::mem::replace(&mut self.is_ready, true) {
            self.say("READY=1");
        }
    }

    pub fn is_stopping(&self) {
        self.say("STOPPING=1");
    }

    /// When the next sign of life is due.
    pub fn next_sign(&self) -> Duration {
        self.sign_every.map_or(Duration::MAX, |_| self.next_sign)
    }

    /// Gives a sign of life if one is due and we are well.
    pub fn sign_of_life(&mut self, is_well: bool) {
        let now = clock::now();
        let Some(every) = self.sign_every.filter(|_| now >= self.next_sign) else { return };
        self.next_sign = now + every;
        if is_well {
            self.say("WATCHDOG=1");
        }
    }

    /// Nobody who does not read holds us up.
    fn say(&self, word: &str) {
        if let Some((socket, address)) = &self.socket {
            let _ = socket.send_to_addr(word.as_bytes(), address);
        }
    }
}

/// `/a/path`, or `@a-name` in the abstract namespace.
fn address(text: &str) -> Option<SocketAddr> {
    match text.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name).ok(),
        None if text.starts_with('/') => SocketAddr::from_pathname(text).ok(),
        None => None,
    }
}

/// How long the service manager waits for a sign of life from this process, if from it at all.
fn patience(variable: impl Fn(&str) -> Option<String>, pid: u32) -> Option<Duration> {
    let is_meant = variable(WATCHDOG_PID).is_none_or(|meant| meant == pid.to_string());
    let usec = variable(WATCHDOG_USEC)?.parse().ok().filter(|usec| *usec > 0 && is_meant)?;
    Some(Duration::from_micros(usec))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watchdog_is_for_whom_it_names() {
        let of = |usec: Option<&str>, pid: Option<&str>| {
            let given = [(WATCHDOG_USEC, usec), (WATCHDOG_PID, pid)];
            patience(|name| given.iter().find(|(known, _)| *known == name)?.1.map(str::to_owned), 7)
        };
        let second = Some(Duration::from_secs(1));
        assert_eq!(of(Some("1000000"), None), second);
        assert_eq!(of(Some("1000000"), Some("7")), second);
        for (usec, pid) in [(Some("1000000"), Some("8")), (Some("0"), None), (Some("x"), None), (None, Some("7"))] {
            assert_eq!(of(usec, pid), None, "{usec:?} {pid:?}");
        }
    }

    #[test]
    fn who_is_not_well_gives_no_sign() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ear");
        let ear = UnixDatagram::bind(&path).unwrap();
        ear.set_nonblocking(true).unwrap();
        let socket = Some((UnixDatagram::unbound().unwrap(), SocketAddr::from_pathname(&path).unwrap()));
        let mut manager =
            ServiceManager { socket, sign_every: Some(Duration::ZERO), next_sign: Duration::ZERO, is_ready: false };
        let heard = || ear.recv(&mut [0; 64]).is_ok();
        manager.sign_of_life(false);
        assert!(!heard());
        manager.sign_of_life(true);
        assert!(heard());
        manager.sign_every = Some(Duration::from_secs(3600));
        manager.sign_of_life(true); // it is due, and the next one in an hour
        manager.sign_of_life(true);
        assert!(heard() && !heard());
    }

    #[test]
    fn both_kinds_of_addresses_are_understood_and_no_other() {
        assert!(address("/run/notify").is_some_and(|address| address.as_pathname().is_some()));
        assert!(address("@name").is_some_and(|address| address.as_abstract_name() == Some(b"name")));
        assert!(address("vsock:2:1").is_none() && address("").is_none());
    }
}
