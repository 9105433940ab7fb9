//! How a device comes to trust the hub, and what is said while there is nothing good to trust.
#![allow(clippy::unwrap_used, reason = "what fails in a test is to end it")]

mod support;

use std::{
    fs,
    os::unix::{fs::PermissionsExt, net::UnixDatagram},
    path::Path,
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use support::{Gateway, command};
use tempfile::TempDir;

/// Whatever is waited for and not said by then is not said.
const SOON: Duration = Duration::from_secs(10);

fn gateway(certificates: &Path) -> Gateway {
    Gateway::start(&[], &[("BETTI_CERTS", certificates.to_str().unwrap())])
}

/// Writes an authority, and gives it as DER.
fn write_authority(folder: &Path) -> Vec<u8> {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let authority = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
    fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    fs::write(folder.join("ca-key.pem"), "a secret").unwrap();
    authority.der().to_vec()
}

fn write_pair(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(vec!["hub".into()]).unwrap();
    fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}

#[test]
fn the_page_shows_the_fingerprint_and_gives_the_certificate_in_every_form() {
    let folder = TempDir::new().unwrap();
    let gateway = gateway(folder.path());
    let before = gateway.get("/trust");
    assert!(before.status == 200 && text(&before.body).contains("betti-ctl certs"), "{before:?}");
    assert_eq!(gateway.get("/trust/betti-ca.crt").status, 404);

    let der = write_authority(folder.path());
    let page = gateway.get("/trust");
    let digest = ring::digest::digest(&ring::digest::SHA256, &der);
    let fingerprint = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":");
    assert!(text(&page.body).contains(&fingerprint), "{page:?}");
    assert!(text(&page.body).contains(&format!("https://{}", gateway.address)), "{page:?}");
    assert!(page.headers.contains("content-security-policy: default-src 'none'"), "{page:?}");

    let certificate = gateway.get("/trust/betti-ca.crt");
    assert_eq!(certificate.body, der);
    assert!(certificate.headers.contains("content-type: application/x-x509-ca-cert"), "{certificate:?}");
    let profile = gateway.get("/trust/betti-ca.mobileconfig");
    assert!(profile.headers.contains("content-type: application/x-apple-aspen-config"), "{profile:?}");
    let base64: String =
        fs::read_to_string(folder.path().join("ca.pem")).unwrap().lines().filter(|l| !l.starts_with('-')).collect();
    let profile = text(&profile.body);
    assert!(profile.contains(&format!("<data>{base64}</data>")) && !profile.contains('{'), "{profile}");
    for path in ["/trust/ca-key.pem", "/trust/../ca-key.pem", "/trust/key.pem", "/trust/ca.pem"] {
        assert!(!text(&gateway.get(path).body).contains("a secret"), "{path}");
    }
    assert_eq!(gateway.ask("POST", "/trust", &["Content-Length: 0"]).status, 405);
}

#[test]
fn what_the_caller_calls_the_hub_is_not_taken_for_html() {
    let folder = TempDir::new().unwrap();
    write_authority(folder.path());
    let gateway = gateway(folder.path());
    let page =
        gateway.exchange("GET /trust HTTP/1.1\r\nHost: \"><script>alert(1)</script>\r\nConnection: close\r\n\r\n");
    assert!(!text(&page.body).contains("<script"), "{page:?}");
}

#[test]
fn a_pair_that_comes_while_the_gateway_runs_is_told_to_everybody() {
    let folder = TempDir::new().unwrap();
    // The folder itself is not there yet either: the gateway makes it, for nobody else.
    let certificates = folder.path().join("certs");
    let mut gateway = gateway(&certificates);
    let state = |gateway: &Gateway| -> serde_json::Value {
        serde_json::from_slice::<serde_json::Value>(&gateway.get("/health").body).unwrap()["certificate"].clone()
    };
    assert_eq!(state(&gateway), serde_json::json!({"state": "none", "kept": false}));
    assert_eq!(fs::metadata(&certificates).unwrap().permissions().mode() & 0o777, 0o700);
    write_pair(&certificates);
    gateway.wait_for_line("a new certificate is in force");
    assert_eq!(state(&gateway)["state"], "good");
    fs::remove_file(certificates.join("key.pem")).unwrap();
    gateway.wait_for_line("key.pem is missing");
    assert_eq!((&state(&gateway)["state"], &state(&gateway)["kept"]), (&"good".into(), &true.into()));
    fs::remove_file(certificates.join("cert.pem")).unwrap();
    gateway.wait_for_line("are gone, so the one before is kept");
    assert_eq!((&state(&gateway)["state"], &state(&gateway)["kept"]), (&"good".into(), &true.into()));
}

#[test]
fn whoever_supervises_it_is_told_why_a_certificate_is_not_in_force_and_when_it_is() {
    let folder = TempDir::new().unwrap();
    write_pair(folder.path());
    fs::write(folder.path().join("key.pem"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let socket = folder.path().join("notify");
    let heard = UnixDatagram::bind(&socket).unwrap();
    heard.set_read_timeout(Some(SOON)).unwrap();
    let mut command = command();
    command.env("BETTI_CERTS", folder.path()).env("NOTIFY_SOCKET", &socket);
    let _gateway = Gateway::start_with(command);
    let next_status = || loop {
        let mut bytes = [0; 4096];
        let length = heard.recv(&mut bytes).expect("something is said");
        if let Some(status) = text(&bytes[..length]).strip_prefix("STATUS=") {
            return status.to_owned();
        }
    };
    let status = next_status();
    assert!(status.contains("cannot be used") && status.contains("do not fit"), "{status}");
    write_pair(folder.path());
    // Whoever writes two files is seen between them too; then it is said again why neither is in force.
    loop {
        match next_status() {
            status if status.is_empty() => break,
            status => assert!(status.contains("cannot be used"), "{status}"),
        }
    }
}

#[test]
fn what_it_writes_is_for_nobody_else() {
    let folder = TempDir::new().unwrap();
    let gateway = gateway(folder.path());
    let status = fs::read_to_string(format!("/proc/{}/status", gateway.id())).unwrap();
    assert!(status.lines().any(|line| line == "Umask:\t0077"), "{status}");
}
