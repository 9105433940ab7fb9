//! Asks the supervisor: HTTP over its Unix socket, one connection a question.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use protocol::control::{
    Accepted, Applied, Apply, CONFIG_HEADER, Description, Flushed, LONGEST_WATCH_MS, LogSource, Pong, Refusal, Run,
    Scale, SendSignal, Status, Targets, Upgrade, Upgrading, Watch, Why,
};
use protocol::metrics::Format;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep, timeout_at};

use crate::exit::Failure;
use crate::runtime_dir::keeper_lives;

/// How long an answer may take, a replacement of the supervisor included.
const PATIENCE: Duration = Duration::from_secs(15);
/// How much longer than it promised to wait a watch may take.
const WATCH_PATIENCE: Duration = Duration::from_millis(LONGEST_WATCH_MS + 10_000);
/// Between a connection that broke and the next one.
const BETWEEN_TRIES: Duration = Duration::from_millis(50);
/// The longest answer, in bytes: far more than the largest file of apps takes.
const LONGEST_ANSWER: usize = 16 << 20;
/// A sequence that no supervisor has, so that a watch is answered at once.
const NO_SEQUENCE: u64 = u64::MAX;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens on the socket.
    #[error("no supervisor is running")]
    NoSupervisor,
    /// The socket is there, but not for us.
    #[error("{}: {why}", socket.display())]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// The supervisor said no.
    #[error("{words}")]
    Refused {
        /// As HTTP has it.
        status: StatusCode,
        /// In words, with what to do.
        words: String,
    },
    /// Connections break or stay silent.
    #[error("the supervisor does not answer ({0}): look into logs/betti-supervisor.log")]
    Silent(String),
    /// It answered something else.
    #[error("the supervisor's answer is not understood ({0}): is betti-ctl of the same version?")]
    Strange(String),
}

impl From<AskError> for Failure {
    fn from(error: AskError) -> Self {
        match error {
            AskError::NoSupervisor => Self::no_supervisor(),
            // A file, or a table of one, with mistakes.
            AskError::Refused { status: StatusCode::UNPROCESSABLE_ENTITY, words } => Self::misuse(words),
            other => Self::failed(other.to_string()),
        }
    }
}

/// What ended one try.
enum TryError {
    /// Another try is of no use.
    Final(AskError),
    /// The supervisor may be being replaced.
    Broken(String),
}

/// What is asked.
struct Question<'q> {
    method: Method,
    path: &'q str,
    /// In which form the answer is to be, where there are several.
    accept: Option<&'static str>,
    body: Bytes,
}

/// Asks one supervisor, which may be replaced in between.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
    config: Option<PathBuf>,
}

impl Client {
    /// For the supervisor behind this socket; it refuses if it goes by another file than `config`.
    pub fn new(socket: PathBuf, config: Option<PathBuf>) -> Self {
        Self { socket, config }
    }

    /// What runs.
    pub async fn status(&self) -> Result<Status, AskError> {
        self.get("/v1/status", PATIENCE).await
    }

    /// What runs, as soon as it is something else than after the sequence `seen`; at once if none was seen.
    pub async fn watch(&self, seen: Option<u64>) -> Result<Watch, AskError> {
        self.get(&format!("/v1/watch?after={}", seen.unwrap_or(NO_SEQUENCE)), WATCH_PATIENCE).await
    }

    /// Where apps write to.
    pub async fn logs(&self) -> Result<Vec<LogSource>, AskError> {
        self.get("/v1/logs", PATIENCE).await
    }

    /// Who answers.
    pub async fn ping(&self) -> Result<Pong, AskError> {
        self.get("/v1/ping", PATIENCE).await
    }

    /// All about the apps that are meant; about every one if none is named.
    pub async fn describe(&self, targets: &[String]) -> Result<Vec<Description>, AskError> {
        self.get(&about("/v1/describe", targets), PATIENCE).await
    }

    /// What became of the apps that are meant lately.
    pub async fn why(&self, targets: &[String]) -> Result<Vec<Why>, AskError> {
        self.get(&about("/v1/why", targets), PATIENCE).await
    }

    /// Has something done to apps: `act` is the last part of the path.
    pub async fn act(&self, act: &str, targets: &Targets) -> Result<Accepted, AskError> {
        self.post(act, targets).await
    }

    /// What can be counted and measured, as text in this form.
    pub async fn metrics(&self, format: Format) -> Result<String, AskError> {
        let accept = Some(format.content_type());
        let question = Question { method: Method::GET, path: "/metrics", accept, body: Bytes::new() };
        let (status, answer) = self.answer(&question, PATIENCE).await?;
        if !status.is_success() {
            return understand(status, &answer);
        }
        String::from_utf8(answer.into()).map_err(|error| AskError::Strange(error.to_string()))
    }

    /// Has another number of instances run.
    pub async fn scale(&self, scale: &Scale) -> Result<Accepted, AskError> {
        self.post("scale", scale).await
    }

    /// Has a signal sent.
    pub async fn signal(&self, signal: &SendSignal) -> Result<Accepted, AskError> {
        self.post("signal", signal).await
    }

    /// Has log files emptied.
    pub async fn flush(&self, targets: &Targets) -> Result<Flushed, AskError> {
        self.post("flush", targets).await
    }

