//! The four files, and who may read them.

use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use rcgen::{KeyPair, PublicKeyData};
use rustls_pki_types::{CertificateDer, pem::PemObject};

use super::{Authority, leaf::New};
use crate::exit::Failure;
use crate::replace::{create, create_private, replace};

/// A folder of certificates.
pub struct Files {
    folder: PathBuf,
}

impl Files {
    /// The folder; made if it is missing.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn of(folder: &Path) -> Result<Self, Failure> {
        let made = std::fs::create_dir_all(folder);
        made.map_err(|why| Failure::failed(format!("{} cannot be made: {why}", folder.display())))?;
        Ok(Self { folder: folder.to_owned() })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn certificate(&self) -> PathBuf {
        self.folder.join(certificates::CERTIFICATE)
    }

    /// What is served, as DER; `None` if there is nothing. What is no certificate is empty, which nobody signed.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn leaf(&self) -> Result<Option<Vec<u8>>, Failure> {
        let text = self.read(certificates::CERTIFICATE)?;
        Ok(text
            .map(|text| CertificateDer::from_pem_slice(text.as_bytes()).map(|leaf| leaf.to_vec()).unwrap_or_default()))
    }

    /// The authority; `None` if there is none.
    ///
    /// # Errors
    /// If its files cannot be read, or hold something else.
    pub fn authority(&self) -> Result<Option<Authority>, Failure> {
        let Some(text) = self.read(certificates::AUTHORITY)? else {
            return match self.read(certificates::AUTHORITY_KEY)? {
                None => Ok(None),
                Some(_) => {
                    let (key, missing) = (self.folder.join(certificates::AUTHORITY_KEY), certificates::AUTHORITY);
                    let why = "put it back, or move the key away to have another authority made";
                    Err(Failure::failed(format!("{} is there without {missing}: {why}", key.display())))
                }
            };
        };
        let key = self.read(certificates::AUTHORITY_KEY)?;
        let stored = Authority::stored(text, key);
        stored
            .map(Some)
            .map_err(|why| Failure::failed(format!("{}: {why}", self.folder.join(certificates::AUTHORITY).display())))
    }

    /// The private key of what is served, whosever it is; `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read, or is none.
    pub fn key(&self) -> Result<Option<KeyPair>, Failure> {
        let Some(text) = self.read(certificates::KEY)? else { return Ok(None) };
        let path = self.folder.join(certificates::KEY);
        let key = KeyPair::from_pem(&text);
        key.map(Some).map_err(|why| {
            Failure::failed(format!(
                "{} is no key that can be used: {why}; move it away to have one made",
                path.display()
            ))
        })
    }

    /// Whether the key is that of a certificate.
    pub fn key_fits(&self, leaf: &[u8]) -> bool {
        let leaf = CertificateDer::from(leaf);
        let Ok(end) = webpki::EndEntityCert::try_from(&leaf) else { return false };
        let of_leaf = end.subject_public_key_info();
        self.key().ok().flatten().is_some_and(|key| key.subject_public_key_info() == of_leaf.as_ref())
    }

    /// The certificate last: when it is there, so is everything.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write_leaf(&self, new: &New) -> Result<(), Failure> {
        if let Some(key) = &new.key {
            self.write(certificates::KEY, key, true)?;
        }
        self.write(certificates::CERTIFICATE, &new.certificate, false)
    }

    /// # Errors
    /// If a file cannot be written.
    pub fn write_authority(&self, authority: &Authority) -> Result<(), Failure> {
        if let Some(key) = &authority.key {
            self.write(certificates::AUTHORITY_KEY, key, true)?;
        }
        self.write(certificates::AUTHORITY, &authority.text, false)
    }

    fn read(&self, name: &str) -> Result<Option<String>, Failure> {
        let path = self.folder.join(name);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(why) => Err(Failure::failed(format!("{} cannot be read: {why}", path.display()))),
        }
    }

    fn write(&self, name: &str, text: &str, is_private: bool) -> Result<(), Failure> {
        let path = self.folder.join(name);
        let written = (|| {
            if path.exists() {
                return replace(&path, text);
            }
            if is_private { create_private(&path, text) } else { create(&path, text) }?;
            // With sudo, too, it is for whoever runs the hub.
            let owner = std::fs::metadata(&self.folder)?;
            if nix::unistd::geteuid().is_root() && owner.uid() != 0 {
                chown(&path, Some(owner.uid()), Some(owner.gid()))?;
            }
            Ok(())
        })();
        written.map_err(|why: io::Error| Failure::failed(format!("{} cannot be written: {why}", path.display())))
    }
}
