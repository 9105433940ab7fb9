//! What is answered to those who come without encryption from elsewhere, where there is a certificate: where to go instead.
//!
//! Browsers are sent there, whether they show a cookie or not: whoever opens an old bookmark is to arrive. Programs that show a
//! token are refused, so that whoever runs them notices.

use std::{convert::Infallible, net::IpAddr, sync::Arc};

use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use http::{HeaderValue, Request, Response, StatusCode, header, uri::Authority};
use http_body_util::{Either, Full};
use hyper::{body::Incoming, service::Service};
use rustls::{client::verify_server_name, pki_types::ServerName, server::ParsedCertificate};

use super::Certificates;
use crate::{browser, serve::Answer};

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const ANOTHER_NAME: &str = "This hub is not called that. Open it by one of its own names or addresses, with https://\n";
const CANNOT_PROTECT: &str = "This hub has a certificate that it cannot use, so it answers this machine only. \
    On the hub, betti-ctl status says what is wrong, and betti-ctl certs makes a new one.\n";

/// A redirect would have the program show it again and again, once in clear each time, and nobody would notice.
const SHOWN_IN_CLEAR: &str = "This token came without encryption, so others may have read it. Make a new one, revoke this one, and \
    use https://\n";

/// Answers all while there is no certificate, which may come between two requests; from then on only what is open to everybody,
/// and sends all others to HTTPS.
#[derive(Clone)]
pub(crate) struct Guarded<S> {
    pub answer: S,
    pub certificates: Arc<Certificates>,
    /// The address that the connection came to.
    pub local: Option<IpAddr>,
}

impl<S: Answer> Service<Request<Incoming>> for Guarded<S> {
    type Response = Response<Either<S::Body, Full<Bytes>>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        if self.certificates.is_nothing() || self.certificates.is_open(request.uri().path()) {
            let answered = self.answer.call(request);
            return answered.map(|answered| answered.map(|response| response.map(Either::Left))).boxed();
        }
        let response = self.instead(&request).map(|text| Either::Right(Full::from(text)));
        std::future::ready(Ok(response)).boxed()
    }
}

impl<S> Guarded<S> {
    fn instead<B>(&self, request: &Request<B>) -> Response<&'static str> {
        if !self.certificates.is_there() {
            return text(StatusCode::SERVICE_UNAVAILABLE, CANNOT_PROTECT);
        }
        if request.headers().contains_key(header::AUTHORIZATION) {
            return text(StatusCode::FORBIDDEN, SHOWN_IN_CLEAR);
        }
        let host = asked_host(request).filter(|host| self.is_ours(host.host()));
        let Some(host) = host else { return text(StatusCode::MISDIRECTED_REQUEST, ANOTHER_NAME) };
        let Ok(location) = HeaderValue::from_str(&https(&host, request.uri())) else {
            return text(StatusCode::BAD_REQUEST, ANOTHER_NAME);
        };
        let mut response = text(StatusCode::PERMANENT_REDIRECT, "");
        response.headers_mut().insert(header::LOCATION, location);
        response
    }

    /// Whoever asks says where they want to go, and is sent to nobody else than this hub.
    fn is_ours(&self, host: &str) -> bool {
        let host = host.trim_matches(['[', ']']);
        let is_local = |address: IpAddr| self.local.is_some_and(|local| local.to_canonical() == address.to_canonical());
        host.parse().is_ok_and(is_local) || is_own_name(host) || self.certificates.is_for(host)
    }
}

impl Certificates {
    /// Whether the certificate in force is for this name or address.
    fn is_for(&self, host: &str) -> bool {
        let (state, Ok(name)) = (self.state.load(), ServerName::try_from(host)) else { return false };
        let certificate = state.pair.as_ref().and_then(|pair| pair.key.cert.first());
        let parsed = certificate.and_then(|certificate| ParsedCertificate::try_from(certificate).ok());
        parsed.is_some_and(|parsed| verify_server_name(&parsed, &name).is_ok())
    }
}

/// What this machine is called, also in the local network.
fn is_own_name(host: &str) -> bool {
    let host = host.strip_suffix(".local").unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || certificates::host_name().is_some_and(|own| host.eq_ignore_ascii_case(&own))
}

fn asked_host<B>(request: &Request<B>) -> Option<Authority> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok()?.parse().ok(),
        _ => None,
    }
}

fn https(host: &Authority, uri: &http::Uri) -> String {
    let path = uri.path_and_query().map(http::uri::PathAndQuery::as_str).filter(|path| path.starts_with('/'));
    // Without whatever else may stand in an authority.
    let port = host.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    format!("https://{}{port}{}", host.host(), path.unwrap_or("/"))
}

fn text(status: StatusCode, text: &'static str) -> Response<&'static str> {
    let mut response = Response::new(text);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, TEXT);
    // A redirect must not be kept either: without certificates the same address is answered again.
    browser::say_that_it_is_for_nobody_else(response.headers_mut());
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
