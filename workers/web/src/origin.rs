//! Whether a request comes from a page of this hub.
//!
//! A browser on this machine counts as this machine, and any site may make it send requests and open WebSockets, which no
//! other rule of the web keeps from reading. It always says from which page, though.

use http::{HeaderMap, Uri, header::ORIGIN};

/// `false` if a page of another origin sends it. Who is no browser says nothing.
pub fn is_ours(headers: &HeaderMap, host: Option<&str>) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let Some(origin) = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok()) else { return false };
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
    fn pages_of_other_origins_are_told_apart() {
        let table = [
            (None, "hub:5173", true),
            (Some("http://hub:5173"), "hub:5173", true),
            (Some("http://HUB:5173"), "hub:5173", true),
            (Some("https://betti.example"), "betti.example", true),
            (Some("https://betti.example"), "betti.example:443", true),
            (Some("http://[::1]:5173"), "[::1]:5173", true),
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
            assert_eq!(is_ours(&headers, Some(host)), ours, "{origin:?} at {host}");
        }
    }
}
