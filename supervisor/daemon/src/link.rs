//! One datagram with its descriptors, sent or received: all that keeper and supervisor do on their socket.
#![allow(unsafe_code)] // takes ownership of received descriptors, which arrive as bare numbers

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};
use protocol::keeper::{LONGEST_MESSAGE, MOST_DESCRIPTORS};
use serde::{Serialize, de::DeserializeOwned};

/// Sends one message without waiting.
///
/// # Errors
/// `EAGAIN` when the other side has to read first, `EMSGSIZE` when the message is longer than [`LONGEST_MESSAGE`].
pub fn send<M: Serialize>(socket: BorrowedFd, message: &M, descriptors: &[BorrowedFd]) -> Result<(), Errno> {
    let bytes = serde_json::to_vec(message).map_err(|_| Errno::EINVAL)?;
    if bytes.len() > LONGEST_MESSAGE {
        return Err(Errno::EMSGSIZE);
    }
    let numbers: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&numbers)];
    let control = if numbers.is_empty() { &rights[..0] } else { &rights[..] };
    let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
    sendmsg::<()>(socket.as_raw_fd(), &[IoSlice::new(&bytes)], control, flags, None).map(drop)
}

/// What came in.
pub enum Received<M> {
    /// A message and the descriptors that travelled with it.
    Message(M, Vec<OwnedFd>),
    /// A message of a kind that this version does not know, with its beginning.
    NotUnderstood(String),
    /// Nothing now.
    Nothing,
    /// The other side is gone.
    End,
}

/// The receiving half of a socket, with the buffer that it reuses.
pub struct Receiver {
    buffer: Box<[u8]>,
}

impl Receiver {
    pub fn new() -> Self {
        Self { buffer: vec![0; LONGEST_MESSAGE].into() }
    }

    /// Receives one message without waiting.
    pub fn receive<M: DeserializeOwned>(&mut self, socket: impl AsFd) -> Result<Received<M>, Errno> {
        match self.receive_once(&socket) {
            // Said once, and first, when the other side ended with something of ours unread. What it had sent is still
            // there, and then the end.
            Err(Errno::ECONNRESET) => match self.receive_once(&socket) {
                Err(Errno::ECONNRESET) => Ok(Received::End),
                other => other,
            },
            other => other,
        }
    }

    fn receive_once<M: DeserializeOwned>(&mut self, socket: &impl AsFd) -> Result<Received<M>, Errno> {
        let mut control = nix::cmsg_space!([RawFd; MOST_DESCRIPTORS]);
        let mut parts = [IoSliceMut::new(&mut self.buffer)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC | MsgFlags::MSG_DONTWAIT;
        let received = match recvmsg::<()>(socket.as_fd().as_raw_fd(), &mut parts, Some(&mut control), flags) {
            Err(Errno::EAGAIN) => return Ok(Received::Nothing),
            other => other?,
        };
        let length = received.bytes;
        let mut descriptors = Vec::new();
        for message in received.cmsgs()? {
            if let ControlMessageOwned::ScmRights(numbers) = message {
                // SAFETY: the kernel has just made these descriptors for us alone.
                descriptors.extend(numbers.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
            }
        }
        if length == 0 {
            return Ok(Received::End);
        }
        Ok(match serde_json::from_slice(&self.buffer[..length]) {
            Ok(message) => Received::Message(message, descriptors),
            Err(_) => Received::NotUnderstood(beginning(&self.buffer[..length])),
        })
    }
}

fn beginning(bytes: &[u8]) -> String {
    const SHOWN: usize = 80;
    String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]).into_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
    use protocol::keeper::{Fact, Order};

    use super::*;

    fn pair() -> (OwnedFd, OwnedFd) {
        socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).unwrap()
    }

    #[test]
    fn a_message_arrives_whole_and_its_descriptors_work() {
        let (here, there) = pair();
        let (read, write) = nix::unistd::pipe().unwrap();
        send(here.as_fd(), &Fact::Ping { beat: 7 }, &[read.as_fd()]).unwrap();
        drop(read);
        nix::unistd::write(&write, b"x").unwrap();
        drop(write);
        let Received::Message(fact, mut descriptors) = Receiver::new().receive::<Fact>(&there).unwrap() else {
            panic!("a message")
        };
        assert_eq!(fact, Fact::Ping { beat: 7 });
        let mut text = String::new();
        std::fs::File::from(descriptors.remove(0)).read_to_string(&mut text).unwrap();
        assert_eq!(text, "x");
    }

    #[test]
    fn nothing_and_the_end_are_told_apart() {
        let (here, there) = pair();
        let mut receiver = Receiver::new();
        assert!(matches!(receiver.receive::<Order>(&there), Ok(Received::Nothing)));
        drop(here);
        assert!(matches!(receiver.receive::<Order>(&there), Ok(Received::End)));
    }

    #[test]
    fn what_a_dead_sender_had_sent_is_still_received() {
        let (here, there) = pair();
        send(here.as_fd(), &Order::Forget { run: 1 }, &[]).unwrap();
        drop(here);
        let mut receiver = Receiver::new();
        assert!(matches!(receiver.receive::<Order>(&there), Ok(Received::Message(Order::Forget { run: 1 }, _))));
        assert!(matches!(receiver.receive::<Order>(&there), Ok(Received::End)));
    }

    #[test]
    fn what_a_sender_had_sent_is_received_although_it_died_without_reading() {
        let (here, there) = pair();
        send(there.as_fd(), &Fact::Ping { beat: 1 }, &[]).unwrap();
        send(here.as_fd(), &Order::Forget { run: 1 }, &[]).unwrap();
        send(here.as_fd(), &Order::Leave, &[]).unwrap();
        drop(here);
        let mut receiver = Receiver::new();
        assert!(matches!(receiver.receive::<Order>(&there), Ok(Received::Message(Order::Forget { run: 1 }, _))));
        assert!(matches!(receiver.receive::<Order>(&there), Ok(Received::Message(Order::Leave, _))));
        assert!(matches!(receiver.receive::<Order>(&there), Ok(Received::End)));
    }

    #[test]
    fn an_unknown_kind_is_reported_and_the_next_message_is_read() {
        let (here, there) = pair();
        send(here.as_fd(), &serde_json::json!({"dance": {}}), &[]).unwrap();
        send(here.as_fd(), &Order::Adopted, &[]).unwrap();
        let mut receiver = Receiver::new();
        assert!(
            matches!(receiver.receive::<Order>(&there), Ok(Received::NotUnderstood(text)) if text.contains("dance"))
        );
        assert!(matches!(receiver.receive::<Order>(&there), Ok(Received::Message(Order::Adopted, _))));
    }

    #[test]
    fn a_message_that_is_too_long_is_refused_before_it_is_sent() {
        let (here, _there) = pair();
        let value = Some("x".repeat(LONGEST_MESSAGE));
        assert_eq!(send(here.as_fd(), &Order::Remember { key: "k".into(), value }, &[]), Err(Errno::EMSGSIZE));
    }
}
