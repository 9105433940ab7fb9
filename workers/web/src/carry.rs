//! One open WebSocket: bytes both ways, as they are, until both ends are done, this worker stops, or others need the place.

use std::{io, time::Duration};

use kit::{live::Goodbye, serve::Place};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::frames::{self, Frames, Sender};

/// How much is carried at a time, in bytes; as much as tokio's copying takes.
const AT_ONCE: usize = 8 * 1024;

/// How a WebSocket is ended from here.
struct Ending {
    goodbye: Goodbye,
    /// How long a frame that has begun may take to end: only between two can a goodbye be said.
    last_frame_within: Duration,
    /// How long the goodbye and its answer may take.
    closed_within: Duration,
}

/// This worker stops: the caller comes back, and who is behind may wait for it.
const STOPPED: Ending = Ending {
    goodbye: Goodbye::RESTART,
    last_frame_within: Duration::from_millis(500),
    closed_within: Duration::from_secs(1),
};
/// Others need the place, and while somebody floods, soon.
const CROWDED: Ending = Ending {
    goodbye: Goodbye::CROWDED,
    last_frame_within: Duration::from_millis(50),
    closed_within: Duration::from_millis(50),
};

/// Carries to the end. What the worker says when it leaves, its code and its reason, reaches the caller as it is; if it is
/// ended from here, both are told why.
///
/// # Errors
/// If one of the two connections broke.
pub async fn carry<C, W>(caller: C, worker: W, place: &Place, stop: &CancellationToken) -> io::Result<()>
where
    C: AsyncRead + AsyncWrite,
    W: AsyncRead + AsyncWrite,
{
    let ((from_caller, to_caller), (from_worker, to_worker)) = (split(caller), split(worker));
    let mut up = OneWay::new(from_caller, to_worker, Sender::Client);
    let mut down = OneWay::new(from_worker, to_caller, Sender::Server);
    let leave = CancellationToken::new();
    let carried = async { tokio::try_join!(up.run(&leave), down.run(&leave)) };
    let in_time = async {
        let ending = tokio::select! {
            () = stop.cancelled() => STOPPED,
            () = place.is_needed() => CROWDED,
        };
        leave.cancel();
        sleep(ending.last_frame_within).await;
    };
    tokio::select! {
        outcome = carried => drop(outcome?),
        () = in_time => tracing::debug!("a WebSocket is left in the middle of a frame"),
    }
    if leave.is_cancelled() {
        let Ending { goodbye, closed_within, .. } = if stop.is_cancelled() { STOPPED } else { CROWDED };
        // However they take it, they are told.
        let _ = timeout(closed_within, async {
            let _ = tokio::join!(down.say(goodbye), up.say(goodbye));
            up.hear_goodbye().await
        })
        .await;
    }
    Ok(())
}

/// One direction of a WebSocket.
struct OneWay<F, T> {
    from: ReadHalf<F>,
    to: WriteHalf<T>,
    sender: Sender,
    frames: Frames,
    /// What was read is not yet written.
    is_writing: bool,
    bytes: Box<[u8; AT_ONCE]>,
}

impl<F: AsyncRead, T: AsyncWrite> OneWay<F, T> {
    fn new(from: ReadHalf<F>, to: WriteHalf<T>, sender: Sender) -> Self {
        Self { from, to, sender, frames: Frames::default(), is_writing: false, bytes: Box::new([0; AT_ONCE]) }
    }

    /// Until the sender is done, or, once it is to leave, until the frame that has begun is complete.
    async fn run(&mut self, stop: &CancellationToken) -> io::Result<()> {
        loop {
            let read = tokio::select! {
                biased;
                () = stop.cancelled(), if self.frames.is_between() => return Ok(()),
                read = self.from.read(&mut self.bytes[..]) => read?,
            };
            if read == 0 {
                return self.to.shutdown().await;
            }
            let bytes = &self.bytes[..read];
            let passed = if stop.is_cancelled() {
                self.frames.pass_one(bytes)
            } else {
                self.frames.pass(bytes);
                read
            };
            self.is_writing = true;
            self.to.write_all(&bytes[..passed]).await?;
            self.to.flush().await?;
            self.is_writing = false;
        }
    }

    /// Says goodbye in the sender's place, unless it did so itself or a frame of its is incomplete.
    async fn say(&mut self, Goodbye { code, reason }: Goodbye) -> io::Result<()> {
        if self.is_writing || !self.frames.is_between() || self.frames.is_closed() {
            return Ok(());
        }
        self.to.write_all(&frames::close(self.sender, code, reason)).await?;
        self.to.flush().await
    }

    /// Reads until the sender has said goodbye or is gone.
    async fn hear_goodbye(&mut self) -> io::Result<()> {
        while !self.frames.is_closed() {
            let read = self.from.read(&mut self.bytes[..]).await?;
            if read == 0 {
                break;
            }
            self.frames.pass(&self.bytes[..read]);
        }
        Ok(())
    }
}
