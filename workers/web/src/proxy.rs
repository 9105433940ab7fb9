//! Requests for the workers behind this one. Bodies stream both ways: nothing is held here, so nothing here limits them.

use std::{net::IpAddr, time::Duration};

use http::{HeaderMap, Method, Request, Response, Uri, uri::PathAndQuery};
use http_body_util::Empty;
use hyper::body::{Body as _, Incoming};
use hyper_util::{
    client::legacy::{Client, Error, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use kit::serve::{Crowd, guest};
use tokio::time::timeout;

use crate::{
    answer::{Body, Failure, boxed},
    headers,
    placed::Placed,
    upstream::Upstream,
};

/// How long a worker may take to accept a connection; on one machine it is at once or never.
pub const CONNECTED_WITHIN: Duration = Duration::from_secs(2);
/// How long a worker may take until its answer begins, from the request's first byte.
pub const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
/// How long an idle connection is kept: less than a worker that stops waits before it closes one, so that no request meets
/// its end. A new connection on one machine costs less than a tenth of a millisecond.
const KEPT_IDLE_FOR: Duration = Duration::from_millis(500);
const _: () = assert!(KEPT_IDLE_FOR.as_millis() < kit::serve::IDLE_LINGER.as_millis());
/// Idle connections kept to each worker.
const MOST_IDLE: usize = 8;

/// Requests that are passed on at once, until their answers have ended; fewer than the connections that a worker keeps, of whom all
/// that come through here are one guest. For another one, the oldest of whoever has the most ends.
pub const MOST_PASSED: usize = 768;
const _: () = assert!(MOST_PASSED < kit::serve::MOST_CONNECTIONS);

/// Connections to workers.
pub struct Proxy {
    /// Shared by the requests that may be asked twice.
    kept: Client<HttpConnector, Body>,
    /// One for each of the others: a connection that is kept may end with the worker just as it is used again, and then
    /// nobody knows whether a reading was taken.
    fresh: Client<HttpConnector, Body>,
    crowd: Crowd<IpAddr>,
}

impl Proxy {
    /// No connections yet.
    pub fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECTED_WITHIN));
        connector.set_nodelay(true);
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEPT_IDLE_FOR)
            .pool_max_idle_per_host(MOST_IDLE);
        let kept = builder.build(connector.clone());
        Self { kept, fresh: builder.pool_max_idle_per_host(0).build(connector), crowd: Crowd::of(MOST_PASSED) }
    }

    /// Passes a request on and brings back what is answered.
    ///
    /// # Errors
    /// If the worker does not answer, or others need the place.
    pub async fn pass(&self, upstream: &Upstream, request: Request<Incoming>) -> Result<Response<Body>, Failure> {
        let place = self.crowd.admit(guest(headers::peer(&request)));
        let mut response = tokio::select! {
            biased;
            response = self.answer(upstream, request) => response?,
            () = place.is_needed() => return Err(Failure::Crowded),
        };
        headers::keep_end_to_end(response.headers_mut());
        Ok(response.map(|body| boxed(Placed::new(body, place))))
    }

    async fn answer(&self, upstream: &Upstream, request: Request<Incoming>) -> Result<Response<Incoming>, Failure> {
        let head = Head::to_upstream(upstream, &request);
        let answered = timeout(ANSWERED_WITHIN, self.ask(head, request.into_body())).await;
        match answered {
            Ok(Ok(response)) => {
                upstream.note(Ok(()));
                Ok(response)
            }
            Ok(Err(error)) => {
                upstream.note(Err(&error));
                let away = error.is_connect();
                Err(if away { Failure::Away(upstream.name) } else { Failure::BrokeOff(upstream.name) })
            }
            Err(_) => {
                upstream.note(Err(&format!("nothing within {ANSWERED_WITHIN:?}")));
                Err(Failure::TooSlow(upstream.name))
            }
        }
    }

    /// What may be asked twice is asked once more, on another connection, if the first ended without an answer: the worker
    /// was replaced.
    async fn ask(&self, head: Head, body: Incoming) -> Result<Response<Incoming>, Error> {
        if !head.method.is_idempotent() || !body.is_end_stream() {
            return self.fresh.request(head.with(boxed(body))).await;
        }
        let first = self.kept.request(head.clone().with(boxed(body))).await;
        match first {
            // A worker that is away now broke off all the same.
            Err(error) if broke_off(&error) => {
                self.kept.request(head.with(boxed(Empty::new()))).await.map_err(|_| error)
            }
            answered => answered,
        }
    }
}

/// A request without its body.
#[derive(Clone)]
struct Head {
    method: Method,
    url: Uri,
    headers: HeaderMap,
}

impl Head {
    fn to_upstream(upstream: &Upstream, request: &Request<Incoming>) -> Self {
        let path = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        Self { method: request.method().clone(), url: upstream.url(&path), headers: headers::to_upstream(request) }
    }

    fn with(self, body: Body) -> Request<Body> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.url;
        *request.headers_mut() = self.headers;
        request
    }
}

/// Whether the connection ended before any answer.
fn broke_off(error: &Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<hyper::Error>());
    !error.is_connect() && cause.is_some_and(|cause| !cause.is_parse() && !cause.is_user())
}
