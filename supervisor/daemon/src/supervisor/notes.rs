//! A look at all the datagrams that wait in a socket, without taking any: whoever takes them in their order still finds them,
//! and so does a successor.
#![allow(unsafe_code)] // SO_PEEK_OFF, which nix does not wrap; received descriptors arrive as bare numbers

use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, UnixCredentials, recvmsg};

/// As many are looked at: more than a socket's queue holds.
const MOST_NOTES: usize = 1024;
/// The most of one that is looked at; a longer one comes in pieces.
const LONGEST_PIECE: usize = 4096;
/// The most descriptors that one can carry.
const MOST_DESCRIPTORS: usize = 253;
/// Looks always begin with the first one again.
const OFF: libc::c_int = -1;

/// A datagram, or a piece of a long one.
#[derive(Debug, PartialEq)]
pub struct Note {
    pub text: String,
    /// The sender's user, where the socket asks for credentials.
    pub user: Option<u32>,
}

/// Everything that waits there now.
pub fn waiting(socket: &OwnedFd) -> Vec<Note> {
    if peek_from(socket, 0).is_err() {
        return Vec::new();
    }
    let mut notes = Vec::new();
    while notes.len() < MOST_NOTES
        && let Ok(note) = peek(socket)
    {
        notes.push(note);
    }
    let _ = peek_from(socket, OFF);
    notes
}

/// The first of them, which is left there too. `EAGAIN` if there is none.
pub fn first(socket: &impl AsRawFd) -> Result<Note, Errno> {
    peek(socket)
}

fn peek(socket: &impl AsRawFd) -> Result<Note, Errno> {
    let mut text = [0; LONGEST_PIECE];
    let mut control = nix::cmsg_space!(UnixCredentials, [RawFd; MOST_DESCRIPTORS]);
    let mut parts = [IoSliceMut::new(&mut text)];
    let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC;
    let received = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags)?;
    let mut user = None;
    for message in received.cmsgs()? {
        match message {
            ControlMessageOwned::ScmCredentials(sender) => user = Some(sender.uid()),
            // SAFETY: the kernel has just made these descriptors for us alone, and we keep none.
            ControlMessageOwned::ScmRights(sent) => {
                sent.into_iter().for_each(|descriptor| drop(unsafe { OwnedFd::from_raw_fd(descriptor) }));
            }
            _ => {}
        }
    }
    let length = received.bytes;
    Ok(Note { text: String::from_utf8_lossy(&text[..length]).into_owned(), user })
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

    use nix::sys::socket::{recv, setsockopt, sockopt::PassCred};

    use super::*;

    #[test]
    fn everything_is_seen_with_its_sender_and_left_in_its_order() {
        let (here, there) = UnixDatagram::pair().unwrap();
        setsockopt(&there, PassCred, &true).unwrap();
        let sent = ["STATUS=a", "MAINPID=7\nREADY=1", "STATUS=b"];
        for note in sent {
            here.send(note.as_bytes()).unwrap();
        }
        let there = OwnedFd::from(there);
        let us = Some(nix::unistd::getuid().as_raw());
        for _ in 0..2 {
            assert_eq!(waiting(&there), sent.map(|text| Note { text: text.to_owned(), user: us }));
        }
        let mut note = [0; 64];
        for expected in sent {
            let mut take = |flags| recv(there.as_raw_fd(), &mut note, flags | MsgFlags::MSG_DONTWAIT).unwrap();
            assert_eq!(take(MsgFlags::MSG_PEEK), expected.len());
            assert_eq!(take(MsgFlags::empty()), expected.len());
        }
        assert_eq!(waiting(&there), []);
    }

    #[test]
    fn descriptors_that_come_along_are_closed() {
        use nix::sys::socket::{ControlMessage, sendmsg};
        let (here, there) = UnixDatagram::pair().unwrap();
        let (read, write) = nix::unistd::pipe2(nix::fcntl::OFlag::O_NONBLOCK).unwrap();
        let note = [std::io::IoSlice::new(b"FDSTORE=1")];
        sendmsg::<()>(
            here.as_raw_fd(),
            &note,
            &[ControlMessage::ScmRights(&[write.as_raw_fd()])],
            MsgFlags::empty(),
            None,
        )
        .unwrap();
        let there = OwnedFd::from(there);
        assert_eq!(waiting(&there).len(), 1);
        drop((write, here, there));
        assert_eq!(nix::unistd::read(&read, &mut [0; 1]), Ok(0), "nobody keeps the other end");
    }
}
