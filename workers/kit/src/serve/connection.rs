//! One connection, from its first byte to its last.

use std::{
    net::{IpAddr, SocketAddr},
    os::fd::AsRawFd,
    sync::Arc,
    time::Duration,
};

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use super::{
    Answer, Peer,
    answering::Answering,
    crowd::{Crowd, Place, guest},
    drain::Drain,
    stream::Watched,
};
use crate::tls::{Certificates, Guarded, Protection};

/// How long a client may take to finish a request's head; also how long an idle connection is kept.
const HEAD_WITHIN: Duration = Duration::from_secs(15);
/// The largest head of a request, in bytes: what is asked for and all headers. More is answered with 431.
pub const LARGEST_HEAD: usize = 32 * 1024;
/// How long a TLS handshake may take, and how long until the first byte after it.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// HTTP/2 pings find out that a client is gone.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_ANSWERED_WITHIN: Duration = Duration::from_secs(10);
/// Requests at once on one HTTP/2 connection.
const MOST_STREAMS: u32 = 100;
/// HTTP/2 connections at once, of all connections; a browser has one. Each may have [`MOST_STREAMS`] requests whose bodies do not go
/// on, or answers that nobody takes, of some 5 KiB, so that all of them together hold some 50 MiB.
pub(super) const MOST_HTTP2_CONNECTIONS: usize = 96;
/// How much of a request's body waits here on HTTP/2 until somebody reads it, in bytes; a client is told, and sends no more.
const STREAM_WINDOW: u32 = 64 * 1024;
/// The same, of all requests of a connection together.
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// How much of an answer waits here on HTTP/2 until its client takes it, in bytes.
const LARGEST_SEND_BUFFER: usize = 64 * 1024;
/// Requests that a client takes back before they were looked at, and such as are mistakes of its: after so many its connection
/// ends.
const MOST_RESET_STREAMS: usize = 20;
const MOST_MISTAKEN_STREAMS: usize = 128;
/// First byte of a TLS record that carries a handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// A stream of bytes to a client, encrypted or not.
trait Stream: AsyncRead + AsyncWrite + AsRawFd + Unpin + Send + 'static {}
impl<S: AsyncRead + AsyncWrite + AsRawFd + Unpin + Send + 'static> Stream for S {}

/// What is needed to serve one connection.
pub(super) struct Connection<S> {
    pub address: SocketAddr,
    pub place: Arc<Place>,
    /// Those that speak HTTP/2.
    pub http2: Crowd<IpAddr>,
    pub answer: S,
    pub drain: Drain,
    pub upgrades: TaskTracker,
}

impl<S: Answer> Connection<S> {
    /// Serves it to its end.
    pub async fn serve(self, stream: TcpStream, certificates: Option<Arc<Certificates>>) {
        let Some(certificates) = certificates else { return self.http1(stream, false).await };
        match certificates.protection() {
            // A certificate may come while it is open.
            Protection::None | Protection::Broken => self.plain(stream, certificates).await,
            Protection::Tls(acceptor) => match first_byte(&self.drain, &stream).await {
                Some(TLS_HANDSHAKE) => self.over_tls(stream, acceptor).await,
                Some(_) => self.plain(stream, certificates).await,
                None => {}
            },
        }
    }

    /// Without encryption where there is to be some once there is a certificate: what does not leave this machine needs none.
    async fn plain(self, stream: TcpStream, certificates: Arc<Certificates>) {
        if self.address.ip().to_canonical().is_loopback() {
            return self.http1(stream, false).await;
        }
        let local = stream.local_addr().ok().map(|local| local.ip());
        let Self { address, place, http2, answer, drain, upgrades } = self;
        let answer = Guarded { answer, certificates, local };
        let guarded = Connection { address, place, http2, answer, drain, upgrades };
        guarded.http1(stream, false).await;
    }

    async fn over_tls(self, stream: TcpStream, acceptor: TlsAcceptor) {
        let drain = self.drain.clone();
        let mut stream = match drain.within(HANDSHAKE_WITHIN, acceptor.accept(stream)).await {
            Some(Ok(stream)) => stream,
            Some(Err(error)) => return tracing::debug!(address = %self.address, "TLS handshake failed: {error}"),
            None => return,
        };
        // Looked at, not taken: a peer that completes the handshake and says nothing is not kept.
        if !matches!(drain.within(HANDSHAKE_WITHIN, stream.fill_buf()).await, Some(Ok(bytes)) if !bytes.is_empty()) {
            return;
        }
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        if !is_http2 {
            return self.http1(stream, true).await;
        }
        let place = self.http2.admit(guest(self.address.ip()));
        tokio::select! {
            () = self.http2(stream) => {}
            () = place.is_needed() => {}
        }
    }

    async fn http1(self, stream: impl Stream, tls: bool) {
        let (stream, seen) = Watched::new(stream);
        let answering = Answering {
            answer: self.answer,
            place: self.place,
            peer: Peer { address: self.address, tls },
            drain: self.drain.clone(),
            upgrades: self.upgrades,
            seen: Some(seen.clone()),
        };
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_buf_size(LARGEST_HEAD);
        let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), answering).with_upgrades());
        let outcome = tokio::select! {
            biased;
            outcome = connection.as_mut() => outcome,
            () = self.drain.lingered() => {
                // Of a request that has begun to arrive the answer is the last anyway; hyper would drop it unread.
                if !seen.is_request_under_way() {
                    connection.as_mut().graceful_shutdown();
                }
                connection.await
            }
        };
        if let Err(error) = outcome {
            tracing::debug!("connection ended: {error}");
        }
    }

    async fn http2(self, stream: impl Stream) {
        let answering = Answering {
            answer: self.answer,
            place: self.place,
            peer: Peer { address: self.address, tls: true },
            drain: self.drain.clone(),
            upgrades: self.upgrades,
            seen: None,
        };
        let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_ANSWERED_WITHIN)
            .max_concurrent_streams(MOST_STREAMS)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(LARGEST_SEND_BUFFER)
            .max_pending_accept_reset_streams(MOST_RESET_STREAMS)
            .max_local_error_reset_streams(MOST_MISTAKEN_STREAMS)
            .max_header_list_size(LARGEST_HEAD as u32);
        let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), answering));
        let outcome = tokio::select! {
            outcome = connection.as_mut() => outcome,
            () = self.drain.stopped() => {
                // Takes what is on its way: the last GOAWAY comes a round trip after the first.
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = outcome {
            tracing::debug!("connection ended: {error}");
        }
    }
}

/// Looked at, not taken; `None` if none comes.
async fn first_byte(drain: &Drain, stream: &TcpStream) -> Option<u8> {
    let mut first = [0];
    let peeked = drain.within(HANDSHAKE_WITHIN, stream.peek(&mut first)).await;
    matches!(peeked, Some(Ok(1))).then_some(first[0])
}
