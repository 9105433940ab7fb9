//! What the supervisor answers to `betti-ctl`: HTTP over the Unix socket that the keeper holds, what is asked, `protocol::request`
//! understands, and the one task that owns the state answers.
//!
//! The socket is the keeper's, so a client that comes while a supervisor is being replaced waits instead of being refused.
//! Only root and the user we run as are answered.

mod answer;
mod clients;

use std::convert::Infallible;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use protocol::control::{CONFIG_HEADER, LONGEST_BODY, LONGEST_WATCH_MS};
use protocol::metrics::Format;
use protocol::request::{self, Ask, AskError};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot, watch as channel};

pub use self::answer::Reply;
pub use self::clients::Clients;
use crate::clock;
use crate::supervisor::Event;

/// The most connections at a time; further ones wait in the socket's queue.
const MOST_CLIENTS: usize = 128;
/// How long a client may take to say what it wants.
const ASK_WITHIN: Duration = Duration::from_secs(5);
/// After a failed accept, such as for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The way from a client to the one task that owns the state.
pub struct Handle {
    events: mpsc::UnboundedSender<Event>,
    sequence: channel::Receiver<u64>,
    config: PathBuf,
    clients: Clients,
}

impl Handle {
    pub fn new(events: mpsc::UnboundedSender<Event>, sequence: channel::Receiver<u64>, config: PathBuf) -> Self {
        Self { events, sequence, config, clients: Clients::default() }
    }

    /// Asks, and waits for the answer.
    async fn ask(&self, ask: Ask) -> Reply {
        let (reply, answer) = oneshot::channel();
        let is_sent = self.events.send(Event::Asked(ask, reply)).is_ok();
        match answer.await {
            Ok(reply) if is_sent => reply,
            // On its way out.
            _ => Reply::refusal(
                StatusCode::SERVICE_UNAVAILABLE,
                "the supervisor is being replaced; ask again".to_owned(),
            ),
        }
    }

    /// Waits until the state is another one than `after`, or for long enough.
    async fn wait_for_news(&self, after: Option<u64>) {
        let mut sequence = self.sequence.clone();
        let news = sequence.wait_for(|sequence| after.is_none_or(|after| *sequence != after));
        let _ = tokio::time::timeout(Duration::from_millis(LONGEST_WATCH_MS), news).await;
    }

    /// Whether a client means the same file as we do.
    fn is_same_file(&self, named: &str) -> bool {
        let canonical = |path: PathBuf| path.canonicalize().unwrap_or(path);
        canonical(named.into()) == canonical(self.config.clone())
    }
}

/// Serves from now on, beside everything else.
pub fn serve(listener: OwnedFd, handle: Rc<Handle>) -> io::Result<Clients> {
    let listener = std::os::unix::net::UnixListener::from(listener);
    listener.set_nonblocking(true)?;
    let listener = UnixListener::from_std(listener)?;
    let clients = handle.clients.clone();
    tokio::task::spawn_local(accept(listener, handle));
    Ok(clients)
}

async fn accept(listener: UnixListener, handle: Rc<Handle>) {
    let places = Arc::new(Semaphore::new(MOST_CLIENTS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) if may_ask(&stream) => {
                let handle = handle.clone();
                tokio::task::spawn_local(async move {
                    serve_one(stream, handle).await;
                    drop(place);
                });
            }
            Ok(_) => {}
            Err(error) => {
                say!("{} supervisor: a client cannot be taken: {error}", clock::stamp());
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn may_ask(stream: &UnixStream) -> bool {
    let ours = nix::unistd::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == ours || peer.uid() == 0)
}

async fn serve_one(stream: UnixStream, handle: Rc<Handle>) {
    let service = service_fn(|request| {
        let handle = handle.clone();
        async move {
            let _busy = handle.clients.enter();
            Ok::<_, Infallible>(route(&handle, request).await.into_response())
        }
    });
    // A client that went away is no matter of ours.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(ASK_WITHIN)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn route(handle: &Handle, request: Request<Incoming>) -> Reply {
    let named =
        request.headers().get(CONFIG_HEADER).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    if let Some(named) = named.filter(|named| !handle.is_same_file(named)) {
        let error = format!(
            "this supervisor runs {}, not {named}; name that file with --config, or use another BETTI_RUNTIME_DIR",
            handle.config.display()
        );
        return Reply::refusal(StatusCode::CONFLICT, error);
    }
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, LONGEST_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return Reply::refusal(StatusCode::BAD_REQUEST, format!("the request cannot be read: {error}")),
    };
    match request::understand(head.method.as_str(), head.uri.path(), head.uri.query(), &body) {
        Ok(Ask::Metrics(_)) => handle.ask(Ask::Metrics(wanted_format(&head.headers))).await,
        Ok(ask) => {
            if let Ask::Watch { after } = ask {
                handle.wait_for_news(after).await;
            }
            handle.ask(ask).await
        }
        Err(error) => {
            let status = match error {
                AskError::NoSuchPath(_) => StatusCode::NOT_FOUND,
                AskError::NotUnderstood(_) => StatusCode::BAD_REQUEST,
            };
            Reply::refusal(status, error.to_string())
        }
    }
}

fn wanted_format(headers: &HeaderMap) -> Format {
    let accept: Vec<_> = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    Format::accepted(&accept.join(","))
}
