//! What a request shows of who sends it: a bearer token or the cookie; and from where it comes.

use std::net::IpAddr;

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AUTHORIZATION, COOKIE},
};

/// The cookie's name.
pub const COOKIE_NAME: &str = "betti";
/// How long a browser keeps it, in seconds: the longest that browsers take. A device is let go by revoking it.
const KEPT_FOR_SECONDS: u32 = 400 * 24 * 60 * 60;
/// Only the gateway writes these, and it is believed over loopback only.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// How a credential was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown<'a> {
    /// `Authorization: Bearer …`
    Bearer(&'a str),
    /// `Cookie: betti=…`
    Cookie(&'a str),
}

impl<'a> Shown<'a> {
    /// The credential itself.
    #[must_use]
    pub fn text(self) -> &'a str {
        match self {
            Self::Bearer(text) | Self::Cookie(text) => text,
        }
    }
}

/// What the request shows; a program's token goes before a browser's cookie.
#[must_use]
pub fn shown(headers: &HeaderMap) -> Option<Shown<'_>> {
    bearer(headers).map(Shown::Bearer).or_else(|| cookie(headers).map(Shown::Cookie))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    // HTTP/2 may send each of them in a line of its own.
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let cookies = lines.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    let mut ours = cookies.filter(|(name, _)| *name == COOKIE_NAME).map(|(_, value)| value.trim_matches('"'));
    ours.find(|value| !value.is_empty())
}

/// `Set-Cookie` that keeps a credential where no script reads it, and no other site's page can use it.
#[must_use]
pub fn keeping(token: &str, is_tls: bool) -> Option<HeaderValue> {
    set_cookie(token, KEPT_FOR_SECONDS, is_tls)
}

/// `Set-Cookie` that takes it away.
#[must_use]
pub fn forgetting(is_tls: bool) -> Option<HeaderValue> {
    set_cookie("", 0, is_tls)
}

fn set_cookie(value: &str, seconds: u32, is_tls: bool) -> Option<HeaderValue> {
    let secure = if is_tls { "; Secure" } else { "" };
    let text = format!("{COOKIE_NAME}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// From where a request comes: what the gateway saw, if it comes from this machine; the peer otherwise.
#[must_use]
pub fn client(peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
    if !is_this_machine(peer) || !headers.contains_key(FORWARDED_FOR) {
        return peer;
    }
    // The last one is the one that the gateway wrote. What it cannot have written is nobody's address.
    let last = headers.get_all(FORWARDED_FOR).into_iter().next_back();
    let said = last.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse::<IpAddr>().ok());
    Some(said.map_or(IpAddr::from([0, 0, 0, 0]), |address| address.to_canonical()))
}

/// Whether the caller's own connection is encrypted.
#[must_use]
pub fn is_tls(peer: Option<IpAddr>, peer_tls: bool, headers: &HeaderMap) -> bool {
    peer_tls || (is_this_machine(peer) && headers.get(FORWARDED_PROTO).is_some_and(|proto| proto == "https"))
}

fn is_this_machine(peer: Option<IpAddr>) -> bool {
    peer.is_none_or(|peer| peer.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Lines<'a> = &'a [(&'static str, &'static str)];

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_credential_is_a_bearer_token_or_the_cookie() {
        let table: [(Lines<'_>, Option<Shown<'_>>); 21] = [
            (&[], None),
            (&[("authorization", "Bearer a")], Some(Shown::Bearer("a"))),
            (&[("authorization", "bearer  a ")], Some(Shown::Bearer("a"))),
            (&[("authorization", "Basic a")], None),
            (&[("authorization", "Bearer")], None),
            (&[("cookie", "x=1; betti=b; y=2")], Some(Shown::Cookie("b"))),
            (&[("cookie", "x=1"), ("cookie", "betti=b")], Some(Shown::Cookie("b"))),
            (&[("cookie", "betti="), ("cookie", "xbetti=b")], None),
            (&[("authorization", "Bearer a"), ("cookie", "betti=b")], Some(Shown::Bearer("a"))),
            (&[("authorization", "Basic a"), ("cookie", "betti=\"b\"")], Some(Shown::Cookie("b"))),
            (&[("authorization", "BEARER a")], Some(Shown::Bearer("a"))),
            (&[("authorization", " Bearer   a")], Some(Shown::Bearer("a"))),
            (&[("authorization", "Bearer a b")], Some(Shown::Bearer("a b"))),
            (&[("authorization", "Bearera")], None),
            (&[("authorization", "Bearer a"), ("authorization", "Bearer b")], Some(Shown::Bearer("a"))),
            (&[("cookie", "betti=b; betti=c")], Some(Shown::Cookie("b"))),
            (&[("cookie", "betti=; betti=c")], Some(Shown::Cookie("c"))),
            (&[("cookie", "betti=\"\"; betti=\"c\"")], Some(Shown::Cookie("c"))),
            (&[("cookie", "BETTI=b; betti =b; bettix=b")], None),
            (&[("cookie", "  betti=b  ;x=1")], Some(Shown::Cookie("b"))),
            (&[("cookie", "betti=b=c")], Some(Shown::Cookie("b=c"))),
        ];
        for (lines, expected) in table {
            assert_eq!(shown(&headers(lines)), expected, "{lines:?}");
        }
    }

    #[test]
    fn the_gateway_is_believed_over_loopback_and_nobody_else_is() {
        let table: [(&str, Lines<'_>, &str); 7] = [
            ("192.168.1.7", &[], "192.168.1.7"),
            ("192.168.1.7", &[("x-forwarded-for", "127.0.0.1")], "192.168.1.7"),
            ("127.0.0.1", &[], "127.0.0.1"),
            ("127.0.0.1", &[("x-forwarded-for", "192.168.1.7")], "192.168.1.7"),
            ("::1", &[("x-forwarded-for", "127.0.0.1, ::ffff:192.168.1.7")], "192.168.1.7"),
            ("127.0.0.1", &[("x-forwarded-for", "127.0.0.1"), ("x-forwarded-for", "10.0.0.9")], "10.0.0.9"),
            ("127.0.0.1", &[("x-forwarded-for", "unknown")], "0.0.0.0"),
        ];
        for (peer, lines, expected) in table {
            let found = client(Some(peer.parse().unwrap()), &headers(lines));
            assert_eq!(found, Some(expected.parse().unwrap()), "{peer} {lines:?}");
        }
        let https = headers(&[("x-forwarded-proto", "https")]);
        assert!(is_tls(Some("127.0.0.1".parse().unwrap()), false, &https));
        assert!(!is_tls(Some("192.168.1.7".parse().unwrap()), false, &https));
    }

    #[test]
    fn the_cookie_is_out_of_reach_of_scripts_and_of_other_sites() {
        let cookie = keeping("betti_x", true).unwrap();
        let expected = "betti=betti_x; Path=/; Max-Age=34560000; HttpOnly; SameSite=Strict; Secure";
        assert_eq!(cookie.to_str().unwrap(), expected);
        assert!(cookie.is_sensitive());
        assert!(!forgetting(false).unwrap().to_str().unwrap().contains("Secure"));
    }
}
