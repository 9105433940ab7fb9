//! Posting JSON to betti-backend, and asking it: one request, one connection.
//!
//! A kept connection would save little (a reading every few seconds at most) and can be found dead only by losing a
//! request to it.

use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header, request};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use kit::access::ServiceKey;
use tokio::net::TcpStream;
use tokio::time::timeout;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// As much of an answer as is looked at: a refusal's words.
const LONGEST_ANSWER: usize = 16 * 1024;
const DEFAULT_PORT: u16 = 80;

/// Why a URL cannot be posted to.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not of the form http://127.0.0.1:3001")]
pub struct BadUrl(String);

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    #[error("cannot connect to {address}: {error}")]
    Connect { address: String, error: std::io::Error },
    #[error("no answer: {0}")]
    Http(#[from] hyper::Error),
    #[error("not a request: {0}")]
    Request(#[from] http::Error),
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
}

/// What the API said.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub text: String,
}

/// Where betti-backend is.
#[derive(Clone, Debug)]
pub struct Api {
    /// `host:port`
    address: String,
    /// In front of every path; empty, or `/something`.
    prefix: String,
    /// What is shown to it, if it is on this machine.
    credential: Option<ServiceKey>,
}

impl FromStr for Api {
    type Err = BadUrl;

    fn from_str(url: &str) -> Result<Self, BadUrl> {
        let bad = || BadUrl(url.into());
        let uri: Uri = url.parse().map_err(|_| bad())?;
        if uri.scheme_str() != Some("http") || uri.query().is_some() {
            return Err(bad());
        }
        let host = uri.host().ok_or_else(bad)?;
        let port = uri.port_u16().unwrap_or(DEFAULT_PORT);
        Ok(Self {
            address: format!("{host}:{port}"),
            prefix: uri.path().trim_end_matches('/').into(),
            credential: None,
        })
    }
}

impl Api {
    /// The same, asked with the hub's own credential.
    pub fn with_credential(mut self, service: ServiceKey) -> Self {
        self.credential = Some(service);
        self
    }

    /// Posts JSON. `key` names what is posted, so that the API takes it once however often it is sent.
    pub async fn post(&self, path: &str, key: Option<&str>, json: String) -> Result<Answer, PostError> {
        let request = self.posting(path, key, json)?;
        timeout(REQUEST_TIMEOUT, self.ask(request)).await.map_err(|_| PostError::TimedOut(REQUEST_TIMEOUT))?
    }

    /// Asks, and waits this long for an answer that may be held back.
    pub async fn get(&self, path: &str, within: Duration) -> Result<Answer, PostError> {
        let request = self.request(Request::get(self.url(path))).body(Full::default())?;
        timeout(within, self.ask(request)).await.map_err(|_| PostError::TimedOut(within))?
    }

    /// To what this hub's workers show, and once more to what they show by now if it is not known.
    async fn ask(&self, mut request: Request<Full<Bytes>>) -> Result<Answer, PostError> {
        let host = self.address.rsplit_once(':').map_or(self.address.as_str(), |(host, _)| host);
        let Some((key, shown)) = self.credential.as_ref().and_then(|key| Some((key, key.bearer_at(host)?))) else {
            return self.exchange(request).await;
        };
        request.headers_mut().insert(header::AUTHORIZATION, shown.clone());
        let answer = self.exchange(request.clone()).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let Some(other) = key.instead_of(&shown, host) else { return Ok(answer) };
        request.headers_mut().insert(header::AUTHORIZATION, other);
        self.exchange(request).await
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, PostError> {
        let connected = TcpStream::connect(&self.address).await;
        let stream = connected.map_err(|error| PostError::Connect { address: self.address.clone(), error })?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await?;
        let status = response.status();
        // An answer that is too long or cut off changes nothing about the status.
        let body = Limited::new(response.into_body(), LONGEST_ANSWER).collect().await;
        let text = body.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned()).unwrap_or_default();
        connection.abort();
        Ok(Answer { status, text })
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    fn request(&self, request: request::Builder) -> request::Builder {
        request.header(header::HOST, &self.address).header(header::CONNECTION, "close")
    }

    fn posting(&self, path: &str, key: Option<&str>, json: String) -> Result<Request<Full<Bytes>>, http::Error> {
        let mut request = self.request(Request::post(self.url(path))).header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        request.body(Full::new(json.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_may_have_a_path_and_no_port() {
        let api: Api = "http://hub.local/betti/".parse().unwrap();
        assert_eq!((api.address.as_str(), api.prefix.as_str()), ("hub.local:80", "/betti"));
        let api: Api = "http://127.0.0.1:3001".parse().unwrap();
        assert_eq!((api.address.as_str(), api.prefix.as_str()), ("127.0.0.1:3001", ""));
    }

    #[test]
    fn what_is_no_http_url_is_refused_with_the_form_that_is() {
        for url in ["", "127.0.0.1:3001", "https://hub", "http://", "http://hub?x=1"] {
            let error = url.parse::<Api>().unwrap_err();
            assert!(error.to_string().contains("http://127.0.0.1:3001"), "{error}");
        }
    }
}
