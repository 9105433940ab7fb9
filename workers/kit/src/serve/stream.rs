//! A connection's bytes, watched for two things: whether a request is on its way, and how to close without losing an
//! answer.

use std::{
    io,
    os::fd::{AsRawFd, RawFd},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use nix::sys::socket::{MsgFlags, recv};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

/// How long a client may go on sending a body that is not read any more, before the connection is closed under it.
const DISCARDED_WITHIN: Duration = Duration::from_secs(1);
/// How much is discarded at a time, in bytes.
const DISCARDED_AT_ONCE: usize = 4096;

/// What is known about one connection.
#[derive(Debug)]
pub(super) struct Seen {
    socket: RawFd,
    /// Bytes came of which no request was made yet.
    begun: AtomicBool,
    /// The last request had a body.
    body: AtomicBool,
}

impl Seen {
    /// A request's head is complete.
    pub fn request(&self, has_body: bool) {
        self.begun.store(false, Ordering::Relaxed);
        self.body.store(has_body, Ordering::Relaxed);
    }

    /// A request is answered. What came of it meanwhile, its body, is no beginning of another one.
    pub fn answer(&self) {
        self.begun.store(false, Ordering::Relaxed);
    }

    /// Whether a part of a request has come, here or as far as the kernel. To be asked while the connection is there.
    pub fn is_request_under_way(&self) -> bool {
        let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
        self.begun.load(Ordering::Relaxed) || recv(self.socket, &mut [0], flags).is_ok_and(|bytes| bytes > 0)
    }
}

/// A stream that notes what passes, and reads on for a moment when it is closed while a body is being sent.
///
/// Closing a socket that holds unread bytes resets the connection, and a reset makes the client forget the answer that it
/// has not read yet: "too large" would be seen as a broken connection.
pub(super) struct Watched<S> {
    stream: S,
    seen: Arc<Seen>,
    closing: Option<Pin<Box<Sleep>>>,
}

impl<S: AsRawFd> Watched<S> {
    pub fn new(stream: S) -> (Self, Arc<Seen>) {
        let seen =
            Arc::new(Seen { socket: stream.as_raw_fd(), begun: AtomicBool::new(false), body: AtomicBool::new(false) });
        (Self { stream, seen: seen.clone(), closing: None }, seen)
    }
}

impl<S: AsyncRead + Unpin> Watched<S> {
    /// Ready when the client is done, or has had its time.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.closing.get_or_insert_with(|| Box::pin(tokio::time::sleep(DISCARDED_WITHIN)));
        loop {
            if deadline.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            let mut bytes = [0; DISCARDED_AT_ONCE];
            let mut bytes = ReadBuf::new(&mut bytes);
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut bytes)) {
                Ok(()) if !bytes.filled().is_empty() => {}
                Ok(()) | Err(_) => return Poll::Ready(()),
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let outcome = ready!(Pin::new(&mut self.stream).poll_read(cx, into));
        if into.filled().len() > before {
            self.seen.begun.store(true, Ordering::Relaxed);
        }
        Poll::Ready(outcome)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.closing.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        }
        if self.seen.body.load(Ordering::Relaxed) {
            ready!(self.poll_discard(cx));
        }
        Poll::Ready(Ok(()))
    }
}
