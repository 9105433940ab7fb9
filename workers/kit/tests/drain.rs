//! How a worker leaves: what is under way is answered, what is idle is closed, nobody is cut off.
#![allow(clippy::unwrap_used, reason = "what fails in a test is to end it")]

mod support;

use std::{
    io::{ErrorKind, Write},
    net::SocketAddr,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt};
use http::StatusCode;
use kit::{
    Problem, Routes, Rule,
    live::{Goodbye, Live},
    reply,
    serve::{DRAIN_WITHIN, IDLE_LINGER},
    tls::Certificates,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What does not happen within this does not happen.
const SOON: Duration = Duration::from_secs(20);

/// A little, on the clock of the test.
const A_MOMENT: Duration = Duration::from_millis(20);

struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    served: JoinHandle<()>,
    /// A request for `/slow` has begun.
    entered: Arc<Notify>,
    /// Lets it go on.
    release: Arc<Notify>,
}

impl Server {
    async fn start(certificates: Option<&Arc<Certificates>>) -> Self {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let live = Arc::new(Live::new(Goodbye::RESTART, stop.clone()));
        let slow = {
            let (entered, release) = (entered.clone(), release.clone());
            move |_| {
                let (entered, release) = (entered.clone(), release.clone());
                async move {
                    entered.notify_one();
                    release.notified().await;
                    Ok::<_, Problem>(reply::message(StatusCode::OK, "finished"))
                }
            }
        };
        let routes = Routes::new()
            .socket(None, Rule::Public, move |socket, call| {
                let live = live.clone();
                async move { live.serve(socket, &call, &"hello").await }
            })
            .get("/slow", Rule::Public, slow)
            .get("/", Rule::Public, async |_| Ok(reply::message(StatusCode::OK, "at once")))
            .post("/", Rule::Public, async |_| Ok(reply::message(StatusCode::OK, "taken")));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served =
            tokio::spawn(kit::serve::serve(listener, certificates.cloned(), routes.service(), stop.clone(), tasks));
        Self { address, stop, served, entered, release }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A connection that was used once and is kept.
    async fn kept_alive(&self) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(GET).await.unwrap();
        let answer = answer(&mut stream).await;
        assert!(answer.contains("at once") && !answer.contains("connection: close"), "{answer}");
        stream
    }

    async fn gone(self) {
        tokio::time::timeout(SOON, self.served).await.expect("it drains").unwrap();
    }
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n";

/// One answer, whose body is JSON; an error says that there was none.
async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut seen = Vec::new();
    let mut byte = [0];
    while !seen.ends_with(b"}") {
        let read = tokio::time::timeout(SOON, stream.read(&mut byte)).await.expect("an answer in time");
        assert_eq!(read.expect("no reset"), 1, "it ended after {:?}", String::from_utf8_lossy(&seen));
        seen.push(byte[0]);
    }
    String::from_utf8(seen).unwrap()
}

/// Whether the server closed, and did not break the connection.
async fn is_closed(stream: &mut (impl AsyncRead + Unpin)) -> bool {
    let mut rest = Vec::new();
    tokio::time::timeout(SOON, stream.read_to_end(&mut rest)).await.is_ok_and(|read| read.is_ok_and(|bytes| bytes == 0))
}

