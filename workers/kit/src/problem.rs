//! Why a request is not answered with what it asked for.

use http::{HeaderName, HeaderValue, StatusCode};

use crate::{database::DatabaseError, reply};

/// A refusal, answered as `{"success":false,"error":"text"}`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {text}")]
pub struct Problem {
    status: StatusCode,
    text: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    fields: Vec<(&'static str, &'static str)>,
}

impl Problem {
    /// Any status, in words.
    pub fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), headers: Vec::new(), fields: Vec::new() }
    }

    /// With a header in the answer: `Retry-After`.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// With a word for programs beside the text for people.
    #[must_use]
    pub fn with_field(mut self, name: &'static str, value: &'static str) -> Self {
        self.fields.push((name, value));
        self
    }

    /// 400: the request has to change.
    pub fn bad_request(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    /// 404: there is no such thing.
    pub fn not_found(text: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, text)
    }

    /// 500: our fault. The cause goes to the log, not to the caller.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!("request failed: {cause}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong in the hub. It was written to its log.")
    }

    /// The status it is answered with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The text it is answered with.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn response(&self) -> warp::reply::Response {
        let mut body = serde_json::json!({ "success": false, "error": self.text });
        self.fields.iter().for_each(|(name, value)| body[*name] = (*value).into());
        let mut response = reply::json(self.status, &body);
        response.headers_mut().extend(self.headers.iter().cloned());
        response
    }
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        Self::internal(error)
    }
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        Self::internal(error)
    }
}
