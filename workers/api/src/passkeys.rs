//! Passkeys: what is asked of a browser, and what its answer proves. What they open is `kit::access::passkeys`.
//!
//! ```text
//!   begin ── question + state (kept here, five minutes, once) ──► browser ──► finish ── proof ──► kit::access
//! ```

mod questions;
mod site;

use std::{
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use kit::{Call, access::passkeys::Checkable, rule::Caller};
use serde_json::{Value, json};
use webauthn_rs::prelude::{
    DiscoverableAuthentication, DiscoverableKey, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Uuid, WebauthnError,
};

use self::questions::Questions;
pub use self::site::{NotHere, Site};

/// Questions to browsers that register, at once: one for each device.
const MOST_REGISTRATIONS: usize = kit::access::MOST_DEVICES;
/// Questions to strangers that sign in, at once; the oldest makes room.
const MOST_SIGN_INS: usize = 1024;
/// Of those, from one address.
const MOST_SIGN_INS_OF_ONE: usize = 8;

/// What was asked and is not answered yet.
pub struct Passkeys {
    /// Where the hub is reached, if it was told.
    public_url: Option<String>,
    registrations: Mutex<Questions<String, (Site, PasskeyRegistration)>>,
    sign_ins: Mutex<Questions<Option<IpAddr>, (Site, DiscoverableAuthentication)>>,
}

/// A browser's answer proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum Unproven {
    /// Nothing was asked, or too long ago, or it was answered already.
    #[error("this question is not open: it was answered already, or it is older than 5 minutes")]
    NotAsked,
    /// It was asked at another address of the hub.
    #[error("this was begun at another address of the hub")]
    Elsewhere,
    /// What is wrong with it.
    #[error("the browser's answer does not hold: {0}")]
    Wrong(#[from] WebauthnError),
    /// What was kept is not understood.
    #[error("what is kept of the passkey cannot be read: {0}")]
    Kept(#[from] serde_json::Error),
}

impl Passkeys {
    pub fn new(public_url: Option<String>) -> Self {
        Self {
            public_url,
            registrations: Mutex::new(Questions::new(MOST_REGISTRATIONS, 1)),
            sign_ins: Mutex::new(Questions::new(MOST_SIGN_INS, MOST_SIGN_INS_OF_ONE)),
        }
    }

    /// Where a request came to, if passkeys work there; otherwise why not.
    pub fn site(&self, call: &Call) -> Result<Site, NotHere> {
        let host = call.header("x-forwarded-host").or(call.header("host")).unwrap_or_default();
        Site::of(self.public_url.as_deref(), host, call.is_tls)
    }

    /// What a browser needs to make a passkey for this device, which has those already.
    pub fn begin_registration(&self, site: Site, caller: &Caller, present: Vec<Vec<u8>>) -> Result<Value, Unproven> {
        // Devices are people here: one has its own passkey beside those of the others of a home.
        let user = Uuid::parse_str(&caller.device).unwrap_or_else(|_| Uuid::new_v4());
        let (question, state) =
            site.webauthn()?.start_passkey_registration(user, &caller.name, &caller.name, Some(present))?;
        let mut options = serde_json::to_value(question)?["publicKey"].take();
        // So that it is found when nobody has said yet who they are.
        options["authenticatorSelection"]["residentKey"] = json!("required");
        options["authenticatorSelection"]["requireResidentKey"] = json!(true);
        let id = lock(&self.registrations).ask(caller.device.clone(), (site, state), Instant::now());
        Ok(json!({"ceremony": id, "options": options}))
    }

    /// The passkey that was made.
    pub fn finish_registration(
        &self,
        site: &Site,
        caller: &Caller,
        ceremony: &str,
        answer: &RegisterPublicKeyCredential,
    ) -> Result<Passkey, Unproven> {
        let asked = lock(&self.registrations).take(ceremony, Some(&caller.device), Instant::now());
        let (asked_at, state) = asked.ok_or(Unproven::NotAsked)?;
        if asked_at != *site {
            return Err(Unproven::Elsewhere);
        }
        Ok(site.webauthn()?.finish_passkey_registration(answer, &state)?)
    }

    /// What a browser needs to sign in with any passkey of this hub.
    pub fn begin_sign_in(&self, site: Site, address: Option<IpAddr>) -> Result<Value, Unproven> {
        let (question, state) = site.webauthn()?.start_discoverable_authentication()?;
        // The rest says that the browser is to wait for a field to be filled in; here a button was pressed.
        let options = serde_json::to_value(question)?["publicKey"].take();
        let id = lock(&self.sign_ins).ask(address, (site, state), Instant::now());
        Ok(json!({"ceremony": id, "options": options}))
    }

    /// What was asked, taken so that it is answered once.
    pub fn take_sign_in(&self, site: &Site, ceremony: &str) -> Result<DiscoverableAuthentication, Unproven> {
        let asked = lock(&self.sign_ins).take(ceremony, None, Instant::now());
        let (asked_at, state) = asked.ok_or(Unproven::NotAsked)?;
        if asked_at == *site { Ok(state) } else { Err(Unproven::Elsewhere) }
    }
}

/// What is to be kept of a passkey that has proved itself: the library counts its uses.
pub fn prove(
    site: &Site,
    state: DiscoverableAuthentication,
    answer: &PublicKeyCredential,
    kept: Checkable,
) -> Result<Checkable, Unproven> {
    let webauthn = site.webauthn()?;
    let (user, _) = webauthn.identify_discoverable_authentication(answer)?;
    if Uuid::parse_str(&kept.device).ok() != Some(user) {
        return Err(Unproven::Wrong(WebauthnError::InvalidUserUniqueId));
    }
    let mut passkey: Passkey = serde_json::from_str(&kept.credential)?;
    let result = webauthn.finish_discoverable_authentication_v2(answer, state, DiscoverableKey::from(&passkey))?;
    passkey.update_credential(&result);
    Ok(Checkable { credential: serde_json::to_string(&passkey)?, ..kept })
}

/// Nothing under these locks is left half changed, so a panic elsewhere is no reason to stop.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
