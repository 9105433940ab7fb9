//! Headers on their way through: what stays behind at each hop, and what the worker behind is told about the caller.

use std::net::{IpAddr, Ipv4Addr};

use http::{
    HeaderMap, HeaderName, HeaderValue, Request,
    header::{self, CONNECTION, CONTENT_LENGTH, HOST, ORIGIN, TRANSFER_ENCODING, UPGRADE},
    uri::Authority,
};
use kit::serve::Peer;

pub const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
pub const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What concerns one connection only (RFC 9110, 7.6.1), with `Expect`, which is answered here.
const OF_ONE_HOP: [HeaderName; 10] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    header::EXPECT,
];
/// What says who somebody is, and to whom they speak. Whoever calls it of one hop would be somebody else behind it, and nobody
/// means that by it.
const OF_BOTH_ENDS: [HeaderName; 3] = [header::AUTHORIZATION, header::COOKIE, header::SET_COOKIE];
/// Only a proxy writes these, and the only proxy is this one.
const CLAIMS_ABOUT_THE_CALLER: [HeaderName; 4] = [
    header::FORWARDED,
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("x-client-ip"),
    HeaderName::from_static("true-client-ip"),
];
/// And all that begin so.
const FORWARDED: &str = "x-forwarded-";

/// Leaves what concerns the two ends, and nothing that tells where a body ends twice.
pub fn keep_end_to_end(headers: &mut HeaderMap) {
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
    let named: Vec<HeaderName> = tokens(headers, &CONNECTION).filter_map(|name| name.parse().ok()).collect();
    let named = named.iter().filter(|name| !OF_BOTH_ENDS.contains(name));
    for name in named.chain(&OF_ONE_HOP) {
        headers.remove(name);
    }
}

/// A request's headers as the worker behind gets them.
pub fn to_upstream<B>(request: &Request<B>) -> HeaderMap {
    let mut headers = request.headers().clone();
    keep_end_to_end(&mut headers);
    tell_who_is_calling(&mut headers, request.extensions().get::<Peer>().copied(), host(request));
    headers
}

/// Says who is calling, and removes what the caller says about that.
fn tell_who_is_calling(headers: &mut HeaderMap, peer: Option<Peer>, host: Option<&str>) {
    let claims: Vec<_> = headers.keys().filter(|name| name.as_str().starts_with(FORWARDED)).cloned().collect();
    for name in claims.iter().chain(&CLAIMS_ABOUT_THE_CALLER) {
        headers.remove(name);
    }
    // The client writes the one of the worker that it calls.
    headers.remove(HOST);
    // Looked at here; to the worker, the page's address is another one than its own.
    headers.remove(ORIGIN);
    let address = peer.map(|peer| peer.address.ip().to_canonical().to_string());
    let scheme = if peer.is_some_and(|peer| peer.tls) { "https" } else { "http" };
    for (name, value) in [(FORWARDED_FOR, address.as_deref()), (FORWARDED_HOST, host), (FORWARDED_PROTO, Some(scheme))]
    {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(name, value);
        }
    }
}

/// From where it comes; whoever cannot be told apart is one guest.
pub fn peer<B>(request: &Request<B>) -> IpAddr {
    request.extensions().get::<Peer>().map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.address.ip())
}

/// The host that a request was sent to, as the caller wrote it.
pub fn host<B>(request: &Request<B>) -> Option<&str> {
    let header = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    header.or_else(|| request.uri().authority().map(Authority::as_str))
}

/// Whether a list header has this word, in any case.
pub fn names(headers: &HeaderMap, header: &HeaderName, word: &str) -> bool {
    tokens(headers, header).any(|token| token.eq_ignore_ascii_case(word))
}

fn tokens<'a>(headers: &'a HeaderMap, header: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(header).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    fn left(headers: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn what_concerns_one_hop_stays_behind() {
        let mut headers = headers(&[
            ("accept", "a"),
            ("connection", "keep-alive, X-Private"),
            ("expect", "100-continue"),
            ("keep-alive", "timeout=5"),
            ("proxy-authorization", "secret"),
            ("te", "trailers"),
            ("upgrade", "websocket"),
            ("x-private", "1"),
        ]);
        keep_end_to_end(&mut headers);
        assert_eq!(left(&headers), ["accept"]);
    }

    #[test]
    fn who_somebody_is_does_not_stay_behind() {
        let mut headers = headers(&[
            ("authorization", "Bearer a"),
            ("connection", "Authorization, cookie, X-Private"),
            ("cookie", "betti=b"),
            ("x-private", "1"),
        ]);
        keep_end_to_end(&mut headers);
        assert_eq!(left(&headers), ["authorization", "cookie"]);
    }

    #[test]
    fn a_body_has_one_end() {
        let mut headers = headers(&[("content-length", "5"), ("transfer-encoding", "chunked")]);
        keep_end_to_end(&mut headers);
        assert_eq!(left(&headers), [""; 0]);
    }

    #[test]
    fn what_the_caller_says_about_itself_is_not_believed() {
        let mut headers = headers(&[
            ("forwarded", "for=9.9.9.9"),
            ("host", "hub:5173"),
            ("x-forwarded-for", "9.9.9.9"),
            ("x-forwarded-host", "evil"),
            ("x-forwarded-port", "1"),
            ("x-forwarded-proto", "https"),
            ("x-real-ip", "9.9.9.9"),
        ]);
        let peer = Peer { address: "[::ffff:192.168.1.7]:50000".parse().unwrap(), tls: false };
        tell_who_is_calling(&mut headers, Some(peer), Some("hub:5173"));
        assert_eq!(left(&headers), ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"]);
        assert_eq!(headers[FORWARDED_FOR], "192.168.1.7");
        assert_eq!(headers[FORWARDED_HOST], "hub:5173");
        assert_eq!(headers[FORWARDED_PROTO], "http");
    }
}