/// A clock that moves only when it is told to.
///
/// tokio's own moves by itself as soon as everybody waits, for sockets too; not while something blocks.
struct Clock(#[expect(dead_code, reason = "its end ends the blocking")] mpsc::Sender<()>);

impl Clock {
    fn stopped() -> Self {
        let (sender, receiver) = mpsc::channel::<()>();
        tokio::time::pause();
        tokio::task::spawn_blocking(move || receiver.recv());
        Self(sender)
    }

    /// Lets everything happen that is due, then moves on. What follows from that is left to happen.
    async fn advance(&self, by: Duration) {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        tokio::time::advance(by).await;
    }
}

#[tokio::test]
async fn an_idle_connection_waits_for_a_request_that_is_under_way_and_then_closes() {
    let clock = Clock::stopped();
    for used_before in [true, false] {
        let server = Server::start(None).await;
        let mut late = if used_before { server.kept_alive().await } else { server.connect().await };
        let mut silent = if used_before { server.kept_alive().await } else { server.connect().await };
        server.stop.cancel();
        clock.advance(IDLE_LINGER - A_MOMENT).await;
        late.write_all(GET).await.unwrap();
        let answer = answer(&mut late).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close\r\n"), "{answer}");
        assert!(is_closed(&mut late).await, "after its last answer");
        let mut nothing = [0];
        assert_eq!(silent.try_read(&mut nothing).unwrap_err().kind(), ErrorKind::WouldBlock, "it is still open");
        clock.advance(A_MOMENT * 2).await;
        assert!(is_closed(&mut silent).await);
        server.gone().await;
    }
}

#[tokio::test]
async fn a_request_in_the_sockets_buffer_at_the_last_moment_is_answered() {
    let clock = Clock::stopped();
    // Whole, and only its beginning: the rest comes when the wait is over.
    for (first, rest) in [GET.split_at(GET.len()), GET.split_at(7)] {
        let server = Server::start(None).await;
        let mut stream = server.kept_alive().await.into_std().unwrap();
        server.stop.cancel();
        clock.advance(IDLE_LINGER - A_MOMENT).await;
        // The time passes first, the bytes are there before anybody hears of it.
        let passes = tokio::time::advance(A_MOMENT * 2);
        stream.write_all(first).unwrap();
        passes.await;
        let mut stream = TcpStream::from_std(stream).unwrap();
        stream.write_all(rest).await.unwrap();
        assert!(answer(&mut stream).await.contains("connection: close\r\n"));
        assert!(is_closed(&mut stream).await);
        server.gone().await;
    }
}

#[tokio::test]
async fn a_request_that_was_sent_just_before_the_stop_is_answered() {
    let server = Server::start(None).await;
    let mut stream = server.kept_alive().await.into_std().unwrap();
    stream.write_all(GET).unwrap();
    server.stop.cancel();
    let mut stream = TcpStream::from_std(stream).unwrap();
    assert!(answer(&mut stream).await.contains("connection: close\r\n"));
    assert!(is_closed(&mut stream).await);
    let told = Instant::now();
    server.gone().await;
    assert!(told.elapsed() < IDLE_LINGER, "nobody is left to wait for");
}

#[tokio::test]
async fn a_slow_request_is_finished_and_is_its_connections_last() {
    let (server, clock) = (Server::start(None).await, Clock::stopped());
    let mut stream = server.connect().await;
    stream.write_all(b"GET /slow HTTP/1.1\r\nHost: hub\r\n\r\n").await.unwrap();
    server.entered.notified().await;
    server.stop.cancel();
    clock.advance(IDLE_LINGER + A_MOMENT).await;
    server.release.notify_one();
    let answer = answer(&mut stream).await;
    assert!(answer.contains("finished") && answer.contains("connection: close\r\n"), "{answer}");
    assert!(is_closed(&mut stream).await);
    server.gone().await;
}

#[tokio::test]
async fn who_never_finishes_is_left_in_the_end() {
    let (server, clock) = (Server::start(None).await, Clock::stopped());
    let mut stream = server.connect().await;
    stream.write_all(b"GET /slow HTTP/1.1\r\nHost: hub\r\n\r\n").await.unwrap();
    server.entered.notified().await;
    server.stop.cancel();
    clock.advance(DRAIN_WITHIN - A_MOMENT).await;
    clock.advance(A_MOMENT / 2).await;
    assert!(!server.served.is_finished(), "it still has time");
    clock.advance(A_MOMENT).await;
    server.gone().await;
}

#[tokio::test]
async fn what_waits_in_the_queue_of_a_socket_that_nobody_else_holds_is_answered() {
    let server = Server::start(None).await;
    // No step is left to the server between these: nobody has taken any of them when it is told to stop.
    let queued: Vec<_> = (0..20)
        .map(|_| {
            let mut stream = std::net::TcpStream::connect(server.address).unwrap();
            stream.write_all(GET).unwrap();
            stream.set_nonblocking(true).unwrap();
            stream
        })
        .collect();
    server.stop.cancel();
    for stream in queued {
        let mut stream = TcpStream::from_std(stream).unwrap();
        assert!(answer(&mut stream).await.contains("connection: close\r\n"));
    }
    server.gone().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_answered_and_not_cut_off() {
    // More than fits into the buffers between the two.
    const LENGTH: usize = 32 << 20;
    let server = Server::start(None).await;
    let mut stream = server.connect().await;
    let head = format!("POST / HTTP/1.1\r\nHost: hub\r\nContent-Length: {LENGTH}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    // All of it is sent before anything is read, as many clients do.
    for _ in 0..LENGTH / 65536 {
        stream.write_all(&[b'1'; 65536]).await.expect("the server goes on reading");
    }
    let answer = answer(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(is_closed(&mut stream).await);
}

#[tokio::test]
async fn a_websocket_is_told_that_the_service_restarts_and_its_answer_is_awaited() {
    let server = Server::start(None).await;
    let url = format!("ws://{}/", server.address);
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("\"hello\""));
    server.stop.cancel();
    let frame = loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Close(frame) => break frame.expect("a code"),
            _ => continue,
        }
    };
    assert_eq!(u16::from(frame.code), 1012);
    assert!(!server.served.is_finished(), "the answer is awaited");
    socket.flush().await.unwrap();
    while socket.next().await.is_some() {}
    server.gone().await;
}

#[tokio::test]
async fn a_websocket_that_opens_at_the_last_moment_is_told_too() {
    let server = Server::start(None).await;
    let stream = server.kept_alive().await;
    server.stop.cancel();
    let (mut socket, _) = tokio_tungstenite::client_async("ws://hub/", stream).await.unwrap();
    let mut code = None;
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Close(Some(frame)) = message {
            code = Some(u16::from(frame.code));
        }
    }
    assert_eq!(code, Some(1012));
    server.gone().await;
}

