//! Where passkeys work: at a domain name that browsers take for one, encrypted, or on this machine itself.

use std::net::IpAddr;

use webauthn_rs::{
    WebauthnBuilder,
    prelude::{Url, Webauthn, WebauthnError},
};

use super::questions::ANSWERED_WITHIN;

const HUB_NAME: &str = "Betti";
const NO_NAME: &str =
    "Passkeys need a domain name such as betti.example.org, and this page was opened by a number instead.";
const HOME_NAME: &str = "Passkeys need a domain name that browsers know as one, such as betti.example.org; names within a home only, such as .local, are none to them.";
const NOT_ENCRYPTED: &str = "Passkeys need an encrypted connection: open this page by https://.";

/// Passkeys do not work where a request came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotHere {
    /// Why not, in a sentence for people.
    pub why: String,
    /// The origin where they do, if the hub was told of one.
    pub at: Option<String>,
}

impl From<&str> for NotHere {
    fn from(why: &str) -> Self {
        Self { why: why.to_owned(), at: None }
    }
}

/// One origin of the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// What its passkeys are for: its host.
    pub host: String,
    origin: Url,
}

impl Site {
    /// The origin of a request that came to this host (with its port), if passkeys work there; otherwise why not. Where the hub was
    /// told how it is reached, they work there and nowhere else.
    pub fn of(public_url: Option<&str>, host: &str, is_tls: bool) -> Result<Self, NotHere> {
        let own = parse(&format!("{}://{host}", if is_tls { "https" } else { "http" })).ok_or(NO_NAME)?;
        let origin = match public_url.and_then(parse) {
            // What stands before the hub may have ended the encryption, and with it the port.
            Some(public) if public.host_str() == own.host_str() => public,
            Some(public) => {
                let at = public.origin().ascii_serialization();
                let why = format!("Passkeys work where the hub is reached by its own name: {at}");
                return Err(NotHere { why, at: Some(at) });
            }
            None => own,
        };
        let host = origin.domain().ok_or(NO_NAME)?.to_owned();
        if host.parse::<IpAddr>().is_ok() {
            return Err(NO_NAME.into());
        }
        let is_here = host == "localhost" || host.ends_with(".localhost");
        if !is_here && (!host.contains('.') || host.ends_with(".local") || host.ends_with('.')) {
            return Err(HOME_NAME.into());
        }
        if !is_here && origin.scheme() != "https" {
            return Err(NOT_ENCRYPTED.into());
        }
        Ok(Self { host, origin })
    }

    /// The library, for this origin exactly: no other port, and no name below it.
    pub(super) fn webauthn(&self) -> Result<Webauthn, WebauthnError> {
        WebauthnBuilder::new(&self.host, &self.origin)?.rp_name(HUB_NAME).timeout(ANSWERED_WITHIN).build()
    }
}

fn parse(url: &str) -> Option<Url> {
    let url = Url::parse(url).ok()?;
    let has_host = matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|host| !host.is_empty());
    // The origin only: whatever a host that nobody checked smuggles in goes.
    let origin = url.origin().ascii_serialization();
    has_host.then(|| Url::parse(&origin).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_work_at_names_that_are_encrypted_and_on_this_machine() {
        let table = [
            ("betti.example.org", true, Ok("betti.example.org")),
            ("BETTI.example.org:5173", true, Ok("betti.example.org")),
            ("localhost:5173", false, Ok("localhost")),
            ("localhost", true, Ok("localhost")),
            ("betti.example.org", false, Err(NOT_ENCRYPTED)),
            ("192.168.1.7:5173", true, Err(NO_NAME)),
            ("127.0.0.1:5173", false, Err(NO_NAME)),
            ("[::1]:5173", true, Err(NO_NAME)),
            ("betti.local", true, Err(HOME_NAME)),
            ("hub", true, Err(HOME_NAME)),
            ("betti.example.org.", true, Err(HOME_NAME)),
            ("", true, Err(NO_NAME)),
        ];
        for (host, is_tls, expected) in table {
            let found = Site::of(None, host, is_tls).map(|site| site.host);
            assert_eq!(found, expected.map(str::to_owned).map_err(NotHere::from), "{host} {is_tls}");
        }
    }

    #[test]
    fn a_hub_that_was_told_how_it_is_reached_has_passkeys_there_only() {
        let told = Some("https://betti.example.org/");
        let site = Site::of(told, "betti.example.org", false).unwrap();
        assert_eq!(site.origin.as_str(), "https://betti.example.org/", "what ends the encryption stands before it");
        for host in ["localhost:5173", "other.example.org", "192.168.1.7"] {
            let not_here = Site::of(told, host, true).unwrap_err();
            assert_eq!(not_here.at.as_deref(), Some("https://betti.example.org"), "{host}");
            assert!(not_here.why.ends_with("https://betti.example.org"), "{host}");
        }
    }
}
