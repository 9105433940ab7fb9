//! A worker's table of routes: every method and path with its [`Rule`] and its handler.
//!
//! The table is what access control, documentation and tests walk; what answers is a warp filter made from it. Paths are
//! matched in any case and with or without a slash at the end, as existing clients write them. `{name}` in a pattern takes
//! one segment; `{*name}` at its end takes all that follow, one at least.

use std::{
    collections::HashMap, convert::Infallible, future::ready, net::IpAddr, panic::AssertUnwindSafe, sync::Arc,
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{FutureExt, Stream, StreamExt, TryStreamExt, future::BoxFuture};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING},
};
use hyper_util::service::TowerToHyperService;
use jiff::Timestamp;
use tokio::time::timeout;
use warp::{Filter, filters::BoxedFilter, path::FullPath, reply::Response, ws::WebSocket};

use crate::{
    Access, Audit, Call, Identity, Problem, Rule,
    access::{self, Asking, Refused, credential, kiosk::Stakes},
    audit::{Seen, Trail, What, Who, entry::LONGEST_THING},
    browser::for_nobody_else,
    origin,
    rule::{Area, FIRST_RESIDENT},
    serve::{Answer, Peer, Upgrading},
};

/// The largest body that is read, in bytes, unless a route says otherwise: what clients have always been held to.
pub const LARGEST_BODY: usize = 100 * 1024;
/// The same where nobody has to be known: codes and passkeys. Each connection may have one that does not go on.
pub const LARGEST_PUBLIC_BODY: usize = 8 * 1024;
/// The same where besides nobody has anything to say in one. Each HTTP/2 connection may have a hundred of them.
const LARGEST_IDLE_BODY: usize = 1024;
/// How long a body may take to arrive. The largest that is taken comes through within it at a megabit a second.
pub const BODY_WITHIN: Duration = Duration::from_secs(120);
/// The largest WebSocket message, in bytes.
pub const LARGEST_MESSAGE: usize = 64 * 1024;

/// Nothing is unpacked here: a small body may hold a very large one.
const PACKED: &str = "The body is compressed. Send it as it is, without Content-Encoding";

/// A pattern that fits every path; add it last.
pub const ANY_PATH: &str = "*";

type Handler = Arc<dyn Fn(Call) -> BoxFuture<'static, Result<Response, Problem>> + Send + Sync>;
type SocketHandler = Arc<dyn Fn(WebSocket, Call) -> BoxFuture<'static, ()> + Send + Sync>;

/// A table of routes.
#[derive(Clone, Default)]
pub struct Routes {
    entries: Vec<Entry>,
    sockets: Vec<Socket>,
    access: Option<Access>,
    audit: Option<Audit>,
}

#[derive(Clone)]
struct Entry {
    method: Method,
    pattern: &'static str,
    rule: Rule,
    stakes: Stakes,
    largest_body: usize,
    handler: Handler,
}

#[derive(Clone)]
struct Socket {
    /// `None`: any path.
    pattern: Option<&'static str>,
    rule: Rule,
    handler: SocketHandler,
}

/// One line of the table, for whoever walks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The method; `None` for a WebSocket.
    pub method: Option<Method>,
    /// The pattern, with `{name}` where anything may stand; `*` for any path.
    pub pattern: &'static str,
    /// Who may call it.
    pub rule: Rule,
    /// Whether a screen that anybody can touch needs the PIN for it.
    pub stakes: Stakes,
}

