//! Certificates that are exchanged in every way that people and their programs do it, while the gateway serves: the real binary,
//! held back as it always is, and a client that opens one encrypted connection after the other.
#![allow(clippy::unwrap_used, reason = "what fails in a test is to end it")]

mod support;

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::{fs::symlink, net::UnixDatagram},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use support::{Gateway, command};
use tempfile::TempDir;

/// Whatever is waited for and not there by then does not come.
const SOON: Duration = Duration::from_secs(20);
/// In status, while all is well.
const NOTHING: &str = "";

/// A pair, not yet in any folder.
struct Pair {
    certificate: String,
    key: String,
    der: Vec<u8>,
}

impl Pair {
    fn new() -> Self {
        Self::until(4000)
    }

    /// One that ends with the beginning of this year.
    fn until(year: i32) -> Self {
        let mut parameters = CertificateParams::new(vec!["hub".into()]).unwrap();
        parameters.not_after = date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        Self { certificate: certificate.pem(), key: key.serialize_pem(), der: certificate.der().to_vec() }
    }

    fn write(&self, folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("key.pem"), &self.key).unwrap();
        fs::write(folder.join("cert.pem"), &self.certificate).unwrap();
    }
}

/// A gateway with its certificates in `certs`, told on in `notify`.
struct Hub {
    root: TempDir,
    gateway: Gateway,
    told: UnixDatagram,
    said: Mutex<String>,
}

impl Hub {
    fn start(prepare: impl FnOnce(&Path)) -> Self {
        Self::start_in("certs", prepare)
    }

