//! WebSockets that are told what happens: one first frame, then every broadcast, until they leave or we do.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use serde::Serialize;
use tokio::{sync::broadcast, time::timeout};
use tokio_util::sync::CancellationToken;
use warp::ws::{Message, WebSocket};

use crate::{
    Call, Identity, Rule,
    rule::FIRST_RESIDENT,
    serve::{Crowd, Place, TAKEN_WITHIN},
};

/// How many messages a client may lag behind before it is dropped: it holds nobody else up.
const LONGEST_LAG: usize = 256;
/// WebSockets of one kind at once; a home needs a few for each screen. For another one, the oldest of whichever device has the most
/// ends.
pub const MOST_LISTENERS: usize = 512;
/// The same, with those that are told to end: more are dropped, should they come faster than others can end.
const MOST_WITH_ENDING: usize = 2 * MOST_LISTENERS;
/// A ping finds out that a client is gone.
pub(crate) const PING_EVERY: Duration = Duration::from_secs(20);
/// How long one frame may take to be taken by a client.
pub(crate) const SENT_WITHIN: Duration = Duration::from_secs(10);
/// How long to wait for the answer to a close frame.
const CLOSED_WITHIN: Duration = Duration::from_secs(1);
/// Close code for a client that lags behind.
pub(crate) const POLICY_VIOLATION: u16 = 1008;

/// How the worker says goodbye.
#[derive(Clone, Copy, Debug)]
pub struct Goodbye {
    /// Close code.
    pub code: u16,
    /// Close reason.
    pub reason: &'static str,
}

impl Goodbye {
    /// The worker leaves and another one takes its place: come back soon, but not all at once (RFC 6455's registry).
    pub const RESTART: Self = Self { code: 1012, reason: "Server restarting: connect again" };
    /// Others need the place: come back later (RFC 6455's registry).
    pub const CROWDED: Self = Self { code: 1013, reason: "Too many connections of yours: the oldest ends" };
    /// The device was revoked, or may see more or less than when it connected: whoever still may, connects again.
    pub const CHANGED: Self = Self { code: POLICY_VIOLATION, reason: "This device's rights changed: connect again" };
}

/// The places of those who are told things, by device: whoever takes many takes none of the others'.
#[derive(Clone)]
pub(crate) struct Places {
    crowd: Crowd<Option<String>>,
    /// With those that are told to end.
    taken: Arc<AtomicUsize>,
}

/// One of them, as long as its WebSocket is open.
pub(crate) struct Taken {
    place: Arc<Place<Option<String>>>,
    taken: Arc<AtomicUsize>,
}

impl Places {
    pub fn new() -> Self {
        Self { crowd: Crowd::of(MOST_LISTENERS), taken: Arc::default() }
    }

    /// One for this caller; `None` if too many come at once.
    pub fn take(&self, identity: &Identity) -> Option<Taken> {
        if self.taken.load(Ordering::Relaxed) >= MOST_WITH_ENDING {
            tracing::warn!("too many WebSockets at once: one is dropped");
            return None;
        }
        self.taken.fetch_add(1, Ordering::Relaxed);
        let place = self.crowd.admit(identity.caller().map(|caller| caller.device.clone()));
        Some(Taken { place, taken: self.taken.clone() })
    }
}

impl Taken {
    /// Somebody else needs it.
    pub async fn is_needed(&self) {
        self.place.is_needed().await;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Everyone who listens.
pub struct Live {
    messages: broadcast::Sender<(Rule, String)>,
    listeners: AtomicUsize,
    places: Places,
    goodbye: Goodbye,
    stop: CancellationToken,
}

impl Live {
    /// Nobody listens yet. Everyone is told `goodbye` at `stop`.
    #[must_use]
    pub fn new(goodbye: Goodbye, stop: CancellationToken) -> Self {
        let (messages, places) = (broadcast::Sender::new(LONGEST_LAG), Places::new());
        Self { messages, listeners: AtomicUsize::new(0), places, goodbye, stop }
    }

    /// How many listen.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.listeners.load(Ordering::Relaxed)
    }

    /// Whether anyone would hear what is told now.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.messages.receiver_count() > 0
    }

