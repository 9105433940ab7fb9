//! Requests for the workers behind this one. Bodies stream both ways: nothing is held here, so nothing here limits them.

use std::time::Duration;

use http::{Request, Response, uri::PathAndQuery};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::time::timeout;

use crate::{
    answer::{Body, Failure, boxed},
    headers,
    upstream::Upstream,
};

/// How long a worker may take to accept a connection; on one machine it is at once or never.
pub const CONNECTED_WITHIN: Duration = Duration::from_secs(2);
/// How long a worker may take until its answer begins, from the request's first byte.
pub const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
/// How long an idle connection is kept: less than the 15 s after which a worker closes it, so that no request meets its
/// end.
const KEPT_IDLE_FOR: Duration = Duration::from_secs(10);
/// Idle connections kept to each worker.
const MOST_IDLE: usize = 8;

/// Connections to workers, shared by all requests.
#[derive(Debug)]
pub struct Proxy {
    client: Client<HttpConnector, Incoming>,
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
        Self { client: builder.build(connector) }
    }

    /// Passes a request on and brings back what is answered.
    ///
    /// # Errors
    /// If the worker does not answer.
    pub async fn pass(&self, upstream: &Upstream, request: Request<Incoming>) -> Result<Response<Body>, Failure> {
        let answered = timeout(ANSWERED_WITHIN, self.client.request(to_upstream(upstream, request))).await;
        let mut response = match answered {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                upstream.note(Err(&error));
                let away = error.is_connect();
                return Err(if away { Failure::Away(upstream.name) } else { Failure::BrokeOff(upstream.name) });
            }
            Err(_) => {
                upstream.note(Err(&format!("nothing within {ANSWERED_WITHIN:?}")));
                return Err(Failure::TooSlow(upstream.name));
            }
        };
        upstream.note(Ok(()));
        headers::keep_end_to_end(response.headers_mut());
        Ok(response.map(boxed))
    }
}

fn to_upstream(upstream: &Upstream, request: Request<Incoming>) -> Request<Incoming> {
    let headers = headers::to_upstream(&request);
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let mut request = Request::new(body);
    *request.method_mut() = parts.method;
    *request.uri_mut() = upstream.url(&path);
    *request.headers_mut() = headers;
    request
}
