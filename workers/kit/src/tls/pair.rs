//! A certificate and its key, read from their two files.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use certificates::Validity;
use rustls::{
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};

/// Why a pair of files does not make a certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read, or holds no PEM of the right kind.
    #[error("{path}: {fault}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        fault: certificates::Fault,
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
}

/// What can be served.
pub(super) struct Pair {
    pub key: Arc<CertifiedKey>,
    pub validity: Validity,
}

impl Pair {
    pub fn is(&self, other: &Self) -> bool {
        self.key.cert == other.key.cert
    }
}

/// What is in a folder.
pub(super) enum Found {
    Pair(Box<Pair>),
    /// Neither of the two.
    Nothing,
    /// One of the two; this is the other.
    Half(PathBuf),
    Bad(CertificateError),
}

pub(super) fn find(folder: &Path) -> Found {
    let (certificate, key) = (folder.join(certificates::CERTIFICATE), folder.join(certificates::KEY));
    match (certificate.exists(), key.exists()) {
        (true, true) => read(&certificate, &key).map_or_else(Found::Bad, |pair| Found::Pair(Box::new(pair))),
        (false, false) => Found::Nothing,
        (true, false) => Found::Half(key),
        (false, true) => Found::Half(certificate),
    }
}

fn read(certificate: &Path, key: &Path) -> Result<Pair, CertificateError> {
    let unreadable = |path: &Path, wanted| {
        let path = path.to_owned();
        move |error| CertificateError::Unreadable { path, fault: certificates::Fault { wanted, error } }
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(unreadable(certificate, "CERTIFICATE"))?;
    let no_certificate = || CertificateError::NoCertificate(certificate.into());
    let first = chain.first().ok_or_else(no_certificate)?;
    let validity = Validity::of_certificate(first).ok_or_else(no_certificate)?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(unreadable(key, "PRIVATE KEY"))?;
    // Checks that the key belongs to the certificate.
    let fit = CertifiedKey::from_der(chain, private, &rustls::crypto::ring::default_provider());
    let unfit = |error| CertificateError::Unfit { certificate: certificate.into(), key: key.into(), error };
    Ok(Pair { key: Arc::new(fit.map_err(unfit)?), validity })
}