impl Routes {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a route. Patterns are tried in the order in which they were added: `/api/vitals/latest` before
    /// `/api/vitals/{type}`, and [`ANY_PATH`] last.
    #[must_use]
    pub fn on<F>(
        mut self,
        method: Method,
        pattern: &'static str,
        rule: Rule,
        handler: impl Fn(Call) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Response, Problem>> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |call| Box::pin(handler(call)));
        let stakes = Stakes::at_first(&method, rule);
        let largest_body = match rule {
            Rule::Public if method == Method::GET => LARGEST_IDLE_BODY,
            Rule::Public => LARGEST_PUBLIC_BODY,
            _ => LARGEST_BODY,
        };
        self.entries.push(Entry { method, pattern, rule, stakes, largest_body, handler });
        self
    }

    /// Adds a GET route.
    #[must_use]
    pub fn get<F>(self, pattern: &'static str, rule: Rule, handler: impl Fn(Call) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Response, Problem>> + Send + 'static,
    {
        self.on(Method::GET, pattern, rule, handler)
    }

    /// Adds a POST route.
    #[must_use]
    pub fn post<F>(self, pattern: &'static str, rule: Rule, handler: impl Fn(Call) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Response, Problem>> + Send + 'static,
    {
        self.on(Method::POST, pattern, rule, handler)
    }

    /// The route that was added last changes no treatment, and not who may see what: a screen that anybody can touch does it
    /// without the PIN. Whatever changes something and is not said to be so needs the PIN there.
    #[must_use]
    pub fn everyday(mut self) -> Self {
        if let Some(entry) = self.entries.last_mut() {
            entry.stakes = Stakes::Everyday;
        }
        self
    }

    /// The route that was added last needs the PIN on a screen that anybody can touch, though it only reads.
    #[must_use]
    pub fn with_pin(mut self) -> Self {
        if let Some(entry) = self.entries.last_mut() {
            entry.stakes = Stakes::Treatment;
        }
        self
    }

    /// The route that was added last reads bodies of so many bytes instead of [`LARGEST_BODY`] or [`LARGEST_PUBLIC_BODY`].
    #[must_use]
    pub fn with_largest_body(mut self, bytes: usize) -> Self {
        if let Some(entry) = self.entries.last_mut() {
            entry.largest_body = bytes;
        }
        self
    }

    /// Adds a WebSocket; `None` takes an upgrade on any path. The handler's future is the connection's life.
    #[must_use]
    pub fn socket<F>(
        mut self,
        pattern: Option<&'static str>,
        rule: Rule,
        handler: impl Fn(WebSocket, Call) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let handler: SocketHandler = Arc::new(move |socket, call| Box::pin(handler(socket, call)));
        self.sockets.push(Socket { pattern, rule, handler });
        self
    }

    /// Callers are known by this hub's credentials. Without it nobody is.
    #[must_use]
    pub fn guarded_by(mut self, access: Access) -> Self {
        self.access = Some(access);
        self
    }

    /// Who reads or changes what is noted here.
    #[must_use]
    pub fn audited_by(mut self, audit: Audit) -> Self {
        self.audit = Some(audit);
        self
    }

    /// The table, line by line.
    pub fn lines(&self) -> impl Iterator<Item = Line> + '_ {
        let sockets = self.sockets.iter().map(|socket| Line {
            method: None,
            pattern: socket.pattern.unwrap_or(ANY_PATH),
            rule: socket.rule,
            stakes: Stakes::Everyday,
        });
        let entries = self.entries.iter().map(|entry| Line {
            method: Some(entry.method.clone()),
            pattern: entry.pattern,
            rule: entry.rule,
            stakes: entry.stakes,
        });
        sockets.chain(entries)
    }

    /// The filter that answers by this table. It never rejects.
    #[must_use]
    pub fn filter(self) -> BoxedFilter<(Response,)> {
        let table = Arc::new(self);
        let upgrading = warp::ext::optional::<Upgrading>();
        let sockets = request_line().and(warp::ws()).and(upgrading).and_then({
            let table = table.clone();
            move |line: RequestLine, upgrade: warp::ws::Ws, token| ready(table.upgrade(line, upgrade, token))
        });
        let requests = request_line().and(warp::body::stream()).then(move |line: RequestLine, body| {
            let table = table.clone();
            async move { for_nobody_else(table.answer(line, body).await) }
        });
        sockets.or(requests).unify().boxed()
    }

    /// What [`serve`](crate::serve::serve) serves.
    #[must_use]
    pub fn service(self) -> impl Answer {
        TowerToHyperService::new(warp::service(self.filter()))
    }

    fn upgrade(
        &self,
        line: RequestLine,
        upgrade: warp::ws::Ws,
        upgrading: Option<Upgrading>,
    ) -> Result<Response, warp::Rejection> {
        let found = self.sockets.iter().find_map(|socket| {
            let parameters = socket.pattern.map_or_else(|| Some(HashMap::new()), |pattern| line.fits(pattern))?;
            Some((socket, parameters))
        });
        let Some((socket, parameters)) = found else { return Err(warp::reject::not_found()) };
        let place = Place {
            rule: socket.rule,
            stakes: Stakes::Everyday,
            kind: "WS",
            pattern: socket.pattern.unwrap_or(ANY_PATH),
        };
        let identity = match self.let_in(&line, &place, &parameters) {
            Ok(identity) => identity,
            Err(problem) => return Ok(for_nobody_else(problem.response())),
        };
        let trail = self.trail(&line, &place, &parameters, &identity);
        trail.iter().for_each(|trail| trail.opened(StatusCode::SWITCHING_PROTOCOLS.as_u16()));
        let asked = Asked { identity, rule: socket.rule, access: self.access.clone(), trail };
        let (handler, call) = (socket.handler.clone(), line.call(asked, parameters, Bytes::new()));
        let upgrade = upgrade.max_message_size(LARGEST_MESSAGE).max_frame_size(LARGEST_MESSAGE);
        Ok(warp::Reply::into_response(upgrade.on_upgrade(move |websocket| async move {
            handler(websocket, call).await;
            drop(upgrading); // Draining waits for it.
        })))
    }

    async fn answer(&self, line: RequestLine, body: impl Stream<Item = Result<impl Buf, warp::Error>>) -> Response {
        let has_body = line.has_body();
        match self.call(line, body).await {
            Ok((entry, call)) => {
                // One request that panics is that request's misfortune, not everybody's.
                let trail = call.trail.clone();
                let answered = AssertUnwindSafe((entry.handler)(call)).catch_unwind().await;
                let answered = answered.unwrap_or_else(|_| Err(Problem::internal("a handler panicked")));
                let response = answered.unwrap_or_else(|problem| problem.response());
                let status = response.status().as_u16();
                match trail {
                    Some(trail) if is_stream(&response) => trail.opened(status),
                    Some(trail) => trail.answered(status),
                    None => {}
                }
                response
            }
            Err(mut refusal) => {
                if has_body {
                    // It is not read to its end, so nothing else can be said on this connection. A client that is not
                    // told would send its next request, and find the connection gone.
                    refusal.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                *refusal
            }
        }
    }

    /// Who is to answer what, or what is answered instead.
    async fn call(
        &self,
        line: RequestLine,
        body: impl Stream<Item = Result<impl Buf, warp::Error>>,
    ) -> Result<(&Entry, Call), Box<Response>> {
        let fitting: Vec<_> =
            self.entries.iter().filter_map(|entry| Some((entry, line.fits(entry.pattern)?))).collect();
        let wanted = if line.method == Method::HEAD { &Method::GET } else { &line.method };
        let Some((entry, parameters)) = fitting.iter().find(|(entry, _)| entry.method == wanted) else {
            return Err(nothing_here(&line, &fitting).into());
        };
        let refusal = |problem: Problem| Box::new(problem.response());
        let place =
            Place { rule: entry.rule, stakes: entry.stakes, kind: entry.method.as_str(), pattern: entry.pattern };
        let identity = self.let_in(&line, &place, parameters).map_err(refusal)?;
        let trail = self.trail(&line, &place, parameters, &identity);
        if line.has_body() && line.is_packed() {
            trail.iter().for_each(|trail| trail.answered(StatusCode::UNSUPPORTED_MEDIA_TYPE.as_u16()));
            return Err(refusal(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, PACKED)));
        }
        let read = timeout(BODY_WITHIN, read(body, entry.largest_body)).await;
        let body = read.unwrap_or_else(|_| Err(too_slow())).map_err(|problem| {
            trail.iter().for_each(|trail| trail.answered(problem.status().as_u16()));
            refusal(problem)
        })?;
        let asked = Asked { identity, rule: entry.rule, access: self.access.clone(), trail };
        Ok((*entry, line.call(asked, parameters.clone(), body)))
    }
}

