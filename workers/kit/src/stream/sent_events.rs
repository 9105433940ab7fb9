//! Server-sent events as a line.

use std::{
    convert::Infallible,
    sync::{Arc, OnceLock},
    task::Poll,
};

use futures_util::stream::poll_fn;
use serde_json::json;
use tokio::{sync::mpsc, time::timeout};
use warp::{Reply, reply::Response, sse::Event};

use super::{
    frame::Frame,
    listener::{Gone, Line, SENT_WITHIN},
};
use crate::live::Goodbye;

/// Events between the listener and its connection, which takes them as its client does.
const LONGEST_QUEUE: usize = 16;

pub(super) struct SentEvents {
    events: mpsc::Sender<Event>,
    /// Said last of all, whenever the client comes to it: there is always room for it.
    goodbye: Arc<OnceLock<Goodbye>>,
}

/// A line, and the answer whose body is at its other end.
pub(super) fn open() -> (SentEvents, Response) {
    let (events, mut sent) = mpsc::channel(LONGEST_QUEUE);
    let goodbye = Arc::new(OnceLock::new());
    let line = SentEvents { events, goodbye: goodbye.clone() };
    let mut last = Some(goodbye);
    let body = poll_fn(move |context| match sent.poll_recv(context) {
        Poll::Ready(None) => {
            let goodbye = last.take().and_then(|goodbye| goodbye.get().copied());
            Poll::Ready(goodbye.map(|goodbye| Ok::<_, Infallible>(farewell(goodbye))))
        }
        other => other.map(|event| event.map(Ok)),
    });
    (line, warp::sse::reply(body).into_response())
}

/// What a close frame is to a WebSocket.
fn farewell(goodbye: Goodbye) -> Event {
    let data = json!({"code": goodbye.code, "reason": goodbye.reason});
    Event::default().event("close").data(data.to_string())
}

impl SentEvents {
    async fn send_event(&self, event: Event) -> Result<(), Gone> {
        match timeout(SENT_WITHIN, self.events.send(event)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }
}

impl Line for SentEvents {
    async fn send(&mut self, frame: &Frame) -> Result<(), Gone> {
        self.send_event(Event::default().id(frame.seq.to_string()).data(frame.text())).await
    }

    async fn ping(&mut self) -> Result<(), Gone> {
        self.send_event(Event::default().comment("ping")).await
    }

    async fn left(&mut self) {
        self.events.closed().await;
    }

    async fn close(self, goodbye: Goodbye) {
        let _ = self.goodbye.set(goodbye);
    }
}
