//! A WebSocket as a line.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::time::timeout;
use warp::ws::{Message, WebSocket};

use super::{
    frame::Frame,
    listener::{Gone, Line, SENT_WITHIN},
};
use crate::live::Goodbye;

/// How long to wait for the answer to a close frame.
const CLOSED_WITHIN: Duration = Duration::from_secs(1);

/// Close code for what cannot be served as it was asked.
const POLICY_VIOLATION: u16 = 1008;
/// A close frame has no room for more, in bytes.
const LONGEST_REASON: usize = 123;

pub(super) struct Socket(pub WebSocket);

/// Says what is wrong and closes.
pub(super) async fn refuse(socket: WebSocket, reason: &str) {
    let mut socket = Socket(socket);
    let reason = &reason[..reason.floor_char_boundary(LONGEST_REASON)];
    if socket.send_message(Message::close_with(POLICY_VIOLATION, reason.to_owned())).await.is_ok() {
        let _ = timeout(CLOSED_WITHIN, socket.left()).await;
    }
}

impl Socket {
    async fn send_message(&mut self, message: Message) -> Result<(), Gone> {
        match timeout(SENT_WITHIN, self.0.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }
}

impl Line for Socket {
    async fn send(&mut self, frame: &Frame) -> Result<(), Gone> {
        self.send_message(frame.message.clone()).await
    }

    async fn ping(&mut self) -> Result<(), Gone> {
        self.send_message(Message::ping(Vec::new())).await
    }

    async fn left(&mut self) {
        while self.0.next().await.is_some_and(|received| received.is_ok_and(|message| !message.is_close())) {}
    }

    /// Waits a moment for the answer, so that the client sees the code and not a broken connection.
    async fn close(mut self, goodbye: Goodbye) {
        if self.send_message(Message::close_with(goodbye.code, goodbye.reason)).await.is_ok() {
            let _ = timeout(CLOSED_WITHIN, self.left()).await;
        }
    }
}
