//! Answers, in the shapes that clients know.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header::CONTENT_TYPE};
use serde::Serialize;
use warp::reply::Response;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// JSON as it is, without an envelope.
pub fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => with_type(status, JSON, bytes.into()),
        Err(error) => {
            tracing::error!("an answer could not be written as JSON: {error}");
            with_type(StatusCode::INTERNAL_SERVER_ERROR, JSON, Bytes::from_static(br#"{"success":false}"#))
        }
    }
}

/// `{"success":true,"data":…}`
pub fn data(status: StatusCode, data: &impl Serialize) -> Response {
    json(status, &Envelope { success: true, data: Some(data), message: None })
}

/// `{"success":true,"data":…,"message":"…"}`
pub fn data_with_message(status: StatusCode, data: &impl Serialize, message: &str) -> Response {
    json(status, &Envelope { success: true, data: Some(data), message: Some(message) })
}

/// `{"success":true,"message":"…"}`
pub fn message(status: StatusCode, message: &str) -> Response {
    json(status, &Envelope::<()> { success: true, data: None, message: Some(message) })
}

/// Bytes of any type.
pub fn with_type(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

#[derive(Serialize)]
struct Envelope<'a, D> {
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a D>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}
