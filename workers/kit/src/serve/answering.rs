//! What stands between a connection and whoever answers: who asks, and whether this answer is the last.

use std::{convert::Infallible, net::IpAddr, sync::Arc};

use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header, uri::Authority};
use http_body_util::{Either, Empty};
use hyper::{
    body::{Body, Incoming},
    service::Service,
};
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

use super::{Answer, Peer, crowd::Place, drain::Drain, stream::Seen};

/// A browser that came once by HTTPS comes by nothing else for a year.
const BY_HTTPS_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Kept as long as an upgraded connection is used, so that draining waits for it: the connection that it came from has
/// ended for its driver, and nobody else knows of it yet.
#[derive(Clone)]
pub(crate) struct Upgrading(#[expect(dead_code, reason = "held, not read")] TaskTrackerToken);

/// What is sent of a body: all, or nothing.
pub(super) type Sent<B> = Either<B, Empty<Bytes>>;

/// One connection's requests.
#[derive(Clone)]
pub(super) struct Answering<S> {
    pub answer: S,
    pub place: Arc<Place>,
    /// Who asks.
    pub peer: Peer,
    pub drain: Drain,
    pub upgrades: TaskTracker,
    /// HTTP/1 only: HTTP/2 tells its clients by frames of its own.
    pub seen: Option<Arc<Seen>>,
}

impl<S: Answer> Service<Request<Incoming>> for Answering<S> {
    type Response = Response<Sent<<S as Answer>::Body>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.peer);
        if request.headers().contains_key(header::UPGRADE) {
            request.extensions_mut().insert(Upgrading(self.upgrades.token()));
        }
        if let Some(seen) = &self.seen {
            seen.request(!request.body().is_end_stream());
        }
        let by_https_only = self.peer.tls && !is_this_machine(&request);
        let (drain, seen, version) = (self.drain.clone(), self.seen.clone(), request.version());
        let is_head = request.method() == Method::HEAD;
        let under_way = self.place.request();
        let answered = self.answer.call(request);
        answered
            .map(move |answered| {
                if let Some(seen) = seen {
                    seen.answer();
                }
                drop(under_way);
                let Ok(mut response) = answered;
                if by_https_only {
                    response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, BY_HTTPS_ONLY);
                }
                if drain.is_stopping() && version < Version::HTTP_2 {
                    say_that_it_is_the_last(&mut response);
                }
                // Of HTTP/1 hyper itself keeps the body back.
                Ok(if is_head && version >= Version::HTTP_2 {
                    without_body(response)
                } else {
                    response.map(Either::Left)
                })
            })
            .boxed()
    }
}

/// Of a `HEAD` request the answer has a body that is not sent: a client of HTTP/2 ends the request over the first byte of it. How
/// long it would be is said.
fn without_body<B: Body>(mut response: Response<B>) -> Response<Sent<B>> {
    if let Some(length) = response.body().size_hint().exact() {
        response.headers_mut().entry(header::CONTENT_LENGTH).or_insert(length.into());
    }
    response.map(|_| Either::Right(Empty::new()))
}

/// Whether it was asked by a name that means another machine on each: what is remembered of `localhost` would be about
/// whatever else is developed there.
fn is_this_machine<B>(request: &Request<B>) -> bool {
    let header = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let Some(host) = header.as_ref().or(request.uri().authority()) else { return true };
    let host = host.host().trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// The connection ends with this answer, and the client knows it: it sends its next request elsewhere.
fn say_that_it_is_the_last<B>(response: &mut Response<B>) {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().entry(header::CONNECTION).or_insert(HeaderValue::from_static("close"));
    }
}
