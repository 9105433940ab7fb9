//! Every request of this origin: found in the table, checked, and handed to whoever answers it.

use std::sync::Arc;

use http::{Request, Response, StatusCode, uri::PathAndQuery};
use hyper::body::Incoming;
use kit::{origin, tls::Certificates};

use crate::{
    answer::{Body, json, problem},
    files::Files,
    headers, page,
    proxy::Proxy,
    routes::{self, App, Destination, Route},
    trust_page,
    tunnel::Tunnels,
    upstream::Upstreams,
};

/// What answers.
pub struct Gateway {
    pub files: Files,
    pub upstreams: Upstreams,
    pub proxy: Proxy,
    pub tunnels: Tunnels,
    pub certificates: Arc<Certificates>,
}

impl Gateway {
    /// Answers one request.
    pub async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let route = routes::find(request.uri().path());
        if let Some(refused) = refusal(route, &request) {
            return refused;
        }
        match route.to {
            Destination::Itself => self.health(),
            Destination::Trust => {
                let rest = route.rest(request.uri().path()).unwrap_or_default();
                trust_page::answer(&self.certificates, request.method(), rest, request.headers())
            }
            Destination::Files => {
                page::answer(&self.files, request.method(), request.uri().path(), request.headers()).await
            }
            Destination::Request(app) => {
                self.proxy.pass(self.upstreams.of(app), request).await.unwrap_or_else(Response::from)
            }
            Destination::Socket(app) => self.socket(route, app, request).await,
        }
    }

    async fn socket(&self, route: &Route, app: App, request: Request<Incoming>) -> Response<Body> {
        let path = without_prefix(route, request.uri().path_and_query());
        self.tunnels.open(self.upstreams.of(app), &path, request).await.unwrap_or_else(Response::from)
    }

    fn health(&self) -> Response<Body> {
        let health = serde_json::json!({
            "status": "ok",
            "service": "betti-web",
            "timestamp": kit::clock::iso_now(),
            "websockets": self.tunnels.count(),
            "certificate": self.certificates.report(),
        });
        json(StatusCode::OK, &health)
    }
}

/// The path as the worker behind knows it.
fn without_prefix(route: &Route, asked: Option<&PathAndQuery>) -> PathAndQuery {
    let rest = asked.and_then(|asked| route.rest(asked.path())).filter(|rest| !rest.is_empty()).unwrap_or("/");
    let query = asked.and_then(PathAndQuery::query).map(|query| format!("?{query}")).unwrap_or_default();
    format!("{rest}{query}").parse().unwrap_or_else(|_| PathAndQuery::from_static("/"))
}

fn refusal<B>(route: &Route, request: &Request<B>) -> Option<Response<Body>> {
    let reaches_a_worker = match route.to {
        Destination::Request(_) | Destination::Socket(_) => true,
        Destination::Itself | Destination::Trust | Destination::Files => false,
    };
    let host = headers::host(request);
    (reaches_a_worker && !origin::is_same(request.headers(), host))
        .then(|| problem(StatusCode::FORBIDDEN, origin::REFUSAL))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_other_sites_reach_no_worker() {
        for (path, origin, refused) in [
            ("/api/vitals", "http://evil.example", true),
            ("/ws", "http://evil.example", true),
            ("/api/vitals", "http://hub:5173", false),
            ("/", "http://evil.example", false),
        ] {
            let request = Request::builder().uri(path).header("host", "hub:5173").header("origin", origin);
            let refusal = refusal(routes::find(path), &request.body(()).unwrap());
            assert_eq!(refusal.map(|response| response.status()), refused.then_some(StatusCode::FORBIDDEN), "{path}");
        }
    }

    #[test]
    fn a_worker_is_asked_without_the_prefix() {
        for (path, behind) in [
            ("/ws", "/"),
            ("/ws/", "/"),
            ("/ws?since=7", "/?since=7"),
            ("/video/room/1?x=/video", "/room/1?x=/video"),
            ("/video//evil.example", "//evil.example"),
        ] {
            let path: PathAndQuery = path.parse().unwrap();
            assert_eq!(without_prefix(routes::find(path.path()), Some(&path)).as_str(), behind);
        }
    }
}
