//! HTTP/2 as nobody speaks it who means well: frames made by hand, over TLS, to what serves every worker.
#![allow(clippy::unwrap_used, reason = "what fails in a test is to end it")]

use std::{
    fs, io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::StatusCode;
use kit::{Problem, Routes, Rule, reply, tls::Certificates};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Nothing here takes this long, unless it hangs.
const DEADLINE: Duration = Duration::from_secs(30);
/// As many requests as are taken at once on one connection.
const MOST_STREAMS: usize = 100;

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Requests that are being answered, and the most there were.
#[derive(Default)]
struct Count {
    now: AtomicUsize,
    most: AtomicUsize,
}

struct UnderWay(Arc<Count>);

impl UnderWay {
    fn new(count: Arc<Count>) -> Self {
        let now = count.now.fetch_add(1, Ordering::SeqCst) + 1;
        count.most.fetch_max(now, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Hub {
    _folder: TempDir,
    port: u16,
    count: Arc<Count>,
    connector: TlsConnector,
    stop: CancellationToken,
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Hub {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["hub".into()]).unwrap();
        fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        fs::write(folder.path().join("cert.pem"), made.cert.pem()).unwrap();
        let (count, stop) = (Arc::new(Count::default()), CancellationToken::new());
        let routes = Routes::new()
            .get("/page", Rule::Public, async |_| Ok::<_, Problem>(reply::message(StatusCode::OK, "the page")))
            .get("/slow", Rule::Public, {
                let count = count.clone();
                move |_| {
                    let count = count.clone();
                    async move {
                        let _here = UnderWay::new(count);
                        std::future::pending().await
                    }
                }
            });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let certificates = Certificates::of_folder(folder.path());
        let serve = kit::serve::serve(listener, Some(certificates), routes.service(), stop.clone(), TaskTracker::new());
        tokio::spawn(serve);
        let mut roots = rustls::RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.alpn_protocols = vec![b"h2".to_vec()];
        Self { _folder: folder, port, count, connector: TlsConnector::from(Arc::new(client)), stop }
    }

    /// A connection on which both have said hello.
    async fn connect(&self, settings: &[u8]) -> TlsStream<TcpStream> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let mut stream = self.connector.connect("hub".try_into().unwrap(), stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        stream.write_all(&frame(SETTINGS, 0, 0, settings)).await.unwrap();
        stream.flush().await.unwrap();
        stream
    }

    /// Somebody else is served.
    async fn serves(&self) {
        let asked = async {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
            stream.write_all(b"GET /page HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n").await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        };
        timeout(DEADLINE, asked).await.expect("an answer");
    }

    /// Sends this again and again, without reading, until it is not taken any more; `None` if all of it was.
    async fn until_it_ends(&self, stream: &mut TlsStream<TcpStream>, bytes: &[u8], times: usize) -> Option<io::Error> {
        for time in 0..times {
            match timeout(Duration::from_secs(1), stream.write_all(bytes)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Some(error),
                Err(_) => return Some(io::ErrorKind::TimedOut.into()),
            }
            if time % 100 == 0 {
                self.serves().await;
            }
        }
        None
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// `GET https://hub/slow`, by the numbers that headers have (RFC 7541).
fn head() -> Vec<u8> {
    [&[0x82, 0x87, 0x04, 5][..], b"/slow", &[0x41, 3], b"hub"].concat()
}

fn request(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &head())
}

#[tokio::test]
async fn more_requests_at_once_than_are_taken_are_refused() {
    let hub = Hub::start().await;
    let mut stream = hub.connect(&[]).await;
    let many: Vec<u8> = (0..1000).flat_map(|number| request(2 * number + 1)).collect();
    let _ = stream.write_all(&many).await; // It may be over before all of it is said.
    let _ = stream.flush().await;
    hub.serves().await;
    let most = hub.count.most.load(Ordering::SeqCst);
    assert!(most <= MOST_STREAMS, "{most}");
}

#[tokio::test]
async fn requests_that_are_taken_back_at_once_leave_nothing_and_keep_nobody_out() {
    let hub = Hub::start().await;
    let mut stream = hub.connect(&[]).await;
    for burst in 0..100_u32 {
        let taken_back = (0..100).flat_map(|number| {
            let id = 2 * (100 * burst + number) + 1;
            [request(id), frame(RST_STREAM, 0, id, &8_u32.to_be_bytes())].concat()
        });
        if stream.write_all(&taken_back.collect::<Vec<_>>()).await.is_err() {
            break;
        }
    }
    hub.serves().await;
    assert!(hub.count.most.load(Ordering::SeqCst) <= MOST_STREAMS);
    drop(stream);
    let left = timeout(DEADLINE, async {
        while hub.count.now.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    left.await.expect("nothing is under way any more");
}

#[tokio::test]
async fn a_head_that_goes_on_for_ever_ends_its_connection() {
    let hub = Hub::start().await;
    let mut stream = hub.connect(&[]).await;
    stream.write_all(&frame(HEADERS, END_STREAM, 1, &head())).await.unwrap();
    // A header of which each frame is a whole one: a literal that is not kept, `x: aaa…`.
    let field = [&[0x00, 1][..], b"x", &[0x7f, 0x80, 0x7c], &vec![b'a'; 127 + 15_872]].concat();
    let more = frame(CONTINUATION, 0, 1, &field);
    let ended = hub.until_it_ends(&mut stream, &more, 2000).await;
    assert!(ended.is_some(), "30 MB of headers were taken");
    hub.serves().await;
}

#[tokio::test]
async fn settings_and_pings_without_end_are_held_back_and_keep_nobody_out() {
    let hub = Hub::start().await;
    let settings = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 1]).repeat(1000);
    for bytes in [settings, frame(PING, 0, 0, &[7; 8]).repeat(1000), frame(SETTINGS, 0, 0, &[]).repeat(1000)] {
        let mut stream = hub.connect(&[]).await;
        let ended = hub.until_it_ends(&mut stream, &bytes, 2000).await;
        assert!(ended.is_some(), "answers to all of it wait somewhere");
    }
    hub.serves().await;
}

#[tokio::test]
async fn answers_that_nobody_takes_are_held_for_so_many_connections_only() {
    /// As many as are kept of all that speak HTTP/2.
    const MOST: usize = 256;
    const REQUESTS: u32 = 20;
    let hub = Hub::start().await;
    let page = [&[0x82, 0x87, 0x04, 5][..], b"/page", &[0x41, 3], b"hub"].concat();
    let asked: Vec<u8> =
        (0..REQUESTS).flat_map(|number| frame(HEADERS, END_HEADERS | END_STREAM, 2 * number + 1, &page)).collect();
    let mut slow = Vec::new();
    for _ in 0..MOST + 20 {
        // The window that each answer begins with is none.
        let mut stream = hub.connect(&[0, 4, 0, 0, 0, 0]).await;
        stream.write_all(&asked).await.unwrap();
        stream.flush().await.unwrap();
        slow.push(stream);
    }
    hub.serves().await;
    // Which of them are told to leave is by age: the first is gone, and the last is not.
    let mut last = slow.pop().unwrap();
    let ended = timeout(DEADLINE, slow[0].read_to_end(&mut Vec::new())).await;
    assert!(ended.is_ok(), "the first made room");
    // It is still answered: a ping comes back.
    last.write_all(&frame(PING, 0, 0, b"still-on")).await.unwrap();
    last.flush().await.unwrap();
    let heard = timeout(DEADLINE, async {
        let (mut all, mut some) = (Vec::new(), [0; 4096]);
        while !all.windows(8).any(|eight| eight == b"still-on") {
            let length = last.read(&mut some).await.unwrap();
            assert!(length > 0, "the last one stays");
            all.extend_from_slice(&some[..length]);
        }
    });
    heard.await.expect("an answer");
}

#[tokio::test]
async fn the_answer_to_head_is_a_head_and_ends_with_it() {
    let hub = Hub::start().await;
    let mut stream = hub.connect(&[]).await;
    // A method that has no number: its name has one, and then its letters.
    let head = [&[0x02, 4][..], b"HEAD", &[0x87, 0x04, 5], b"/page", &[0x41, 3], b"hub"].concat();
    stream.write_all(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &head)).await.unwrap();
    stream.flush().await.unwrap();
    let answer = async {
        loop {
            let mut about = [0; 9];
            stream.read_exact(&mut about).await.unwrap();
            let length = u32::from_be_bytes([0, about[0], about[1], about[2]]);
            let mut payload = vec![0; length as usize];
            stream.read_exact(&mut payload).await.unwrap();
            if about[8] == 1 {
                break (about[3], about[4], payload);
            }
        }
    };
    let (kind, flags, payload) = timeout(DEADLINE, answer).await.expect("an answer");
    assert_eq!(kind, HEADERS);
    assert_ne!(flags & END_STREAM, 0, "a body follows, which clients take for a broken protocol");
    assert!(payload.len() > 20, "headers as of GET: {payload:?}");
}
