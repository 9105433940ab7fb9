//! HTTP/2 as nobody speaks it who means well: frames made by hand, over TLS, to what serves every worker.
#![allow(clippy::unwrap_used, reason = "what fails in a test is to end it")]

mod support;

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
use support::{connector, write_pair};
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
/// How much this process, with the attacker in it, may grow while somebody attacks, in KiB.
const MOST_GROWTH_KIB: usize = 80 * 1024;
/// As many requests as are taken at once on one connection.
const MOST_STREAMS: usize = 100;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
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
    /// The most memory that was seen while somebody else was served, of this process, in KiB.
    most_kib: AtomicUsize,
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
        let certificate = write_pair(folder.path());
        let (count, stop) = (Arc::new(Count::default()), CancellationToken::new());
        let routes = Routes::new()
            .post("/take", Rule::Public, async |_| Ok::<_, Problem>(reply::message(StatusCode::OK, "taken")))
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
        let connector = connector(&certificate, &[b"h2"]);
        Self { _folder: folder, port, count, connector, most_kib: AtomicUsize::new(0), stop }
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
        self.most_kib.fetch_max(anonymous_kib(), Ordering::Relaxed);
    }

    /// Whatever this does, somebody else is served afterwards too, and it costs no more memory than so much.
    async fn bears(&self, attack: impl Future<Output = ()>) {
        self.serves().await;
        let before = anonymous_kib();
        self.most_kib.store(0, Ordering::Relaxed);
        attack.await;
        self.serves().await;
        let most = self.most_kib.load(Ordering::Relaxed);
        assert!(most <= before + MOST_GROWTH_KIB, "it grew from {before} to {most} KiB");
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

fn anonymous_kib() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("Linux");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
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
    hub.bears(async {
        let mut stream = hub.connect(&[]).await;
        let many: Vec<u8> = (0..1000).flat_map(|number| request(2 * number + 1)).collect();
        let _ = stream.write_all(&many).await; // It may be over before all of it is said.
        let _ = stream.flush().await;
        hub.serves().await;
        let most = hub.count.most.load(Ordering::SeqCst);
        assert!(most <= MOST_STREAMS, "{most}");
    })
    .await;
}

#[tokio::test]
async fn requests_that_are_taken_back_at_once_leave_nothing_and_keep_nobody_out() {
    let hub = Hub::start().await;
    hub.bears(async {
        // CVE-2023-44487; from one connection after the other, because each ends soon.
        for _ in 0..30 {
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
        }
        let left = timeout(DEADLINE, async {
            while hub.count.now.load(Ordering::SeqCst) > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        left.await.expect("nothing is under way any more");
    })
    .await;
}

#[tokio::test]
async fn a_head_that_goes_on_for_ever_ends_its_connection() {
    let hub = Hub::start().await;
    // A header of which each frame is a whole one, a literal that is not kept, `x: aaa…`; and frames with nothing in them.
    let field = [&[0x00, 1][..], b"x", &[0x7f, 0x80, 0x7c], &vec![b'a'; 127 + 15_872]].concat();
    let (large, empty) = (frame(CONTINUATION, 0, 1, &field), frame(CONTINUATION, 0, 1, &[]).repeat(1000));
    hub.bears(async {
        for more in [&large, &empty] {
            let mut stream = hub.connect(&[]).await;
            stream.write_all(&frame(HEADERS, END_STREAM, 1, &head())).await.unwrap();
            let ended = hub.until_it_ends(&mut stream, more, 2000).await;
            assert!(ended.is_some(), "30 MB of headers, or two million frames of nothing, were taken");
        }
    })
    .await;
}

/// A header that is kept once and named again and again: a few bytes for each of its 4 KB (RFC 7541, 7.3).
#[tokio::test]
async fn a_head_that_would_unpack_to_gigabytes_is_not_unpacked() {
    const NAMED: usize = 16_000;
    let hub = Hub::start().await;
    // A literal that is kept, `x: aaa…` of 4,000 bytes: 127 + 3,873, the latter in sevens. It is number 62 from then on.
    let kept = [&[0x40, 1][..], b"x", &[0x7f, 0xa1, 0x1e], &vec![b'a'; 4000]].concat();
    let bomb = vec![0x80 | 62; NAMED];
    // Nothing else is kept, or it would have another number.
    let head = [&[0x82, 0x87, 0x04, 5][..], b"/slow", &[0x01, 3], b"hub"].concat();
    hub.bears(async {
        for _ in 0..20 {
            let mut stream = hub.connect(&[]).await;
            let first = frame(HEADERS, END_HEADERS | END_STREAM, 1, &[head.clone(), kept.clone()].concat());
            stream.write_all(&first).await.unwrap();
            let ended = (0..50_u32).map(|number| {
                frame(HEADERS, END_HEADERS | END_STREAM, 2 * number + 3, &[head.clone(), bomb.clone()].concat())
            });
            for frame in ended {
                if stream.write_all(&frame).await.is_err() {
                    break;
                }
            }
            hub.serves().await;
            let most = hub.count.most.load(Ordering::SeqCst);
            assert!(most <= MOST_STREAMS, "{most}");
        }
    })
    .await;
}

#[tokio::test]
async fn settings_and_pings_without_end_are_held_back_and_keep_nobody_out() {
    let hub = Hub::start().await;
    let settings = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 1]).repeat(1000);
    hub.bears(async {
        for bytes in [settings, frame(PING, 0, 0, &[7; 8]).repeat(1000), frame(SETTINGS, 0, 0, &[]).repeat(1000)] {
            let mut stream = hub.connect(&[]).await;
            let ended = hub.until_it_ends(&mut stream, &bytes, 2000).await;
            assert!(ended.is_some(), "answers to all of it wait somewhere");
        }
    })
    .await;
}

