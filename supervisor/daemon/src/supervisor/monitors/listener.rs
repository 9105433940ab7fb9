//! Whose a listening socket is. A probe of an address that somebody else has served all along would call an app ready that
//! cannot even listen there.
//!
//! The kernel's table of listening sockets (`/proc/net/tcp`, `tcp6`) has their inodes, `/proc/PID/fd` has who holds an
//! inode. A socket is somebody else's only when that is certain: whoever holds it is older than the run and is not the
//! keeper, or nobody can be seen to hold it but it was there before the run came to anything. A daemon that went into the
//! background, a proxy that something else started on behalf of the app, and what cannot be read are all believed.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use crate::supervisor::taken::{Holder, Row, listening};
use crate::tree::Process;

/// The run that is expected to serve an address.
pub struct Expected {
    /// Its first process.
    first: Process,
    keeper: i32,
    address: Option<SocketAddr>,
    /// Inodes that served the address before the run could.
    before: BTreeSet<u64>,
}

impl Expected {
    /// `just_spawned` is false for a run that a predecessor spawned: it may serve the address by now.
    pub fn new(first: Process, keeper: i32, address: Option<SocketAddr>, just_spawned: bool) -> Self {
        let before = address.filter(|_| just_spawned).map(serving).unwrap_or_default();
        Self { first, keeper, address, before }
    }

    /// Who else serves this address, in words, if that is certain.
    pub fn served_by_another(&self, address: SocketAddr) -> Option<String> {
        let inodes = serving(address);
        if inodes.is_empty() {
            return None; // not of this machine, or not ours to see
        }
        let holders = Holder::of(&inodes);
        let before = if self.address == Some(address) { &self.before } else { &BTreeSet::new() };
        let strangers: Option<Vec<Option<&Holder>>> =
            inodes.iter().map(|inode| self.stranger(*inode, &holders, before)).collect();
        let named = strangers?.into_iter().flatten().next();
        Some(match named {
            Some(holder) => {
                format!("{address} is served by another process ({}, pid {})", holder.name, holder.process.pid)
            }
            None => format!("{address} is served by another process, which was there before"),
        })
    }

    /// `None` if the socket may be the run's; else who holds it, if that can be seen.
    fn stranger<'h>(&self, inode: u64, holders: &'h [Holder], before: &BTreeSet<u64>) -> Option<Option<&'h Holder>> {
        let mut its = holders.iter().filter(|holder| holder.inode == inode).peekable();
        if its.peek().is_none() {
            return before.contains(&inode).then_some(None);
        }
        let mut first = None;
        for holder in its {
            if holder.process.pid == self.keeper || !holder.process.is_older_than(&self.first) {
                return None;
            }
            first = first.or(Some(holder));
        }
        Some(first)
    }
}

/// Inodes of the sockets of this machine that are asked when this address is connected to.
fn serving(address: SocketAddr) -> BTreeSet<u64> {
    if !is_ours(address.ip()) {
        return BTreeSet::new();
    }
    serving_among(&listening(), address)
}

/// An address can be bound to only where it is one of the machine's.
fn is_ours(ip: IpAddr) -> bool {
    ip.is_loopback() || ip.is_unspecified() || UdpSocket::bind((ip, 0)).is_ok()
}

/// The kernel asks who bound the address itself before it asks who bound all addresses.
fn serving_among(rows: &[Row], address: SocketAddr) -> BTreeSet<u64> {
    let on_port = || rows.iter().filter(|row| row.address.port() == address.port());
    let wanted = address.ip().to_canonical();
    let exact: BTreeSet<u64> =
        on_port().filter(|row| row.address.ip().to_canonical() == wanted).map(|row| row.inode).collect();
    if !exact.is_empty() && !wanted.is_unspecified() {
        return exact;
    }
    // Whoever bound all of IPv6 is asked for IPv4 as well, unless it said otherwise, which cannot be seen.
    let all = |ip: IpAddr| ip.is_unspecified() && (ip.is_ipv6() || wanted.is_ipv4());
    on_port().filter(|row| all(row.address.ip().to_canonical())).map(|row| row.inode).collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::process::{Child, Command};

    use super::*;
    use crate::tree::Stat;

    #[test]
    fn who_bound_the_address_itself_is_asked_before_who_bound_all() {
        let listeners = ["0.0.0.0:80", "127.0.0.1:80", "[::]:80", "[::ffff:127.0.0.1]:81", "[::]:82", "0.0.0.0:83"];
        let rows: Vec<Row> =
            (0..).zip(listeners).map(|(inode, text)| Row::listening(text.parse().unwrap(), inode)).collect();
        for (address, expected) in [
            ("127.0.0.1:80", vec![1]),
            ("127.0.0.2:80", vec![0, 2]),
            ("[::1]:80", vec![2]),
            ("127.0.0.1:81", vec![3]),
            ("127.0.0.1:82", vec![4]),
            ("[::1]:83", vec![]),
            ("127.0.0.1:84", vec![]),
        ] {
            let found = serving_among(&rows, address.parse().unwrap());
            assert_eq!(found.into_iter().collect::<Vec<_>>(), expected, "{address}");
        }
    }

    fn sleeper() -> Child {
        Command::new("sleep").arg("60").spawn().unwrap()
    }

    fn process(pid: u32) -> Process {
        Stat::of(pid.cast_signed()).unwrap().process
    }

    #[test]
    fn an_older_process_that_serves_the_address_is_another_one_and_the_keeper_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let me = process(std::process::id());
        // Start times are told in hundredths of a second.
        let mut run = sleeper();
        while !me.is_older_than(&process(run.id())) {
            run.kill().unwrap();
            run.wait().unwrap();
            run = sleeper();
        }
        let expected = |keeper| Expected::new(process(run.id()), keeper, Some(address), true);
        let words = expected(1).served_by_another(address).unwrap();
        let ending = format!(", pid {})", std::process::id());
        assert!(
            words.starts_with(&format!("{address} is served by another process (")) && words.ends_with(&ending),
            "{words}"
        );
        assert_eq!(expected(std::process::id().cast_signed()).served_by_another(address), None);
        let younger = Expected::new(me, 1, Some(address), true);
        assert_eq!(younger.served_by_another(address), None, "what is no older than the run may be its own");
        drop(listener);
        assert_eq!(expected(1).served_by_another(address), None, "nobody is there");
        run.kill().unwrap();
        run.wait().unwrap();
    }

    #[test]
    fn who_cannot_be_seen_is_another_one_only_if_it_was_there_before() {
        let first = process(std::process::id());
        let expected = Expected { first, keeper: 1, address: None, before: BTreeSet::new() };
        assert_eq!(expected.stranger(7, &[], &BTreeSet::from([7])).map(|holder| holder.is_none()), Some(true));
        assert!(expected.stranger(8, &[], &BTreeSet::from([7])).is_none());
    }

    #[test]
    fn an_address_of_another_machine_is_nobodys_here() {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(serving(SocketAddr::from(([192, 0, 2, 1], port))).is_empty());
        assert!(!serving(SocketAddr::from(([127, 0, 0, 1], port))).is_empty());
    }
}
