//! Who has an address already.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;

use manifest::Address;
use nix::unistd::{Uid, User};

use super::holder::Holder;
use super::table;

/// Who an address belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// One of our apps: held for it, or opened by a process of it.
    App {
        name: String,
        /// What has it, if the app does by itself.
        process: Option<Program>,
    },
    /// Somebody else.
    Process(Program),
    /// Only the local end of a connection of theirs is there.
    Connection(Program),
    /// Somebody of this user whom we may not look at.
    Unseen { user: String },
}

/// A process as people know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    pub name: String,
    pub pid: i32,
    pub user: String,
}

/// What is known of our own apps.
pub struct Neighbours<'a> {
    pub keeper: i32,
    /// What is held for whom.
    pub held: Vec<(&'a Address, &'a str)>,
    /// The app that a process belongs to.
    pub app_of: &'a dyn Fn(i32) -> Option<String>,
}

impl Owner {
    /// `None` where nobody has it, or nobody knows.
    pub fn of(address: &Address, neighbours: &Neighbours<'_>) -> Option<Self> {
        let sockets = Candidates::at(address);
        let inodes: BTreeSet<u64> = sockets.inodes.iter().copied().collect();
        if inodes.is_empty() {
            return None;
        }
        let holders = Holder::of(&inodes);
        let held_by_us = || {
            let held = neighbours.held.iter().find(|(other, _)| other.overlaps(address))?;
            Some(Self::App { name: held.1.to_owned(), process: None })
        };
        match holders.iter().find(|holder| holder.process.pid != neighbours.keeper) {
            Some(holder) => {
                let program = Program::of(holder);
                Some(match (neighbours.app_of)(program.pid) {
                    Some(name) => Self::App { name, process: Some(program) },
                    None if sockets.are_connections => Self::Connection(program),
                    None => Self::Process(program),
                })
            }
            None if !holders.is_empty() => held_by_us(),
            None => sockets.user.map(|user| Self::Unseen { user: user_name(user) }),
        }
    }
}

impl Program {
    fn of(holder: &Holder) -> Self {
        let pid = holder.process.pid;
        let user = fs::metadata(format!("/proc/{pid}")).map(|found| user_name(found.uid())).unwrap_or_default();
        Self { name: holder.name.clone(), pid, user }
    }
}

/// Sockets that stand in an address's way.
struct Candidates {
    inodes: Vec<u64>,
    /// Whose they are, as the kernel says it even of those whom we may not look at.
    user: Option<u32>,
    /// None of them takes connections.
    are_connections: bool,
}

impl Candidates {
    fn at(address: &Address) -> Self {
        let of = |rows: Vec<table::Row>, kind: fn(SocketAddr) -> Address| {
            let canonical = |row: &table::Row| SocketAddr::new(row.address.ip().to_canonical(), row.address.port());
            rows.into_iter().filter(|row| kind(canonical(row)).overlaps(address)).collect::<Vec<_>>()
        };
        let (rows, are_connections) = match address {
            Address::Udp(_) => (of(table::udp(), Address::Udp), false),
            Address::Unix(path) => return Self { inodes: table::unix(path), user: None, are_connections: false },
            Address::Tcp(_) => match of(table::listening(), Address::Tcp) {
                nobody if nobody.is_empty() => (of(table::tcp(), Address::Tcp), true),
                listening => (listening, false),
            },
        };
        // One whose program has closed it belongs to nobody.
        let held: Vec<&table::Row> = rows.iter().filter(|row| row.inode != 0).collect();
        Self {
            inodes: held.iter().map(|row| row.inode).collect(),
            user: held.first().map(|row| row.user),
            are_connections,
        }
    }
}

/// A user's name, or number where there is none.
pub fn user_name(user: u32) -> String {
    let known = User::from_uid(Uid::from_raw(user)).ok().flatten();
    known.map_or_else(|| user.to_string(), |known| known.name)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::unix::net::UnixListener;

    use super::*;

    fn me() -> i32 {
        std::process::id().cast_signed()
    }

    fn found(address: &Address, keeper: i32, held: &[(Address, &str)]) -> Option<Owner> {
        let held = held.iter().map(|(address, name)| (address, *name)).collect();
        Owner::of(address, &Neighbours { keeper, held, app_of: &|_| None })
    }

    #[test]
    fn whoever_has_an_address_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.sock");
        let tcp = TcpListener::bind("0.0.0.0:0").unwrap();
        let udp = UdpSocket::bind("[::1]:0").unwrap();
        let unix = UnixListener::bind(&path).unwrap();
        let there = SocketAddr::from(([127, 0, 0, 1], tcp.local_addr().unwrap().port()));
        let addresses = [Address::Tcp(there), Address::Udp(udp.local_addr().unwrap()), Address::Unix(path)];
        for address in &addresses {
            let Some(Owner::Process(program)) = found(address, 1, &[]) else { panic!("{address}") };
            assert_eq!(program.pid, me());
            assert_eq!(program.user, user_name(nix::unistd::getuid().as_raw()));
            let held = [(address.clone(), "web")];
            let app = Some(Owner::App { name: "web".into(), process: None });
            assert_eq!(found(address, me(), &held), app, "the keeper has it for somebody");
            let neighbours = Neighbours { keeper: 1, held: vec![], app_of: &|pid| (pid == me()).then(|| "db".into()) };
            let Some(Owner::App { name, process: Some(_) }) = Owner::of(address, &neighbours) else { panic!() };
            assert_eq!(name, "db");
        }
        drop((tcp, udp, unix));
        for address in &addresses {
            assert_eq!(found(address, 1, &[]), None, "{address}");
        }
    }

    #[test]
    fn a_connection_is_told_from_a_server() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        let address = Address::Tcp(client.local_addr().unwrap());
        assert!(matches!(found(&address, 1, &[]), Some(Owner::Connection(program)) if program.pid == me()));
    }
}
