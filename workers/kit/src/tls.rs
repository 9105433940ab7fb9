//! Certificates, exchanged while the worker runs: a good pair that appears or changes is taken for every connection from then on.
//!
//! ```text
//!   certs/ changes, or an hour passes ──► look ──┬─ a good pair           in force
//!                                                ├─ no good, or over      the one before stays in force; who supervises is told why
//!                                                └─ no pair any more      the same: without encryption only after a restart
//! ```
//!
//! Plain HTTP, once there was a certificate, would be what somebody waits for who reads along; and a folder that is exchanged is not
//! there for a moment.

mod pair;
mod redirect;
mod report;
mod watch;
mod way;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::{SystemTime, UNIX_EPOCH},
};

use arc_swap::{ArcSwap, ArcSwapOption};
use rustls::{
    ServerConfig,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio_rustls::TlsAcceptor;

use self::pair::{Found, Pair};
pub(crate) use self::redirect::Guarded;
pub use self::{pair::CertificateError, report::Report};
use crate::sandbox::{Content, Reader};

/// The folder whose pair is served, and the pair in force.
pub struct Certificates {
    folder: PathBuf,
    state: ArcSwap<State>,
    current: Arc<Current>,
    acceptor: TlsAcceptor,
    /// Beginnings of paths that are answered without encryption too.
    open: &'static [&'static str],
    /// Who reads what is in the folder's place by now; the worker itself, until it serves.
    reader: OnceLock<Arc<Reader>>,
}

#[derive(Default)]
struct State {
    pair: Option<Arc<Pair>>,
    /// What is wrong with what is in the folder, and what is done instead.
    trouble: Option<String>,
}

/// How a connection is to be met.
pub(crate) enum Protection {
    /// There is no certificate: plain HTTP.
    None,
    /// There is one.
    Tls(TlsAcceptor),
    /// There should be one, and it never was a good one: this machine is answered, others are told why they are not.
    Broken,
}

impl Certificates {
    /// Looks for `cert.pem` and `key.pem` in a folder. Neither they nor the folder need be there yet.
    #[must_use]
    pub fn of_folder(folder: &Path) -> Arc<Self> {
        Self::with_open_paths(folder, &[])
    }

    /// The same; what is below these paths is answered to everybody without encryption too, because it is about how to
    /// come to trust the certificate.
    #[must_use]
    pub fn with_open_paths(folder: &Path, open: &'static [&'static str]) -> Arc<Self> {
        let current = Arc::new(Current::default());
        let acceptor = acceptor(current.clone());
        let (state, reader) = (ArcSwap::default(), OnceLock::new());
        let certificates = Arc::new(Self { folder: folder.into(), state, current, acceptor, open, reader });
        certificates.look();
        certificates
    }

    /// The folder that `BETTI_CERTS` names, else `certs`.
    #[must_use]
    pub fn folder_from_environment() -> PathBuf {
        std::env::var_os(certificates::FOLDER_VARIABLE).map_or_else(|| certificates::FOLDER.into(), PathBuf::from)
    }

    /// Whether a folder has a pair, for who serves none of it and may not read it.
    #[must_use]
    pub fn are_in(folder: &Path) -> bool {
        [certificates::CERTIFICATE, certificates::KEY].iter().all(|name| folder.join(name).is_file())
    }

    /// Where the pair is looked for.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether a pair is in force.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.state.load().pair.is_some()
    }

    /// What there is to say about it now.
    #[must_use]
    pub fn report(&self) -> Report {
        let state = self.state.load();
        Report::new(state.pair.as_ref().map(|pair| pair.validity), state.trouble.as_deref(), now())
    }

    /// What the certificate of the hub's own authority holds, which devices are to trust.
    #[must_use]
    pub fn authority(&self) -> Content {
        self.read(&self.folder.join(certificates::AUTHORITY))
    }

    fn read(&self, path: &Path) -> Content {
        self.reader.get().map_or_else(|| Content::of(path), |reader| reader.read(path))
    }

    /// Takes the folder's pair from now on; keeps the present one if it is no good, or no better than none.
    pub fn look(&self) {
        let before = self.state.load_full();
        let state = before.followed_by(pair::find(&self.folder, |path| self.read(path)), &self.folder, now());
        match (&before.pair, &state.pair) {
            (Some(old), Some(new)) if old.is(new) => {}
            (_, Some(_)) => tracing::info!("a new certificate is in force"),
            (_, None) => {}
        }
        if let Some(trouble) = &state.trouble
            && before.trouble != state.trouble
        {
            tracing::warn!("{trouble}");
        }
        self.current.0.store(state.pair.as_ref().map(|pair| pair.key.clone()));
        self.state.store(Arc::new(state));
    }

    pub(crate) fn protection(&self) -> Protection {
        let state = self.state.load();
        match (&state.pair, &state.trouble) {
            (Some(_), _) => Protection::Tls(self.acceptor.clone()),
            (None, Some(_)) => Protection::Broken,
            (None, None) => Protection::None,
        }
    }

    /// Whether there is neither a pair nor one that cannot be used.
    fn is_nothing(&self) -> bool {
        let state = self.state.load();
        state.pair.is_none() && state.trouble.is_none()
    }

    fn is_open(&self, path: &str) -> bool {
        let below = |open: &&str| path.strip_prefix(*open).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.open.iter().any(below)
    }
}

impl State {
    fn followed_by(&self, found: Found, folder: &Path, now: i64) -> Self {
        match (found, &self.pair) {
            (Found::Pair(new), Some(old)) if old.is_good(now) && !new.is_good(now) => {
                let why = report::standing(new.validity, now).unwrap_or_default();
                self.and_trouble(format!("{}: in {}, {why}", report::KEPT, folder.display()))
            }
            (Found::Pair(new), _) => Self { pair: Some(Arc::new(*new)), trouble: None },
            (Found::Nothing, None) => Self::default(),
            (Found::Nothing, Some(_)) => self.and_trouble(format!("{} {}", report::GONE, folder.display())),
            // Half of a pair that was never whole is as good as none.
            (Found::Half(_), None) if self.trouble.is_none() => Self::default(),
            (Found::Half(missing), _) => self.and_why(&format!("{} is missing", missing.display())),
            (Found::Bad(error), _) => self.and_why(&error.to_string()),
        }
    }

    fn and_why(&self, why: &str) -> Self {
        let instead = if self.pair.is_some() { report::KEPT } else { report::BROKEN };
        self.and_trouble(format!("{instead}: {why}"))
    }

    fn and_trouble(&self, trouble: String) -> Self {
        Self { pair: self.pair.clone(), trouble: Some(trouble) }
    }
}

/// The files of a folder that are looked at again and again.
pub(crate) fn files_of(folder: &Path) -> [PathBuf; 3] {
    [certificates::CERTIFICATE, certificates::KEY, certificates::AUTHORITY].map(|name| folder.join(name))
}

/// What handshakes are made with.
#[derive(Debug, Default)]
struct Current(ArcSwapOption<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.load_full()
    }
}

fn acceptor(current: Arc<Current>) -> TlsAcceptor {
    // The provider is named, because a process in which two are linked has no default.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    // TLS 1.2 and 1.3; there is nothing older in rustls.
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring speaks the default versions")
        .with_no_client_auth()
        .with_cert_resolver(current);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

/// In seconds since 1970.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed())
}
