//! The kit as a client meets it: a real listener and real connections.
#![allow(clippy::unwrap_used, reason = "what fails in a test is to end it")]

use std::{net::SocketAddr, sync::Arc};

use futures_util::StreamExt;
use http::{Method, StatusCode};
use kit::{
    Access, Area, Call, Problem, Routes, Rule,
    access::kiosk::Stakes,
    live::{Goodbye, Live},
    reply,
    role::Role,
    routes,
};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Message};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    served: JoinHandle<()>,
    live: Arc<Live>,
    /// A header line by which its guests are known.
    authorization: String,
    _data: TempDir,
}

async fn serve(table: impl FnOnce(Routes) -> Routes) -> Server {
    let (stop, tasks, data) = (CancellationToken::new(), TaskTracker::new(), TempDir::new().unwrap());
    let access = Access::open(data.path()).unwrap();
    let bearer = access.service().bearer_at("127.0.0.1").unwrap();
    let authorization = format!("Authorization: {}", bearer.to_str().unwrap());
    let live = Arc::new(Live::new(Goodbye { code: 1000, reason: "Server shutting down" }, stop.clone()));
    let routes = table(Routes::new().guarded_by(access)).socket(None, Rule::Read(Area::Vitals), {
        let (live, tasks) = (live.clone(), tasks.clone());
        move |socket, call| {
            let (live, token) = (live.clone(), tasks.token());
            async move {
                live.serve(socket, &call, &json!({"type": "connection"})).await;
                drop(token);
            }
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(kit::serve::serve(listener, None, routes.service(), stop.clone(), tasks));
    Server { address, stop, served, live, authorization, _data: data }
}

/// Sends bytes as they are and reads until the server closes.
async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await; // A reset after the answer is fine.
    String::from_utf8_lossy(&answer).into_owned()
}

async fn get(address: SocketAddr, path: &str) -> String {
    exchange(address, &format!("GET {path} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n")).await
}

async fn echo(call: Call) -> Result<warp::reply::Response, Problem> {
    let who = call.identity.caller().map(|caller| caller.role);
    assert_eq!(who, call.header("authorization").map(|_| Role::Service));
    let body: serde_json::Value = call.json()?;
    Ok(reply::data(StatusCode::OK, &json!({"type": call.parameter("type"), "query": call.query("q"), "body": body})))
}

#[tokio::test]
async fn paths_fit_in_any_case_and_the_first_pattern_wins() {
    let server = serve(|routes| {
        let fixed = |_| async { Ok(reply::message(StatusCode::OK, "fixed")) };
        routes.get("/api/vitals/latest", Rule::Public, fixed).get("/api/vitals/{type}", Rule::Public, echo)
    })
    .await;
    assert!(get(server.address, "/API/Vitals/LATEST/").await.contains("fixed"));
    let answer = get(server.address, "/api/vitals/heart%20rate?q=a%26b&q=c+d").await;
    assert!(answer.contains(r#""type":"heart rate""#) && answer.contains(r#""query":"c d""#), "{answer}");
    assert!(answer.contains("content-type: application/json; charset=utf-8"), "{answer}");
    assert!(get(server.address, "/api/vitals/").await.starts_with("HTTP/1.1 404"));
    assert!(get(server.address, "/api/vitals/a/b").await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn a_tail_takes_all_that_follows_and_at_least_one_segment() {
    async fn show(call: Call) -> Result<warp::reply::Response, Problem> {
        let seen = json!({"rest": call.parameter("rest"), "path": call.path, "query": call.raw_query()});
        Ok(reply::data(StatusCode::OK, &seen))
    }
    let server = serve(|routes| routes.get("/api/nutrition/{*rest}", Rule::Public, show)).await;
    let answer = get(server.address, "/API/nutrition/meal/7%208?q=a%26b&q=c").await;
    assert!(answer.contains(r#""rest":"meal/7 8""#), "{answer}");
    assert!(answer.contains(r#""path":"/API/nutrition/meal/7%208""#), "as it was sent: {answer}");
    assert!(answer.contains(r#""query":"q=a%26b&q=c""#), "as it was sent: {answer}");
    for path in ["/api/nutrition", "/api/nutrition/", "/api/nutritions/meal"] {
        assert!(get(server.address, path).await.starts_with("HTTP/1.1 404"), "{path}");
    }
}

#[tokio::test]
async fn what_is_refused_says_why_in_the_envelope() {
    let server = serve(|routes| routes.post("/api/vitals", Rule::Public, echo)).await;
    let wrong_method = get(server.address, "/api/vitals").await;
    assert!(wrong_method.starts_with("HTTP/1.1 405") && wrong_method.contains("allow: POST"), "{wrong_method}");
    let post = |length: usize, body: &str| {
        format!("POST /api/vitals HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
    };
    let broken = exchange(server.address, &post(4, "{bad")).await;
    assert!(broken.starts_with("HTTP/1.1 400") && broken.contains(r#""success":false"#), "{broken}");
    let most = "1".repeat(routes::LARGEST_PUBLIC_BODY);
    let more = format!("{most}1");
    assert!(exchange(server.address, &post(more.len(), &more)).await.starts_with("HTTP/1.1 413"));
    let largest = format!("\"{}\"", &most[2..]);
    assert!(exchange(server.address, &post(largest.len(), &largest)).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn who_is_refused_before_the_body_was_read_is_told_that_the_connection_ends() {
    let server = serve(|routes| routes.post("/api/vitals", Rule::Public, echo)).await;
    let post = async |path: &str, length: usize| {
        let body = "1".repeat(length);
        let request = format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n{body}");
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![0; 4096];
        let length = stream.read(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer[..length]).into_owned()
    };
    let closes = |answer: &str| answer.contains("connection: close");
    let too_large = post("/api/vitals", routes::LARGEST_PUBLIC_BODY + 1).await;
    assert!(too_large.starts_with("HTTP/1.1 413") && closes(&too_large), "{too_large}");
    let nowhere = post("/nowhere", 10).await;
    assert!(nowhere.starts_with("HTTP/1.1 404") && closes(&nowhere), "{nowhere}");
    let without_body = post("/nowhere", 0).await;
    assert!(
        without_body.starts_with("HTTP/1.1 404") && !closes(&without_body),
        "nothing is left unread: {without_body}"
    );
    let read = post("/api/vitals", 10).await;
    assert!(read.starts_with("HTTP/1.1 200") && !closes(&read), "{read}");
}

#[tokio::test]
async fn every_answer_tells_browsers_to_keep_nothing_and_to_run_nothing() {
    let server = serve(|routes| {
        routes.get("/api/vitals", Rule::Public, |_| async {
            Ok(reply::message(StatusCode::OK, "<script>alert(1)</script>"))
        })
    })
    .await;
    for (path, status) in [("/api/vitals", 200), ("/api/gone", 404)] {
        let answer = get(server.address, path).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        for line in [
            "cache-control: no-store\r\n",
            "x-content-type-options: nosniff\r\n",
            "referrer-policy: no-referrer\r\n",
            "cross-origin-resource-policy: same-origin\r\n",
            "content-security-policy: default-src 'none'; base-uri 'none';",
        ] {
            assert!(answer.contains(line), "{line} is missing: {answer}");
        }
    }
}

#[tokio::test]
async fn a_route_may_take_larger_bodies_than_the_others() {
    let most = routes::LARGEST_PUBLIC_BODY + 10;
    let server = serve(|routes| {
        let routes = routes.post("/large", Rule::Public, echo).with_largest_body(most);
        routes.post("/usual", Rule::Public, echo)
    })
    .await;
    let post = async |path: &str, length: usize| {
        let body = format!("\"{}\"", "1".repeat(length - 2));
        let head = format!("POST {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {length}");
        exchange(server.address, &format!("{head}\r\n\r\n{body}")).await
    };
    assert!(post("/large", most).await.starts_with("HTTP/1.1 200"));
    let refused = post("/large", most + 1).await;
    assert!(refused.starts_with("HTTP/1.1 413") && refused.contains(&format!("{most} bytes")), "{refused}");
    assert!(post("/usual", most).await.starts_with("HTTP/1.1 413"));
}

#[tokio::test]
async fn a_panic_is_one_requests_misfortune() {
    async fn panics(_: Call) -> Result<warp::reply::Response, Problem> {
        panic!("on purpose")
    }
    let server = serve(|routes| routes.get("/panics", Rule::Public, panics).get("/{type}", Rule::Public, echo)).await;
    assert!(get(server.address, "/panics").await.starts_with("HTTP/1.1 500"));
    assert!(get(server.address, "/well").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn whoever_calls_from_this_machine_is_nobody_for_that() {
    let server =
        serve(|routes| routes.get("/open", Rule::Public, echo).get("/kept", Rule::Read(Area::Vitals), echo)).await;
    assert!(get(server.address, "/open").await.starts_with("HTTP/1.1 200"));
    let refused = get(server.address, "/kept").await;
    assert!(refused.starts_with("HTTP/1.1 401") && refused.contains("www-authenticate: Bearer"), "{refused}");
    assert!(tokio_tungstenite::connect_async(format!("ws://{}/", server.address)).await.is_err());
}

#[tokio::test]
async fn a_page_of_another_site_is_refused_requests_and_sockets() {
    let server =
        serve(|routes| routes.get("/open", Rule::Public, echo).get("/kept", Rule::Read(Area::Vitals), echo)).await;
    let ask = async |path: &str, origin: &str, more: &str| {
        let known = &server.authorization;
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: hub:3001\r\n{known}\r\nOrigin: {origin}\r\nConnection: close{more}\r\n\r\n"
        );
        exchange(server.address, &head).await
    };
    assert!(ask("/kept", "http://evil.example", "").await.starts_with("HTTP/1.1 403"));
    assert!(ask("/kept", "http://hub:3001", "").await.starts_with("HTTP/1.1 200"));
    assert!(ask("/kept", "http://localhost:5173", "").await.starts_with("HTTP/1.1 200"));
    assert!(ask("/open", "http://evil.example", "").await.starts_with("HTTP/1.1 200"));
    let upgrade =
        ", upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    assert!(ask("/", "http://evil.example", upgrade).await.starts_with("HTTP/1.1 403"));
}

#[tokio::test]
async fn the_table_lists_every_route_with_its_rule() {
    let table = Routes::new().on(Method::PUT, "/a/{b}", Rule::Write(Area::Nutrition), echo).socket(
        None,
        Rule::Read(Area::Vitals),
        |_, _| async {},
    );
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(
        lines[0],
        routes::Line { method: None, pattern: "*", rule: Rule::Read(Area::Vitals), stakes: Stakes::Everyday }
    );
    let put = routes::Line {
        method: Some(Method::PUT),
        pattern: "/a/{b}",
        rule: Rule::Write(Area::Nutrition),
        stakes: Stakes::Treatment,
    };
    assert_eq!(lines[1], put);
}

#[tokio::test]
async fn listeners_hear_everything_in_order_and_are_told_goodbye() {
    let server = serve(|routes| routes).await;
    let url = format!("ws://{}/any/path", server.address).parse().unwrap();
    let token = server.authorization.strip_prefix("Authorization: ").unwrap();
    let request = ClientRequestBuilder::new(url).with_header("Authorization", token);
    let (mut client, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    assert_eq!(client.next().await.unwrap().unwrap(), Message::text(r#"{"type":"connection"}"#));
    assert_eq!(server.live.listeners(), 1);
    for number in 0..3 {
        server.live.tell(Rule::Read(Area::Vitals), &json!({ "number": number }));
    }
    server.stop.cancel();
    let mut heard = Vec::new();
    let mut goodbye = None;
    while let Some(Ok(message)) = client.next().await {
        match message {
            Message::Text(text) => heard.push(text.to_string()),
            Message::Close(frame) => goodbye = frame,
            _ => {}
        }
    }
    // What was told before the stop may be cut short by it, but what arrives is in order and from the beginning.
    let told = [r#"{"number":0}"#, r#"{"number":1}"#, r#"{"number":2}"#];
    assert_eq!(heard, told[..heard.len()]);
    let goodbye = goodbye.expect("a close frame");
    assert_eq!((u16::from(goodbye.code), goodbye.reason.as_str()), (1000, "Server shutting down"));
    server.served.await.unwrap();
    assert_eq!(server.live.listeners(), 0);
}
