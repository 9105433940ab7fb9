//! The hub's own authority: what devices come to trust.

use certificates::Validity;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, GeneralSubtree, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, NameConstraints,
};
use rustls_pki_types::{CertificateDer, pem::PemObject};

use super::{Names, leaf};
use crate::exit::Failure;

/// Devices are told once to trust it.
const GOOD_FOR_DAYS: i64 = 3652;
/// Endings of names that are used in houses and never in the internet at large.
const ENDINGS_OF_HOUSES: [&str; 5] = ["local", "lan", "home.arpa", "internal", "test"];

/// What signs.
pub struct Authority {
    /// As DER.
    pub certificate: CertificateDer<'static>,
    /// As PEM.
    pub text: String,
    /// The private key as PEM; `None` where it is kept elsewhere.
    pub key: Option<String>,
}

impl Authority {
    /// One that can speak for this machine's names, those that were asked for, and those that mean nothing outside of a house.
    /// Addresses are not restricted, because they change.
    ///
    /// # Errors
    /// If a name is none.
    pub fn new(found: &Names, asked: &[String], now: i64) -> Result<Self, Failure> {
        let not_made = |error: rcgen::Error| Failure::failed(format!("no authority can be made: {error}"));
        let mut parameters = CertificateParams::new(Vec::new()).map_err(not_made)?;
        parameters.distinguished_name = DistinguishedName::new();
        let name = format!("Betti hub {} ({})", found.first(), leaf::date(now));
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.distinguished_name.push(DnType::OrganizationName, "Betti");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        parameters.serial_number = Some(leaf::serial_number()?);
        leaf::set_validity(&mut parameters, now, GOOD_FOR_DAYS, i64::MAX);
        let own = found.with(asked);
        let bounds = own.dns().chain(ENDINGS_OF_HOUSES).map(|name| GeneralSubtree::DnsName(name.to_owned()));
        parameters.name_constraints =
            Some(NameConstraints { permitted_subtrees: bounds.collect(), excluded_subtrees: Vec::new() });
        let key = KeyPair::generate().map_err(not_made)?;
        let certificate = parameters.self_signed(&key).map_err(not_made)?;
        Ok(Self { certificate: certificate.der().clone(), text: certificate.pem(), key: Some(key.serialize_pem()) })
    }

    /// The one that is there.
    ///
    /// # Errors
    /// If it is none.
    pub fn stored(text: String, key: Option<String>) -> Result<Self, rustls_pki_types::pem::Error> {
        Ok(Self { certificate: CertificateDer::from_pem_slice(text.as_bytes())?, text, key })
    }

    /// What signs with it.
    ///
    /// # Errors
    /// If its key is elsewhere, or of no use.
    pub fn issuer(&self) -> Result<Issuer<'static, KeyPair>, Failure> {
        let another = "put the right one back, or have another authority made with --new-authority, which every device has to \
            trust anew";
        let key = self.key.as_deref().ok_or_else(|| Failure::failed(format!("ca-key.pem is not there: {another}")))?;
        let issuer = KeyPair::from_pem(key).and_then(|key| Issuer::from_ca_cert_der(&self.certificate, key));
        issuer.map_err(|error| Failure::failed(format!("ca.pem and ca-key.pem cannot sign: {error}; {another}")))
    }

    /// How long it is good.
    #[must_use]
    pub fn validity(&self) -> Option<Validity> {
        Validity::of_certificate(&self.certificate)
    }

    /// SHA-256 of it, as devices show it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digest = ring::digest::digest(&ring::digest::SHA256, &self.certificate);
        digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
    }
}
