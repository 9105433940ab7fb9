//! What browsers are told of every answer: it is for who asked, and it is no page.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
};
use warp::reply::Response;

/// An answer that is opened as a page loads nothing, runs nothing and stands in no other page.
const NO_PAGE: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
);
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// For every answer.
const ALWAYS: [(HeaderName, HeaderValue); 4] = [
    // A shared tablet keeps nothing of whoever held it before.
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    // Pages of other sites cannot load it as a picture or a script either, which says no origin.
    (RESOURCE_POLICY, HeaderValue::from_static("same-origin")),
];

/// Adds what the answer does not say itself.
#[must_use]
pub fn for_nobody_else(mut response: Response) -> Response {
    say_that_it_is_for_nobody_else(response.headers_mut());
    response
}

/// The same, for an answer of any kind.
pub fn say_that_it_is_for_nobody_else(headers: &mut HeaderMap) {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let is_page = kind.starts_with(b"text/html");
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(value);
    }
    if !is_page {
        headers.entry(CONTENT_SECURITY_POLICY).or_insert(NO_PAGE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(headers: &[(HeaderName, &'static str)]) -> Response {
        let mut response = Response::default();
        for (name, value) in headers {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        for_nobody_else(response)
    }

    #[test]
    fn what_an_answer_says_itself_stands() {
        let kept = answer(&[(CACHE_CONTROL, "no-cache"), (CONTENT_TYPE, "text/html; charset=utf-8")]);
        assert_eq!(kept.headers()[CACHE_CONTROL], "no-cache");
        assert!(!kept.headers().contains_key(CONTENT_SECURITY_POLICY), "a page says by itself what it may load");
        let json = answer(&[(CONTENT_TYPE, "application/json")]);
        assert_eq!(
            (&json.headers()[CACHE_CONTROL], &json.headers()[CONTENT_SECURITY_POLICY]),
            (&ALWAYS[0].1, &NO_PAGE)
        );
        assert_eq!(json.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
    }
}
