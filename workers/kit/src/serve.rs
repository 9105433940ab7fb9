//! Connections: accepted, driven by HTTP/1 or HTTP/2, and drained when the worker stops.
//!
//! hyper's own connection builders are used instead of hyper-util's automatic one: TLS has already told the version, and
//! the automatic one holds a peer that sends nothing for ever.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use http::{Request, Response, StatusCode, header};
use hyper::{
    body::{Body, Incoming},
    service::Service,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long a client may take to finish a request's head; also how long an idle connection is kept.
const HEAD_WITHIN: Duration = Duration::from_secs(15);
/// How long a TLS handshake may take, and how long until the first byte after it.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// HTTP/2 pings find out that a client is gone.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_ANSWERED_WITHIN: Duration = Duration::from_secs(10);
/// Requests at once on one HTTP/2 connection.
const MOST_STREAMS: u32 = 100;
/// How long to wait after `accept` failed: usually for want of descriptors, which come back as connections end.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// How long open requests and WebSockets get once the worker is told to stop; less than any `kill_timeout` should be.
pub const DRAIN_WITHIN: Duration = Duration::from_secs(4);
/// First byte of a TLS record that carries a handshake.
const TLS_HANDSHAKE: u8 = 0x16;

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
    type Body: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static;
}

impl<S, B> Answer for S
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send + 'static>
        + Clone
        + Send
        + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    type Body = B;
}

/// Serves until `stop`, then drains: no new connections, idle ones closed, open requests and `tasks` finished, at most
/// [`DRAIN_WITHIN`].
///
/// `tasks` are what outlives its connection, WebSockets above all.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    answer: impl Answer,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    let connections = TaskTracker::new();
    while let Some((stream, address)) = accept(&listener, &stop).await {
        // Answers are small: waiting to fill a packet only makes them late.
        let _ = stream.set_nodelay(true);
        let (tls, answer, stop) = (tls.clone(), answer.clone(), stop.clone());
        connections.spawn(async move {
            match tls {
                Some(acceptor) => connection_over_tls(stream, address, acceptor, answer, stop).await,
                None => drive_http1(stream, WithPeer::new(answer, address, false), stop).await,
            }
        });
    }
    drop(listener);
    tracing::info!(connections = connections.len(), websockets = tasks.len(), "draining");
    connections.close();
    tasks.close();
    let drained = timeout(DRAIN_WITHIN, async { tokio::join!(connections.wait(), tasks.wait()) }).await;
    if drained.is_err() {
        tracing::warn!(connections = connections.len(), websockets = tasks.len(), "left without waiting any longer");
    }
}

async fn accept(listener: &TcpListener, stop: &CancellationToken) -> Option<(TcpStream, SocketAddr)> {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return None,
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

async fn connection_over_tls(
    stream: TcpStream,
    address: SocketAddr,
    acceptor: TlsAcceptor,
    answer: impl Answer,
    stop: CancellationToken,
) {
    let mut first = [0];
    match unless_stopped(&stop, stream.peek(&mut first)).await {
        Some(Ok(1)) if first[0] == TLS_HANDSHAKE => {}
        Some(Ok(1)) => return drive_http1(stream, hyper::service::service_fn(needs_https), stop).await,
        Some(Ok(_) | Err(_)) | None => return,
    }
    let mut stream = match unless_stopped(&stop, acceptor.accept(stream)).await {
        Some(Ok(stream)) => stream,
        Some(Err(error)) => return tracing::debug!(%address, "TLS handshake failed: {error}"),
        None => return,
    };
    // Looked at, not taken: a peer that completes the handshake and says nothing is not kept.
    if !matches!(unless_stopped(&stop, stream.fill_buf()).await, Some(Ok(bytes)) if !bytes.is_empty()) {
        return;
    }
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let answer = WithPeer::new(answer, address, true);
    if is_http2 { drive_http2(stream, answer, stop).await } else { drive_http1(stream, answer, stop).await }
}

/// `None` when it took longer than [`HANDSHAKE_WITHIN`] or the worker is to stop.
async fn unless_stopped<T>(stop: &CancellationToken, step: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        () = stop.cancelled() => None,
        outcome = timeout(HANDSHAKE_WITHIN, step) => outcome.ok(),
    }
}

/// Plain HTTP on a port that speaks TLS: a person typed the address without `https`.
async fn needs_https(request: Request<Incoming>) -> Result<Response<String>, Infallible> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let path = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let mut response = Response::new(format!("This address speaks HTTPS: https://{host}{path}\n"));
    *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, header::HeaderValue::from_static("TLS/1.2, HTTP/1.1"));
    headers.insert(header::CONNECTION, header::HeaderValue::from_static("close, upgrade"));
    Ok(response)
}

async fn drive_http1(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    answer: impl Answer,
    stop: CancellationToken,
) {
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), answer).with_upgrades());
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!("connection ended: {error}");
    }
}

async fn drive_http2(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    answer: impl Answer,
    stop: CancellationToken,
) {
    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_ANSWERED_WITHIN)
        .max_concurrent_streams(MOST_STREAMS);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), answer));
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!("connection ended: {error}");
    }
}

/// Notes in every request who sent it.
#[derive(Clone)]
struct WithPeer<S> {
    answer: S,
    peer: Peer,
}

impl<S> WithPeer<S> {
    fn new(answer: S, address: SocketAddr, tls: bool) -> Self {
        Self { answer, peer: Peer { address, tls } }
    }
}

impl<S: Service<Request<Incoming>>> Service<Request<Incoming>> for WithPeer<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.peer);
        self.answer.call(request)
    }
}
