//! `betti-ctl certs`: the hub's own authority and the certificate that it signs.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use serde::Serialize;

use super::Context;
use crate::arguments;
use crate::certs::{self, Names, Wish};
use crate::exit::{Exit, Failure, Outcome};

/// What the gateway is called, and where it listens unless the file says otherwise.
const GATEWAY: &str = "betti-frontend";
const GATEWAY_PORT: u16 = 5173;

/// For programs.
#[derive(Serialize)]
struct Report<'r> {
    ok: bool,
    /// Whether anything was written.
    changed: bool,
    folder: &'r Path,
    /// Whether the pair is somebody's own, which is used as it is.
    own: bool,
    names: &'r [String],
    left_out: &'r [String],
    until: String,
    authority: Option<AuthorityReport>,
    /// Where devices are told how to trust the authority.
    trust_url: Option<String>,
}

#[derive(Serialize)]
struct AuthorityReport {
    changed: bool,
    path: PathBuf,
    fingerprint: String,
    until: String,
}

/// Makes what is missing.
///
/// # Errors
/// If that cannot be done, or would touch what is somebody's own.
pub fn run(arguments: &arguments::Certs, context: &Context<'_>) -> Outcome {
    let folder = folder(arguments, context);
    let found = Names::of_this_machine();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed());
    let names = arguments.names.iter().map(|name| name.to_ascii_lowercase()).collect();
    let wish = Wish { names, renew: arguments.renew, new_authority: arguments.new_authority, now };
    let outcome = certs::make(&folder, &found, &wish)?;
    let url = outcome.authority.as_ref().map(|_| trust_url(&found, context));
    if context.printer.is_json() {
        context.printer.json(&report(&outcome, url)?)?;
        return Ok(Exit::Done);
    }
    tell(&outcome, url.as_deref(), context);
    Ok(Exit::Done)
}

fn folder(arguments: &arguments::Certs, context: &Context<'_>) -> PathBuf {
    let beside_the_file = || context.config.as_deref().and_then(Path::parent).unwrap_or(Path::new("."));
    let from_environment = || std::env::var_os(certificates::FOLDER_VARIABLE).map(PathBuf::from);
    let asked = arguments.folder.clone().or_else(from_environment);
    asked.unwrap_or_else(|| beside_the_file().join(certificates::FOLDER))
}

/// By an address, because not every device knows names in the local network, and without encryption, because it does not trust
/// it yet.
fn trust_url(found: &Names, context: &Context<'_>) -> String {
    let text = context.config.as_deref().and_then(|path| Some((path, std::fs::read_to_string(path).ok()?)));
    let manifest = text.and_then(|(path, text)| manifest::parse_in_place(path, &text, None).ok());
    let gateway = manifest.as_ref().and_then(|manifest| manifest.apps.iter().find(|app| app.name == GATEWAY));
    let port = gateway.and_then(|app| app.listen.iter().find_map(manifest::Address::port));
    let host = found.first_address().map_or_else(
        || found.first().to_owned(),
        |address| match address {
            std::net::IpAddr::V4(address) => address.to_string(),
            std::net::IpAddr::V6(address) => format!("[{address}]"),
        },
    );
    format!("http://{host}:{}/trust", port.unwrap_or(GATEWAY_PORT))
}

fn report<'r>(outcome: &'r certs::Outcome, trust_url: Option<String>) -> Result<Report<'r>, Failure> {
    let authority = outcome.authority.as_ref().map(|authority| AuthorityReport {
        changed: outcome.authority_is_new,
        path: outcome.folder.join(certificates::AUTHORITY),
        fingerprint: authority.fingerprint(),
        until: authority.validity().map(|validity| time(validity.until)).unwrap_or_default(),
    });
    Ok(Report {
        ok: true,
        changed: outcome.certificate_is_new || outcome.authority_is_new,
        folder: &outcome.folder,
        own: outcome.authority.is_none(),
        names: &outcome.names,
        left_out: &outcome.left_out,
        until: time(outcome.validity.until),
        authority,
        trust_url,
    })
}

fn time(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or_default().to_string()
}

fn tell(outcome: &certs::Outcome, trust_url: Option<&str>, context: &Context<'_>) {
    let printer = context.printer;
    let path = |name: &str| outcome.folder.join(name).display().to_string();
    let until = time(outcome.validity.until);
    let certificate = path(certificates::CERTIFICATE);
    let (Some(authority), Some(url)) = (&outcome.authority, trust_url) else {
        printer.say(&format!("✓ {certificate} is your own, good until {until}, and is used as it is"));
        return;
    };
    if outcome.authority_is_new {
        printer.say(&format!("✓ {} is this hub's own authority", path(certificates::AUTHORITY)));
        printer.say(&format!(
            "  Keep {} to yourself: whoever has it can pose as this hub",
            path(certificates::AUTHORITY_KEY)
        ));
    }
    let what = if outcome.certificate_is_new { "is new" } else { "is good" };
    printer.say(&format!("✓ {certificate} {what}, until {until}, for {}", outcome.names.join(", ")));
    if !outcome.left_out.is_empty() {
        printer.say(&format!(
            "  Not for {}: the authority may not speak for that; --new-authority makes one that may",
            outcome.left_out.join(", ")
        ));
    }
    printer.say("  Workers that run take it by themselves; it is renewed by running this again");
    printer.say(&format!("To trust it, open {url} on each phone, tablet or computer, once:"));
    for (device, steps) in STEPS {
        printer.say(&format!("  {device:<8}  {steps}"));
    }
    printer.say(&format!("  Compare the fingerprint (SHA-256): {}", authority.fingerprint()));
}

/// How each kind of device comes to trust it, in short; the page says it step by step.
const STEPS: [(&str, &str); 4] = [
    (
        "iPhone",
        "download the profile; Settings, Profile Downloaded, Install; General, About, Certificate Trust Settings, on",
    ),
    ("Android", "download the certificate; Settings, Security, Install a certificate, CA certificate"),
    ("Windows", "download and open the certificate; Install, Local Machine, Trusted Root Certification Authorities"),
    ("macOS", "download and open the certificate; in Keychain Access open it: Trust, Always Trust"),
];
