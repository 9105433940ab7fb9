//! What everybody has to agree on about a hub's certificates: which files they are in, and when they end.
//!
//! ```text
//!   certs/ ── cert.pem, key.pem        what is served; somebody else's pair is as welcome as one that betti-ctl made
//!          └─ ca.pem, ca-key.pem       the hub's own authority, which signs that pair; phones trust ca.pem once
//! ```
//!
//! It signs and checks nothing: making certificates is `betti-ctl certs`, serving them the workers' kit.

mod der;
mod fault;
mod validity;

use std::{fmt, path::Path, time::Duration};

use rustls_pki_types::{CertificateDer, pem::PemObject};

pub use self::{
    fault::Fault,
    validity::{Standing, Validity},
};

/// What is served.
pub const CERTIFICATE: &str = "cert.pem";
/// Its private key.
pub const KEY: &str = "key.pem";
/// The authority that signs it, which devices come to trust.
pub const AUTHORITY: &str = "ca.pem";
/// The authority's private key. Whoever has it can be taken for this hub.
pub const AUTHORITY_KEY: &str = "ca-key.pem";
/// The folder of all of them, beside `ecosystem.toml`.
pub const FOLDER: &str = "certs";
/// The variable that names another folder.
pub const FOLDER_VARIABLE: &str = "BETTI_CERTS";

/// How long before its end a certificate is warned of, and made anew by whoever makes it.
pub const WARNED_BEFORE: Duration = Duration::from_secs(30 * DAY_SECONDS);
const DAY_SECONDS: u64 = 24 * 60 * 60;

/// Why a file tells nothing about how long a certificate is good.
#[derive(Debug)]
pub enum ReadError {
    /// It cannot be read, or holds no certificate as PEM.
    Pem(Fault),
    /// What it holds is no certificate.
    NoCertificate,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pem(fault) => fault.fmt(f),
            Self::NoCertificate => f.write_str("what it holds is no certificate"),
        }
    }
}

impl std::error::Error for ReadError {}

/// How long the first certificate of a PEM file is good.
///
/// # Errors
/// If there is none.
pub fn validity_of_file(path: &Path) -> Result<Validity, ReadError> {
    let certificate =
        CertificateDer::from_pem_file(path).map_err(|error| ReadError::Pem(Fault { wanted: "CERTIFICATE", error }))?;
    Validity::of_certificate(&certificate).ok_or(ReadError::NoCertificate)
}

/// What this machine is called; `None` where it has no name of its own.
#[must_use]
pub fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim();
    (!matches!(name, "" | "(none)" | "localhost")).then(|| name.to_ascii_lowercase())
}
