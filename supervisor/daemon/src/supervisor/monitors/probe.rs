//! One attempt to reach what an app serves. Passing tells with whom was spoken; failing says in words what was tried.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use manifest::Url;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::supervisor::reason::span;

/// The most of an answer's body that is read, so that a server which sends little is not cut off.
const MOST_BODY: usize = 64 * 1024;
/// How long the rest of an answer is waited for once its status is known.
const BODY_WITHIN: Duration = Duration::from_secs(1);
const HTTP_PORT: u16 = 80;
const USER_AGENT: &str = concat!("betti-supervisor/", env!("CARGO_PKG_VERSION"));

/// Whether a connection to this address is accepted.
pub async fn tcp(address: SocketAddr, timeout: Duration) -> Result<SocketAddr, String> {
    match tokio::time::timeout(timeout, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Ok(address),
        Ok(Err(error)) => Err(not_connected(address, &error)),
        Err(_) => Err(format!("no answer from {address} within {}", span(timeout))),
    }
}

/// Whether this URL is answered with a status from 200 to 399. Redirections are not followed.
pub async fn http(url: &Url, timeout: Duration) -> Result<SocketAddr, String> {
    let until = Instant::now() + timeout;
    let too_late = |_| Err(format!("no answer from {} within {}", written(url), span(timeout)));
    timeout_at(until, connect_and_ask(url, until)).await.unwrap_or_else(too_late)
}

async fn connect_and_ask(url: &Url, until: Instant) -> Result<SocketAddr, String> {
    let stream = connect(url).await?;
    let address = stream.peer_addr().map_err(|error| broken(url, &error))?;
    let _ = stream.set_nodelay(true);
    match ask(stream, url, until).await? {
        status if status.is_success() || status.is_redirection() => Ok(address),
        status => Err(format!("{} answered {}", written(url), status.as_u16())),
    }
}

/// To the first of the name's addresses that accepts.
async fn connect(url: &Url) -> Result<TcpStream, String> {
    let host = url.host.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::net::lookup_host((host, url.port)).await;
    let addresses = found.map_err(|error| format!("{}: cannot look up {host}: {error}", written(url)))?;
    let mut why = format!("{}: {host} has no address", written(url));
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => why = format!("{}: {}", written(url), not_connected(address, &error)),
        }
    }
    Err(why)
}

async fn ask(stream: TcpStream, url: &Url, until: Instant) -> Result<StatusCode, String> {
    let broken = |error: hyper::Error| broken(url, &error);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let request = request(url)?;
    let exchange = async move {
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        // Passed or not, that is decided; how the body ends changes nothing.
        let _ = timeout_at(until.min(Instant::now() + BODY_WITHIN), discard(answer.into_body())).await;
        Ok(status)
    };
    tokio::pin!(exchange);
    // The connection only moves while somebody waits for it. Where it ends first, the answer may still be on its way to us.
    tokio::select! {
        biased;
        answered = &mut exchange => return answered.map_err(broken),
        _ = connection => {}
    }
    exchange.await.map_err(broken)
}

fn request(url: &Url) -> Result<Request<Empty<Bytes>>, String> {
    let request = Request::get(url.path.as_str())
        .header(header::HOST, host_header(url))
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::ACCEPT, "*/*")
        .header(header::CONNECTION, "close")
        .body(Empty::new());
    request.map_err(|error| format!("{} cannot be asked for: {error}", written(url)))
}

async fn discard(mut body: Incoming) {
    let mut read = 0;
    while read < MOST_BODY
        && let Some(Ok(frame)) = body.frame().await
    {
        read += frame.data_ref().map_or(0, Bytes::len);
    }
}

fn not_connected(address: SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => format!("nobody listens on {address}"),
        _ => format!("cannot connect to {address}: {}", plain(error)),
    }
}

fn broken(url: &Url, error: &dyn std::error::Error) -> String {
    let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    format!("{} gave no whole HTTP answer: {cause}", written(url))
}

/// Without the number that the standard library puts after it.
fn plain(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(errno) => nix::errno::Errno::from_raw(errno).desc().to_lowercase(),
        None => error.to_string(),
    }
}

/// The host as it stands in a URL: an IPv6 address in brackets.
fn bracketed(url: &Url) -> String {
    if url.host.contains(':') && !url.host.starts_with('[') { format!("[{}]", url.host) } else { url.host.clone() }
}

