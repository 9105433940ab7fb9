//! Why a PEM file cannot be read, in words for whoever put it there.

use std::fmt;

use rustls_pki_types::pem;

/// Why what was looked for is not in a file.
#[derive(Debug)]
pub struct Fault {
    /// What was looked for, as PEM calls it: `CERTIFICATE`.
    pub wanted: &'static str,
    /// What became of it.
    pub error: pem::Error,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.error {
            pem::Error::MissingSectionEnd { end_marker } => {
                let name = String::from_utf8_lossy(end_marker);
                write!(f, "the file is cut off: -----END {name}----- is missing")
            }
            pem::Error::IllegalSectionStart { .. } => {
                write!(f, "a line begins with -----BEGIN and does not end with -----")
            }
            pem::Error::Base64Decode(_) => {
                write!(f, "what is between BEGIN and END is not base64: was it changed or cut?")
            }
            pem::Error::Io(error) => error.fmt(f),
            // A key with a password is one of those: nobody is there to type it when the hub starts.
            pem::Error::NoItemsFound => {
                write!(f, "no -----BEGIN {}----- is in it (one with a password cannot be used)", self.wanted)
            }
            other => other.fmt(f),
        }
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use rustls_pki_types::{PrivateKeyDer, pem::PemObject};

    use super::*;

    #[test]
    fn what_is_wrong_with_a_file_is_said_in_words() {
        let said = |pem: &str| {
            let error = PrivateKeyDer::from_pem_slice(pem.as_bytes()).expect_err(pem);
            Fault { wanted: "PRIVATE KEY", error }.to_string()
        };
        for (pem, words) in [
            ("-----BEGIN PRIVATE KEY-----\nMEcC\n", "-----END PRIVATE KEY----- is missing"),
            ("-----BEGIN PRIVATE KEY--\nMEcC\n", "does not end with -----"),
            ("-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----\n", "not base64"),
            ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMEcC\n-----END ENCRYPTED PRIVATE KEY-----\n", "with a password"),
            ("", "no -----BEGIN PRIVATE KEY-----"),
        ] {
            assert!(said(pem).contains(words), "{pem}: {}", said(pem));
        }
    }
}
