//! What became true, to whoever wants to know all of it: every event of the outbox in its order, over a WebSocket or as
//! server-sent events.
//!
//! ```json
//! {"seq": 4711, "ts": "2031-01-31T12:00:00.000Z", "type": "reading.recorded", "resident": 1, "data": {}}
//! ```
//!
//! Whoever was away names the last `seq` that it has, and is told what came since. If that is not there any more, it is told
//! `resync` instead, asks for everything anew, and goes on from the `seq` of that message.

mod follower;

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use http::StatusCode;
use serde_json::json;
use tokio::{
    select,
    sync::{broadcast, mpsc},
    time::{interval, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use warp::{
    Reply,
    reply::Response,
    sse,
    ws::{Message, WebSocket},
};

use self::follower::{Follower, Next};
use crate::{
    Call, Identity, Problem, Rule,
    database::Database,
    live::{Gone, Goodbye, PING_EVERY, POLICY_VIOLATION, Places, SENT_WITHIN, Taken, close, has_left, send},
    outbox::Kept,
    rule::FIRST_RESIDENT,
};

/// How many events wait for a client. With more it goes back to the outbox for them.
const LONGEST_LAG: usize = 1024;
/// For how long a client may be so far behind before it is dropped: it holds nobody else up, and comes back for the rest. What
/// only came all at once is no client's slowness.
const BEHIND_FOR: Duration = SENT_WITHIN;
/// How many events wait for a reader of server-sent events beside those in its connection.
const WAITING_FOR_READER: usize = 16;
/// What a dropped client is told.
const TOO_SLOW: &str = "too slow: connect again with since=";

/// An event as it is sent, written once for all clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub seq: i64,
    /// Who may be told.
    pub rule: Rule,
    /// Whom it is about.
    pub resident: i64,
    pub text: Arc<str>,
}

impl Told {
    fn of(kept: &Kept, rule: Rule) -> Self {
        let resident = &kept.payload["subject"];
        let message = json!({
            "seq": kept.home_seq, "ts": kept.recorded_at, "type": kept.kind, "resident": resident, "data": kept.payload,
        });
        let resident = resident.as_i64().unwrap_or(FIRST_RESIDENT);
        Self { seq: kept.home_seq, rule, resident, text: message.to_string().into() }
    }
}

/// Who may be told of an event.
pub type RuleOf = fn(&Kept) -> Rule;

/// Everyone who follows a worker's outbox.
#[derive(Clone)]
pub struct Stream {
    told: broadcast::Sender<Told>,
    database: Database,
    rule: RuleOf,
    stop: CancellationToken,
    /// Clients are waited for when the worker leaves.
    tasks: TaskTracker,
    places: Places,
}

impl Stream {
    /// Nobody follows yet. `rule` says who may be told of which event; everyone is told goodbye at `stop`.
    #[must_use]
    pub fn new(database: Database, rule: RuleOf, stop: CancellationToken, tasks: TaskTracker) -> Self {
        Self { told: broadcast::Sender::new(LONGEST_LAG), database, rule, stop, tasks, places: Places::new() }
    }

    fn follower(&self, since: Option<i64>, identity: Identity) -> Follower {
        Follower::new(self.told.subscribe(), self.database.clone(), self.rule, identity, since)
    }

    /// Tells everyone, without waiting. Events are told in their order, all of them.
    pub fn tell(&self, kept: &Kept) {
        if self.told.receiver_count() > 0 {
            let _ = self.told.send(Told::of(kept, (self.rule)(kept))); // Fails only when nobody listens.
        }
    }

    /// Serves one WebSocket to its end. What it sends is ignored. `?since=SEQ` in the call's query: from there on.
    pub async fn serve(&self, mut socket: WebSocket, call: &Call) {
        let Some(place) = self.places.take(&call.identity) else { return };
        let token = self.tasks.token();
        // However it ended, it ended.
        let _ = match since(call.query("since")) {
            Ok(since) => {
                let follower = self.follower(since, call.identity.clone());
                self.converse(socket, follower, call.until_changed(), &place).await
            }
            Err(problem) => match send(&mut socket, Message::text(refusal(&problem))).await {
                Ok(()) => close(socket, POLICY_VIOLATION, "since is not a seq").await,
                gone => gone,
            },
        };
        drop(token);
    }

    async fn converse(
        &self,
        mut socket: WebSocket,
        mut follower: Follower,
        changed: CancellationToken,
        place: &Taken,
    ) -> Result<(), Gone> {
        let mut ping = interval(PING_EVERY);
        loop {
            let next = {
                // The same one until it is there: whatever else happens meanwhile, the database is asked once.
                let mut next = pin!(follower.next());
                loop {
                    select! {
                        () = self.stop.cancelled() => {
                            return close(socket, Goodbye::RESTART.code, Goodbye::RESTART.reason).await;
                        }
                        () = changed.cancelled() => {
                            return close(socket, Goodbye::CHANGED.code, Goodbye::CHANGED.reason).await;
                        }
                        () = place.is_needed() => {
                            return close(socket, Goodbye::CROWDED.code, Goodbye::CROWDED.reason).await;
                        }
                        _ = ping.tick() => send(&mut socket, Message::ping(Vec::new())).await?,
                        received = socket.next() => if has_left(&mut socket, received).await { return Ok(()) },
                        next = &mut next => break next,
                    }
                }
            };
            match next {
                Next::Told(told) => match send(&mut socket, Message::text(told.text.as_ref())).await {
                    Err(Gone::TooSlow) => break,
                    sent => sent?,
                },
                Next::TooSlow => break,
                Next::Closed => return Ok(()),
            }
        }
        tracing::warn!("a follower was too slow and is dropped");
        let reason = format!("{TOO_SLOW}{}", follower.seq());
        drop(follower);
        close(socket, POLICY_VIOLATION, reason).await
    }

    /// Answers with server-sent events, whose id is the `seq`. A browser that comes back by itself names the last one it has in
    /// `Last-Event-ID`, which goes before `?since=SEQ`.
    ///
    /// # Errors
    /// 400 if that is no number, 503 if too many come at once.
    pub fn events(&self, call: &Call) -> Result<Response, Problem> {
        let last_event_id = call.header("last-event-id").filter(|id| !id.is_empty());
        let since = since(last_event_id.or(call.query("since")))?;
        let too_many = || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Too many connections. Try again later");
        let place = self.places.take(&call.identity).ok_or_else(too_many)?;
        let (follower, changed) = (self.follower(since, call.identity.clone()), call.until_changed());
        let (sender, mut receiver) = mpsc::channel(WAITING_FOR_READER);
        let (stop, token, trail) = (self.stop.clone(), self.tasks.token(), call.trail.clone());
        tokio::spawn(async move {
            select! {
                () = stop.cancelled() => {}
                () = changed.cancelled() => {}
                () = place.is_needed() => {}
                () = hand_on(follower, &sender) => {}
                () = sender.closed() => {}
            }
            drop(trail); // It is noted that it ended.
            drop(token);
        });
        let events = stream::poll_fn(move |context| receiver.poll_recv(context)).map(Ok::<_, Infallible>);
        let events = sse::keep_alive().interval(PING_EVERY).text("ping").stream(events);
        Ok(sse::reply(events).into_response())
    }
}

/// Until the reader is gone, or too slow.
async fn hand_on(mut follower: Follower, sender: &mpsc::Sender<sse::Event>) {
    // There is always room for the last words.
    let Ok(last_words) = sender.clone().reserve_owned().await else { return };
    let too_slow = loop {
        match follower.next().await {
            Next::Told(Told { seq, text, .. }) => {
                let event = sse::Event::default().id(seq.to_string()).data(text.as_ref());
                match timeout(SENT_WITHIN, sender.send(event)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return,
                    Err(_) => break seq - 1,
                }
            }
            Next::TooSlow => break follower.seq(),
            Next::Closed => return,
        }
    };
    tracing::warn!("a follower was too slow and is dropped");
    let message = json!({"type": "dropped", "data": {"reason": format!("{TOO_SLOW}{too_slow}")}});
    last_words.send(sse::Event::default().data(message.to_string()));
}

fn since(text: Option<&str>) -> Result<Option<i64>, Problem> {
    let wrong = |text: &str| {
        Problem::bad_request(format!("since {text:?} is not a seq: it is a whole number from 0 to {}", i64::MAX))
    };
    let seq = |text: &str| text.parse().ok().filter(|seq| *seq >= 0).ok_or_else(|| wrong(text));
    text.filter(|text| !text.is_empty()).map(seq).transpose()
}

fn refusal(problem: &Problem) -> String {
    json!({"type": "error", "data": {"reason": problem.text()}}).to_string()
}
