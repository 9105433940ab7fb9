//! A look at all the datagrams that wait in a socket, without taking any: whoever takes them in their order still finds them,
//! and so does a successor.
#![allow(unsafe_code)] // SO_PEEK_OFF, which nix does not wrap

use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};

/// As many are looked at: more than a socket's queue holds.
const MOST_NOTES: usize = 1024;
/// The most of one that is looked at; a longer one comes in pieces.
const LONGEST_PIECE: usize = 4096;
/// Looks always begin with the first one again.
const OFF: libc::c_int = -1;

/// Everything that waits there now.
pub fn waiting(socket: &OwnedFd) -> Vec<Vec<u8>> {
    if peek_from(socket, 0).is_err() {
        return Vec::new();
    }
    let mut note = [0; LONGEST_PIECE];
    let mut notes = Vec::new();
    while notes.len() < MOST_NOTES
        && let Ok(length) = recv(socket.as_raw_fd(), &mut note, MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT)
    {
        notes.push(note[..length].to_vec());
    }
    let _ = peek_from(socket, OFF);
    notes
}

/// Where the next look begins, in bytes; it moves on by what was seen.
fn peek_from(socket: &OwnedFd, offset: libc::c_int) -> Result<(), Errno> {
    // SAFETY: the kernel reads one number of the length that is told.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEEK_OFF,
            (&raw const offset).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    Errno::result(done).map(drop)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;

    #[test]
    fn everything_is_seen_and_left_in_its_order() {
        let (here, there) = UnixDatagram::pair().unwrap();
        let sent: [&[u8]; 3] = [b"STATUS=a", b"MAINPID=7\nREADY=1", b"STATUS=b"];
        for note in sent {
            here.send(note).unwrap();
        }
        let there = OwnedFd::from(there);
        for _ in 0..2 {
            assert_eq!(waiting(&there), sent);
        }
        let mut note = [0; 64];
        for expected in sent {
            let mut take = |flags| recv(there.as_raw_fd(), &mut note, flags | MsgFlags::MSG_DONTWAIT).unwrap();
            assert_eq!(take(MsgFlags::MSG_PEEK), expected.len());
            assert_eq!(take(MsgFlags::empty()), expected.len());
        }
        assert_eq!(waiting(&there), [] as [&[u8]; 0]);
    }
}
