//! Certificates, exchanged while the worker runs.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use notify::Watcher;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio_rustls::TlsAcceptor;

/// Certificate and key are written one after the other: wait until both are there.
const SETTLE: Duration = Duration::from_millis(300);

/// Why a pair of files does not make a certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read, or holds no PEM of the right kind.
    #[error("{path}: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: rustls::pki_types::pem::Error,
    },
    /// A file is there and holds none.
    #[error("{0} holds no certificate: it must begin with -----BEGIN CERTIFICATE-----")]
    NoCertificate(PathBuf),
    /// They do not belong together, or are of an unknown kind.
    #[error("{certificate} and {key} do not fit: {error}")]
    Unfit {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        error: rustls::Error,
    },
    /// The folder cannot be watched.
    #[error("{folder} cannot be watched for new certificates: {error}")]
    Unwatched {
        /// The folder.
        folder: PathBuf,
        /// Why.
        error: notify::Error,
    },
}

/// The pair in force.
#[derive(Debug)]
pub struct Certificates {
    current: ArcSwap<CertifiedKey>,
    certificate: PathBuf,
    key: PathBuf,
}

/// Keeps the files watched for as long as it lives.
pub struct Watching(#[expect(dead_code, reason = "dropping it ends the watch")] notify::RecommendedWatcher);

impl Certificates {
    /// Reads `cert.pem` and `key.pem`; `None` if either is missing, which means plain HTTP.
    ///
    /// # Errors
    /// If they are there and cannot be used.
    pub fn from_folder(folder: &Path) -> Result<Option<Arc<Self>>, CertificateError> {
        let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        if !(certificate.exists() && key.exists()) {
            return Ok(None);
        }
        let current = ArcSwap::from_pointee(read(&certificate, &key)?);
        Ok(Some(Arc::new(Self { current, certificate, key })))
    }

    /// What accepts TLS connections with whatever pair is in force at that moment.
    #[must_use]
    pub fn acceptor(self: &Arc<Self>) -> TlsAcceptor {
        // The provider is named, because a process in which two are linked has no default.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring speaks the default versions")
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }

    /// Takes the files' pair from now on; keeps the present one if they are no good.
    pub fn reload(&self) {
        match read(&self.certificate, &self.key) {
            Ok(new) if new.cert == self.current.load().cert => {}
            Ok(new) => {
                self.current.store(Arc::new(new));
                tracing::info!("a new certificate is in force");
            }
            Err(error) => tracing::warn!("the present certificate is kept: {error}"),
        }
    }

    /// Reloads whenever the files change.
    ///
    /// # Errors
    /// If the folder cannot be watched.
    pub fn watch(self: &Arc<Self>) -> Result<Watching, CertificateError> {
        let folder = self.certificate.parent().unwrap_or(Path::new(".")).to_owned();
        let (changed, mut changes) = tokio::sync::mpsc::channel(1);
        // The folder, not the files: whoever renews them replaces them.
        let watched = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !event.kind.is_access()) {
                let _ = changed.try_send(()); // A change that is already known.
            }
        })
        .and_then(|mut watcher| {
            watcher.watch(&folder, notify::RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        let watcher = watched.map_err(|error| CertificateError::Unwatched { folder, error })?;
        let certificates = self.clone();
        tokio::spawn(async move {
            while changes.recv().await.is_some() {
                tokio::time::sleep(SETTLE).await;
                while changes.try_recv().is_ok() {}
                certificates.reload();
            }
        });
        Ok(Watching(watcher))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

fn read(certificate: &Path, key: &Path) -> Result<CertifiedKey, CertificateError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |error| CertificateError::Unreadable { path, error }
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(unreadable(certificate))?;
    if chain.is_empty() {
        return Err(CertificateError::NoCertificate(certificate.into()));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(unreadable(key))?;
    // Checks that the key belongs to the certificate.
    CertifiedKey::from_der(chain, private, &rustls::crypto::ring::default_provider())
        .map_err(|error| CertificateError::Unfit { certificate: certificate.into(), key: key.into(), error })
}
