//! Certificates, exchanged while the worker runs: a pair that appears, changes or goes is taken as it is for every
//! connection from then on.
//!
//! ```text
//!   certs/ changes, or an hour passes ──► look ──┬─ a good pair       in force
//!                                                ├─ no pair           plain HTTP, as before there was one
//!                                                └─ no good           the one before stays in force; who supervises is told why
//! ```

mod pair;
mod redirect;
mod report;
mod watch;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
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

/// The folder whose pair is served, and the pair in force.
pub struct Certificates {
    folder: PathBuf,
    state: ArcSwap<State>,
    current: Arc<Current>,
    acceptor: TlsAcceptor,
    /// Beginnings of paths that are answered without encryption too.
    open: &'static [&'static str],
}

#[derive(Default)]
struct State {
    pair: Option<Arc<Pair>>,
    /// Why what is in the folder is not in force.
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
        let certificates = Arc::new(Self { folder: folder.into(), state: ArcSwap::default(), current, acceptor, open });
        certificates.look();
        certificates
    }

    /// The folder that `BETTI_CERTS` names, else `certs`.
    #[must_use]
    pub fn folder_from_environment() -> PathBuf {
        std::env::var_os(certificates::FOLDER_VARIABLE).map_or_else(|| certificates::FOLDER.into(), PathBuf::from)
    }

    /// Whether a folder has a pair that can be served, for who serves none of it.
    #[must_use]
    pub fn are_in(folder: &Path) -> bool {
        matches!(pair::find(folder), Found::Pair(_))
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

    /// Takes the folder's pair from now on; keeps the present one if it is no good.
    pub fn look(&self) {
        let before = self.state.load_full();
        let state = match pair::find(&self.folder) {
            Found::Pair(new) => {
                if before.pair.as_ref().is_none_or(|old| !old.is(&new)) {
                    tracing::info!("a new certificate is in force");
                }
                State { pair: Some(Arc::new(*new)), trouble: None }
            }
            Found::Nothing => {
                if before.pair.is_some() {
                    tracing::warn!(folder = %self.folder.display(), "the certificate is gone: serving plain HTTP");
                }
                State::default()
            }
            // Half of a pair that was never whole is as good as none.
            Found::Half(_) if before.pair.is_none() && before.trouble.is_none() => State::default(),
            Found::Half(missing) => before.and_trouble(format!("{} is missing", missing.display())),
            Found::Bad(error) => before.and_trouble(error.to_string()),
        };
        if let Some(trouble) = &state.trouble
            && before.trouble != state.trouble
        {
            tracing::warn!("{}: {trouble}", if state.pair.is_some() { report::KEPT } else { report::BROKEN });
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
    fn and_trouble(&self, trouble: String) -> Self {
        Self { pair: self.pair.clone(), trouble: Some(trouble) }
    }
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
