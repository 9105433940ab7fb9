//! From which page a request comes.
//!
//! A browser on this machine counts as this machine, and any site may make it send requests and open WebSockets, which no
//! other rule of the web keeps from reading. It always says from which page, though: by `Origin`, or where it leaves that out, as for
//! pictures, by `Sec-Fetch-Site`.

use http::{HeaderMap, HeaderName, Uri, header::ORIGIN};

/// How the page and what it asks for belong together (Fetch Metadata); scripts cannot write it.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What is said to a page of another site.
pub const REFUSAL: &str = "This hub answers its own pages only, and this request comes from another site's.";

/// Whether a worker answers: to a page of the address that was asked, and to pages of this machine, such as a development
/// server's. Who is no browser says nothing, and is answered.
#[must_use]
pub fn is_trusted(headers: &HeaderMap, host: Option<&str>) -> bool {
    is_same(headers, host) || origin(headers).is_some_and(|origin| is_this_machine(&origin))
}

fn is_this_machine(origin: &Uri) -> bool {
    let host = origin.host().unwrap_or_default().trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

fn origin(headers: &HeaderMap) -> Option<Uri> {
    headers.get(ORIGIN)?.to_str().ok()?.parse().ok()
}

/// `false` if a page of another address than the one that was asked sends it.
#[must_use]
pub fn is_same(headers: &HeaderMap, host: Option<&str>) -> bool {
    if !headers.contains_key(ORIGIN) {
        return headers.get(FETCH_SITE).is_none_or(|site| site != "cross-site");
    }
    let Some(origin) = origin(headers) else { return false };
    let (Some(scheme), Some(authority), Some(host)) = (origin.scheme_str(), origin.authority(), host) else {
        return false;
    };
    let default_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let without_default = |authority: &str| authority.strip_suffix(default_port).unwrap_or(authority).to_owned();
    without_default(authority.as_str()).eq_ignore_ascii_case(&without_default(host))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn pages_of_this_machine_are_answered_by_workers_and_others_are_not() {
        let table = [
            ("http://localhost:5173", true),
            ("http://127.0.0.1:5173", true),
            ("https://[::1]:8080", true),
            ("https://hub:3001", true),
            ("http://evil.example", false),
            ("http://localhost.evil.example", false),
            ("http://127.0.0.1.evil.example", false),
            ("http://192.168.1.7:5173", false),
            ("null", false),
        ];
        for (origin, answered) in table {
            let headers = [(ORIGIN, HeaderValue::from_static(origin))].into_iter().collect();
            assert_eq!(is_trusted(&headers, Some("hub:3001")), answered, "{origin}");
        }
        assert!(is_trusted(&HeaderMap::new(), Some("hub:3001")), "no browser");
    }

    #[test]
    fn who_says_no_origin_is_asked_from_where_the_page_is() {
        let table = [
            (None, None, true),
            (None, Some("same-origin"), true),
            (None, Some("same-site"), true),
            (None, Some("none"), true),
            (None, Some("cross-site"), false),
            // A page of this machine at another name of it; and what is said of a page by its name goes first.
            (Some("http://localhost:5173"), Some("cross-site"), true),
            (Some("http://evil.example"), Some("same-origin"), false),
        ];
        for (origin, site, answered) in table {
            let lines = [(ORIGIN, origin), (FETCH_SITE, site)];
            let lines = lines.into_iter().filter_map(|(name, value)| Some((name, HeaderValue::from_static(value?))));
            assert_eq!(is_trusted(&lines.collect(), Some("hub:3001")), answered, "{origin:?} {site:?}");
        }
    }

    #[test]
    fn pages_of_other_origins_are_told_apart() {
        let table = [
            (None, "hub:5173", true),
            (Some("http://hub:5173"), "hub:5173", true),
            (Some("http://HUB:5173"), "hub:5173", true),
            (Some("https://betti.example"), "betti.example", true),
            (Some("https://betti.example"), "betti.example:443", true),
            (Some("http://[::1]:5173"), "[::1]:5173", true),
            (Some("https://[fd00::5]"), "[fd00::5]:443", true),
            (Some("https://[fd00::5]:5173"), "[fd00::5]", false),
            (Some("https://betti.ngrok-free.app"), "betti.ngrok-free.app", true),
            (Some("https://other.ngrok-free.app"), "betti.ngrok-free.app", false),
            (Some("https://hub:5173@evil.example"), "hub:5173", false),
            (Some("ws://hub:5173"), "hub:5173", false),
            (Some("http://hub:5173 http://evil.example"), "hub:5173", false),
            (Some("http://hub:5174"), "hub:5173", false),
            (Some("http://evil.example"), "hub:5173", false),
            (Some("http://hub:5173.evil.example"), "hub:5173", false),
            (Some("https://betti.example:80"), "betti.example", false),
            (Some("null"), "hub:5173", false),
            (Some("file://"), "hub:5173", false),
            (Some(""), "hub:5173", false),
        ];
        for (origin, host, ours) in table {
            let headers = origin.map(|origin| (ORIGIN, HeaderValue::from_static(origin))).into_iter().collect();
            assert_eq!(is_same(&headers, Some(host)), ours, "{origin:?} at {host}");
        }
    }
}
