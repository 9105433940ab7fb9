use std::fs;
use std::io::Read;
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::*;

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn a_socket_that_a_worker_shut_down_listens_again() {
    let address = free_address();
    let mut sockets = Sockets::default();
    sockets.hold(&address, false).unwrap();
    let lent = sockets.lend(&address).unwrap().1.try_clone_to_owned().unwrap();
    std::net::TcpStream::from(lent).shutdown(Shutdown::Both).unwrap();
    assert!(TcpStream::connect(&address).is_err());
    sockets.hold(&address, false).unwrap();
    TcpStream::connect(&address).unwrap();
}

#[test]
fn a_socket_is_lent_blocking_whatever_a_worker_did_to_it() {
    let address = free_address();
    let mut sockets = Sockets::default();
    sockets.hold(&address, false).unwrap();
    let (name, descriptor) = sockets.lend(&address).unwrap();
    assert!(address.ends_with(&name));
    fcntl(descriptor, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    sockets.hold(&address, false).unwrap();
    let flags = fcntl(sockets.lend(&address).unwrap().1, FcntlArg::F_GETFL).unwrap();
    assert!(!OFlag::from_bits_truncate(flags).contains(OFlag::O_NONBLOCK));
}

#[test]
fn a_socket_that_is_served_stays_as_its_worker_has_it_and_listens_again_all_the_same() {
    let does_not_block = |sockets: &Sockets, address: &str| {
        let flags = fcntl(sockets.lend(address).unwrap().1, FcntlArg::F_GETFL).unwrap();
        OFlag::from_bits_truncate(flags).contains(OFlag::O_NONBLOCK)
    };
    let folder = folder();
    let mut sockets = Sockets::default();
    for address in [free_address(), free_datagram_address(), unix(&folder.path().join("x.sock"))] {
        sockets.hold(&address, false).unwrap();
        let lent = sockets.lend(&address).unwrap().1.try_clone_to_owned().unwrap();
        fcntl(&lent, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        sockets.hold(&address, true).unwrap();
        assert!(does_not_block(&sockets, &address), "{address}");
        sockets.hold(&address, false).unwrap();
        assert!(!does_not_block(&sockets, &address), "{address}");
        sockets.set_nonblocking(&address).unwrap();
        assert!(does_not_block(&sockets, &address), "{address}");
    }
    let address = free_address();
    sockets.hold(&address, false).unwrap();
    lent::<TcpStream>(&sockets, &address).shutdown(Shutdown::Both).unwrap();
    sockets.hold(&address, true).unwrap();
    TcpStream::connect(&address).unwrap();
}

#[test]
fn a_socket_is_bound_anew_between_users_and_refused_while_one_of_them_keeps_it() {
    let address = free_address();
    let mut sockets = Sockets::default();
    let waiting = |address: &str| TcpStream::connect(address).unwrap();
    sockets.hold_for(&address, 1, 1, false).unwrap();
    let client = waiting(&address);
    sockets.hold_for(&address, 1, 1, false).unwrap();
    let kept = sockets.lend(&address).unwrap().1.try_clone_to_owned().unwrap();
    let (_, from) = TcpListener::from(kept.try_clone().unwrap()).accept().unwrap();
    assert_eq!(from, client.local_addr().unwrap(), "the same socket for the same user");
    assert_eq!(sockets.hold_for(&address, 2, 2, false), Err(Errno::EADDRINUSE));
    drop(kept);
    sockets.hold_for(&address, 2, 2, false).unwrap();
    let of_the_first = waiting(&address);
    sockets.hold_for(&address, 1, 1, false).unwrap();
    let lent = sockets.lend(&address).unwrap().1.try_clone_to_owned().unwrap();
    let client = waiting(&address);
    let (_, from) = TcpListener::from(lent).accept().unwrap();
    assert_eq!(from, client.local_addr().unwrap(), "not {of_the_first:?}, which waited for another user's");
}

#[test]
fn an_address_that_is_taken_is_refused_and_a_closed_one_is_free() {
    let address = free_address();
    let other = TcpListener::bind(&address).unwrap();
    let mut sockets = Sockets::default();
    assert_eq!(sockets.hold(&address, false), Err(Errno::EADDRINUSE));
    drop(other);
    sockets.hold(&address, false).unwrap();
    sockets.close(&address);
    assert!(sockets.lend(&address).is_none());
    TcpListener::bind(&address).unwrap();
}

#[test]
fn every_spelling_of_an_address_is_the_same_socket() {
    let mut sockets = Sockets::default();
    let port = free_address().parse::<SocketAddr>().unwrap().port();
    sockets.hold(&format!("[::1]:{port}"), false).unwrap();
    sockets.hold(&format!("[0:0::1]:{port}"), false).unwrap();
    sockets.close_others(&[format!("[0::1]:{port}")]);
    assert!(sockets.lend(&format!("[::1]:{port}")).is_some());
    sockets.close_others(&["127.0.0.1:1".to_owned()]);
    assert!(sockets.lend(&format!("[::1]:{port}")).is_none());
    assert_eq!(sockets.hold("nonsense", false), Err(Errno::EINVAL));
}

fn free_datagram_address() -> String {
    format!("udp:{}", UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

/// A copy of what a worker would have.
fn lent<S: From<std::os::fd::OwnedFd>>(sockets: &Sockets, address: &str) -> S {
    sockets.lend(address).unwrap().1.try_clone_to_owned().unwrap().into()
}

#[test]
fn datagrams_wait_for_whoever_comes_next_and_a_peer_of_one_worker_is_not_the_next_ones() {
    let address = free_datagram_address();
    let plain = address.strip_prefix("udp:").unwrap();
    let mut sockets = Sockets::default();
    sockets.hold(&address, false).unwrap();
    let worker: UdpSocket = lent(&sockets, &address);
    worker.connect("127.0.0.1:9").unwrap();
    worker.set_nonblocking(true).unwrap();
    sockets.hold(&address, false).unwrap();
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    stranger.send_to(b"hello", plain).unwrap();
    let next: UdpSocket = lent(&sockets, &address);
    let mut bytes = [0; 16];
    assert_eq!(next.recv_from(&mut bytes).unwrap(), (5, stranger.local_addr().unwrap()), "and it blocks until then");
    assert_eq!(next.local_addr().unwrap().to_string(), plain);
}

#[test]
fn a_datagram_socket_that_was_shut_down_is_bound_anew_and_nobody_else_gets_its_address() {
    let address = free_datagram_address();
    let plain = address.strip_prefix("udp:").unwrap();
    let mut sockets = Sockets::default();
    sockets.hold(&address, false).unwrap();
    assert_eq!(sockets.hold(&address, false), Ok(()));
    assert!(UdpSocket::bind(plain).is_err());
    let worker: UdpSocket = lent(&sockets, &address);
    let _ = nix::sys::socket::shutdown(std::os::fd::AsRawFd::as_raw_fd(&worker), nix::sys::socket::Shutdown::Both);
    drop(worker);
    sockets.hold(&address, false).unwrap();
    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"hello", plain).unwrap();
    let next: UdpSocket = lent(&sockets, &address);
    assert_eq!(next.recv(&mut [0; 16]).unwrap(), 5);
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn unix(path: &Path) -> String {
    format!("unix:{}", path.display())
}

#[test]
fn a_file_is_there_for_its_user_and_group_while_the_socket_is_held() {
    let folder = folder();
    let path = folder.path().join("x.sock");
    let mut sockets = Sockets::default();
    sockets.hold(&unix(&path), false).unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    assert_eq!(sockets.lend(&unix(&path)).unwrap().0, "x.sock");
    let mut client = UnixStream::connect(&path).unwrap();
    let inode = fs::metadata(&path).unwrap().ino();
    sockets.hold(&unix(&path), false).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().ino(), inode, "bound once");
    lent::<UnixListener>(&sockets, &unix(&path)).accept().unwrap();
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    sockets.close(&unix(&path));
    assert!(!path.exists());
}

#[test]
fn what_a_dead_hub_left_is_replaced_and_what_is_served_or_no_socket_is_not() {
    let folder = folder();
    let [dead, served, file, link] = ["dead", "served", "file", "link"].map(|name| folder.path().join(name));
    drop(UnixListener::bind(&dead).unwrap());
    let other = UnixListener::bind(&served).unwrap();
    fs::write(&file, "kept").unwrap();
    symlink(&dead, &link).unwrap();
    let mut sockets = Sockets::default();
    sockets.hold(&unix(&dead), false).unwrap();
    UnixStream::connect(&dead).unwrap();
    assert_eq!(sockets.hold(&unix(&served), false), Err(Errno::EADDRINUSE));
    assert_eq!(sockets.hold(&unix(&file), false), Err(Errno::EEXIST));
    assert_eq!(sockets.hold(&unix(&link), false), Err(Errno::EEXIST));
    assert_eq!(sockets.hold(&unix(&folder.path().join("no/x")), false), Err(Errno::ENOENT));
    assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
    drop(other);
    sockets.hold(&unix(&served), false).unwrap();
}

#[test]
fn a_file_that_somebody_removed_is_made_again_and_one_that_is_not_ours_stays() {
    let folder = folder();
    let path = folder.path().join("x.sock");
    let mut sockets = Sockets::default();
    sockets.hold(&unix(&path), false).unwrap();
    fs::remove_file(&path).unwrap();
    sockets.hold(&unix(&path), false).unwrap();
    UnixStream::connect(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let other = UnixListener::bind(&path).unwrap();
    assert_eq!(sockets.hold(&unix(&path), false), Err(Errno::EADDRINUSE));
    sockets.close(&unix(&path));
    UnixStream::connect(&path).unwrap();
    drop(other);
}

#[test]
fn a_unix_socket_that_a_worker_shut_down_is_bound_anew() {
    let folder = folder();
    let path = folder.path().join("x.sock");
    let mut sockets = Sockets::default();
    sockets.hold(&unix(&path), false).unwrap();
    lent::<UnixStream>(&sockets, &unix(&path)).shutdown(Shutdown::Both).unwrap();
    assert!(UnixStream::connect(&path).is_err());
    sockets.hold(&unix(&path), false).unwrap();
    UnixStream::connect(&path).unwrap();
}

#[test]
fn a_file_becomes_its_users_and_no_other_file_does() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root gives files away");
        return;
    }
    let folder = folder();
    let path = folder.path().join("x.sock");
    let owner = |path: &Path| fs::symlink_metadata(path).map(|found| (found.uid(), found.gid())).unwrap();
    let mut sockets = Sockets::default();
    sockets.hold_for(&unix(&path), 1, 2, false).unwrap();
    assert_eq!(owner(&path), (1, 2));
    sockets.hold_for(&unix(&path), 1, 2, false).unwrap();
    sockets.hold_for(&unix(&path), 1, 3, false).unwrap();
    assert_eq!(owner(&path), (1, 3));
    sockets.hold_for(&unix(&path), 0, 0, false).unwrap();
    assert_eq!(owner(&path), (0, 0));
    // Somebody puts a link to another socket in place before it is given away.
    let [mine, others] = ["mine", "others"].map(|name| folder.path().join(name));
    let _other = UnixListener::bind(&others).unwrap();
    let bound = file::Bound::at(&mine).unwrap();
    fs::remove_file(&mine).unwrap();
    fs::hard_link(&others, &mine).unwrap();
    assert_eq!(bound.give(1, 1), Err(Errno::EEXIST));
    assert_eq!(owner(&others), (0, 0));
    let second = folder.path().join("second");
    let bound = file::Bound::at(&second).unwrap();
    fs::hard_link(&second, folder.path().join("third")).unwrap();
    assert_eq!(bound.give(1, 1), Err(Errno::EEXIST), "it has another name");
}
