//! Answers and refusals.

use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Bytes;
use protocol::control::Refusal;
use serde::Serialize;

/// What a question is answered with: a status and JSON.
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    body: Vec<u8>,
}

impl Reply {
    pub fn json<T: Serialize>(value: &T) -> Self {
        Self::new(StatusCode::OK, value)
    }

    pub fn refusal(status: StatusCode, error: String) -> Self {
        Self::new(status, &Refusal { error })
    }

    fn new<T: Serialize>(status: StatusCode, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self { status, body },
            Err(error) => Self { status: StatusCode::INTERNAL_SERVER_ERROR, body: error.to_string().into_bytes() },
        }
    }

    pub fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from(self.body)));
        *response.status_mut() = self.status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}
