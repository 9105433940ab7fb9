//! The web app as browsers ask for it: the smallest form they take, kept as long as it is good, and the app itself for
//! every address that a person may have typed.

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode,
    header::{self, ACCEPT, ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, ETAG, IF_NONE_MATCH, VARY},
};
use percent_encoding::percent_decode_str;

use crate::{
    answer::{Body, bytes},
    files::{File, Files},
};

const INDEX: &str = "index.html";
/// Files here have a hash of their bytes in their name.
const HASHED: &str = "assets/";

const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// Ways to make a file smaller, best first, with the ending of the sibling that was made so.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// The page gets everything from this origin. Styles may stand in the page, because its controls put some there.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; font-src 'self'; media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; \
    worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/// Calls need a camera and a microphone; nothing needs anything else.
const PERMISSIONS: &str = "camera=(self), microphone=(self), geolocation=(), payment=(), usb=()";

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Betti</title>\
    <h1>The web app is not built</h1><p>This hub runs, but it was built without its web app. In the folder of its source, \
    run</p><pre>make start</pre><p>which builds the app and starts the platform with it.</p></html>\n";

/// Answers for everything that is no worker's.
pub async fn answer(files: &Files, method: &Method, path: &str, headers: &HeaderMap) -> Response<Body> {
    let mut response = if *method == Method::GET || *method == Method::HEAD {
        find(files, path, headers).await
    } else {
        let mut refused = bytes(StatusCode::METHOD_NOT_ALLOWED, TEXT, "This address can only be read.\n");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        refused
    };
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn find(files: &Files, path: &str, headers: &HeaderMap) -> Response<Body> {
    let name = percent_decode_str(path.strip_prefix('/').unwrap_or(path)).decode_utf8();
    let name = match name.as_deref() {
        Ok("") => INDEX,
        Ok(name) => name,
        Err(_) => return not_found(),
    };
    if let Some(response) = file(files, name, headers).await {
        return response;
    }
    if name != INDEX && !is_address_of_the_app(name, headers) {
        return not_found();
    }
    match file(files, INDEX, headers).await {
        Some(response) => response,
        None => with_cache_control(bytes(StatusCode::SERVICE_UNAVAILABLE, HTML, NOT_BUILT), ASK_AGAIN),
    }
}

/// A person goes to it, and it is none of the app's files: the app knows what to show there.
fn is_address_of_the_app(name: &str, headers: &HeaderMap) -> bool {
    let wants_a_page =
        headers.get(ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|v| v.contains("text/html"));
    wants_a_page && !name.starts_with(HASHED) && !is_compressed(name)
}

fn is_compressed(name: &str) -> bool {
    ENCODINGS.iter().any(|(_, ending)| name.ends_with(ending))
}

async fn file(files: &Files, name: &str, headers: &HeaderMap) -> Option<Response<Body>> {
    if is_compressed(name) {
        return None; // It has a name of its own only on the disk.
    }
    let plain = files.get(name).await?;
    let mut chosen = (plain, None);
    for (encoding, ending) in ENCODINGS {
        if accepts(headers, encoding)
            && let Some(smaller) = files.get(&format!("{name}{ending}")).await
        {
            chosen = (smaller, Some(encoding));
            break;
        }
    }
    let (File { bytes: content, tag }, encoding) = chosen;
    // Each encoding has bytes of its own and therefore a tag of its own.
    let tag = format!("\"{tag}\"");
    let known = is_known(headers, &tag);
    let mut response = bytes(StatusCode::OK, kind(name), if known { bytes::Bytes::new() } else { content });
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response.headers_mut().remove(header::CONTENT_TYPE);
    } else if let Some(encoding) = encoding {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    let kept = if name.starts_with(HASHED) { FOR_EVER } else { ASK_AGAIN };
    Some(with_cache_control(response, kept))
}

fn not_found() -> Response<Body> {
    with_cache_control(bytes(StatusCode::NOT_FOUND, TEXT, "Nothing is at this address.\n"), ASK_AGAIN)
}

fn with_cache_control(mut response: Response<Body>, value: HeaderValue) -> Response<Body> {
    response.headers_mut().insert(CACHE_CONTROL, value);
    response
}

/// Named, and not with a quality of zero.
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|choice| {
        let mut parts = choice.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
        named && quality.is_none_or(|quality| quality > 0.0)
    })
}

fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => HTML,
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json; charset=utf-8",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("webp") => "image/webp",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("mp3") => "audio/mpeg",
        Some("ogg" | "oga") => "audio/ogg",
        Some("wav") => "audio/wav",
        Some("wasm") => "application/wasm",
        Some("txt") => TEXT,
        Some(_) | None => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: HeaderName, value: &'static str) -> HeaderMap {
        [(name, HeaderValue::from_static(value))].into_iter().collect()
    }

    #[test]
    fn an_encoding_is_used_only_if_it_is_taken() {
        for (accept, brotli, gzip) in [
            ("gzip, deflate, br", true, true),
            ("gzip;q=0.5, BR;q=1.0", true, true),
            ("br;q=0, gzip", false, true),
            ("br; q=0.000", false, false),
            ("brotli", false, false),
            ("*", false, false),
            ("", false, false),
        ] {
            let headers = with(ACCEPT_ENCODING, accept);
            assert_eq!((accepts(&headers, "br"), accepts(&headers, "gzip")), (brotli, gzip), "{accept}");
        }
        assert!(!accepts(&HeaderMap::new(), "br"));
    }

    #[test]
    fn a_tag_is_known_by_itself_in_a_list_and_weakly() {
        for (value, known) in
            [("\"a\"", true), ("W/\"a\"", true), ("\"b\", \"a\"", true), ("*", true), ("\"b\"", false), ("a", false)]
        {
            assert_eq!(is_known(&with(IF_NONE_MATCH, value), "\"a\""), known, "{value}");
        }
    }
}
