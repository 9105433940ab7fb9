//! Certificates that come, change and go while a worker serves: real files, real connections.
#![allow(clippy::unwrap_used, reason = "what fails in a test is to end it")]

mod support;

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::Arc,
};

use http::StatusCode;
use kit::{Problem, Routes, Rule, reply, tls::Certificates};
use rustls::pki_types::CertificateDer;
use support::{connector, write_pair};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What is answered without encryption too.
const OPEN: &[&str] = &["/trust"];

struct Hub {
    folder: TempDir,
    certificates: Arc<Certificates>,
    port: u16,
    stop: CancellationToken,
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Hub {
    async fn start(prepare: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let certificates = Certificates::with_open_paths(folder.path(), OPEN);
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let (port, stop) = (listener.local_addr().unwrap().port(), CancellationToken::new());
        let said = |words| async move { Ok::<_, Problem>(reply::message(StatusCode::OK, words)) };
        let routes = Routes::new().get("/trust", Rule::Public, move |_| said("how to trust")).get(
            "/page",
            Rule::Public,
            move |_| said("the page"),
        );
        let serve =
            kit::serve::serve(listener, Some(certificates.clone()), routes.service(), stop.clone(), TaskTracker::new());
        tokio::spawn(serve);
        Self { folder, certificates, port, stop }
    }

    async fn from(&self, from: IpAddr) -> TcpStream {
        TcpStream::connect(SocketAddr::new(from, self.port)).await.unwrap()
    }

    async fn plain(&self, from: IpAddr, host: &str, path: &str) -> String {
        exchange(self.from(from).await, host, path).await
    }

    /// Over TLS, by a client that trusts this certificate for the name `hub`.
    async fn encrypted(&self, trusted: &CertificateDer<'static>, host: &str) -> std::io::Result<String> {
        let connector = connector(trusted, &[]);
        let stream = connector.connect("hub".try_into().unwrap(), self.from(HERE).await).await?;
        Ok(exchange(stream, host, "/page").await)
    }
}

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// An address of this machine by which it is not its own neighbour; `None` where it has no network.
fn elsewhere() -> Option<IpAddr> {
    let interfaces = nix::ifaddrs::getifaddrs().unwrap();
    let mut addresses = interfaces.filter_map(|one| Some(one.address?.as_sockaddr_in()?.ip()));
    addresses.find(|address| !address.is_loopback()).map(IpAddr::V4)
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, host: &str, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await; // A reset after the answer is fine.
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_pair_is_taken_when_it_comes_and_changes_and_kept_when_it_goes() {
    let hub = Hub::start(|_| {}).await;
    assert!(hub.plain(HERE, "hub", "/page").await.starts_with("HTTP/1.1 200"));
    let first = write_pair(hub.folder.path());
    hub.certificates.look();
    assert!(hub.encrypted(&first, "hub").await.unwrap().starts_with("HTTP/1.1 200"));

    // One that does not belong together: the first stays.
    fs::write(hub.folder.path().join("key.pem"), rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
    hub.certificates.look();
    assert!(hub.encrypted(&first, "hub").await.unwrap().starts_with("HTTP/1.1 200"));
    let words = hub.certificates.report().words().unwrap();
    assert!(words.contains("the one before is kept") && words.contains("do not fit"), "{words}");
    // Neither does half of one, or something else.
    fs::remove_file(hub.folder.path().join("key.pem")).unwrap();
    hub.certificates.look();
    assert!(hub.certificates.report().words().unwrap().contains("key.pem is missing"));
    fs::write(hub.folder.path().join("cert.pem"), "not a certificate").unwrap();
    fs::write(hub.folder.path().join("key.pem"), "not a key").unwrap();
    hub.certificates.look();
    assert!(hub.encrypted(&first, "hub").await.unwrap().starts_with("HTTP/1.1 200"));

    let second = write_pair(hub.folder.path());
    hub.certificates.look();
    assert_eq!(hub.certificates.report().words(), None);
    assert!(hub.encrypted(&second, "hub").await.unwrap().starts_with("HTTP/1.1 200"));
    assert!(hub.encrypted(&first, "hub").await.is_err());

    for file in ["cert.pem", "key.pem"] {
        fs::remove_file(hub.folder.path().join(file)).unwrap();
    }
    hub.certificates.look();
    assert!(
        hub.encrypted(&second, "hub").await.unwrap().starts_with("HTTP/1.1 200"),
        "nobody is answered in clear now"
    );
    let words = hub.certificates.report().words().unwrap();
    assert!(words.contains("files are gone, so the one before is kept"), "{words}");
}

#[tokio::test]
async fn a_connection_that_was_open_before_the_certificate_came_says_nothing_more_in_clear() {
    let Some(elsewhere) = elsewhere() else { return };
    let hub = Hub::start(|_| {}).await;
    let mut stream = hub.from(elsewhere).await;
    let kept = format!("GET /page HTTP/1.1\r\nHost: {elsewhere}\r\n\r\n");
    stream.write_all(kept.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).await.unwrap();
    assert!(String::from_utf8_lossy(&answer[..length]).starts_with("HTTP/1.1 200"));

    write_pair(hub.folder.path());
    hub.certificates.look();
    stream.write_all(kept.as_bytes()).await.unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap(); // It is closed as well.
    assert!(
        rest.starts_with("HTTP/1.1 308") && rest.contains(&format!("location: https://{elsewhere}/page")),
        "{rest}"
    );
}

#[tokio::test]
async fn whoever_comes_from_elsewhere_without_encryption_is_sent_to_this_hub_and_nowhere_else() {
    let Some(elsewhere) = elsewhere() else { return };
    let hub = Hub::start(|folder| drop(write_pair(folder))).await;
    let (port, own) = (hub.port, certificates::host_name());
    let mut ours =
        vec![("hub".to_owned(), "/page?a=1"), (elsewhere.to_string(), "//evil.example/x"), ("HUB".into(), "/")];
    ours.extend(own.iter().flat_map(|own| [(own.clone(), "/page"), (format!("{own}.local"), "/page")]));
    for (host, path) in ours {
        for host in [host.clone(), format!("{host}:{port}")] {
            let answer = hub.plain(elsewhere, &host, path).await;
            assert!(answer.starts_with("HTTP/1.1 308"), "{host}: {answer}");
            assert!(answer.contains(&format!("location: https://{host}{path}\r\n")), "{host}: {answer}");
            assert!(!answer.contains("the page"), "{answer}");
            assert!(answer.contains("cache-control: no-store\r\n"), "{answer}");
            assert!(answer.contains("content-security-policy: default-src 'none'; base-uri 'none';"), "{answer}");
        }
    }
    for host in ["evil.example", "hub.evil.example", "hub@evil.example", "10.0.0.1", "", "evil.example/hub", "h\u{e4}b"]
    {
        let answer = hub.plain(elsewhere, host, "/page").await;
        assert!(!answer.contains("location:") && !answer.contains("the page"), "{host}: {answer}");
        assert!(answer.starts_with("HTTP/1.1 421"), "{host}: {answer}");
    }
    let shown = "hub\r\nAuthorization: Bearer betti_x";
    let answer = hub.plain(elsewhere, shown, "/page").await;
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("without encryption"), "a program notices: {answer}");
    let claims =
        "hub\r\nX-Forwarded-Host: evil.example\r\nForwarded: host=evil.example;proto=https\r\nX-Forwarded-Proto: https";
    let answer = hub.plain(elsewhere, claims, "/page").await;
    assert!(answer.contains("location: https://hub/page\r\n"), "whatever it says of itself: {answer}");
    let answer = hub.plain(elsewhere, "hub\r\nCookie: betti=betti_x", "/page").await;
    assert!(answer.starts_with("HTTP/1.1 308"), "a browser arrives: {answer}");
    assert!(hub.plain(elsewhere, "anything", "/trust").await.contains("how to trust"));
    assert!(hub.plain(elsewhere, "hub", "/trusted").await.starts_with("HTTP/1.1 308"));
    assert!(hub.plain(HERE, "anything", "/page").await.contains("the page"), "this machine needs no encryption");
}

#[tokio::test]
async fn a_browser_that_came_encrypted_is_told_to_come_so_only_but_not_about_localhost() {
    let hub = Hub::start(|_| {}).await;
    let certificate = write_pair(hub.folder.path());
    hub.certificates.look();
    let only = "strict-transport-security: max-age=31536000\r\n";
    assert!(hub.encrypted(&certificate, "hub:5173").await.unwrap().contains(only));
    for host in ["localhost:5173", "127.0.0.1", "[::1]:5173"] {
        assert!(!hub.encrypted(&certificate, host).await.unwrap().contains("strict-transport"), "{host}");
    }
    assert!(!hub.plain(HERE, "hub", "/page").await.contains("strict-transport"));
}

#[tokio::test]
async fn what_was_never_a_good_pair_protects_nobody_so_only_this_machine_is_answered() {
    let hub = Hub::start(|folder| {
        write_pair(folder);
        fs::write(folder.join("key.pem"), "not a key").unwrap();
    })
    .await;
    assert!(hub.certificates.report().words().unwrap().contains("only this machine is answered"));
    assert!(hub.plain(HERE, "hub", "/page").await.contains("the page"));
    let Some(elsewhere) = elsewhere() else { return };
    let answer = hub.plain(elsewhere, "hub", "/page").await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("betti-ctl certs"), "{answer}");
    assert!(hub.plain(elsewhere, "hub", "/trust").await.contains("how to trust"));
}

#[tokio::test]
async fn nothing_older_than_tls_1_2_is_spoken() {
    let hub = Hub::start(|folder| drop(write_pair(folder))).await;
    // TLS 1.0, 1.1, and 1.2, which is there to show that the same hello would be answered.
    for (minor, is_spoken) in [(1, false), (2, false), (3, true)] {
        let mut stream = hub.from(HERE).await;
        stream.write_all(&client_hello(minor)).await.unwrap();
        let mut first = [0];
        stream.read_exact(&mut first).await.expect("a record");
        let (handshake, alert) = (0x16, 0x15);
        assert_eq!(first[0], if is_spoken { handshake } else { alert }, "TLS 1.{}", minor - 1);
    }
}

/// A hello of a client that speaks nothing newer than this, and what servers of its time could speak (RFC 5246, 7.4.1.2).
fn client_hello(minor: u8) -> Vec<u8> {
    // ECDHE with ECDSA: AES-128-GCM of TLS 1.2, and AES-128-CBC of those before.
    let suites = [0xc0, 0x2b, 0xc0, 0x09];
    let extensions = [
        &[0, 10, 0, 4, 0, 2, 0, 23][..], // the curve P-256
        &[0, 11, 0, 2, 1, 0],            // its points as they are
        &[0, 13, 0, 4, 0, 2, 4, 3],      // ECDSA with SHA-256
        &[0, 23, 0, 0],                  // extended master secret
        &[0, 0, 0, 8, 0, 6, 0, 0, 3, b'h', b'u', b'b'],
    ]
    .concat();
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap().to_be_bytes();
    let body = [&[3, minor][..], &[7; 32], &[0], &length(&suites), &suites, &[1, 0], &length(&extensions), &extensions]
        .concat();
    let hello = [&[1, 0][..], &length(&body), &body].concat();
    [&[0x16, 3, 1][..], &length(&hello), &hello].concat()
}