impl Routes {
    /// As whom a request goes on. Who is refused is noted.
    fn let_in(
        &self,
        line: &RequestLine,
        place: &Place<'_>,
        parameters: &HashMap<&'static str, String>,
    ) -> Result<Identity, Problem> {
        line.check((place.rule, place.stakes), self.access.as_ref()).map_err(|Refused { problem, identity }| {
            if let (Some(audit), Some(identity)) = (&self.audit, identity) {
                let (seen, status) = (line.seen(place, parameters, &identity), problem.status().as_u16());
                audit.note(Seen { what: What::Refused, status, ..seen });
            }
            problem
        })
    }

    /// What is to be noted of a request that is let in: nothing of what is public, nor of what the hub's own workers ask.
    fn trail(
        &self,
        line: &RequestLine,
        place: &Place<'_>,
        parameters: &HashMap<&'static str, String>,
        identity: &Identity,
    ) -> Option<Arc<Trail>> {
        let audit = self.audit.as_ref().filter(|_| place.rule != Rule::Public)?;
        let is_hub = self.access.as_ref().is_some_and(|access| access.is_hub(identity));
        (!is_hub).then(|| Arc::new(Trail::new(audit.clone(), line.seen(place, parameters, identity))))
    }
}

/// Whether the answer goes on.
fn is_stream(response: &Response) -> bool {
    response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

fn nothing_here(line: &RequestLine, fitting: &[(&Entry, HashMap<&'static str, String>)]) -> Response {
    if fitting.is_empty() {
        return Problem::not_found(format!("Nothing is at {} {}", line.method, line.path)).response();
    }
    let mut allowed: Vec<_> = fitting.iter().map(|(entry, _)| entry.method.as_str()).collect();
    if allowed.contains(&"GET") {
        allowed.push("HEAD");
    }
    allowed.sort_unstable();
    allowed.dedup();
    let problem = Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{} does not take {}; it takes {}", line.path, line.method, allowed.join(", ")),
    );
    let mut response = problem.response();
    if let Ok(value) = HeaderValue::from_str(&allowed.join(", ")) {
        response.headers_mut().insert(ALLOW, value);
    }
    response
}

fn too_slow() -> Problem {
    let text = format!("The body did not arrive within {} seconds", BODY_WITHIN.as_secs());
    Problem::new(StatusCode::REQUEST_TIMEOUT, text)
}

/// The resident who is named so; what is no number is nobody.
pub(crate) fn resident_named(name: Option<&str>) -> i64 {
    name.map_or(FIRST_RESIDENT, |name| name.parse().unwrap_or(0))
}

/// A request without its body.
struct RequestLine {
    method: Method,
    path: String,
    query: String,
    headers: HeaderMap,
    /// Of the caller, as far as the gateway can be believed.
    address: Option<IpAddr>,
    is_tls: bool,
}

/// As whom a request goes on, and why.
struct Asked {
    identity: Identity,
    rule: Rule,
    access: Option<Access>,
    trail: Option<Arc<Trail>>,
}

/// A line of the table, as it is noted.
struct Place<'a> {
    rule: Rule,
    stakes: Stakes,
    /// The method, or `WS`.
    kind: &'a str,
    pattern: &'static str,
}

impl Place<'_> {
    fn area(&self) -> Option<Area> {
        match self.rule {
            Rule::Read(area) | Rule::Record(area) | Rule::Write(area) => Some(area),
            Rule::Household => Some(Area::Sharing),
            Rule::Public | Rule::Known | Rule::Service => None,
        }
    }

    fn what(&self) -> What {
        if self.kind == "GET" { What::Read } else { What::Change }
    }

    /// What stands in the path, where the pattern has one place: an id or a kind. Of several, the first.
    fn thing(&self, parameters: &HashMap<&'static str, String>) -> Option<String> {
        let first = self.pattern.split('/').find_map(|part| part.strip_prefix('{')?.strip_suffix('}'))?;
        let thing = parameters.get(first.trim_start_matches('*'))?;
        Some(thing.chars().filter(|character| !character.is_control()).take(LONGEST_THING).collect())
    }
}

