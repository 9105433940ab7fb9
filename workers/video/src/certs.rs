//! `betti-video certs`: a certificate of the hub's own making, for trying out HTTPS at home.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};

/// Browsers refuse certificates that are valid for more than 398 days.
const VALID_YEARS: i64 = 1;
/// A private key is nobody else's.
const FILE_MODE: u32 = 0o600;
/// Names that always mean this machine.
const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// There is one already.
    #[error("{path} is there already. To replace it: betti-video certs --force")]
    AlreadyThere {
        /// The file.
        path: PathBuf,
    },
    /// A name is no host name or address.
    #[error("cannot make a certificate for {names}: {error}")]
    NotMade {
        /// All names.
        names: String,
        /// Why.
        error: rcgen::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}: {error}")]
    NotWritten {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// What was made.
#[derive(Debug)]
pub struct Made {
    certificate: PathBuf,
    key: PathBuf,
    names: Vec<String>,
    until: Date,
}

/// Makes `cert.pem` and `key.pem` in the folder, for this machine's names and the given ones.
///
/// # Errors
/// If they are there already and `force` is not set, if a name is none, or if they cannot be written.
pub fn make(folder: &Path, extra_names: &[String], force: bool) -> Result<Made, MakeError> {
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    if let Some(path) = [&certificate, &key].into_iter().find(|path| !force && path.exists()) {
        return Err(MakeError::AlreadyThere { path: path.clone() });
    }
    let names = names(extra_names);
    let today = TimeZone::UTC.to_datetime(Timestamp::now()).date();
    let until = today.saturating_add(VALID_YEARS.years());
    let pair =
        self_signed(&names, today, until).map_err(|error| MakeError::NotMade { names: names.join(", "), error })?;
    fs::create_dir_all(folder).map_err(|error| MakeError::NotWritten { path: folder.into(), error })?;
    // The key first: a worker that serves the old pair looks for the new one when the certificate arrives.
    write(&key, &pair.key)?;
    write(&certificate, &pair.certificate)?;
    Ok(Made { certificate, key, names, until })
}

impl Made {
    /// Says what was made, and how browsers come to trust it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn print(&self, mut to: impl Write) -> io::Result<()> {
        let Self { certificate, key, names, until } = self;
        writeln!(
            to,
            "Wrote {} and {}, valid until {until} for {}.",
            certificate.display(),
            key.display(),
            names.join(", ")
        )?;
        writeln!(to, "A browser warns of it once: open the video worker's address, compare the names, and accept.")?;
        writeln!(
            to,
            "Programs on this machine (not browsers) trust it after: sudo install -m 644 {} /usr/local/share/ca-certificates/betti.crt && sudo update-ca-certificates",
            certificate.display()
        )
    }
}

struct Pair {
    certificate: String,
    key: String,
}

fn self_signed(names: &[String], today: Date, until: Date) -> Result<Pair, rcgen::Error> {
    let mut parameters = CertificateParams::new(names)?;
    parameters.distinguished_name.push(DnType::CommonName, "Betti hub");
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // From yesterday, because a device's clock may be behind ours.
    let midnight = |date: Date| rcgen::date_time_ymd(date.year().into(), date.month() as u8, date.day() as u8);
    parameters.not_before = midnight(today.saturating_sub(1.day()));
    parameters.not_after = midnight(until);
    let key = KeyPair::generate()?;
    let certificate = parameters.self_signed(&key)?;
    Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
}

/// Each once, in the order in which people look for them.
fn names(extra: &[String]) -> Vec<String> {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    let own =
        if host.is_empty() || host == "localhost" { vec![] } else { vec![host.to_owned(), format!("{host}.local")] };
    let mut names: Vec<String> = Vec::new();
    for name in LOCAL_NAMES.iter().map(ToString::to_string).chain(own).chain(extra.iter().cloned()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Written beside and renamed, so that nobody ever reads half of it.
fn write(path: &Path, text: &str) -> Result<(), MakeError> {
    let beside = path.with_extension("pem.new");
    let written = (|| {
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    })();
    written.map_err(|error| MakeError::NotWritten { path: path.into(), error })
}
