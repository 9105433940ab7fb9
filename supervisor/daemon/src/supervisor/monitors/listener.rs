//! Whose a listening socket is. A probe of an address that somebody else has served all along would call an app ready that
//! cannot even listen there.
//!
//! The kernel's table of listening sockets (`/proc/net/tcp`, `tcp6`) has their inodes, `/proc/PID/fd` has who holds an
//! inode. A socket is somebody else's only when that is certain: whoever holds it is older than the run and is not the
//! keeper, or nobody can be seen to hold it but it was there before the run came to anything. A daemon that went into the
//! background, a proxy that something else started on behalf of the app, and what cannot be read are all believed.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::unix::ffi::OsStrExt;

use crate::tree::{Process, Stat};

const TABLES: [&str; 2] = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];
/// `TCP_LISTEN`, as the table has it.
const LISTENING: &str = "0A";
/// The columns of the table that are read.
const LOCAL_ADDRESS: usize = 1;
const STATE: usize = 3;
const INODE: usize = 9;

/// A row of the kernel's table that listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    address: SocketAddr,
    inode: u64,
}

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

/// A process that holds a socket.
struct Holder {
    inode: u64,
    process: Process,
    name: String,
}

impl Holder {
    /// Everybody who can be seen to hold one of these.
    fn of(inodes: &BTreeSet<u64>) -> Vec<Self> {
        let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
        pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .flat_map(|pid| Self::held(pid, inodes))
            .collect()
    }

    fn held(pid: i32, inodes: &BTreeSet<u64>) -> Vec<Self> {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let held = descriptors.filter_map(|entry| inode_in(fs::read_link(entry.path()).ok()?.as_os_str().as_bytes()));
        let held: BTreeSet<u64> = held.filter(|inode| inodes.contains(inode)).collect();
        if held.is_empty() {
            return Vec::new();
        }
        let Some(stat) = Stat::of(pid) else { return Vec::new() };
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned();
        held.into_iter().map(|inode| Self { inode, process: stat.process, name: name.clone() }).collect()
    }
}

/// `socket:[4711]`
fn inode_in(link: &[u8]) -> Option<u64> {
    std::str::from_utf8(link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?).ok()?.parse().ok()
}

/// Inodes of the sockets of this machine that are asked when this address is connected to.
fn serving(address: SocketAddr) -> BTreeSet<u64> {
    if !is_ours(address.ip()) {
        return BTreeSet::new();
    }
    let rows: Vec<Row> = TABLES.iter().flat_map(|table| rows(&fs::read_to_string(table).unwrap_or_default())).collect();
    serving_among(&rows, address)
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

fn rows(table: &str) -> Vec<Row> {
    table.lines().skip(1).filter_map(row).collect()
}

fn row(line: &str) -> Option<Row> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    if *fields.get(STATE)? != LISTENING {
        return None;
    }
    Some(Row { address: address(fields.get(LOCAL_ADDRESS)?)?, inode: fields.get(INODE)?.parse().ok()? })
}

/// `0100007F:1F90`: words of 32 bits in the machine's own order, then the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| u32::from_str_radix(ip.get(at * 8..at * 8 + 8)?, 16).ok().map(u32::to_ne_bytes);
    let ip = match ip.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut octets = [0; 16];
            for at in 0..4 {
                octets[at * 4..at * 4 + 4].copy_from_slice(&word(at)?);
            }
            IpAddr::V6(Ipv6Addr::from(octets))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::process::{Child, Command};

    use super::*;

    #[cfg(target_endian = "little")]
    #[test]
    fn the_kernels_table_is_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:18EB 00000000:0000 0A 00000000:00000000 00:00000000 00000000   113        0 1067 1 0 100 0 0 10 0\n\
            1: 0100007F:A1C1 0100007F:86FA 06 00000000:00000000 03:00001730 00000000     0        0 0 3 0\n\
            2: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 1068 1\n\
            nonsense\n";
        let expected = [("127.0.0.1:6379", 1067), ("[::1]:80", 1068)];
        let expected = expected.map(|(address, inode)| Row { address: address.parse().unwrap(), inode });
        assert_eq!(rows(table), expected);
    }

    #[test]
    fn who_bound_the_address_itself_is_asked_before_who_bound_all() {
        let listeners = ["0.0.0.0:80", "127.0.0.1:80", "[::]:80", "[::ffff:127.0.0.1]:81", "[::]:82", "0.0.0.0:83"];
        let rows: Vec<Row> =
            (0..).zip(listeners).map(|(inode, text)| Row { address: text.parse().unwrap(), inode }).collect();
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
