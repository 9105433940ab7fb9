//! The workers behind this one: where they are, and whether they answered last.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicBool, Ordering},
};

use http::{
    Uri,
    uri::{Authority, PathAndQuery, Scheme},
};

use kit::listen::{self, ListenError};

use crate::routes::App;

/// `PORT` says where the gateway itself listens, not where betti-backend does.
const DEFAULT_BACKEND_URL: &str = "http://127.0.0.1:3001";

/// Why a worker's URL cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// It is no URL, or says more than where.
    #[error("{variable}={value} is not the address of a worker: write it as http://127.0.0.1:3001")]
    Unreadable { variable: &'static str, value: String },
    /// HTTPS to somewhere else.
    #[error(
        "{variable}={value}: HTTPS is spoken only with a worker on this machine, whose certificate is the hub's own. Use \
         a worker on 127.0.0.1"
    )]
    Elsewhere { variable: &'static str, value: String },
    /// HTTPS where only HTTP is spoken.
    #[error("{variable}={value}: this worker is spoken to over HTTP only, write http://")]
    Encrypted { variable: &'static str, value: String },
    /// The variable that says where a worker of this machine listens is no port.
    #[error(transparent)]
    Port(#[from] ListenError),
}

/// One worker behind this one.
#[derive(Debug)]
pub struct Upstream {
    /// Its name in `ecosystem.toml`.
    pub name: &'static str,
    pub scheme: Scheme,
    pub authority: Authority,
    answers: AtomicBool,
}

/// All of them.
#[derive(Debug)]
pub struct Upstreams {
    backend: Upstream,
    nutrition: Upstream,
    video: Upstream,
}

impl Upstreams {
    /// From the environment.
    ///
    /// # Errors
    /// If a variable is no address that can be used.
    pub fn from_environment() -> Result<Self, UpstreamError> {
        // Where somebody says that it is, else where it listens on this machine.
        let value = |variable, port_variable, default_port| {
            std::env::var(variable).or_else(|_| listen::neighbour(port_variable, default_port))
        };
        let http_only = |name, variable, value: String| {
            let upstream = Upstream::parse(name, variable, value.clone())?;
            if upstream.scheme == Scheme::HTTPS {
                return Err(UpstreamError::Encrypted { variable, value });
            }
            Ok(upstream)
        };
        let backend = std::env::var("BETTI_API_URL").unwrap_or_else(|_| DEFAULT_BACKEND_URL.to_owned());
        let nutrition = value("BETTI_NUTRITION_URL", "NUTRITION_PORT", 3002)?;
        let video = value("BETTI_VIDEO_URL", "VIDEO_PORT", 8080)?;
        Ok(Self {
            backend: http_only("betti-backend", "BETTI_API_URL", backend)?,
            nutrition: http_only("betti-nutrition", "BETTI_NUTRITION_URL", nutrition)?,
            video: Upstream::parse("betti-webrtc", "BETTI_VIDEO_URL", video)?,
        })
    }

    pub fn of(&self, app: App) -> &Upstream {
        match app {
            App::Backend => &self.backend,
            App::Nutrition => &self.nutrition,
            App::Video => &self.video,
        }
    }
}

impl Upstream {
    fn parse(name: &'static str, variable: &'static str, value: String) -> Result<Self, UpstreamError> {
        let parts = value.trim().parse::<Uri>().ok().map(Uri::into_parts);
        let Some((Some(scheme), Some(authority), path)) =
            parts.map(|parts| (parts.scheme, parts.authority, parts.path_and_query))
        else {
            return Err(UpstreamError::Unreadable { variable, value });
        };
        let only_where = path.as_ref().is_none_or(|path| path == "/") && !authority.as_str().contains('@');
        if !only_where || ![Scheme::HTTP, Scheme::HTTPS].contains(&scheme) {
            return Err(UpstreamError::Unreadable { variable, value });
        }
        let upstream = Self { name, scheme, authority, answers: AtomicBool::new(true) };
        if upstream.scheme == Scheme::HTTPS && !upstream.is_here() {
            return Err(UpstreamError::Elsewhere { variable, value });
        }
        Ok(upstream)
    }

    /// Whether it is on this machine, so that nobody can stand between it and us.
    pub fn is_here(&self) -> bool {
        let host = self.host();
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Its host, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        self.authority.host().trim_start_matches('[').trim_end_matches(']')
    }

    pub fn port(&self) -> u16 {
        let default = if self.scheme == Scheme::HTTPS { 443 } else { 80 };
        self.authority.port_u16().unwrap_or(default)
    }

    /// The URL of a path there.
    pub fn url(&self, path: &PathAndQuery) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path.clone());
        Uri::from_parts(parts).expect("a scheme, an authority and a path are a URL")
    }

    /// Notes whether it answered; said once, not at every request.
    pub fn note(&self, outcome: Result<(), &dyn std::fmt::Display>) {
        let answered_before = self.answers.swap(outcome.is_ok(), Ordering::Relaxed);
        match outcome {
            Ok(()) if !answered_before => tracing::info!(app = self.name, "answers again"),
            Err(error) if answered_before => {
                tracing::warn!(app = self.name, at = %self.authority, "does not answer: {error}")
            }
            Ok(()) | Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(value: &str) -> Result<Upstream, String> {
        Upstream::parse("betti-webrtc", "BETTI_VIDEO_URL", value.to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn addresses_are_read() {
        for (value, host, port, here) in [
            ("http://127.0.0.1:3001", "127.0.0.1", 3001, true),
            (" http://127.0.0.1:3001/ ", "127.0.0.1", 3001, true),
            ("http://localhost", "localhost", 80, true),
            ("https://[::1]:8443", "::1", 8443, true),
            ("https://127.0.0.1", "127.0.0.1", 443, true),
            ("http://192.168.1.7:8080", "192.168.1.7", 8080, false),
        ] {
            let upstream = parse(value).unwrap();
            assert_eq!((upstream.host(), upstream.port(), upstream.is_here()), (host, port, here), "{value}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_an_example() {
        for value in
            ["", "3001", "127.0.0.1:3001", "ftp://127.0.0.1", "http://127.0.0.1/api", "http://a@127.0.0.1", "http://"]
        {
            let error = parse(value).unwrap_err();
            assert!(error.contains("BETTI_VIDEO_URL=") && error.contains("http://127.0.0.1:3001"), "{error}");
        }
    }

    #[test]
    fn a_certificate_is_taken_on_trust_only_on_this_machine() {
        for value in ["https://192.168.1.7:8080", "https://betti.example", "https://localhost.evil.example"] {
            assert!(parse(value).unwrap_err().contains("only with a worker on this machine"), "{value}");
        }
    }
}