fn request_line() -> impl Filter<Extract = (RequestLine,), Error = Infallible> + Clone {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::method()
        .and(warp::path::full())
        .and(query)
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional::<Peer>())
        .map(|method, path: FullPath, query, headers, peer: Option<Peer>| {
            let address = peer.map(|peer| peer.address.ip());
            RequestLine {
                method,
                path: path.as_str().to_owned(),
                query,
                address: credential::client(address, &headers),
                is_tls: credential::is_tls(address, peer.is_some_and(|peer| peer.tls), &headers),
                headers,
            }
        })
}

impl RequestLine {
    fn check(&self, (rule, stakes): (Rule, Stakes), access: Option<&Access>) -> Result<Identity, Refused> {
        let asking = Asking { headers: &self.headers, address: self.address, is_tls: self.is_tls };
        let identity = match access {
            Some(access) => access.check((rule, stakes), self.resident(), &asking)?,
            None => Some(Identity::Unknown)
                .filter(|identity| rule.admits(identity, FIRST_RESIDENT))
                .ok_or_else(access::unknown_caller)?,
        };
        let host = self.headers.get(HOST).and_then(|host| host.to_str().ok());
        if rule != Rule::Public && !origin::is_trusted(&self.headers, host) {
            let problem = Problem::new(StatusCode::FORBIDDEN, origin::REFUSAL);
            return Err(Refused { problem, identity: Some(identity) });
        }
        Ok(identity)
    }

    /// What is to be noted of it. How it is answered is not known yet.
    fn seen(&self, place: &Place<'_>, parameters: &HashMap<&'static str, String>, identity: &Identity) -> Seen {
        Seen {
            at: Timestamp::now(),
            who: Who::of(identity),
            address: self.address.map(|address| address.to_canonical().to_string()),
            area: place.area(),
            what: place.what(),
            resident: self.about(place.rule, identity),
            route: format!("{} {}", place.kind, place.pattern),
            thing: place.thing(parameters),
            status: 0,
        }
    }

