//! Answers that this worker gives itself.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::body::Body as HttpBody;

/// JSON that is opened as a page loads nothing, runs nothing and stands in no other page.
const NO_PAGE: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

/// Why a body broke off.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;
/// Bytes on their way, whoever made them.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;

/// Any body as one of ours.
pub fn boxed(body: impl HttpBody<Data = Bytes, Error: Into<BodyError>> + Send + 'static) -> Body {
    body.map_err(Into::into).boxed_unsync()
}

/// These bytes, of this type.
pub fn bytes(status: StatusCode, content_type: &'static str, bytes: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(boxed(Full::new(bytes.into())));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// JSON.
pub fn json(status: StatusCode, value: &serde_json::Value) -> Response<Body> {
    let mut response = bytes(status, "application/json; charset=utf-8", value.to_string());
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, NO_PAGE),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A refusal, in the shape that every worker uses.
pub fn problem(status: StatusCode, text: &str) -> Response<Body> {
    json(status, &serde_json::json!({ "success": false, "error": text }))
}

/// What the caller is told when a worker behind this one is no help.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Nobody takes the connection.
    #[error("{0} does not answer. It may be starting again: try in a moment")]
    Away(&'static str),
    /// It took the request and then ended.
    #[error("{0} broke off in the middle of an answer. It may be starting again: try in a moment")]
    BrokeOff(&'static str),
    /// It took the request and says nothing.
    #[error("{0} takes too long to answer")]
    TooSlow(&'static str),
    /// Others need the place.
    #[error("Too many requests of yours at once: the oldest ends")]
    Crowded,
}

impl From<Failure> for Response<Body> {
    fn from(failure: Failure) -> Self {
        let status = match failure {
            Failure::Away(_) | Failure::BrokeOff(_) => StatusCode::BAD_GATEWAY,
            Failure::TooSlow(_) => StatusCode::GATEWAY_TIMEOUT,
            Failure::Crowded => StatusCode::SERVICE_UNAVAILABLE,
        };
        problem(status, &failure.to_string())
    }
}
