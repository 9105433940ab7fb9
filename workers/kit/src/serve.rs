//! Connections: accepted, driven by HTTP/1 or HTTP/2, and drained when the worker stops.
//!
//! ```text
//!   told to stop ──┬─ the listener          closed; what waits there is the successor's, or is taken first
//!                  ├─ open requests         finished; every answer from now on is its connection's last
//!                  ├─ idle connections      a moment later, so that a request on its way is still answered
//!                  ├─ HTTP/2                GOAWAY at once: it says which requests were taken
//!                  └─ WebSockets            their owners say goodbye
//! ```
//!
//! hyper's own connection builders are used instead of hyper-util's automatic one: TLS has already told the version, and
//! the automatic one holds a peer that sends nothing for ever.

mod answering;
mod connection;
mod crowd;
mod drain;
mod stream;

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use hyper::{
    body::{Body, Incoming},
    service::Service,
};
use nix::sys::socket::{setsockopt, sockopt::TcpUserTimeout};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use self::answering::Upgrading;
pub use self::{
    connection::LARGEST_HEAD,
    crowd::{Crowd, Guest, MOST_CONNECTIONS, Place, guest},
    drain::IDLE_LINGER,
};
use self::{
    connection::{Connection, MOST_HTTP2_CONNECTIONS},
    drain::Drain,
};
use crate::{listen::Listener, tls::Certificates};

/// How long to wait after `accept` failed: usually for want of descriptors, which come back as connections end.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// How long a client may take nothing of what was sent to it, before its connection ends. Whoever waits for it to be taken could
/// not end it: of an answer that does not end, nothing more is asked for as long as its client reads nothing.
pub(crate) const TAKEN_WITHIN: Duration = Duration::from_secs(60);
/// How long open requests and WebSockets get once the worker is told to stop; less than any `kill_timeout` should be.
pub const DRAIN_WITHIN: Duration = Duration::from_secs(4);

/// Who is at the other end. Found in a request's extensions.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Their address.
    pub address: SocketAddr,
    /// Whether they came through TLS.
    pub tls: bool,
}

/// What answers requests: a warp service, or one of hyper's.
pub trait Answer:
    Service<Request<Incoming>, Response = Response<<Self as Answer>::Body>, Error = Infallible, Future: Send + 'static>
    + Clone
    + Send
    + 'static
{
    /// The answers' bodies.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static;
}

impl<S, B> Answer for S
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send + 'static>
        + Clone
        + Send
        + 'static,
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    type Body = B;
}

/// Serves until `stop`, then drains: no new connections, open requests and `tasks` finished, idle connections closed
/// after [`IDLE_LINGER`], all of it within [`DRAIN_WITHIN`].
///
/// With `certificates`, each connection is met by what is in force when it comes: encrypted if there is a pair, and then without
/// encryption for this machine only; others are sent to HTTPS.
///
/// `tasks` are what outlives its connection, WebSockets above all.
pub async fn serve(
    listener: impl Into<Listener>,
    certificates: Option<Arc<Certificates>>,
    answer: impl Answer,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    let listener = listener.into();
    let (connections, upgrades) = (TaskTracker::new(), TaskTracker::new());
    let (drain, crowd, http2) = (Drain::new(stop), Crowd::of(MOST_CONNECTIONS), Crowd::of(MOST_HTTP2_CONNECTIONS));
    let take = |stream: TcpStream, address: SocketAddr| {
        // Answers are small: waiting to fill a packet only makes them late.
        let _ = stream.set_nodelay(true);
        let _ = setsockopt(&stream, TcpUserTimeout, &(TAKEN_WITHIN.as_millis() as u32));
        let place = crowd.admit(guest(address.ip()));
        let connection = Connection {
            address,
            place: place.clone(),
            http2: http2.clone(),
            answer: answer.clone(),
            drain: drain.clone(),
            upgrades: upgrades.clone(),
        };
        let served = connection.serve(stream, certificates.clone());
        connections.spawn(async move {
            tokio::select! {
                () = served => {}
                () = place.is_needed() => {}
            }
        });
    };
    while let Some((stream, address)) = accept(&listener.socket, &drain).await {
        take(stream, address);
        if connections.len() > MOST_CONNECTIONS {
            // Whoever was told to leave does, before the next is taken.
            tokio::task::yield_now().await;
        }
    }
    drain.begin();
    for (stream, address) in listener.close() {
        take(stream, address);
    }
    tracing::info!(connections = connections.len(), websockets = tasks.len(), "draining");
    for tracker in [&connections, &upgrades, &tasks] {
        tracker.close();
    }
    // In this order: a connection may become a WebSocket to the last.
    let drained = timeout(DRAIN_WITHIN, async {
        connections.wait().await;
        upgrades.wait().await;
        tasks.wait().await;
    });
    if drained.await.is_err() {
        tracing::warn!(connections = connections.len(), websockets = tasks.len(), "left without waiting any longer");
    }
}

/// The next connection; `None` when the worker stops. None is lost: a connection that is not returned was not taken from
/// the kernel's queue either.
async fn accept(listener: &TcpListener, drain: &Drain) -> Option<(TcpStream, SocketAddr)> {
    loop {
        let accepted = tokio::select! {
            biased;
            () = drain.stopped() => return None,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(connection) => return Some(connection),
            Err(error) => {
                tracing::warn!("a connection could not be accepted: {error}");
                tokio::time::sleep(ACCEPT_AGAIN_AFTER).await;
            }
        }
    }
}
