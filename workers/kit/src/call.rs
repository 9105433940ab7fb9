//! One request, as a handler sees it.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::{Access, Identity, Problem, Rule, access, audit::Trail, routes::resident_named};

/// The longest `Idempotency-Key` that is taken, in bytes.
pub const LONGEST_IDEMPOTENCY_KEY: usize = 255;

/// What some programs write before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// One request whose rule was satisfied.
pub struct Call {
    /// Who asks.
    pub identity: Identity,
    /// From which address, as far as is known; `None` is a Unix socket.
    pub address: Option<IpAddr>,
    /// Whether what they send and get is encrypted on their side.
    pub is_tls: bool,
    /// Its method.
    pub method: Method,
    /// Its path as sent, without the query.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    pub(crate) rule: Rule,
    pub(crate) access: Option<Access>,
    pub(crate) trail: Option<Arc<Trail>>,
    pub(crate) parameters: HashMap<&'static str, String>,
    pub(crate) query: HashMap<String, String>,
    pub(crate) raw_query: String,
    pub(crate) body: Bytes,
}

impl Call {
    /// Whether whoever asks may have this of another resident than the one that the request names: for what is found by an id
    /// that is not the resident's. What is noted of the request is about them from here on, and that it was refused if so.
    ///
    /// # Errors
    /// 403 if not.
    pub fn about(&self, resident: i64) -> Result<(), Problem> {
        self.about_by(self.rule, resident)
    }

    /// The same by another rule than the route's: for what decides itself who may have it.
    ///
    /// # Errors
    /// 403 if it does not let them.
    pub fn about_by(&self, rule: Rule, resident: i64) -> Result<(), Problem> {
        let is_let = rule.admits(&self.identity, resident);
        if let Some(trail) = &self.trail {
            trail.about(resident);
            if !is_let {
                trail.refused();
            }
        }
        is_let.then_some(()).ok_or_else(access::not_allowed)
    }

    /// Whether a list may show whoever asks what is this resident's. Nothing is noted of what is left out.
    #[must_use]
    pub fn may_see(&self, resident: i64) -> bool {
        self.rule.admits(&self.identity, resident)
    }

    /// Whom the request names, and the route's rule was asked about.
    #[must_use]
    pub fn resident(&self) -> i64 {
        resident_named(self.query.get("resident").map(String::as_str))
    }

    /// Cancelled when what the caller may do has changed: for answers that go on for a long time.
    #[must_use]
    pub fn until_changed(&self) -> CancellationToken {
        self.access.as_ref().map_or_else(CancellationToken::new, |access| access.until_changed(&self.identity))
    }

    /// What stands in the path at `{name}`; empty if the pattern has no such place.
    #[must_use]
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// The query as sent, without the question mark; empty if there is none.
    #[must_use]
    pub fn raw_query(&self) -> &str {
        &self.raw_query
    }

    /// A value of the query; the last one if it is repeated.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// A header's value, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// What tells a repeated request from a new one, if the client says so.
    ///
    /// # Errors
    /// 400 if it is longer than [`LONGEST_IDEMPOTENCY_KEY`], or not of letters, digits and signs of ASCII.
    pub fn idempotency_key(&self) -> Result<Option<String>, Problem> {
        let key = self.headers.get("idempotency-key").map(http::HeaderValue::to_str).transpose();
        // Left out, it would be no key: what is sent again would be done again.
        match key.map_err(|_| Problem::bad_request("Idempotency-Key must be ASCII text, such as a UUID"))? {
            None | Some("") => Ok(None),
            Some(key) if key.len() > LONGEST_IDEMPOTENCY_KEY => {
                let text = format!("Idempotency-Key is longer than {LONGEST_IDEMPOTENCY_KEY} bytes");
                Err(Problem::bad_request(text))
            }
            Some(key) => Ok(Some(key.to_owned())),
        }
    }

    /// The body as it came.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body as JSON; no body at all is an empty object, as clients expect.
    ///
    /// # Errors
    /// 400 if it is not JSON of the asked shape, with the place of the mistake.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let body = self.body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&self.body);
        let body: &[u8] = if body.is_empty() { b"{}" } else { body };
        serde_json::from_slice(body).map_err(|error| {
            let is_form = self.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("form"));
            let hint = if is_form { ". It was sent as a form: send JSON" } else { "" };
            Problem::bad_request(format!("The body is not valid: {error}{hint}"))
        })
    }
}
