//! The kernel's tables of sockets.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

const TCP: [&str; 2] = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];
const UDP: [&str; 2] = ["/proc/self/net/udp", "/proc/self/net/udp6"];
const UNIX: &str = "/proc/self/net/unix";
/// `TCP_LISTEN`, as the table has it.
const LISTENING: &str = "0A";
/// The columns of the tables that are read.
const LOCAL_ADDRESS: usize = 1;
const STATE: usize = 3;
const USER: usize = 7;
const INODE: usize = 9;
/// Columns before the path in the table of Unix sockets; the last of them is the inode.
const BEFORE_PATH: usize = 7;

/// A socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its own end.
    pub address: SocketAddr,
    /// The user who made it.
    pub user: u32,
    pub inode: u64,
    /// Whether it takes connections.
    pub listens: bool,
}

#[cfg(test)]
impl Row {
    pub fn listening(address: SocketAddr, inode: u64) -> Self {
        Self { address, user: 0, inode, listens: true }
    }
}

/// Sockets for TCP, connections too.
pub fn tcp() -> Vec<Row> {
    TCP.iter().flat_map(|table| rows(&fs::read_to_string(table).unwrap_or_default())).collect()
}

/// Sockets for TCP that take connections. The kernel lists them first, and there may be very many that do not: a busy server's
/// connections stay in the table for a minute after their end.
pub fn listening() -> Vec<Row> {
    TCP.iter().filter_map(|table| File::open(table).ok()).flat_map(|table| first_rows(BufReader::new(table))).collect()
}

fn first_rows(table: impl BufRead) -> Vec<Row> {
    let lines = table.lines().map_while(Result::ok).skip(1);
    lines.map_while(|line| row(&line)).take_while(|row| row.listens).collect()
}

/// Sockets for datagrams.
pub fn udp() -> Vec<Row> {
    UDP.iter().flat_map(|table| rows(&fs::read_to_string(table).unwrap_or_default())).collect()
}

/// Inodes of Unix sockets that were bound to this path.
pub fn unix(path: &Path) -> Vec<u64> {
    let table = fs::read(UNIX).unwrap_or_default();
    let table = String::from_utf8_lossy(&table);
    table
        .lines()
        .skip(1)
        .filter_map(|line| unix_row(line))
        .filter(|(_, at)| Path::new(at) == path)
        .map(|row| row.0)
        .collect()
}

fn unix_row(line: &str) -> Option<(u64, &str)> {
    let mut rest = line;
    let mut inode = "";
    for _ in 0..BEFORE_PATH {
        rest = rest.trim_start();
        let (field, after) = rest.split_once(' ')?;
        (inode, rest) = (field, after);
    }
    Some((inode.parse().ok()?, rest))
}

fn rows(table: &str) -> Vec<Row> {
    table.lines().skip(1).filter_map(row).collect()
}

fn row(line: &str) -> Option<Row> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    Some(Row {
        address: address(fields.get(LOCAL_ADDRESS)?)?,
        user: fields.get(USER)?.parse().ok()?,
        inode: fields.get(INODE)?.parse().ok()?,
        listens: *fields.get(STATE)? == LISTENING,
    })
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
    use super::*;

    #[cfg(target_endian = "little")]
    #[test]
    fn the_kernels_table_is_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:18EB 00000000:0000 0A 00000000:00000000 00:00000000 00000000   113        0 1067 1 0 100 0 0 10 0\n\
            1: 0100007F:A1C1 0100007F:86FA 06 00000000:00000000 03:00001730 00000000     0        0 0 3 0\n\
            2: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 1068 1\n\
            nonsense\n";
        let rows: Vec<_> =
            rows(table).into_iter().map(|row| (row.address.to_string(), row.user, row.inode, row.listens)).collect();
        let expected =
            [("127.0.0.1:6379", 113, 1067, true), ("127.0.0.1:41409", 0, 0, false), ("[::1]:80", 0, 1068, true)];
        assert_eq!(rows, expected.map(|(address, user, inode, listens)| (address.to_owned(), user, inode, listens)));
    }

    #[test]
    fn whoever_listens_is_listed_before_all_others() {
        let listeners: Vec<_> = (0..50).map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let addresses: Vec<_> = listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
        let connections: Vec<_> = addresses.iter().map(|to| std::net::TcpStream::connect(to).unwrap()).collect();
        let found = listening();
        for address in addresses {
            assert!(found.iter().any(|row| row.address == address), "{address}");
        }
        drop(connections);
    }

    #[test]
    fn a_path_is_found_whatever_is_in_it() {
        let line = "00000000ca2b2ffd: 00000002 00000000 00010000 0001 01   628 /run/a b.sock";
        assert_eq!(unix_row(line), Some((628, "/run/a b.sock")));
        assert_eq!(unix_row("00000000ca2b2ffd: 00000003 00000000 00000000 0001 03   628"), None);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.sock");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert_eq!(unix(&path).len(), 1);
        assert!(unix(folder.path()).is_empty());
    }
}
