//! The worker as its clients and its operator meet it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use futures_util::{SinkExt, StreamExt};
use support::Worker;
use tempfile::TempDir;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        ClientRequestBuilder, Error, Message,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

use jiff::Timestamp;
use kit::{Access, Area, access::Invitation, role::Role, rule::Level};

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

async fn connect(worker: &Worker) -> Socket {
    let url = format!("ws://{}/", worker.address).parse().unwrap();
    let request = ClientRequestBuilder::new(url).with_header("Authorization", format!("Bearer {}", worker.token));
    connect_async(request).await.unwrap().0
}

/// How a device of this role with these grants is answered that opens a WebSocket.
async fn status_of(worker: &Worker, role: Role, resident: i64, grants: &[(Area, Level)]) -> u16 {
    let access = Access::open(worker.data()).unwrap();
    let invitation = Invitation { resident, grants: grants.to_vec(), ..Invitation::of(role) };
    let device = access.add_program(invitation, Timestamp::now()).await.unwrap();
    let mut statuses = Vec::new();
    for path in ["/", "/?resident=1", "/?resident=2", "/any/path"] {
        let url = format!("ws://{}{path}", worker.address).parse().unwrap();
        let bearer = format!("Bearer {}", device.token.reveal());
        let answer = connect_async(ClientRequestBuilder::new(url).with_header("Authorization", bearer)).await;
        statuses.push(match answer {
            Ok(_) => 101,
            Err(Error::Http(response)) => response.status().as_u16(),
            Err(error) => panic!("{error}"),
        });
    }
    // Whoever may call for a resident names them.
    if statuses[if resident == 1 { 0 } else { 2 }] == 101 { 101 } else { statuses.into_iter().min().unwrap() }
}

async fn say(socket: &mut Socket, text: impl Into<String>) {
    socket.send(Message::text(text.into())).await.unwrap();
}

/// The next text, or the code of the close frame.
async fn hear(socket: &mut Socket) -> Result<String, Option<CloseCode>> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
            Some(Ok(Message::Close(frame))) => return Err(frame.map(|frame| frame.code)),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Err(None),
        }
    }
}