/// Bodies that begin and do not go on: what there is of them is kept until they are too late.
#[tokio::test]
async fn bodies_that_do_not_go_on_are_held_of_so_many_only() {
    const CONNECTIONS: usize = 120;
    let hub = Hub::start().await;
    let post = [&[0x83, 0x87, 0x04, 5][..], b"/take", &[0x41, 3], b"hub"].concat();
    let begun: Vec<u8> = (0..MOST_STREAMS as u32)
        .flat_map(|number| {
            let id = 2 * number + 1;
            [frame(HEADERS, END_HEADERS, id, &post), frame(DATA, 0, id, &[b' '; 600])].concat()
        })
        .collect();
    hub.bears(async {
        let mut slow = Vec::new();
        for number in 0..CONNECTIONS {
            let mut stream = hub.connect(&[]).await;
            let _ = stream.write_all(&begun).await; // The connection may be told to leave.
            let _ = stream.flush().await;
            slow.push(stream);
            if number % 50 == 0 {
                hub.serves().await;
            }
        }
    })
    .await;
}

/// Windows of one byte, opened byte by byte: an answer is taken in as many frames as it has bytes.
#[tokio::test]
async fn answers_that_are_taken_byte_by_byte_keep_nobody_out() {
    const CONNECTIONS: usize = 50;
    let hub = Hub::start().await;
    let page = [&[0x82, 0x87, 0x04, 5][..], b"/page", &[0x41, 3], b"hub"].concat();
    hub.bears(async {
        let mut slow = Vec::new();
        for _ in 0..CONNECTIONS {
            let mut stream = hub.connect(&[0, 4, 0, 0, 0, 1]).await;
            let asked: Vec<u8> = (0..MOST_STREAMS as u32)
                .flat_map(|number| frame(HEADERS, END_HEADERS | END_STREAM, 2 * number + 1, &page))
                .collect();
            let _ = stream.write_all(&asked).await;
            let opened: Vec<u8> = (0..MOST_STREAMS as u32)
                .flat_map(|number| frame(WINDOW_UPDATE, 0, 2 * number + 1, &1_u32.to_be_bytes()))
                .collect();
            for _ in 0..10 {
                if stream.write_all(&opened).await.is_err() {
                    break;
                }
            }
            let _ = stream.flush().await;
            slow.push(stream);
            hub.serves().await;
        }
    })
    .await;
}

#[tokio::test]
async fn answers_that_nobody_takes_are_held_for_so_many_connections_only() {
    /// As many as are kept of all that speak HTTP/2.
    const MOST: usize = 96;
    const REQUESTS: u32 = 20;
    /// Of all these connections with their answers, and of the clients, in KiB.
    const MOST_HELD_KIB: usize = 48 * 1024;
    let hub = Hub::start().await;
    let before = anonymous_kib();
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
    let grown = anonymous_kib().saturating_sub(before);
    assert!(grown <= MOST_HELD_KIB, "{grown} KiB");
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