/// The port only where it is not the usual one, as browsers write it.
fn host_header(url: &Url) -> String {
    if url.port == HTTP_PORT { bracketed(url) } else { format!("{}:{}", bracketed(url), url.port) }
}

fn written(url: &Url) -> String {
    format!("http://{}{}", host_header(url), url.path)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);
    const SHORT: Duration = Duration::from_millis(100);

    /// Answers one request with these bytes, and gives back what it was asked.
    async fn serve_once(answer: &'static str) -> (Url, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                asked.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(asked).unwrap()
        });
        (Url { host: "127.0.0.1".into(), port, path: "/health?deep=1".into() }, served)
    }

    async fn closed_port() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
    }

    #[tokio::test]
    async fn a_connection_is_enough_for_tcp_and_nobody_there_is_said() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(tcp(address, LONG).await, Ok(address));
        drop(listener);
        assert_eq!(tcp(address, LONG).await, Err(format!("nobody listens on {address}")));
    }

    #[tokio::test]
    async fn a_status_from_200_to_399_passes_and_any_other_is_named() {
        for (answer, passes) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", true),
            ("HTTP/1.1 204 No Content\r\n\r\n", true),
            ("HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n", true),
            ("HTTP/1.0 200 OK\r\n\r\nuntil the end", true),
            ("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\ncut off", true),
            ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", false),
            ("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", false),
        ] {
            let (url, served) = serve_once(answer).await;
            let outcome = http(&url, LONG).await;
            assert_eq!(outcome.is_ok(), passes, "{answer} {outcome:?}");
            if let Err(words) = outcome {
                let status = &answer[9..12];
                assert_eq!(words, format!("http://127.0.0.1:{}/health?deep=1 answered {status}", url.port));
            }
            let asked = served.await.unwrap();
            assert!(asked.starts_with("GET /health?deep=1 HTTP/1.1\r\n"), "{asked}");
            assert!(asked.contains(&format!("host: 127.0.0.1:{}\r\n", url.port)), "{asked}");
        }
    }

    #[tokio::test]
    async fn what_is_no_http_is_not_passed() {
        let (url, served) = serve_once("+PONG\r\n").await;
        let words = http(&url, LONG).await.unwrap_err();
        assert!(words.contains("gave no whole HTTP answer"), "{words}");
        served.await.unwrap();
        let (url, served) = serve_once("").await;
        let words = http(&url, LONG).await.unwrap_err();
        assert!(words.contains("gave no whole HTTP answer"), "{words}");
        served.await.unwrap();
    }

    #[tokio::test]
    async fn silence_is_a_failure_after_the_timeout_and_an_endless_body_is_none() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = Url { host: "127.0.0.1".into(), port, path: "/".into() };
        assert_eq!(http(&url, SHORT).await, Err(format!("no answer from http://127.0.0.1:{port}/ within 0.1 s")));
        drop(listener);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url { port: listener.local_addr().unwrap().port(), ..url };
        let server = async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_u8().await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
            while stream.write_all(&[b"4000\r\n".as_slice(), &[b'x'; 0x4000], b"\r\n"].concat()).await.is_ok() {}
        };
        let (outcome, ()) = tokio::join!(http(&url, LONG), server);
        assert!(outcome.is_ok(), "{outcome:?}");
    }

    #[tokio::test]
    async fn a_name_is_looked_up_and_who_is_not_there_is_said_with_the_address() {
        let closed = closed_port().await;
        let url = Url { host: "localhost".into(), port: closed.port(), path: "/x".into() };
        let words = http(&url, LONG).await.unwrap_err();
        assert!(words.starts_with(&format!("http://localhost:{}/x: nobody listens on ", closed.port())), "{words}");
        let nowhere = Url { host: "no-such-host.invalid".into(), port: 80, path: "/x".into() };
        let words = http(&nowhere, LONG).await.unwrap_err();
        assert!(words.starts_with("http://no-such-host.invalid/x: cannot look up no-such-host.invalid"), "{words}");
    }

    #[test]
    fn hosts_are_written_as_urls_have_them() {
        let url = |host: &str, port| Url { host: host.into(), port, path: "/".into() };
        for (url, expected) in [
            (url("::1", 3001), "[::1]:3001"),
            (url("[::1]", 3001), "[::1]:3001"),
            (url("example.org", 80), "example.org"),
            (url("10.0.0.1", 8080), "10.0.0.1:8080"),
        ] {
            assert_eq!(host_header(&url), expected);
        }
    }
}