    /// Tells everyone whom the rule lets in, without waiting. What is told here is the first resident's.
    pub fn tell(&self, rule: Rule, message: &impl Serialize) {
        match serde_json::to_string(message) {
            // Fails only when nobody listens.
            Ok(text) => drop(self.messages.send((rule, text))),
            Err(error) => tracing::error!("a message could not be written as JSON: {error}"),
        }
    }

    /// Serves one client to its end, which comes too when its rights change. What it sends is ignored.
    pub async fn serve(&self, socket: WebSocket, call: &Call, first: &impl Serialize) {
        let Some(place) = self.places.take(&call.identity) else { return };
        let messages = self.messages.subscribe();
        self.listeners.fetch_add(1, Ordering::Relaxed);
        let first = serde_json::to_string(first).unwrap_or_default();
        let _ = self.converse(socket, call, first, messages, &place).await; // However it ended, it ended.
        self.listeners.fetch_sub(1, Ordering::Relaxed);
    }

    async fn converse(
        &self,
        mut socket: WebSocket,
        call: &Call,
        first: String,
        mut messages: broadcast::Receiver<(Rule, String)>,
        place: &Taken,
    ) -> Result<(), Gone> {
        let changed = call.until_changed();
        send(&mut socket, Message::text(first)).await?;
        let mut ping = tokio::time::interval(PING_EVERY);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return close(socket, self.goodbye.code, self.goodbye.reason).await,
                () = changed.cancelled() => {
                    return close(socket, Goodbye::CHANGED.code, Goodbye::CHANGED.reason).await;
                }
                () = place.is_needed() => {
                    return close(socket, Goodbye::CROWDED.code, Goodbye::CROWDED.reason).await;
                }
                _ = ping.tick() => send(&mut socket, Message::ping(Vec::new())).await?,
                received = socket.next() => if has_left(&mut socket, received).await { return Ok(()) },
                message = messages.recv() => match message {
                    Ok((rule, text)) if rule.admits(&call.identity, FIRST_RESIDENT) => {
                        match send(&mut socket, Message::text(text)).await {
                            Err(Gone::TooSlow) => break,
                            sent => sent?,
                        }
                    }
                    Ok(_) => {}
                    Err(broadcast::error::RecvError::Lagged(_)) => break,
                    Err(broadcast::error::RecvError::Closed) => return Ok(()),
                },
            }
        }
        tracing::warn!("a listener was too slow and is dropped");
        drop(messages);
        close(socket, POLICY_VIOLATION, "too slow: connect again").await
    }
}

/// Nothing more can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gone {
    /// The client is not there any more.
    Left,
    /// It takes nothing of what was sent. What it took half of is finished first, should it be told goodbye.
    TooSlow,
}

pub(crate) async fn send(socket: &mut WebSocket, message: Message) -> Result<(), Gone> {
    match timeout(SENT_WITHIN, socket.send(message)).await {
        Ok(sent) => sent.map_err(|_| Gone::Left),
        Err(_) => Err(Gone::TooSlow),
    }
}

/// Whether a client has left, by what came of it. Its goodbye is answered; everything else is ignored, one at a time, so that
/// whoever sends without end holds nobody up.
pub(crate) async fn has_left(socket: &mut WebSocket, received: Option<Result<Message, warp::Error>>) -> bool {
    match received {
        Some(Ok(message)) if message.is_close() => {
            let _ = timeout(CLOSED_WITHIN, ended(socket)).await; // However it ended, it ended.
            true
        }
        Some(Ok(_)) => {
            tokio::task::yield_now().await;
            false
        }
        Some(Err(_)) | None => true,
    }
}

/// Says goodbye and waits a moment for the answer, so that the client sees the code and not a broken connection. It sees it
/// also if it has not read for a while.
pub(crate) async fn close(mut socket: WebSocket, code: u16, reason: impl Into<Cow<'static, str>>) -> Result<(), Gone> {
    let goodbye = socket.send(Message::close_with(code, reason));
    timeout(TAKEN_WITHIN, goodbye).await.map_err(|_| Gone::TooSlow)?.map_err(|_| Gone::Left)?;
    timeout(CLOSED_WITHIN, ended(&mut socket)).await.map_err(|_| Gone::Left)
}

/// Until both have said goodbye, or the connection is broken. What was to be sent is sent meanwhile.
async fn ended(socket: &mut WebSocket) {
    while socket.next().await.is_some_and(|message| message.is_ok()) {
        tokio::task::yield_now().await;
    }
}
