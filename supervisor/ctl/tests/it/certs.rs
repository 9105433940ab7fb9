//! `certs`: real files in a folder, as a device would look at them.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rustls_pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
use serde_json::Value;
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use crate::home::{Call, Home};

/// What the strictest devices take, in seconds.
const LONGEST: i64 = 366 * 24 * 60 * 60;

fn folder(home: &Home) -> PathBuf {
    home.folder().join("certs")
}

fn certificate(home: &Home, name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(folder(home).join(name)).expect("a certificate")
}

fn files(home: &Home) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder(home)).expect("a folder").map(|entry| entry.expect("an entry"));
    entries.map(|e| (e.file_name().display().to_string(), std::fs::read(e.path()).expect("a file"))).collect()
}

fn certs(home: &Home, arguments: &[&str]) -> Value {
    let Call { code, out, error } = home.call(&[&["certs", "--json"], arguments].concat());
    assert_eq!(code, Some(0), "{error}");
    serde_json::from_str(&out).expect("one document")
}

fn refused(home: &Home, arguments: &[&str]) -> String {
    let before = files(home);
    let Call { code, error, .. } = home.call(&[&["certs"], arguments].concat());
    assert_eq!(code, Some(1), "{error}");
    assert_eq!(files(home), before, "what is refused changes nothing");
    error
}

/// What a device that trusts the authority does.
fn is_taken(home: &Home, name: &str) -> bool {
    let (authority, leaf) = (certificate(home, "ca.pem"), certificate(home, "cert.pem"));
    let anchors = [anchor_from_trusted_cert(&authority).expect("an authority")];
    let end = EndEntityCert::try_from(&leaf).expect("a certificate");
    let usage = KeyUsage::server_auth();
    let verified = end.verify_for_usage(ALL_VERIFICATION_ALGS, &anchors, &[], UnixTime::now(), usage, None, None);
    let name = ServerName::try_from(name).expect("a name");
    verified.is_ok() && end.verify_is_valid_for_subject_name(&name).is_ok()
}

#[test]
fn a_device_that_trusts_the_authority_takes_what_it_signed_for_every_name_of_the_hub() {
    let home = Home::new();
    let made = certs(&home, &["--name", "betti.home.arpa", "--name", "10.9.8.7"]);
    assert_eq!(
        (&made["changed"], &made["own"], &made["left_out"]),
        (&true.into(), &false.into(), &Value::Array(vec![]))
    );
    for name in ["localhost", "127.0.0.1", "::1", "betti.home.arpa", "10.9.8.7"] {
        assert!(is_taken(&home, name), "{name}");
    }
    for name in made["names"].as_array().expect("names") {
        assert!(is_taken(&home, name.as_str().expect("text")), "{name}");
    }
    assert!(!is_taken(&home, "example.org"));
    let validity = certificates::validity_of_file(&folder(&home).join("cert.pem")).expect("a certificate");
    assert!(validity.until - validity.from < LONGEST, "{validity:?}");
    for (file, mode) in [("ca-key.pem", 0o600), ("key.pem", 0o600), ("ca.pem", 0o644), ("cert.pem", 0o644)] {
        let permissions = std::fs::metadata(folder(&home).join(file)).expect("a file").permissions();
        assert_eq!(permissions.mode() & mode, permissions.mode() & 0o777, "{file}: {:o}", permissions.mode());
    }
    assert!(made["trust_url"].as_str().is_some_and(|url| url.ends_with(":5173/trust")), "{made}");
}

#[test]
fn a_second_time_changes_nothing_and_a_renewal_keeps_the_authority_the_key_and_the_names() {
    let home = Home::new();
    let first = certs(&home, &["--name", "betti.lan"]);
    let before = files(&home);
    let second = certs(&home, &[]);
    assert_eq!((&second["changed"], &second["names"]), (&false.into(), &first["names"]));
    assert_eq!(files(&home), before);

    assert_eq!(certs(&home, &["--renew"])["changed"], true);
    let renewed = files(&home);
    for file in ["ca.pem", "ca-key.pem", "key.pem"] {
        assert_eq!(renewed[file], before[file], "{file}");
    }
    assert_ne!(renewed["cert.pem"], before["cert.pem"]);
    assert!(is_taken(&home, "betti.lan"), "a name that was asked for once is kept");

    // Another name makes another certificate of the same authority.
    assert_eq!(certs(&home, &["--name", "photos.lan"])["changed"], true);
    assert!(is_taken(&home, "photos.lan") && is_taken(&home, "betti.lan"));
    assert_eq!(files(&home)["ca.pem"], before["ca.pem"]);

    let other = certs(&home, &["--new-authority"]);
    assert_eq!(other["authority"]["changed"], true);
    assert_ne!(other["authority"]["fingerprint"], first["authority"]["fingerprint"]);
    assert!(is_taken(&home, "localhost"));
}

#[test]
fn the_authority_speaks_for_this_house_only() {
    let home = Home::new();
    certs(&home, &[]);
    let why = refused(&home, &["--name", "bank.example"]);
    assert!(why.contains("may not speak for bank.example") && why.contains("--new-authority"), "{why}");
    let made = certs(&home, &["--new-authority", "--name", "hub.example"]);
    assert!(made["names"].as_array().is_some_and(|names| names.contains(&"hub.example".into())), "{made}");
    assert!(is_taken(&home, "hub.example"));
}

#[test]
fn an_authority_without_its_key_is_never_replaced_unasked() {
    let home = Home::new();
    certs(&home, &[]);
    std::fs::remove_file(folder(&home).join("ca-key.pem")).expect("ours");
    assert_eq!(certs(&home, &[])["changed"], false, "its key may be kept elsewhere until it is needed");
    let why = refused(&home, &["--renew"]);
    assert!(why.contains("ca-key.pem is not there") && why.contains("--new-authority"), "{why}");
    // One that belongs to another authority.
    let key = std::fs::read(folder(&home).join("key.pem")).expect("a key");
    std::fs::write(folder(&home).join("ca-key.pem"), key).expect("written");
    assert!(refused(&home, &["--renew"]).contains("put the right one back"));
    std::fs::remove_file(folder(&home).join("ca.pem")).expect("ours");
    std::fs::remove_file(folder(&home).join("cert.pem")).expect("ours");
    assert!(refused(&home, &[]).contains("is there without ca.pem"));
}

#[test]
fn somebodys_own_pair_is_used_as_it_is_and_never_touched() {
    let home = Home::new();
    std::fs::create_dir(folder(&home)).expect("a folder");
    let own = rcgen::generate_simple_self_signed(vec!["hub.example".to_owned()]).expect("a pair");
    std::fs::write(folder(&home).join("cert.pem"), own.cert.pem()).expect("written");
    std::fs::write(folder(&home).join("key.pem"), own.signing_key.serialize_pem()).expect("written");
    let before = files(&home);
    let found = certs(&home, &[]);
    assert_eq!((&found["own"], &found["changed"], &found["authority"]), (&true.into(), &false.into(), &Value::Null));
    assert_eq!(files(&home), before);
    for arguments in [&["--renew"][..], &["--new-authority"], &["--name", "hub.lan"]] {
        let why = refused(&home, arguments);
        assert!(why.contains("is your own and is not touched") && why.contains("move"), "{why}");
    }
    std::fs::write(folder(&home).join("key.pem"), rcgen::KeyPair::generate().expect("a key").serialize_pem())
        .expect("written");
    assert!(refused(&home, &[]).contains("do not fit together"));
    std::fs::write(folder(&home).join("cert.pem"), "nothing").expect("written");
    assert!(refused(&home, &[]).contains("is your own"));
}
