//! The certificate that is served.

use std::fs::File;
use std::io::Read;
use std::time::Duration;

use certificates::Validity;
use jiff::Timestamp;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SerialNumber};

use super::{Authority, Names, Wish, chain, files::Files};
use crate::exit::Failure;

/// From its first to its last day: what the strictest take, which is a year (Mozilla); Apple's devices take 398 days.
const GOOD_FOR_DAYS: i64 = 365;
/// A device's clock may be behind ours.
const BEGUN_DAYS_AGO: i64 = 1;
const DAY_SECONDS: i64 = 24 * 60 * 60;
/// As many bytes as a certificate's number may be long without being a negative one (RFC 5280, 4.1.2.2).
const SERIAL_BYTES: usize = 16;

/// What is served from now on.
pub struct Leaf {
    /// What has to be written; `None` if it is there already.
    pub new: Option<New>,
    pub names: Vec<String>,
    pub left_out: Vec<String>,
    pub validity: Validity,
}

/// What has to be written.
pub struct New {
    /// As PEM.
    pub certificate: String,
    /// The private key as PEM; `None` if it is there already.
    pub key: Option<String>,
}

/// The present one, unless a name is missing in it.
///
/// # Errors
/// As [`make`].
pub fn keep_or_make(
    leaf: Vec<u8>,
    wanted: &Names,
    authority: &Authority,
    files: &Files,
    wish: &Wish,
) -> Result<Leaf, Failure> {
    let (has, missing): (Vec<_>, Vec<_>) = wanted.all().into_iter().partition(|name| chain::is_for(&leaf, name));
    // What the authority may not speak for would be missing in another one too.
    let is_whole = missing.is_empty()
        || authority.key.is_some() && {
            let permitted = permitted(wanted, authority, wish)?;
            missing.iter().all(|name| permitted.left_out.contains(name))
        };
    match Validity::of_certificate(&leaf).filter(|_| is_whole) {
        Some(validity) => Ok(Leaf { new: None, names: has, left_out: missing, validity }),
        None => make(wanted, authority, files, wish),
    }
}

/// Another one, with the key that is there.
///
/// # Errors
/// If the authority cannot sign, may not speak for a name that was asked for, or has ended.
pub fn make(wanted: &Names, authority: &Authority, files: &Files, wish: &Wish) -> Result<Leaf, Failure> {
    let Permitted { names, left_out } = permitted(wanted, authority, wish)?;
    let (key, is_new) = match files.key()? {
        Some(key) => (key, false),
        None => (generate()?, true),
    };
    let certificate = sign(&names, &key, authority, wish.now)?;
    let made = certificate.der();
    let validity = Validity::of_certificate(made).filter(|_| chain::is_signed_by(made, &authority.certificate));
    let validity = validity.ok_or_else(|| {
        Failure::failed(
            "what ca-key.pem signs is not what ca.pem says: put the right one back, or have another authority made with \
             --new-authority, which every device has to trust anew",
        )
    })?;
    let new = New { certificate: certificate.pem(), key: is_new.then(|| key.serialize_pem()) };
    Ok(Leaf { new: Some(new), names, left_out, validity })
}

struct Permitted {
    names: Vec<String>,
    left_out: Vec<String>,
}

/// Which names the authority may speak for: tried one by one, because that is what devices do.
fn permitted(wanted: &Names, authority: &Authority, wish: &Wish) -> Result<Permitted, Failure> {
    let key = generate()?;
    let mut permitted = Permitted { names: Vec::new(), left_out: Vec::new() };
    for name in wanted.all() {
        let trial = sign(std::slice::from_ref(&name), &key, authority, wish.now)?;
        let list = match chain::is_signed_by(trial.der(), &authority.certificate) {
            true => &mut permitted.names,
            false => &mut permitted.left_out,
        };
        list.push(name);
    }
    if permitted.names.is_empty() {
        // It is not about names.
        return Ok(Permitted { names: permitted.left_out, left_out: Vec::new() });
    }
    match wish.names.iter().find(|asked| permitted.left_out.contains(asked)) {
        Some(asked) => Err(Failure::failed(format!(
            "the authority in ca.pem may not speak for {asked}: --new-authority makes one that may, which every device has to \
             trust anew"
        ))),
        None => Ok(permitted),
    }
}

fn sign(names: &[String], key: &KeyPair, authority: &Authority, now: i64) -> Result<rcgen::Certificate, Failure> {
    let not_made =
        |error: rcgen::Error| Failure::failed(format!("no certificate can be made for {}: {error}", names.join(", ")));
    let mut parameters = CertificateParams::new(names).map_err(not_made)?;
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, "Betti hub");
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    parameters.use_authority_key_identifier_extension = true;
    parameters.serial_number = Some(serial_number()?);
    let ends = Validity::of_certificate(&authority.certificate).map_or(0, |validity| validity.until);
    if ends < now {
        let why = "the authority in ca.pem has ended: --new-authority makes another one, which every device has to trust anew";
        return Err(Failure::failed(why));
    }
    // Nothing outlives who vouches for it.
    set_validity(&mut parameters, now, GOOD_FOR_DAYS, ends);
    parameters.signed_by(key, &authority.issuer()?).map_err(not_made)
}

fn generate() -> Result<KeyPair, Failure> {
    KeyPair::generate().map_err(|error| Failure::failed(format!("no key can be made: {error}")))
}

/// Another number for each, also of the same key: browsers refuse two certificates of one number.
///
/// # Errors
/// If the system gives no random bytes.
pub fn serial_number() -> Result<SerialNumber, Failure> {
    let mut bytes = [0; SERIAL_BYTES];
    let read = File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut bytes));
    read.map_err(|why| Failure::failed(format!("no random number can be had from /dev/urandom: {why}")))?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

/// Good from yesterday on, for so many days in all, and no longer than `at_most`.
pub fn set_validity(parameters: &mut CertificateParams, now: i64, days: i64, at_most: i64) {
    let since = |seconds: i64| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds.max(0).cast_unsigned());
    let from = now - BEGUN_DAYS_AGO * DAY_SECONDS;
    parameters.not_before = since(from);
    // Both ends belong to it.
    parameters.not_after = since((from + days * DAY_SECONDS - 1).min(at_most));
}

/// The day of a moment, in UTC.
pub fn date(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or_default().strftime("%Y-%m-%d").to_string()
}
