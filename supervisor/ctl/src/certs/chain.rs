//! Whether a certificate is what a device would take it for.

use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use certificates::Validity;

/// Whether a device that trusts the authority takes it, at a time at which it is good.
pub fn is_signed_by(leaf: &[u8], authority: &CertificateDer<'_>) -> bool {
    let leaf = CertificateDer::from(leaf);
    let good_at = Validity::of_certificate(&leaf).and_then(|validity| u64::try_from(validity.from).ok());
    let (Some(good_at), Ok(end), Ok(anchor)) =
        (good_at, EndEntityCert::try_from(&leaf), anchor_from_trusted_cert(authority))
    else {
        return false;
    };
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(good_at));
    let anchors = [anchor];
    let usage = KeyUsage::server_auth();
    end.verify_for_usage(ALL_VERIFICATION_ALGS, &anchors, &[], time, usage, None, None).is_ok()
}

/// Whether it is for this name or address.
pub fn is_for(leaf: &[u8], name: &str) -> bool {
    let leaf = CertificateDer::from(leaf);
    let (Ok(end), Ok(name)) = (EndEntityCert::try_from(&leaf), ServerName::try_from(name)) else { return false };
    end.verify_is_valid_for_subject_name(&name).is_ok()
}

/// The names in it that are no addresses.
pub fn dns_names(leaf: &[u8]) -> Vec<String> {
    let leaf = CertificateDer::from(leaf);
    let names = EndEntityCert::try_from(&leaf).map(|end| end.valid_dns_names().map(str::to_owned).collect());
    names.unwrap_or_default()
}