fn certificates() -> (tempfile::TempDir, Arc<Certificates>, tokio_rustls::TlsConnector) {
    let folder = tempfile::tempdir().unwrap();
    let certificate = support::write_pair(folder.path());
    let certificates = Certificates::of_folder(folder.path());
    (folder, certificates, support::connector(&certificate, &[b"h2"]))
}

/// The next HTTP/2 frame's type and payload; `None` at the end.
async fn frame(stream: &mut (impl AsyncRead + Unpin)) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 9];
    tokio::time::timeout(SOON, stream.read_exact(&mut head)).await.expect("a frame in time").ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; length as usize];
    stream.read_exact(&mut payload).await.ok()?;
    Some((head[3], payload))
}

#[tokio::test]
async fn an_http2_connection_is_told_to_go_away() {
    const SETTINGS: u8 = 4;
    const GOAWAY: u8 = 7;
    const NO_ERROR: &[u8] = &[0, 0, 0, 0];
    let (_folder, certificates, connector) = certificates();
    let server = Server::start(Some(&certificates)).await;
    let mut stream = connector.connect("hub".try_into().unwrap(), server.connect().await).await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    assert_eq!(frame(&mut stream).await.unwrap().0, SETTINGS);
    server.stop.cancel();
    let goodbye = loop {
        match frame(&mut stream).await.expect("GOAWAY before the end") {
            (GOAWAY, payload) => break payload,
            _ => continue,
        }
    };
    assert_eq!(&goodbye[4..8], NO_ERROR);
    drop(stream);
    server.gone().await;
}