    fn start_in(folder: &str, prepare: impl FnOnce(&Path)) -> Self {
        let root = TempDir::new().unwrap();
        prepare(root.path());
        let socket = root.path().join("notify");
        let told = UnixDatagram::bind(&socket).unwrap();
        told.set_read_timeout(Some(SOON)).unwrap();
        let mut command = command();
        command.current_dir(root.path()).env("BETTI_CERTS", folder).env("NOTIFY_SOCKET", &socket);
        Self { gateway: Gateway::start_with(command), root, told, said: Mutex::default() }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    /// The certificate that a new connection is met with, once a page came over it.
    fn met_with(&self) -> Vec<u8> {
        met_with(&self.gateway.address)
    }

    fn until_met_with(&self, pair: &Pair) {
        let deadline = Instant::now() + SOON;
        while self.met_with() != pair.der {
            assert!(Instant::now() < deadline, "the certificate is still another one; it said {:?}", self.said);
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Until whoever supervises it was told this; what was said before may be about a moment in between.
    fn until_told(&self, words: &str) {
        let mut said = self.said.lock().unwrap();
        while !(words == NOTHING && said.is_empty() || words != NOTHING && said.contains(words)) {
            let mut bytes = [0; 4096];
            let length = self.told.recv(&mut bytes).unwrap_or_else(|_| panic!("{words:?} was not said, but {said:?}"));
            if let Some(status) = String::from_utf8_lossy(&bytes[..length]).strip_prefix("STATUS=") {
                status.clone_into(&mut said);
            }
        }
    }

    fn is_kept(&self) -> bool {
        let health: serde_json::Value = serde_json::from_slice(&self.gateway.get("/health").body).unwrap();
        health["certificate"]["kept"].as_bool().unwrap()
    }

    /// Does this while somebody opens one encrypted connection after the other, each of which is answered.
    fn without_interruption(&self, change: impl FnOnce()) {
        let (over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
        thread::scope(|scope| {
            let client = scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    self.met_with();
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
            let changed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(change));
            over.store(true, Ordering::Relaxed);
            client.join().expect("every connection is answered");
            changed.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        });
        assert!(answered.into_inner() > 0);
    }
}

fn met_with(address: &str) -> Vec<u8> {
    let provider = Arc::new(ring::default_provider());
    let seen = Arc::new(Anybody { provider: provider.clone(), certificate: Mutex::default() });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(seen.clone())
        .with_no_client_auth();
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let connection = ClientConnection::new(Arc::new(config), "hub".try_into().unwrap()).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n").unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    std::mem::take(&mut *seen.certificate.lock().unwrap())
}

/// Takes whoever it is, and remembers by what certificate.
#[derive(Debug)]
struct Anybody {
    provider: Arc<CryptoProvider>,
    certificate: Mutex<Vec<u8>>,
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.certificate.lock().unwrap() = certificate.to_vec();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    // The key is the certificate's: a mismatched pair would not get through.
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[test]
fn a_folder_that_is_exchanged_is_seen_and_its_authority_too() {
    let (first, second, third) = (Pair::new(), Pair::new(), Pair::new());
    let hub = Hub::start(|root| first.write(&root.join("certs")));
    hub.until_met_with(&first);
    second.write(&hub.path("renewed"));
    fs::write(hub.path("renewed/ca.pem"), &second.certificate).unwrap();
    hub.without_interruption(|| {
        fs::rename(hub.path("certs"), hub.path("before")).unwrap();
        fs::rename(hub.path("renewed"), hub.path("certs")).unwrap();
        hub.until_met_with(&second);
        assert_eq!(hub.gateway.get("/trust/betti-ca.crt").body, second.der);
        // Away for good, and one of the same name made anew.
        fs::remove_dir_all(hub.path("certs")).unwrap();
        hub.until_told("are gone");
        third.write(&hub.path("certs"));
        hub.until_met_with(&third);
        hub.until_told(NOTHING);
    });
}

#[test]
fn links_that_lead_elsewhere_are_followed_wherever_they_are() {
    let pairs = [Pair::new(), Pair::new(), Pair::new(), Pair::new()];
    let relink = |hub: &Hub, link: &str, target: &str| {
        symlink(target, hub.path("new")).unwrap();
        fs::rename(hub.path("new"), hub.path(link)).unwrap();
    };
    // As programs that renew certificates do it: links in a folder, to numbered files in another one, which is exchanged as a whole; and
    // as programs do that install whole versions: a link on the way.
    let hub = Hub::start_in("now/live/hub", |root| {
        for (number, pair) in pairs.iter().enumerate() {
            pair.write(&root.join(format!("version/archive/{number}")));
        }
        fs::create_dir_all(root.join("version/live/hub")).unwrap();
        for file in ["cert.pem", "key.pem"] {
            symlink(format!("../../archive/0/{file}"), root.join("version/live/hub").join(file)).unwrap();
        }
        pairs[2].write(&root.join("other/live/hub"));
        symlink("version", root.join("now")).unwrap();
    });
    hub.until_met_with(&pairs[0]);
    hub.without_interruption(|| {
        for file in ["cert.pem", "key.pem"] {
            relink(&hub, &format!("version/live/hub/{file}"), &format!("../../archive/1/{file}"));
        }
        hub.until_met_with(&pairs[1]);
        relink(&hub, "now", "other");
        hub.until_met_with(&pairs[2]);
        relink(&hub, "now", "version");
        hub.until_met_with(&pairs[1]);
        // What a link leads to, in its place.
        pairs[3].write(&hub.path("version/archive/1"));
        hub.until_met_with(&pairs[3]);
        hub.until_told(NOTHING);
    });
}

#[test]
fn a_pair_is_taken_in_whatever_steps_it_is_put_in_its_place() {
    let (first, second, third) = (Pair::new(), Pair::new(), Pair::new());
    let hub = Hub::start(|root| first.write(&root.join("certs")));
    let (certificate, key) = (hub.path("certs/cert.pem"), hub.path("certs/key.pem"));
    hub.until_met_with(&first);
    hub.without_interruption(|| {
        fs::write(&certificate, &second.certificate).unwrap();
        hub.until_told("do not fit");
        assert!(hub.is_kept() && hub.met_with() == first.der);
        fs::write(&key, &second.key).unwrap();
        hub.until_met_with(&second);
        hub.until_told(NOTHING);
        for (file, text) in [(&key, &third.key), (&certificate, &third.certificate)] {
            fs::write(hub.path("new"), text).unwrap();
            fs::rename(hub.path("new"), file).unwrap();
        }
        hub.until_met_with(&third);
        hub.until_told(NOTHING);
        assert!(!hub.is_kept());
    });
}

#[test]
fn whatever_is_no_good_is_said_and_the_pair_before_stays() {
    let (good, over, other) = (Pair::new(), Pair::until(2001), Pair::new());
    let hub = Hub::start(|root| good.write(&root.join("certs")));
    let (certificate, key) = (hub.path("certs/cert.pem"), hub.path("certs/key.pem"));
    let unreadable = |path: &Path| {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap(); // Whoever is root may read every file.
    };
    let pipe = |path: &Path| {
        fs::remove_file(path).unwrap();
        nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    };
    let table: [(&str, &dyn Fn()); 9] = [
        ("key.pem is missing", &|| fs::remove_file(&key).unwrap()),
        ("cert.pem is missing", &|| fs::remove_file(&certificate).unwrap()),
        ("are gone", &|| [&certificate, &key].iter().for_each(|file| fs::remove_file(file).unwrap())),
        ("key.pem cannot be read", &|| unreadable(&key)),
        ("cert.pem cannot be read", &|| pipe(&certificate)),
        ("key.pem: no -----BEGIN PRIVATE KEY-----", &|| fs::write(&key, "").unwrap()),
        ("holds no certificate", &|| fs::write(&certificate, &good.key).unwrap()),
        ("do not fit", &|| fs::write(&key, &other.key).unwrap()),
        ("ended at 2001-01-01", &|| over.write(&hub.path("certs"))),
    ];
    for (words, spoil) in table {
        hub.without_interruption(|| {
            spoil();
            hub.until_told(words);
            assert!(hub.said.lock().unwrap().contains("is kept"), "{words}");
            assert!(hub.is_kept(), "{words}");
            assert_eq!(hub.met_with(), good.der, "{words}");
        });
        let _ = fs::remove_dir(&key); // Only where it is one.
        let _ = fs::remove_file(&certificate); // A pipe would be waited for.
        good.write(&hub.path("certs"));
        hub.until_told(NOTHING);
    }
}

#[test]
fn one_that_is_over_is_better_than_none_and_a_good_one_takes_its_place() {
    let (over, good) = (Pair::until(2001), Pair::new());
    let hub = Hub::start(|root| over.write(&root.join("certs")));
    hub.until_told("the certificate ended at 2001-01-01");
    assert_eq!(hub.met_with(), over.der);
    good.write(&hub.path("certs"));
    hub.until_met_with(&good);
    hub.until_told(NOTHING);
}

#[test]
fn a_folder_that_comes_later_is_seen_in_whatever_part_of_it_is_missing() {
    let pair = Pair::new();
    let hub = Hub::start_in("etc/house/certs", |_| {});
    assert_eq!(hub.gateway.get("/health").status, 200);
    pair.write(&hub.path("prepared/house/certs"));
    fs::rename(hub.path("prepared"), hub.path("etc")).unwrap();
    let deadline = Instant::now() + SOON;
    while hub.gateway.get("/health").text().contains("\"none\"") {
        assert!(Instant::now() < deadline, "it is not seen");
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(hub.met_with(), pair.der);
}
