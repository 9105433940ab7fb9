//! One client's connection, from its first frame to its last.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt};
use kit::live::Goodbye;
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval_at, timeout},
};
use tokio_util::sync::CancellationToken;
use warp::ws::{Message, WebSocket};

use crate::{allowance::Allowance, lobby::Lobby, message::ClientId};

/// How often the main variant pings.
pub const PING_EVERY: Duration = Duration::from_secs(30);
/// Pings in a row without a sign of life before a client counts as gone.
const MOST_PINGS_UNANSWERED: u32 = 2;
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

/// Serves one client to its end.
pub async fn serve(mut socket: WebSocket, lobby: Arc<Lobby>, pings: Pings, stop: CancellationToken) {
    let goodbye = match lobby.enter() {
        None => Some(TOO_MANY),
        Some((id, mailbox)) => {
            let goodbye = Client { id, lobby: &lobby, socket: &mut socket }.converse(mailbox, pings, stop).await;
            // Before the farewell, so that the other one in the room does not wait for it.
            lobby.leave(id);
            goodbye
        }
    };
    if let Some(goodbye) = goodbye {
        close(socket, goodbye).await;
    }
}

struct Client<'a> {
    id: ClientId,
    lobby: &'a Lobby,
    socket: &'a mut WebSocket,
}

impl Client<'_> {
    /// Returns how to say goodbye; `None` if the client is gone already.
    async fn converse(
        &mut self,
        mut mailbox: mpsc::Receiver<String>,
        pings: Pings,
        stop: CancellationToken,
    ) -> Option<Goodbye> {
        let mut allowance = Allowance::new(Instant::now());
        let mut unanswered = 0;
        let mut ping = interval_at(tokio::time::Instant::now() + PING_EVERY, PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Some(Goodbye::RESTART),
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
                    None => return Some(TOO_SLOW),
                },
                received = self.socket.next() => {
                    unanswered = 0;
                    // An error is a broken connection, or a message that is larger than the hub takes.
                    let message = received?.ok().filter(|message| !message.is_close())?;
                    if message.is_text() || message.is_binary() {
                        if !allowance.take(Instant::now()) {
                            return Some(TOO_MUCH);
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
