//! WebSockets through the gateway, to real workers made here.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{fs, sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt};
use kit::{
    Routes, Rule,
    live::{Goodbye, Live},
    tls::Certificates,
};
use support::{Gateway, NOBODY};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::HeaderValue, protocol::frame::coding::CloseCode},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const SOON: Duration = Duration::from_secs(10);

/// A worker as the hub's are: it greets, echoes nothing, and says goodbye when it stops.
struct Worker {
    address: String,
    live: Arc<Live>,
    stop: CancellationToken,
    served: tokio::task::JoinHandle<()>,
}

async fn worker(certificates: Option<&Arc<Certificates>>) -> Worker {
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let live = Arc::new(Live::new(Goodbye { code: 1000, reason: "Server shutting down" }, stop.clone()));
    let routes = Routes::new().socket(None, Rule::Public, {
        let (live, tasks) = (live.clone(), tasks.clone());
        move |socket, call| {
            let (live, token) = (live.clone(), tasks.token());
            async move {
                let greeting = serde_json::json!({
                    "path": call.path,
                    "since": call.query("since"),
                    "for": call.header("x-forwarded-for"),
                });
                live.serve(socket, &call, &greeting).await;
                drop(token);
            }
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let served =
        tokio::spawn(kit::serve::serve(listener, certificates.cloned(), routes.service(), stop.clone(), tasks));
    Worker { address, live, stop, served }
}

async fn connect(gateway: &Gateway, path: &str) -> Socket {
    connect_async(format!("ws://{}{path}", gateway.address)).await.unwrap().0
}

async fn hear(socket: &mut Socket) -> Message {
    loop {
        match tokio::time::timeout(SOON, socket.next()).await.expect("nothing came").unwrap().unwrap() {
            Message::Ping(_) | Message::Pong(_) => {}
            message => return message,
        }
    }
}

async fn greeting(socket: &mut Socket) -> serde_json::Value {
    serde_json::from_str(hear(socket).await.to_text().unwrap()).unwrap()
}

/// Waits for the gateway to leave, without holding up what the worker has to say meanwhile.
async fn gone(mut gateway: Gateway) {
    let left = tokio::task::spawn_blocking(move || (gateway.wait(), gateway.rest_of_log()));
    let (status, log) = left.await.unwrap();
    assert!(status.success());
    assert!(!log.contains("left without waiting"), "everything ended by itself: {log}");
}

/// Waits for something that is about to be true.
async fn until(what: &str, is_true: impl Fn() -> bool) {
    let seen = tokio::time::timeout(SOON, async {
        while !is_true() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    seen.await.unwrap_or_else(|_| panic!("not within {SOON:?}: {what}"));
}

#[tokio::test]
async fn a_worker_is_heard_through_the_gateway() {
    let worker = worker(None).await;
    let gateway = Gateway::start(&[], &[("BETTI_API_URL", &format!("http://{}", worker.address))]);
    let mut socket = connect(&gateway, "/ws?since=7").await;
    let expected = serde_json::json!({ "path": "/", "since": "7", "for": "127.0.0.1" });
    assert_eq!(greeting(&mut socket).await, expected);
    worker.live.tell(Rule::Public, &serde_json::json!({ "type": "vital-update" }));
    assert_eq!(hear(&mut socket).await, Message::text(r#"{"type":"vital-update"}"#));
    socket.close(None).await.unwrap();
    while socket.next().await.is_some() {}
}

#[tokio::test]
async fn video_is_reached_over_http_and_over_https_with_the_hubs_own_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["betti.example".into()]).unwrap();
    fs::write(folder.path().join("cert.pem"), made.cert.pem()).unwrap();
    fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let certificates = Certificates::of_folder(folder.path());
    let (plain, encrypted) = (worker(None).await, worker(Some(&certificates)).await);
    for url in [
        format!("http://{}", plain.address),
        format!("https://{}", encrypted.address),
        // A certificate was added after the address was written down.
        format!("http://{}", encrypted.address),
    ] {
        let gateway = Gateway::start(&[], &[("BETTI_VIDEO_URL", &url)]);
        let mut socket = connect(&gateway, "/video/room").await;
        assert_eq!(greeting(&mut socket).await["path"], "/room", "{url}");
    }
}

#[tokio::test]
async fn a_worker_that_stops_says_so_through_the_gateway() {
    let worker = worker(None).await;
    let gateway = Gateway::start(&[], &[("BETTI_API_URL", &format!("http://{}", worker.address))]);
    let mut socket = connect(&gateway, "/ws").await;
    greeting(&mut socket).await;
    worker.stop.cancel();
    let Message::Close(Some(goodbye)) = hear(&mut socket).await else { panic!("a close frame with a reason") };
    assert_eq!((goodbye.code, goodbye.reason.as_str()), (CloseCode::Normal, "Server shutting down"));
    while socket.next().await.is_some() {}
    worker.served.await.unwrap();
}

#[tokio::test]
async fn a_gateway_that_restarts_says_so_itself() {
    let worker = worker(None).await;
    let gateway = Gateway::start(&[], &[("BETTI_API_URL", &format!("http://{}", worker.address))]);
    let mut socket = connect(&gateway, "/ws").await;
    greeting(&mut socket).await;
    gateway.terminate();
    let Message::Close(Some(goodbye)) = hear(&mut socket).await else { panic!("a close frame with a reason") };
    assert_eq!((goodbye.code, goodbye.reason.as_str()), (CloseCode::Restart, "Server restarting: connect again"));
    while socket.next().await.is_some() {}
    gone(gateway).await;
    until("the worker knows that the caller is gone", || worker.live.listeners() == 0).await;
}

#[tokio::test]
async fn a_goodbye_comes_between_frames_and_not_into_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut gateway = Gateway::start(&[], &[("BETTI_VIDEO_URL", &url)]);
    let (mut socket, mut behind) = tokio::join!(connect(&gateway, "/video"), async {
        tokio_tungstenite::accept_async(listener.accept().await.unwrap().0).await.unwrap()
    });
    // A frame of five bytes of which three have come, and then two and the beginning of another one.
    behind.get_mut().write_all(b"\x81\x05hel").await.unwrap();
    gateway.terminate();
    gateway.wait_for_line("\"draining\"");
    behind.get_mut().write_all(b"lo\x81\x05aga").await.unwrap();
    assert_eq!(hear(&mut socket).await, Message::text("hello"));
    let Message::Close(Some(goodbye)) = hear(&mut socket).await else { panic!("a close frame") };
    assert_eq!(goodbye.code, CloseCode::Restart);
    while socket.next().await.is_some() {}
    let Some(Ok(Message::Close(Some(goodbye)))) = behind.next().await else { panic!("a close frame") };
    assert_eq!(goodbye.code, CloseCode::Restart);
    gone(gateway).await;
}

#[tokio::test]
async fn a_caller_in_the_middle_of_a_frame_hears_the_goodbye() {
    let worker = worker(None).await;
    let gateway = Gateway::start(&[], &[("BETTI_API_URL", &format!("http://{}", worker.address))]);
    let mut socket = connect(&gateway, "/ws").await;
    greeting(&mut socket).await;
    let MaybeTlsStream::Plain(stream) = socket.get_mut() else { panic!("not encrypted") };
    stream.write_all(b"\x81\x85").await.unwrap();
    worker.live.tell(Rule::Public, &"heard");
    assert_eq!(hear(&mut socket).await, Message::text("\"heard\""));
    gateway.terminate();
    let Message::Close(Some(goodbye)) = hear(&mut socket).await else { panic!("a close frame") };
    assert_eq!(goodbye.code, CloseCode::Restart);
    drop(socket);
    gone(gateway).await;
}

#[tokio::test]
async fn a_caller_that_does_not_answer_a_goodbye_holds_nobody_up() {
    let worker = worker(None).await;
    let gateway = Gateway::start(&[], &[("BETTI_API_URL", &format!("http://{}", worker.address))]);
    let mut socket = connect(&gateway, "/ws").await;
    greeting(&mut socket).await;
    gateway.terminate();
    gone(gateway).await;
    drop(socket);
}

#[tokio::test]
async fn a_worker_that_is_away_refuses_the_upgrade() {
    let gateway = Gateway::start(&[], &[("BETTI_API_URL", NOBODY)]);
    for path in ["/ws", "/video"] {
        let refused = connect_async(format!("ws://{}{path}", gateway.address)).await.unwrap_err();
        let Error::Http(answer) = refused else { panic!("{refused}") };
        assert_eq!(answer.status(), 502, "{path}");
    }
}

#[tokio::test]
async fn a_page_of_another_site_hears_nothing() {
    let worker = worker(None).await;
    let gateway = Gateway::start(&[], &[("BETTI_API_URL", &format!("http://{}", worker.address))]);
    let from = |origin: String| {
        let mut request = format!("ws://{}/ws", gateway.address).into_client_request().unwrap();
        request.headers_mut().insert("origin", HeaderValue::from_str(&origin).unwrap());
        connect_async(request)
    };
    let Error::Http(answer) = from("http://evil.example".into()).await.unwrap_err() else { panic!("an answer") };
    assert_eq!(answer.status(), 403);
    let (mut socket, _) = from(format!("http://{}", gateway.address)).await.unwrap();
    greeting(&mut socket).await;
}

#[tokio::test]
async fn only_a_websocket_is_a_websocket() {
    let gateway = Gateway::start(&[], &[]);
    for headers in [&[][..], &["Upgrade: h2c"], &["Upgrade: websocket"]] {
        let answer = gateway.ask("GET", "/ws", headers);
        assert_eq!((answer.status, answer.header("upgrade")), (426, Some("websocket")), "{headers:?}");
    }
}

#[tokio::test]
async fn bytes_pass_unread_both_ways() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let echo = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            if message.is_binary() {
                socket.send(message).await.unwrap();
            }
        }
    });
    let gateway = Gateway::start(&[], &[("BETTI_VIDEO_URL", &url)]);
    let mut socket = connect(&gateway, "/video").await;
    let large = Message::binary((0..1_000_000u32).map(|n| n as u8).collect::<Vec<_>>());
    socket.send(large.clone()).await.unwrap();
    assert!(hear(&mut socket).await == large, "a large message comes back as it was");
    socket.close(None).await.unwrap();
    while socket.next().await.is_some() {}
    echo.await.unwrap();
}

#[tokio::test]
async fn a_body_that_the_worker_refuses_is_refused_in_its_words() {
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let routes = Routes::new()
        .post("/api/vitals", Rule::Public, async |_| Ok(kit::reply::message(http::StatusCode::OK, "taken")));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(kit::serve::serve(listener, None, routes.service(), stop, tasks));
    let gateway = Gateway::start(&[], &[("BETTI_API_URL", &url)]);
    // Just too large, and more than the buffers on the way hold.
    for length in [101 << 10, 150 << 10, 1 << 20, 16 << 20] {
        let mut stream = TcpStream::connect(&gateway.address).await.unwrap();
        let head =
            format!("POST /api/vitals HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&vec![b'1'; length]).await.expect("the gateway goes on reading");
        let mut answer = Vec::new();
        let read = tokio::time::timeout(SOON, stream.read_to_end(&mut answer)).await.expect("an answer in time");
        let answer = String::from_utf8_lossy(&answer);
        assert!(read.is_ok() && answer.starts_with("HTTP/1.1 413"), "{length} bytes: {answer}");
    }
}
