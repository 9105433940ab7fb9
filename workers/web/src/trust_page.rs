//! How a device comes to trust this hub: a page for people, and the authority's certificate to take along.
//!
//! It is answered without encryption too, because whoever needs it does not trust the encryption yet. That is why it shows the
//! fingerprint that `betti-ctl certs` printed on the hub: what was exchanged on the way has another one.

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use kit::tls::Certificates;
use ring::digest::{SHA256, digest};
use rustls::pki_types::{CertificateDer, pem::PemObject};

use crate::answer::{Body, bytes};

/// Where it is, and what is below it.
pub const PATH: &str = "/trust";
const CERTIFICATE: &str = "/betti-ca.crt";
const PROFILE: &str = "/betti-ca.mobileconfig";

const PAGE: &str = include_str!("trust_page.html");
const NO_AUTHORITY: &str = include_str!("no_authority.html");
const APPLE_PROFILE: &str = include_str!("betti-ca.mobileconfig");

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The authority, as devices need it.
struct Authority {
    der: Vec<u8>,
    /// The certificate as base64, as it stands in the PEM file.
    base64: String,
    /// SHA-256 of it.
    digest: Vec<u8>,
}

/// Answers for [`PATH`] and everything below it; `rest` is what follows it.
pub fn answer(certificates: &Certificates, method: &Method, rest: &str, headers: &HeaderMap) -> Response<Body> {
    let mut response = match (method, rest, authority(certificates)) {
        (&Method::GET | &Method::HEAD, "" | "/", Some(authority)) => page(&authority, headers),
        (&Method::GET | &Method::HEAD, "" | "/", None) => bytes(StatusCode::OK, HTML, NO_AUTHORITY),
        (&Method::GET | &Method::HEAD, CERTIFICATE, Some(authority)) => {
            file("application/x-x509-ca-cert", "betti-ca.crt", authority.der)
        }
        (&Method::GET | &Method::HEAD, PROFILE, Some(authority)) => {
            file("application/x-apple-aspen-config", "betti-ca.mobileconfig", profile(&authority))
        }
        (&Method::GET | &Method::HEAD, ..) => bytes(StatusCode::NOT_FOUND, TEXT, "Nothing is at this address.\n"),
        _ => {
            let mut refused = bytes(StatusCode::METHOD_NOT_ALLOWED, TEXT, "This address can only be read.\n");
            refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            refused
        }
    };
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Read each time: it is asked for once by each device.
fn authority(certificates: &Certificates) -> Option<Authority> {
    let text = String::from_utf8(certificates.authority().bytes()?).ok()?;
    let der = CertificateDer::from_pem_slice(text.as_bytes()).ok()?.to_vec();
    let lines = text.lines().skip_while(|line| !line.starts_with("-----BEGIN CERTIFICATE")).skip(1);
    let base64 = lines.take_while(|line| !line.starts_with("-----END")).map(str::trim).collect();
    let digest = digest(&SHA256, &der).as_ref().to_vec();
    Some(Authority { der, base64, digest })
}

fn page(authority: &Authority, headers: &HeaderMap) -> Response<Body> {
    let fingerprint = authority.digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":");
    let address = asked_host(headers).map_or_else(
        || "the hub\u{2019}s address with https:// before it".to_owned(),
        |host| format!("<a href=\"https://{host}/\">https://{host}</a>"),
    );
    bytes(StatusCode::OK, HTML, PAGE.replace("{fingerprint}", &fingerprint).replace("{address}", &address))
}

/// The host, if it is one: it is written into the page.
fn asked_host(headers: &HeaderMap) -> Option<&str> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte);
    (!host.is_empty() && host.bytes().all(is_plain)).then_some(host)
}

/// The same identity each time: installed twice, it is there once.
fn profile(authority: &Authority) -> Vec<u8> {
    let identity = |start: usize| {
        let hexadecimal: String =
            authority.digest[start..start + 16].iter().map(|byte| format!("{byte:02X}")).collect();
        let part = |from: usize, to: usize| hexadecimal[from..to].to_owned();
        [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
    };
    let text = APPLE_PROFILE.replace("{certificate}", &authority.base64);
    text.replace("{payload}", &identity(0)).replace("{profile}", &identity(16)).into_bytes()
}

fn file(kind: &'static str, name: &str, content: Vec<u8>) -> Response<Body> {
    let mut response = bytes(StatusCode::OK, kind, content);
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    response
}
