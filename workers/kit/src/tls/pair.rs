//! A certificate and its key, read from their two files.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use certificates::{Fault, Standing, Validity};
use rustls::{
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};

use crate::sandbox::Content;

/// Why a pair of files does not make a certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("{path} cannot be read: {why}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A file is there and holds none.
    #[error("{0} holds no certificate: it must begin with -----BEGIN CERTIFICATE-----")]
    NoCertificate(PathBuf),
    /// A file is there, and is not PEM, or PEM of another kind.
    #[error("{path}: {fault}")]
    Broken {
        /// The file.
        path: PathBuf,
        /// Why.
        fault: Fault,
    },
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

    /// Whether it is good now; browsers refuse one that is not.
    pub fn is_good(&self, now: i64) -> bool {
        matches!(self.validity.at(now), Standing::Good | Standing::Ending { .. })
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

/// The two files, by what is in them.
pub(super) fn find(folder: &Path, read: impl Fn(&Path) -> Content) -> Found {
    let (certificate, key) = (folder.join(certificates::CERTIFICATE), folder.join(certificates::KEY));
    let unreadable = |path, why| Found::Bad(CertificateError::Unreadable { path, why });
    match (read(&certificate), read(&key)) {
        (Content::Bytes(chain), Content::Bytes(private)) => {
            pair((certificate, &chain), (key, &private)).map_or_else(Found::Bad, |pair| Found::Pair(Box::new(pair)))
        }
        (Content::Missing, Content::Missing) => Found::Nothing,
        (Content::Unreadable(why), _) => unreadable(certificate, why),
        (_, Content::Unreadable(why)) => unreadable(key, why),
        (_, Content::Missing) => Found::Half(key),
        (Content::Missing, _) => Found::Half(certificate),
    }
}

fn pair(certificate: (PathBuf, &[u8]), key: (PathBuf, &[u8])) -> Result<Pair, CertificateError> {
    let ((certificate, chain), (key, private)) = (certificate, key);
    let no_certificate = || CertificateError::NoCertificate(certificate.clone());
    let broken = |path: &Path, wanted| {
        let path = path.to_owned();
        move |error| CertificateError::Broken { path, fault: Fault { wanted, error } }
    };
    let chain = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(broken(&certificate, "CERTIFICATE"))?;
    let validity = chain.first().and_then(|first| Validity::of_certificate(first)).ok_or_else(no_certificate)?;
    let private = PrivateKeyDer::from_pem_slice(private).map_err(broken(&key, "PRIVATE KEY"))?;
    // Checks that the key belongs to the certificate.
    let fit = CertifiedKey::from_der(chain, private, &rustls::crypto::ring::default_provider());
    let key = Arc::new(fit.map_err(|error| CertificateError::Unfit { certificate, key, error })?);
    Ok(Pair { key, validity })
}
