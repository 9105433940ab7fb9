//! One listener: it catches up from the outbox, then follows what is told to all.

use std::{convert::Infallible, sync::Arc, time::Duration};

use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, interval_at},
};

use super::{Since, Stream, frame::Frame};
use crate::{
    Identity,
    database::DatabaseError,
    follow::MOST_AT_ONCE,
    live::Goodbye,
    outbox::{self, Kept},
};

/// A ping finds out that a listener is gone, and tells it that we are not.
pub const PING_EVERY: Duration = Duration::from_secs(20);
/// How long one event may take to be taken by a listener that reads nothing.
pub(super) const SENT_WITHIN: Duration = Duration::from_secs(20);
const TOO_SLOW: Goodbye = Goodbye { code: 1008, reason: "too slow: connect again, since the last seq that you saw" };
const NOT_READ: Goodbye = Goodbye { code: 1011, reason: "what happened could not be read: connect again" };

/// The listener is not there any more, or takes nothing.
pub(super) struct Gone;

/// A way to one listener.
pub(super) trait Line: Send + 'static {
    fn send(&mut self, frame: &Frame) -> impl Future<Output = Result<(), Gone>> + Send;
    fn ping(&mut self) -> impl Future<Output = Result<(), Gone>> + Send;
    /// Resolves when the listener has left.
    fn left(&mut self) -> impl Future<Output = ()> + Send;
    /// Says goodbye. The last thing that is done.
    fn close(self, goodbye: Goodbye) -> impl Future<Output = ()> + Send;
}

/// Serves one listener to its end.
pub(super) async fn serve(stream: &Stream, mut line: impl Line, since: Since, identity: Identity) {
    let mut told = Told { stream, line: &mut line, identity };
    let goodbye = tokio::select! {
        biased;
        () = stream.stop.cancelled() => Goodbye::RESTART,
        ended = told.everything(since) => match ended {
            Err(Ended::Gone) => TOO_SLOW,
            Err(Ended::Goodbye(goodbye)) => goodbye,
            Err(Ended::Left) => return,
        },
    };
    line.close(goodbye).await;
}

enum Ended {
    /// By its own wish.
    Left,
    /// Its connection broke, or it takes nothing: what is said to it now arrives if it comes back to it.
    Gone,
    Goodbye(Goodbye),
}

impl From<Gone> for Ended {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<DatabaseError> for Ended {
    fn from(error: DatabaseError) -> Self {
        tracing::error!("a listener cannot be told what happened: {error}");
        Self::Goodbye(NOT_READ)
    }
}

/// What follows a place, as the outbox has it.
struct Page {
    oldest: Option<i64>,
    newest: i64,
    events: Vec<Kept>,
}

struct Told<'a, L> {
    stream: &'a Stream,
    line: &'a mut L,
    identity: Identity,
}

impl<L: Line> Told<'_, L> {
    async fn everything(&mut self, since: Since) -> Result<Infallible, Ended> {
        // Subscribed before the outbox is read, so that what comes in between is in one of the two, or in both.
        let mut frames = self.stream.frames.subscribe();
        let mut place = match since {
            Since::Seq(seq) => seq,
            Since::Now => page(self.stream, i64::MAX).await?.newest,
        };
        loop {
            let page = page(self.stream, place).await?;
            if place > page.newest || page.oldest.is_some_and(|oldest| oldest > place + 1) {
                self.line.send(&Frame::resync(place, page.oldest, page.newest)).await?;
                place = page.newest;
            }
            let is_all = page.events.len() < MOST_AT_ONCE as usize;
            for event in page.events.iter().filter(|event| event.home_seq > place) {
                self.send(&self.stream.frame(event)).await?;
            }
            place = page.events.last().map_or(place, |event| event.home_seq.max(place));
            if is_all {
                return self.follow(place, frames).await;
            }
            frames = frames.resubscribe();
        }
    }

    async fn follow(&mut self, mut place: i64, mut frames: Receiver<Arc<Frame>>) -> Result<Infallible, Ended> {
        let mut ping = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        loop {
            tokio::select! {
                () = self.line.left() => return Err(Ended::Left),
                _ = ping.tick() => self.line.ping().await?,
                frame = frames.recv() => match frame {
                    Ok(frame) if frame.seq <= place => {}
                    Ok(frame) => {
                        place = frame.seq;
                        self.send(&frame).await?;
                    }
                    Err(RecvError::Lagged(missed)) => {
                        tracing::warn!(missed, "a listener was too slow and is dropped");
                        return Err(Ended::Goodbye(TOO_SLOW));
                    }
                    Err(RecvError::Closed) => return Err(Ended::Goodbye(Goodbye::RESTART)),
                },
            }
        }
    }

    async fn send(&mut self, frame: &Frame) -> Result<(), Gone> {
        if frame.rule.admits(self.identity) { self.line.send(frame).await } else { Ok(()) }
    }
}

async fn page(stream: &Stream, after: i64) -> Result<Page, DatabaseError> {
    let page = stream.database.read(move |connection| {
        // In this order: what is removed or added meanwhile makes a place look gone at worst, never there.
        let newest = outbox::newest(connection)?;
        let events = outbox::after(connection, after, MOST_AT_ONCE)?;
        Ok::<_, DatabaseError>(Page { newest, events, oldest: outbox::oldest(connection)? })
    });
    page.await
}