    /// Has log files opened anew that somebody put aside.
    pub async fn reload_logs(&self) -> Result<(), AskError> {
        let _: serde_json::Value = self.ask(Method::POST, "/v1/reload-logs", Bytes::new(), PATIENCE).await?;
        Ok(())
    }

    /// Has an app run that is in no file.
    pub async fn run(&self, run: &Run) -> Result<Accepted, AskError> {
        self.post("run", run).await
    }

    /// Has the file applied, or only says what that would do.
    pub async fn apply(&self, apply: &Apply) -> Result<Applied, AskError> {
        self.post("apply", apply).await
    }

    /// Has another program be the supervisor, if that understands what runs.
    pub async fn upgrade(&self, upgrade: &Upgrade) -> Result<Upgrading, AskError> {
        self.post("upgrade", upgrade).await
    }

    /// Has everything stopped, the supervisor too.
    pub async fn kill(&self) -> Result<(), AskError> {
        let _: serde_json::Value = self.ask(Method::POST, "/v1/kill", Bytes::new(), PATIENCE).await?;
        Ok(())
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, patience: Duration) -> Result<T, AskError> {
        self.ask(Method::GET, path, Bytes::new(), patience).await
    }

    async fn post<T: DeserializeOwned>(&self, act: &str, body: &impl Serialize) -> Result<T, AskError> {
        let body = serde_json::to_vec(body).map_err(|error| AskError::Strange(error.to_string()))?;
        self.ask(Method::POST, &format!("/v1/{act}"), body.into(), PATIENCE).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        patience: Duration,
    ) -> Result<T, AskError> {
        let (status, answer) = self.answer(&Question { method, path, accept: None, body }, patience).await?;
        understand(status, &answer)
    }

    /// Asks until there is an answer. An act that is asked for twice, because the first answer was lost, does no harm.
    async fn answer(&self, question: &Question<'_>, patience: Duration) -> Result<(StatusCode, Bytes), AskError> {
        let deadline = Instant::now() + patience;
        let mut last = format!("for {} s", patience.as_secs());
        loop {
            match timeout_at(deadline, self.try_once(question)).await {
                // On its way out: the next one knows more.
                Ok(Ok((StatusCode::SERVICE_UNAVAILABLE, _))) => last = "it is being replaced".to_owned(),
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(TryError::Final(error))) => return Err(error),
                Ok(Err(TryError::Broken(why))) => last = why,
                Err(_) => return Err(AskError::Silent(last)),
            }
            sleep(BETWEEN_TRIES).await;
        }
    }

    async fn try_once(&self, question: &Question<'_>) -> Result<(StatusCode, Bytes), TryError> {
        // A supervisor that hung when its keeper died still has the socket, and will never answer.
        if self.socket.parent().and_then(keeper_lives) == Some(false) {
            return Err(TryError::Final(AskError::NoSupervisor));
        }
        let stream = UnixStream::connect(&self.socket).await.map_err(|why| self.not_connected(why))?;
        let broken = |error: hyper::Error| TryError::Broken(error.to_string());
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(broken)?;
        let driver = tokio::spawn(connection);
        let answer = sender.send_request(self.request(question)?).await.map_err(broken)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LONGEST_ANSWER).collect().await;
        driver.abort();
        Ok((status, body.map_err(|error| TryError::Broken(error.to_string()))?.to_bytes()))
    }

    fn request(&self, question: &Question<'_>) -> Result<Request<Full<Bytes>>, TryError> {
        let Question { method, path, accept, body } = question;
        let mut request = Request::builder().method(method).uri(*path).header(header::HOST, "betti");
        if let Some(accept) = accept {
            request = request.header(header::ACCEPT, *accept);
        }
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(config) = self.config.as_deref().and_then(as_header) {
            request = request.header(CONFIG_HEADER, config);
        }
        request.body(Full::new(body.clone())).map_err(|error| TryError::Final(AskError::Strange(error.to_string())))
    }

    fn not_connected(&self, why: io::Error) -> TryError {
        // The keeper holds the socket open while it lives, whatever becomes of the supervisor. So if nobody listens,
        // the keeper is gone.
        match why.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => TryError::Final(AskError::NoSupervisor),
            // The queue of connections is full, the kernel was interrupted, or whoever listened is about to be gone.
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::ConnectionReset => {
                TryError::Broken(why.to_string())
            }
            _ => TryError::Final(AskError::Unreachable { socket: self.socket.clone(), why }),
        }
    }
}

fn about(path: &str, targets: &[String]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(targets.iter().map(|target| ("target", target)));
    let query = query.finish();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{path}{mark}{query}")
}

fn as_header(config: &Path) -> Option<HeaderValue> {
    HeaderValue::from_bytes(config.as_os_str().as_bytes()).ok()
}

fn understand<T: DeserializeOwned>(status: StatusCode, answer: &[u8]) -> Result<T, AskError> {
    let strange = |error: serde_json::Error| AskError::Strange(error.to_string());
    if status.is_success() {
        return serde_json::from_slice(answer).map_err(strange);
    }
    match serde_json::from_slice::<Refusal>(answer) {
        Ok(refusal) => Err(AskError::Refused { status, words: refusal.error }),
        Err(_) => Err(AskError::Strange(format!("{status}"))),
    }
}
