//! WebSockets of the workers behind this one: the upgrade is passed on, and after it the bytes, whatever they say.
//!
//! Each has a connection of its own to the worker, because it never comes back to a pool.

use std::{io, net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version,
    header::{CONNECTION, HOST, UPGRADE},
    uri::{PathAndQuery, Scheme},
};
use http_body_util::Empty;
use hyper::{body::Incoming, client::conn::http1, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use kit::serve::{Crowd, Place, guest};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    answer::{Body, Failure, boxed, problem},
    carry::carry,
    headers,
    proxy::{ANSWERED_WITHIN, CONNECTED_WITHIN},
    upstream::Upstream,
};

/// WebSockets at once; a home needs a few for each screen. For another one, the oldest of whoever has the most ends.
pub const MOST_TUNNELS: usize = 512;
/// WebSockets at once, with those that are told to end: more are refused, should they come faster than others can end.
const MOST_WITH_ENDING: usize = 2 * MOST_TUNNELS;
/// How long a caller may take to go on after its upgrade was answered.
const UPGRADED_WITHIN: Duration = Duration::from_secs(5);
/// A connection of any kind.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Passes upgrades on, until it is to stop.
pub struct Tunnels {
    connector: TlsConnector,
    stop: CancellationToken,
    /// What draining waits for.
    tasks: TaskTracker,
    crowd: Crowd<IpAddr>,
}

impl Tunnels {
    pub fn new(connector: TlsConnector, stop: CancellationToken, tasks: TaskTracker) -> Self {
        Self { connector, stop, tasks, crowd: Crowd::of(MOST_TUNNELS) }
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        self.tasks.len()
    }

    /// Asks the worker for a WebSocket at this path, and connects the two ends if it agrees.
    ///
    /// # Errors
    /// If the worker does not answer.
    pub async fn open(
        &self,
        upstream: &Upstream,
        path: &PathAndQuery,
        mut request: Request<Incoming>,
    ) -> Result<Response<Body>, Failure> {
        if !is_websocket(&request) {
            return Ok(upgrade_required());
        }
        if self.tasks.len() >= MOST_WITH_ENDING {
            return Ok(problem(StatusCode::SERVICE_UNAVAILABLE, "Too many connections. Try again later"));
        }
        let address = headers::peer(&request);
        let caller = hyper::upgrade::on(&mut request);
        let asked = to_upstream(upstream, path, &request);
        let mut response = self.ask(upstream, asked).await.inspect_err(|failure| upstream.note(Err(failure)))?;
        upstream.note(Ok(()));
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            headers::keep_end_to_end(response.headers_mut());
            return Ok(response.map(boxed));
        }
        let worker = hyper::upgrade::on(&mut response);
        // Only now: whoever the worker does not know takes nobody's place.
        let place = self.crowd.admit(guest(address));
        self.tasks.spawn(connect(caller, worker, place, self.stop.clone()));
        let mut response = response.map(|_| boxed(Empty::new()));
        headers::keep_end_to_end(response.headers_mut());
        add_upgrade(response.headers_mut());
        Ok(response)
    }

    async fn ask(&self, upstream: &Upstream, request: Request<Empty<Bytes>>) -> Result<Response<Incoming>, Failure> {
        let by_its_url = upstream.scheme == Scheme::HTTPS;
        let response = self.ask_over(by_its_url, upstream, request.clone()).await?;
        // A certificate was added and the worker speaks TLS now: its address is the same, so it is not asked elsewhere.
        let wants_tls = response.status() == StatusCode::UPGRADE_REQUIRED
            && response.headers().get(UPGRADE).is_some_and(|value| value.as_bytes().starts_with(b"TLS/"));
        if wants_tls && !by_its_url && upstream.is_here() {
            return self.ask_over(true, upstream, request).await;
        }
        Ok(response)
    }

    async fn ask_over(
        &self,
        tls: bool,
        upstream: &Upstream,
        request: Request<Empty<Bytes>>,
    ) -> Result<Response<Incoming>, Failure> {
        let name = upstream.name;
        let connected = timeout(CONNECTED_WITHIN, self.connect(tls, upstream)).await;
        let stream = connected.map_err(|_| Failure::Away(name))?.map_err(|_| Failure::Away(name))?;
        let answered = timeout(ANSWERED_WITHIN, async {
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            // Ends with the connection, or hands it over when it is upgraded.
            tokio::spawn(connection.with_upgrades());
            sender.send_request(request).await
        });
        answered.await.map_err(|_| Failure::TooSlow(name))?.map_err(|_: hyper::Error| Failure::BrokeOff(name))
    }

    async fn connect(&self, tls: bool, upstream: &Upstream) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect((upstream.host(), upstream.port())).await?;
        stream.set_nodelay(true)?;
        if !tls {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(upstream.host().to_owned()).map_err(io::Error::other)?;
        Ok(Box::new(self.connector.connect(name, stream).await?))
    }
}

fn is_websocket(request: &Request<Incoming>) -> bool {
    request.method() == Method::GET
        && request.version() == Version::HTTP_11
        && headers::names(request.headers(), &UPGRADE, "websocket")
        && headers::names(request.headers(), &CONNECTION, "upgrade")
}

fn to_upstream(upstream: &Upstream, path: &PathAndQuery, request: &Request<Incoming>) -> Request<Empty<Bytes>> {
    let mut headers = headers::to_upstream(request);
    add_upgrade(&mut headers);
    if let Ok(host) = HeaderValue::from_str(upstream.authority.as_str()) {
        headers.insert(HOST, host);
    }
    let mut asked = Request::new(Empty::new());
    *asked.uri_mut() = path.clone().into();
    *asked.headers_mut() = headers;
    asked
}

fn add_upgrade(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

fn upgrade_required() -> Response<Body> {
    let mut response = problem(StatusCode::UPGRADE_REQUIRED, "This address takes WebSockets only");
    add_upgrade(response.headers_mut());
    response
}

/// Waits for the two upgrades and carries from one to the other.
async fn connect(caller: OnUpgrade, worker: OnUpgrade, place: Arc<Place>, stop: CancellationToken) {
    let upgraded = timeout(UPGRADED_WITHIN, async { tokio::try_join!(caller, worker) }).await;
    let (caller, worker) = match upgraded {
        Ok(Ok((caller, worker))) => (TokioIo::new(caller), TokioIo::new(worker)),
        Ok(Err(error)) => return tracing::debug!("an upgrade came to nothing: {error}"),
        Err(_) => return tracing::debug!("an upgrade took longer than {UPGRADED_WITHIN:?}"),
    };
    if let Err(error) = carry(caller, worker, &place, &stop).await {
        tracing::debug!("a WebSocket broke off: {error}");
    }
}
