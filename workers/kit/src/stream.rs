//! The stream of what became true: every event of the outbox in its order, over a WebSocket or as server-sent events.
//!
//! ```text
//!   outbox ──► Follower ──► Stream ──┬─ socket     each listener follows at its own pace; one that cannot keep up is told
//!      └── pages, for who resumes ──►└─ sent_events   so and dropped, and begins again where it was
//! ```
//!
//! An event is `{seq,ts,type,resident,data}`, where `seq` is its place in the home's history. Who names the last one that it
//! saw (`?since=SEQ`, or `Last-Event-ID`) is told all that followed, without gap or repeat. Where that cannot be, because it is
//! older than what is kept or from another history, an event of the type `resync` says so, and the stream goes on from now.

mod frame;
mod listener;
mod sent_events;
mod since;
mod socket;

use std::sync::Arc;

use tokio::sync::broadcast;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use warp::{reply::Response, ws::WebSocket};

use self::frame::Frame;
pub use self::{listener::PING_EVERY, since::Since};
use crate::{Identity, Problem, Rule, database::Database, outbox::Kept};

/// How many events a listener may lag behind before it is dropped. They are in memory once, however many listen.
pub const LONGEST_LAG: usize = 1024;

/// Everyone who follows what becomes true. Cheap to clone.
#[derive(Clone)]
pub struct Stream {
    frames: broadcast::Sender<Arc<Frame>>,
    database: Database,
    rule: fn(&str) -> Rule,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Stream {
    /// Nobody listens yet. `rule` says who may be told of which kind of event; `tasks` are waited for when the worker leaves.
    #[must_use]
    pub fn new(database: Database, rule: fn(&str) -> Rule, stop: CancellationToken, tasks: TaskTracker) -> Self {
        Self { frames: broadcast::Sender::new(LONGEST_LAG), database, rule, stop, tasks }
    }

    /// How many listen.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.frames.receiver_count()
    }

    /// Tells everyone, without waiting for anyone. Written as JSON once for all of them.
    pub fn tell(&self, events: &[Kept]) {
        if self.frames.receiver_count() == 0 {
            return;
        }
        for event in events {
            let _ = self.frames.send(Arc::new(self.frame(event))); // Fails only when the last one has just left.
        }
    }

    /// Serves one client's WebSocket to its end. What it sends is ignored.
    pub async fn socket(&self, socket: WebSocket, since: Since, identity: Identity) {
        let token = self.tasks.token();
        listener::serve(self, socket::Socket(socket), since, identity).await;
        drop(token);
    }

    /// Takes a client's WebSocket only to say what is wrong with its request.
    pub async fn refuse(&self, socket: WebSocket, problem: &Problem) {
        let token = self.tasks.token();
        socket::refuse(socket, problem.text()).await;
        drop(token);
    }

    /// An answer that does not end while its client listens.
    #[must_use]
    pub fn sent_events(&self, since: Since, identity: Identity) -> Response {
        let (line, response) = sent_events::open();
        let stream = self.clone();
        self.tasks.spawn(async move { listener::serve(&stream, line, since, identity).await });
        response
    }

    fn frame(&self, event: &Kept) -> Frame {
        Frame::of(event, (self.rule)(&event.kind))
    }
}
