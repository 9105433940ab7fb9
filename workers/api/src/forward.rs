//! Hands a request on to another worker, and its answer back.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header, response::Parts, uri::Authority};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use kit::{Call, Problem, access::ServiceKey};
use tokio::time::timeout;
use warp::reply::Response;

/// How long the other worker may take. It is on this machine and waits for nobody but its disk.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
/// The largest answer that is handed back, in bytes.
const LARGEST_ANSWER: usize = 8 * 1024 * 1024;
/// Headers of a request that mean something to the other worker.
const HANDED_ON: [&str; 2] = ["content-type", "idempotency-key"];

/// The other worker's address is no address.
#[derive(Debug, thiserror::Error)]
#[error("{url:?} is not an address like http://127.0.0.1:3002")]
pub struct NotAnAddress {
    url: String,
}

/// Another worker of this hub.
#[derive(Clone, Debug)]
pub struct Forward {
    name: &'static str,
    authority: Authority,
    /// What this worker shows; the hub's own, and only on this machine.
    credential: ServiceKey,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Forward {
    /// `name` is for people; `url` is `http://HOST:PORT`; `service` is the hub's own credential.
    pub fn new(name: &'static str, url: &str, service: &ServiceKey) -> Result<Self, NotAnAddress> {
        let wrong = || NotAnAddress { url: url.into() };
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http")).ok_or_else(wrong)?.clone();
        // A connection for each request: one that is kept may end with the worker just as it is used again, and then
        // nobody knows whether a meal was logged.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
        Ok(Self { name, authority, credential: service.clone(), client })
    }

    pub async fn ask(&self, call: &Call) -> Result<Response, Problem> {
        let request = self.request(call).map_err(Problem::internal)?;
        let answer = timeout(ANSWERED_WITHIN, self.answer(request));
        let (head, body) = match answer.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(self.silent(StatusCode::BAD_GATEWAY, &error)),
            Err(_) => return Err(self.silent(StatusCode::GATEWAY_TIMEOUT, "it took too long")),
        };
        let mut response = Response::new(body.into());
        *response.status_mut() = head.status;
        for name in [header::CONTENT_TYPE, header::ALLOW] {
            if let Some(value) = head.headers.get(&name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
        Ok(response)
    }

    /// To what this hub's workers show, and once more to what they show by now if it is not known.
    async fn answer(&self, mut request: Request<Full<Bytes>>) -> Result<(Parts, Bytes), String> {
        let Some(shown) = self.credential.bearer_at(self.authority.host()) else { return self.exchange(request).await };
        request.headers_mut().insert(header::AUTHORIZATION, shown.clone());
        let (head, body) = self.exchange(request.clone()).await?;
        if head.status != StatusCode::UNAUTHORIZED {
            return Ok((head, body));
        }
        let Some(other) = self.credential.instead_of(&shown, self.authority.host()) else { return Ok((head, body)) };
        request.headers_mut().insert(header::AUTHORIZATION, other);
        self.exchange(request).await
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<(Parts, Bytes), String> {
        let (head, body) = self.client.request(request).await.map_err(|error| error.to_string())?.into_parts();
        let body = Limited::new(body, LARGEST_ANSWER).collect().await.map_err(|error| error.to_string())?;
        Ok((head, body.to_bytes()))
    }

    fn request(&self, call: &Call) -> Result<Request<Full<Bytes>>, http::Error> {
        let query = if call.raw_query().is_empty() { String::new() } else { format!("?{}", call.raw_query()) };
        let uri = Uri::builder()
            .scheme("http")
            .authority(self.authority.clone())
            .path_and_query(format!("{}{query}", call.path))
            .build()?;
        let mut request = Request::builder().method(call.method.clone()).uri(uri);
        for name in HANDED_ON {
            if let Some(value) = call.headers.get(name) {
                request = request.header(name, value);
            }
        }
        request.body(Full::new(call.body().clone()))
    }

    fn silent(&self, status: StatusCode, cause: &str) -> Problem {
        tracing::warn!(worker = self.name, "no answer: {cause}");
        Problem::new(status, format!("{} does not answer at the moment. Try again in a few seconds.", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_its_scheme_and_host() {
        let folder = tempfile::tempdir().unwrap();
        let access = kit::Access::open(folder.path()).unwrap();
        let new = |url| Forward::new("x", url, access.service());
        assert!(new("http://127.0.0.1:3002").is_ok());
        for url in ["", "127.0.0.1:3002", "https://127.0.0.1:3002", "http://", "not a url"] {
            let error = new(url).unwrap_err().to_string();
            assert_eq!(error, format!("{url:?} is not an address like http://127.0.0.1:3002"));
        }
    }
}