/// Sends bytes as they are and reads until the worker closes.
fn exchange(worker: &Worker, request: &str) -> String {
    let mut stream = TcpStream::connect(&worker.address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn get(worker: &Worker, path: &str) -> String {
    exchange(worker, &format!("GET {path} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n"))
}

fn make_certificates(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_betti-video"));
    command.arg("certs").args(arguments).current_dir(folder).output().unwrap()
}

#[test]
fn the_main_variant_answers_health_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let worker = Worker::start(folder.path(), &[]);
    let health = get(&worker, "/api/health");
    assert!(health.starts_with("HTTP/1.1 200") && health.contains(r#""status":"ok""#), "{health}");
    let nothing = get(&worker, "/");
    assert!(nothing.starts_with("HTTP/1.1 404") && nothing.contains(r#""success":false"#), "{nothing}");
}

#[test]
fn behind_a_tunnel_only_reading_is_answered() {
    let folder = TempDir::new().unwrap();
    let worker = Worker::start(folder.path(), &["--tunnel"]);
    assert!(get(&worker, "/any/path?x=1").starts_with("HTTP/1.1 200"));
    let post = exchange(&worker, "POST / HTTP/1.1\r\nHost: hub\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    assert!(post.starts_with("HTTP/1.1 405") && post.contains("allow: GET"), "{post}");
}

#[test]
fn a_public_folder_keeps_what_is_beside_it_to_itself() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("page")).unwrap();
    fs::write(folder.path().join("page/index.html"), "home").unwrap();
    fs::write(folder.path().join("outside.txt"), "secret").unwrap();
    let worker = Worker::start(folder.path(), &["--tunnel", "--public", "page"]);
    let home = get(&worker, "/?from=a-link");
    assert!(home.ends_with("home"), "{home}");
    let policy = home.lines().find_map(|line| line.strip_prefix("content-security-policy: ")).unwrap();
    for directive in
        ["default-src 'self'", "object-src 'none'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"]
    {
        assert!(policy.split("; ").any(|said| said == directive), "{directive} in {policy}");
    }
    assert!(!policy.contains("http:") && !policy.contains('*') && !policy.contains("unsafe-eval"), "{policy}");
    for path in ["/../outside.txt", "/%2e%2e/outside.txt", "/page/../../outside.txt"] {
        let answer = get(&worker, path);
        assert!(answer.starts_with("HTTP/1.1 404") && !answer.contains("secret"), "{path}: {answer}");
    }
}

#[test]
fn a_public_folder_that_is_asked_for_has_to_be_there() {
    let folder = TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_betti-video"));
    let output = command
        .args(["--tunnel", "--public", "pages"])
        .current_dir(folder.path())
        .env("VIDEO_PORT", "0")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("--public pages: there is no such folder"), "{said}");
}

#[tokio::test]
async fn whoever_is_connected_is_told_when_the_worker_stops() {
    let folder = TempDir::new().unwrap();
    let mut worker = Worker::start(folder.path(), &[]);
    let mut socket = connect(&worker).await;
    say(&mut socket, r#"{"type":"join-room","roomId":"r","userId":"u"}"#).await;
    assert!(hear(&mut socket).await.unwrap().contains("joined-room"));
    worker.terminate();
    assert_eq!(hear(&mut socket).await, Err(Some(CloseCode::Restart)));
    // Reading on answers the close frame, which ends the draining.
    while socket.next().await.is_some() {}
    assert!(worker.wait().success());
}

#[tokio::test]
async fn a_reload_takes_the_seat_over() {
    let folder = TempDir::new().unwrap();
    let worker = Worker::start(folder.path(), &[]);
    let (mut old, mut other, mut new) = (connect(&worker).await, connect(&worker).await, connect(&worker).await);
    say(&mut old, r#"{"type":"join-room","roomId":"r","userId":"alice"}"#).await;
    hear(&mut old).await.unwrap();
    say(&mut other, r#"{"type":"join-room","roomId":"r","userId":"bob"}"#).await;
    hear(&mut other).await.unwrap();
    say(&mut new, r#"{"type":"join-room","roomId":"r","userId":"alice"}"#).await;
    let joined = r#"{"type":"joined-room","roomId":"r","userId":"alice","participants":["bob"]}"#;
    assert_eq!(hear(&mut new).await.unwrap(), joined);
    assert_eq!(hear(&mut other).await.unwrap(), r#"{"type":"user-joined","userId":"alice"}"#);
    // The old connection's end is over when its close frame is answered; the seat is still there.
    old.close(None).await.unwrap();
    while old.next().await.is_some() {}
    say(&mut new, r#"{"type":"offer","roomId":"r","offer":1}"#).await;
    let offer = r#"{"type":"offer","roomId":"r","offer":1,"fromUserId":"alice"}"#;
    assert_eq!(hear(&mut other).await.unwrap(), offer);
}

/// Two who sit in room `r`.
async fn alice_and_bob(worker: &Worker) -> (Socket, Socket) {
    let (mut alice, mut bob) = (connect(worker).await, connect(worker).await);
    say(&mut alice, r#"{"type":"join-room","roomId":"r","userId":"alice"}"#).await;
    hear(&mut alice).await.unwrap();
    say(&mut bob, r#"{"type":"join-room","roomId":"r","userId":"bob"}"#).await;
    hear(&mut bob).await.unwrap();
    hear(&mut alice).await.unwrap();
    (alice, bob)
}

#[tokio::test]
async fn whoever_loses_the_connection_finds_the_seat_and_was_never_away() {
    let folder = TempDir::new().unwrap();
    let worker = Worker::start(folder.path(), &[]);
    let (alice, mut bob) = alice_and_bob(&worker).await;
    drop(alice);
    until_health_says(&worker, r#""websocketClients":1"#);
    let mut stranger = connect(&worker).await;
    say(&mut stranger, r#"{"type":"join-room","roomId":"r","userId":"carol"}"#).await;
    assert!(hear(&mut stranger).await.unwrap().contains("Room is full"), "the seat is alice's");
    let mut again = connect(&worker).await;
    say(&mut again, r#"{"type":"join-room","roomId":"r","userId":"alice"}"#).await;
    let joined = r#"{"type":"joined-room","roomId":"r","userId":"alice","participants":["bob"]}"#;
    assert_eq!(hear(&mut again).await.unwrap(), joined);
    assert_eq!(hear(&mut bob).await.unwrap(), r#"{"type":"user-joined","userId":"alice"}"#, "and nobody left");
    // When the wait for the lost connection is over, the seat is still hers.
    say(&mut again, r#"{"type":"offer","roomId":"r","offer":1}"#).await;
    assert!(hear(&mut bob).await.unwrap().contains("offer"));
}

#[tokio::test]
async fn whoever_does_not_come_back_has_left_and_who_says_so_at_once() {
    let folder = TempDir::new().unwrap();
    let worker = Worker::start(folder.path(), &[]);
    let left = r#"{"type":"user-left","userId":"alice"}"#;
    for (how, at_once) in [
        (Some(CloseCode::Normal), true),
        (Some(CloseCode::Away), true),
        (Some(CloseCode::Restart), false),
        (None, false),
    ] {
        let (mut alice, mut bob) = alice_and_bob(&worker).await;
        let began = std::time::Instant::now();
        if let Some(code) = how {
            alice.close(Some(CloseFrame { code, reason: "".into() })).await.unwrap();
        }
        drop(alice);
        assert_eq!(hear(&mut bob).await.unwrap(), left, "{how:?}");
        assert_eq!(began.elapsed() < std::time::Duration::from_secs(2), at_once, "{how:?}");
        bob.close(None).await.unwrap();
        while bob.next().await.is_some() {}
        until_health_says(&worker, r#""rooms":0"#);
    }
}

#[tokio::test]
async fn after_a_restart_both_come_back_in_any_order_and_nobody_hears_that_somebody_left() {
    let folder = TempDir::new().unwrap();
    for order in [["alice", "bob"], ["bob", "alice"]] {
        let mut old = Worker::start(folder.path(), &[]);
        let (mut alice, mut bob) = alice_and_bob(&old).await;
        old.terminate();
        for socket in [&mut alice, &mut bob] {
            assert_eq!(hear(socket).await, Err(Some(CloseCode::Restart)), "the first that is heard");
            while socket.next().await.is_some() {}
        }
        assert!(old.wait().success());
        let new = Worker::start(folder.path(), &[]);
        let (mut first, mut second) = (connect(&new).await, connect(&new).await);
        let join = |user: &str| format!(r#"{{"type":"join-room","roomId":"r","userId":"{user}"}}"#);
        say(&mut first, join(order[0])).await;
        assert!(hear(&mut first).await.unwrap().contains(r#""participants":[]"#));
        say(&mut second, join(order[1])).await;
        assert!(hear(&mut second).await.unwrap().contains(&format!(r#""participants":["{}"]"#, order[0])));
        assert_eq!(hear(&mut first).await.unwrap(), format!(r#"{{"type":"user-joined","userId":"{}"}}"#, order[1]));
    }
}

#[tokio::test]
async fn while_two_run_side_by_side_both_who_talk_come_to_the_new_one() {
    let folder = TempDir::new().unwrap();
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut old = Worker::start_with(folder.path(), &socket);
    let (mut alice, mut bob) = alice_and_bob(&old).await;
    let new = Worker::start_with(folder.path(), &socket);
    assert_eq!(new.address, old.address);
    old.terminate();
    // Each comes back as soon as it hears that it should, as the pages do, while the old one still leaves.
    let mut heard = Vec::new();
    for (user, socket) in [("alice", &mut alice), ("bob", &mut bob)] {
        assert_eq!(hear(socket).await, Err(Some(CloseCode::Restart)), "{user}");
        *socket = connect(&new).await;
        say(socket, format!(r#"{{"type":"join-room","roomId":"r","userId":"{user}"}}"#)).await;
        heard.push(hear(socket).await.unwrap());
    }
    assert!(heard[0].contains(r#""participants":[]"#), "{heard:?}");
    assert!(heard[1].contains(r#""participants":["alice"]"#), "{heard:?}");
    assert!(hear(&mut alice).await.unwrap().contains("user-joined"));
    assert!(old.wait().success());
}

#[tokio::test]
async fn what_waits_in_a_held_socket_is_the_next_workers() {
    let folder = TempDir::new().unwrap();
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut old = Worker::start_with(folder.path(), &socket);
    old.terminate();
    assert!(old.wait().success());
    let waiting: Vec<_> = (0..10).map(|_| TcpStream::connect(&old.address).unwrap()).collect();
    let _new = Worker::start_with(folder.path(), &socket);
    for mut stream in waiting {
        stream.write_all(b"GET /api/health HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

#[tokio::test]
async fn a_worker_that_stops_does_not_wait_for_who_was_lost() {
    let folder = TempDir::new().unwrap();
    let mut worker = Worker::start(folder.path(), &[]);
    let (alice, mut bob) = alice_and_bob(&worker).await;
    drop(alice);
    until_health_says(&worker, r#""websocketClients":1"#);
    worker.terminate();
    assert_eq!(hear(&mut bob).await, Err(Some(CloseCode::Restart)));
    while bob.next().await.is_some() {}
    assert!(worker.wait().success());
    assert!(!worker.rest_of_log().contains("left without waiting"));
}

/// Asks until it is so; there is no event for it.
fn until_health_says(worker: &Worker, text: &str) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !get(worker, "/api/health").contains(text) {
        assert!(std::time::Instant::now() < deadline, "never {text}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[tokio::test]
async fn too_large_a_message_ends_its_sender_only() {
    let folder = TempDir::new().unwrap();
    let worker = Worker::start(folder.path(), &[]);
    let (mut alice, mut bob) = (connect(&worker).await, connect(&worker).await);
    say(&mut alice, r#"{"type":"join-room","roomId":"r","userId":"alice"}"#).await;
    hear(&mut alice).await.unwrap();
    say(&mut bob, r#"{"type":"join-room","roomId":"r","userId":"bob"}"#).await;
    hear(&mut bob).await.unwrap();
    hear(&mut alice).await.unwrap();
    let sdp = "x".repeat(kit::routes::LARGEST_MESSAGE);
    // The worker may end the connection before all of it is written.
    let _ = bob.send(Message::text(format!(r#"{{"type":"offer","roomId":"r","offer":"{sdp}"}}"#))).await;
    assert_eq!(hear(&mut alice).await.unwrap(), r#"{"type":"user-left","userId":"bob"}"#);
}

#[tokio::test]
async fn a_flood_ends_its_sender() {
    let folder = TempDir::new().unwrap();
    let worker = Worker::start(folder.path(), &[]);
    let mut socket = connect(&worker).await;
    let flood = async { while socket.feed(Message::text("{}")).await.is_ok() {} };
    flood.await;
    while let Some(Ok(_)) = socket.next().await {}
    assert!(get(&worker, "/api/health").contains(r#""websocketClients":0"#));
}

#[test]
fn without_a_certificate_it_says_that_it_serves_http() {
    let folder = TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_betti-video"));
    let mut child = command
        .current_dir(folder.path())
        .env_remove("BETTI_CERTS")
        .env("VIDEO_PORT", "0")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let log = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let said: Vec<_> = log.map_while(Result::ok).take_while(|line| !line.contains("\"listening\"")).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    let about: Vec<_> = said.iter().filter(|line| line.contains("serving HTTP")).collect();
    assert_eq!(about.len(), 1, "{said:?}");
}

#[test]
fn a_new_certificate_is_served_without_a_restart() {
    let folder = TempDir::new().unwrap();
    assert!(make_certificates(folder.path(), &[]).status.success());
    let mut worker = Worker::start(folder.path(), &[]);
    let before = fs::read(folder.path().join("certs/cert.pem")).unwrap();
    assert!(make_certificates(folder.path(), &["--force", "--name", "betti.example"]).status.success());
    assert_ne!(fs::read(folder.path().join("certs/cert.pem")).unwrap(), before);
    worker.wait_for_line("a new certificate is in force");
}

#[test]
fn certificates_are_private_and_not_replaced_unasked() {
    let folder = TempDir::new().unwrap();
    let made = make_certificates(folder.path(), &["--folder", "here", "--name", "betti.example", "192.168.1.7"]);
    let said = String::from_utf8_lossy(&made.stdout).into_owned();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    for name in ["localhost", "127.0.0.1", "::1", "betti.example", "192.168.1.7"] {
        assert!(said.contains(name), "{name} is missing: {said}");
    }
    assert_eq!(said.lines().count(), 3, "{said}");
    for file in ["here/cert.pem", "here/key.pem"] {
        let mode = fs::metadata(folder.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let key = fs::read(folder.path().join("here/key.pem")).unwrap();
    let refused = make_certificates(folder.path(), &["--folder", "here"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("is there already. To replace it:"));
    assert_eq!(fs::read(folder.path().join("here/key.pem")).unwrap(), key);
}

#[test]
fn a_name_that_is_none_is_refused_by_name() {
    let folder = TempDir::new().unwrap();
    let refused = make_certificates(folder.path(), &["--name", "büro.example"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("büro.example"));
    assert!(!folder.path().join("certs").exists(), "nothing is left behind");
}

/// Who may call for nobody joins no room.
#[tokio::test]
async fn whoever_may_not_call_opens_no_websocket_whomever_they_name() {
    let folder = TempDir::new().unwrap();
    let worker = Worker::start(folder.path(), &[]);
    let all_but_video: Vec<_> = Area::ALL.into_iter().filter(|area| *area != Area::Video).collect();
    for resident in [1, 2] {
        let others: Vec<_> = all_but_video.iter().map(|area| (*area, Level::Write)).collect();
        assert_eq!(status_of(&worker, Role::Carer, resident, &others).await, 403);
        assert_eq!(
            status_of(&worker, Role::Carer, resident, &[(Area::Video, Level::Read)]).await,
            403,
            "seeing is not calling"
        );
        assert_eq!(status_of(&worker, Role::Device, resident, Role::Device.first_grants()).await, 403);
        assert_eq!(status_of(&worker, Role::Carer, resident, &[(Area::Video, Level::Write)]).await, 101);
    }
}
