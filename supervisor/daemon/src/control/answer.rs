//! Answers and refusals.

use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Bytes;
use protocol::control::Refusal;
use serde::Serialize;

/// What a question is answered with: a status and JSON, or another text where one is asked for.
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    content_type: &'static str,
    body: Vec<u8>,
}

const JSON: &str = "application/json";

impl Reply {
    pub fn json<T: Serialize>(value: &T) -> Self {
        Self::new(StatusCode::OK, value)
    }

    pub fn text(content_type: &'static str, text: String) -> Self {
        Self { status: StatusCode::OK, content_type, body: text.into_bytes() }
    }

    pub fn refusal(status: StatusCode, error: String) -> Self {
        Self::new(status, &Refusal { error })
    }

    fn new<T: Serialize>(status: StatusCode, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self { status, content_type: JSON, body },
            Err(error) => {
                let body = error.to_string().into_bytes();
                Self { status: StatusCode::INTERNAL_SERVER_ERROR, content_type: JSON, body }
            }
        }
    }

    pub fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from(self.body)));
        *response.status_mut() = self.status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        response
    }
}