    /// Whom it is noted to be about. Where the rule asks about no resident, that is whose the caller is, until the handler finds
    /// that it is somebody else: whoever looks after their own affairs is no entry of the one who lives here longest.
    fn about(&self, rule: Rule, identity: &Identity) -> i64 {
        match (rule, identity) {
            (Rule::Known | Rule::Household, Identity::Known(caller)) => caller.resident,
            _ => self.resident(),
        }
    }

    /// Whom it is about: `?resident=2`, the last one if it is repeated, as handlers read it. What is no number is nobody.
    fn resident(&self) -> i64 {
        let named = form_urlencoded::parse(self.query.as_bytes()).filter(|(name, _)| name == "resident").last();
        resident_named(named.as_ref().map(|(_, resident)| &**resident))
    }

    /// Whether anything is to come after the head.
    fn has_body(&self) -> bool {
        let length = self.headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0");
        length || self.headers.contains_key(TRANSFER_ENCODING)
    }

    /// Whether what is to come has to be unpacked first.
    fn is_packed(&self) -> bool {
        self.headers
            .get_all(CONTENT_ENCODING)
            .iter()
            .any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
    }

    /// What stands at the pattern's `{names}`, if the path fits it.
    fn fits(&self, pattern: &'static str) -> Option<HashMap<&'static str, String>> {
        if pattern == ANY_PATH {
            return Some(HashMap::new());
        }
        let path = self.path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(&self.path);
        let (mut expected, mut given) = (pattern.split('/'), path.split('/'));
        let mut parameters = HashMap::new();
        loop {
            let rest = given.clone();
            match (expected.next(), given.next()) {
                (Some(tail), Some(given)) if tail.starts_with("{*") && !given.is_empty() => {
                    let name = tail.trim_start_matches("{*").trim_end_matches('}');
                    parameters.insert(name, percent_decoded(&rest.collect::<Vec<_>>().join("/"))?);
                    return Some(parameters);
                }
                (None, None) => return Some(parameters),
                (Some(expected), Some(given)) => match expected.strip_prefix('{').and_then(|e| e.strip_suffix('}')) {
                    Some(name) if !given.is_empty() => drop(parameters.insert(name, percent_decoded(given)?)),
                    None if expected.eq_ignore_ascii_case(given) => {}
                    Some(_) | None => return None,
                },
                (Some(_), None) | (None, Some(_)) => return None,
            }
        }
    }

    fn call(&self, asked: Asked, parameters: HashMap<&'static str, String>, body: Bytes) -> Call {
        let Asked { identity, rule, access, trail } = asked;
        Call {
            identity,
            address: self.address,
            is_tls: self.is_tls,
            rule,
            access,
            trail,
            method: self.method.clone(),
            path: self.path.clone(),
            headers: self.headers.clone(),
            query: form_urlencoded::parse(self.query.as_bytes()).into_owned().collect(),
            raw_query: self.query.clone(),
            parameters,
            body,
        }
    }
}

/// `None` if it is not UTF-8 afterwards: then no pattern can mean it.
fn percent_decoded(text: &str) -> Option<String> {
    percent_encoding::percent_decode_str(text).decode_utf8().ok().map(Into::into)
}

async fn read(body: impl Stream<Item = Result<impl Buf, warp::Error>>, most: usize) -> Result<Bytes, Problem> {
    let mut chunks = std::pin::pin!(body.map_err(|error| Problem::bad_request(format!("The body broke off: {error}"))));
    let mut whole = BytesMut::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk?;
        if whole.len() + chunk.remaining() > most {
            let text = format!("The body is larger than {most} bytes");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, text));
        }
        bytes::BufMut::put(&mut whole, chunk);
    }
    Ok(whole.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_not_waited_for_for_ever() {
        let table = Routes::new().post("/slow", Rule::Public, |_| async { Ok(Response::default()) });
        let line = RequestLine {
            method: Method::POST,
            path: "/slow".into(),
            query: String::new(),
            headers: HeaderMap::from_iter([(CONTENT_LENGTH, HeaderValue::from_static("7"))]),
            address: None,
            is_tls: false,
        };
        let began = tokio::time::Instant::now();
        let answer = table.answer(line, futures_util::stream::pending::<Result<Bytes, warp::Error>>()).await;
        assert_eq!((answer.status(), began.elapsed()), (StatusCode::REQUEST_TIMEOUT, BODY_WITHIN));
    }
}
