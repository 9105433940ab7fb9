//! A WebSocket to a worker's real binary, as one of the hub's workers opens it. Workers' tests include this file beside
//! `worker.rs`.

use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::ClientRequestBuilder};

use crate::worker::Running;

pub type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Connects, or fails.
#[allow(dead_code, reason = "not every test connects as a worker")]
pub async fn connect(worker: &Running, path: &str) -> Client {
    connect_as(worker, path, worker.token()).await
}

/// The same with another credential.
pub async fn connect_as(worker: &Running, path: &str, token: &str) -> Client {
    let url = format!("ws://{}{path}", worker.address).parse().expect("an address");
    let request = ClientRequestBuilder::new(url).with_header("Authorization", format!("Bearer {token}"));
    connect_async(request).await.expect("a WebSocket").0
}
