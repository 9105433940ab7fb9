//! One client's connection, from its first frame to its last.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt};
use kit::live::Goodbye;
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval_at, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use warp::ws::{Message, WebSocket};

use crate::{
    allowance::Allowance,
    lobby::{Lobby, Seat},
    message::ClientId,
};

/// How often the main variant pings.
pub const PING_EVERY: Duration = Duration::from_secs(30);
/// Pings in a row without a sign of life before a client counts as gone.
const MOST_PINGS_UNANSWERED: u32 = 2;
/// How long the seat is kept of somebody whose connection broke. Who comes back in this time was never away for the other
/// one, whose call goes on meanwhile: sound and picture do not pass through here. A page comes back within a second or
/// two; longer would make whoever is gone look as if they were still there.
const SEAT_KEPT_FOR: Duration = Duration::from_secs(3);
/// How long one frame may take to be taken by a client.
const SENT_WITHIN: Duration = Duration::from_secs(10);
/// How long to wait for the answer to a close frame.
const CLOSED_WITHIN: Duration = Duration::from_secs(1);

const TOO_SLOW: Goodbye = Goodbye { code: 1008, reason: "Too slow: connect again" };
const TOO_MUCH: Goodbye = Goodbye { code: 1008, reason: "Too many messages" };
const TOO_MANY: Goodbye = Goodbye { code: 1013, reason: "Too many connections: try again later" };

/// Whether clients are pinged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pings {
    /// Every [`PING_EVERY`]; who answers none is gone.
    Sent,
    /// Never: whatever brings the connections here looks after them.
    Left,
}

/// How a conversation ended.
#[derive(Clone, Copy, Debug)]
enum End {
    /// The client said that it leaves.
    Left,
    /// The connection broke, or somebody on the way restarts: whoever it was comes back if they can.
    Dropped,
    /// The hub closes the connection.
    Refused(Goodbye),
    /// The worker stops. Whoever talks goes on, and comes back to the next one.
    Stopped,
}

/// Serves one client to its end: of a device, for the calls of a resident.
///
/// `changed` is cancelled when what the client may do has changed.
pub async fn serve(
    mut socket: WebSocket,
    (device, resident): (Option<String>, i64),
    lobby: Arc<Lobby>,
    pings: Pings,
    changed: CancellationToken,
    stop: CancellationToken,
) {
    let Some(Seat { client: id, mailbox, place }) = lobby.enter(device, resident) else {
        return close(socket, TOO_MANY).await;
    };
    let client = Client { id, lobby: &lobby, socket: &mut socket };
    let end = tokio::select! {
        biased;
        () = changed.cancelled() => End::Refused(Goodbye::CHANGED),
        () = place.is_needed() => End::Refused(Goodbye::CROWDED),
        end = client.converse(mailbox, pings, &stop) => end,
    };
    match end {
        End::Left => lobby.leave(id),
        End::Dropped => {
            drop(socket);
            lobby.lose(id);
            // A worker that stops tells nobody that somebody left.
            if stop.run_until_cancelled(sleep(SEAT_KEPT_FOR)).await.is_some() {
                lobby.leave(id);
            }
        }
        End::Refused(goodbye) => {
            // Before the farewell, so that the other one in the room does not wait for it.
            lobby.leave(id);
            close(socket, goodbye).await;
        }
        End::Stopped => close(socket, Goodbye::RESTART).await,
    }
}

struct Client<'a> {
    id: ClientId,
    lobby: &'a Lobby,
    socket: &'a mut WebSocket,
}

impl Client<'_> {
    async fn converse(mut self, mailbox: mpsc::Receiver<String>, pings: Pings, stop: &CancellationToken) -> End {
        self.exchange(mailbox, pings, stop).await.unwrap_or(End::Dropped)
    }

    /// `None` if the client is not there any more.
    async fn exchange(
        &mut self,
        mut mailbox: mpsc::Receiver<String>,
        pings: Pings,
        stop: &CancellationToken,
    ) -> Option<End> {
        let mut allowance = Allowance::new(Instant::now());
        let mut unanswered = 0;
        let mut ping = interval_at(tokio::time::Instant::now() + PING_EVERY, PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                // First: what is left in the mailbox may be about others whom the next worker has not seen yet.
                biased;
                () = stop.cancelled() => return Some(End::Stopped),
                _ = ping.tick(), if pings == Pings::Sent => {
                    if unanswered == MOST_PINGS_UNANSWERED {
                        tracing::info!(client = self.id.0, "no answer to pings, taken for gone");
                        return None;
                    }
                    unanswered += 1;
                    self.send(Message::ping(Vec::new())).await?;
                }
                message = mailbox.recv() => match message {
                    Some(text) => self.send(Message::text(text)).await?,
                    None => return Some(End::Refused(TOO_SLOW)),
                },
                received = self.socket.next() => {
                    unanswered = 0;
                    // An error is a broken connection, or a message that is larger than the hub takes.
                    let message = received?.ok()?;
                    if message.is_close() {
                        return Some(if is_for_good(&message) { End::Left } else { End::Dropped });
                    }
                    if message.is_text() || message.is_binary() {
                        if !allowance.take(Instant::now()) {
                            return Some(End::Refused(TOO_MUCH));
                        }
                        self.lobby.hear(self.id, message.as_bytes());
                    }
                }
            }
        }
    }

    /// `None` if the client is not there any more.
    async fn send(&mut self, message: Message) -> Option<()> {
        timeout(SENT_WITHIN, self.socket.send(message)).await.ok()?.ok()
    }
}

/// Whether this close frame is a person's: a page that closes or moves on says one of these, or nothing. Everything else
/// is said by something on the way, such as a gateway that restarts.
fn is_for_good(close: &Message) -> bool {
    const NORMAL: u16 = 1000;
    const GOING_AWAY: u16 = 1001;
    const NO_CODE: u16 = 1005;
    close.close_frame().is_none_or(|(code, _)| matches!(code, NORMAL | GOING_AWAY | NO_CODE))
}

/// Says goodbye and waits a moment for the answer, so that the client sees the reason and not a broken connection.
async fn close(mut socket: WebSocket, Goodbye { code, reason }: Goodbye) {
    let farewell = async {
        socket.send(Message::close_with(code, reason)).await?;
        while let Some(message) = socket.next().await.transpose()? {
            if message.is_close() {
                break;
            }
        }
        Ok::<(), warp::Error>(())
    };
    // However it ended, it ended.
    let _ = timeout(CLOSED_WITHIN, farewell).await;
}
