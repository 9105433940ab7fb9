//! Who calls, and what they may: one file for all workers of a hub, looked at with each request.
//!
//! ```text
//!   request ── credential ──► known (cache of access.db, valid while no process changed it) ──► Identity ──► Rule
//!                  │ wrong                        ▲                     │ last use, once a minute
//!                  ▼                              │                     ▼
//!               lockout              sockets (closed when revoked)   writer
//! ```
//!
//! Credentials are 256 random bits and kept as SHA-256 only. Whoever has none is told so and never counted; whoever shows a
//! wrong one is told the same, and locked out after [`lockout::MOST_WRONG`] of them.

pub mod credential;
mod devices;
mod grants;
mod invitations;
pub mod kiosk;
mod known;
pub mod lockout;
mod pace;
pub mod passkeys;
pub mod pin;
pub mod secret;
mod service;
mod sockets;

use std::{
    net::IpAddr,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE},
};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

pub(crate) use self::service::KEY_FILE;
use self::{
    credential::Shown,
    kiosk::{Lock, Stakes},
    known::Known,
    lockout::{Lockout, MOST_WRONG, MOST_WRONG_CODES},
    pace::Pace,
    secret::{NoRandomness, Token},
    sockets::Sockets,
};
pub use self::{
    devices::{Device, LONGEST_NAME, MOST_DEVICES},
    grants::Given,
    invitations::{CODE_VALID_FOR, Invitation, Paired},
    service::ServiceKey,
};
use crate::{
    Identity, Problem, Rule,
    database::{Database, DatabaseError, OpenError},
    role::Role,
    rule::{Area, Level},
    sandbox::Reader,
};

/// The file's name in the data directory.
pub const FILE: &str = "access.db";
const MIGRATIONS: [&str; 4] = [
    include_str!("access/0001.sql"),
    include_str!("access/0002.sql"),
    include_str!("access/0003.sql"),
    include_str!("access/0004.sql"),
];
/// What strangers are told, whatever they show: nothing that helps to guess.
pub const UNKNOWN_CALLER: &str = "This hub does not know you. Pair this device with it first.";
const NOT_ALLOWED: &str = "This device may not do that. The resident, or who speaks for them, can allow it.";
const LOCKED_OUT: &str = "Too many wrong tries. Wait a minute and try again.";
const TOO_FAST: &str = "Too many requests. Try again in a second.";

/// Why something about access cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The file cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Something in it cannot be read or changed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The hub's own credential cannot be kept.
    #[error("cannot use {path}: {error}")]
    ServiceKey {
        /// Its file.
        path: std::path::PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Nothing secret can be made.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// Mistyped, used or too old: nobody is told which.
    #[error("This code is not valid: it may be mistyped, used, or older than 5 minutes. Ask for a new one.")]
    WrongCode,
    /// Not known, not for this host, or its challenge is over: nobody is told which.
    #[error(
        "This passkey does not open this hub: it may be removed, or its question is over. Try again, or use a code."
    )]
    WrongPasskey,
    /// A device has enough of them.
    #[error("this device has {} passkeys already: remove one that is not used any more", passkeys::MOST_PASSKEYS)]
    TooManyPasskeys,
    /// There is no such device, or not any more.
    #[error("there is no device {0:?}")]
    UnknownDevice(String),
    /// The workers could not call each other any more.
    #[error("this is the hub's own credential, which its workers need")]
    IsHub,
    /// A role cannot be granted this.
    #[error("a {} cannot be allowed to {} {}", .0.name(), .2.name(), .1.name())]
    OutOfReach(Role, Area, Level),
    /// Whoever has a screen that hangs where anybody can touch it is the resident.
    #[error("only a screen of the resident can be the tablet on the wall")]
    NoKiosk,
    /// It cannot be a PIN.
    #[error(transparent)]
    Pin(#[from] pin::Unfit),
    /// The PIN cannot be made into what is kept of it.
    #[error("the PIN cannot be used: {0}")]
    PinUnusable(String),
    /// A name is needed.
    #[error("a name has 1 to {LONGEST_NAME} characters, and none that cannot be seen")]
    Name,
    /// There are enough.
    #[error("there are {MOST_DEVICES} devices already: revoke one that is not used any more")]
    TooMany,
}

impl From<rusqlite::Error> for AccessError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        let status = match &error {
            AccessError::WrongCode | AccessError::WrongPasskey => StatusCode::UNAUTHORIZED,
            AccessError::UnknownDevice(_) => StatusCode::NOT_FOUND,
            AccessError::IsHub | AccessError::TooMany | AccessError::TooManyPasskeys => StatusCode::CONFLICT,
            AccessError::OutOfReach(..) | AccessError::Name | AccessError::NoKiosk | AccessError::Pin(_) => {
                StatusCode::BAD_REQUEST
            }
            AccessError::Open(_)
            | AccessError::Database(_)
            | AccessError::ServiceKey { .. }
            | AccessError::PinUnusable(_)
            | AccessError::NoRandomness(_) => return Self::internal(error),
        };
        Self::new(status, error.to_string())
    }
}

/// Makes the file and the hub's own credential if they are missing; the connection keeps the file as it is.
///
/// # Errors
/// As [`Access::open`].
pub(crate) fn prepare(directory: &Path) -> Result<rusqlite::Connection, AccessError> {
    let connection = crate::database::connection(&directory.join(FILE), &MIGRATIONS)?;
    service::ensure(directory)?;
    Ok(connection)
}

/// A hub's access control, as one worker sees it. Cheap to clone.
#[derive(Clone)]
pub struct Access(Arc<Inner>);

struct Inner {
    database: Database,
    known: Mutex<Known>,
    sockets: Sockets,
    wrong: Mutex<Lockout>,
    wrong_codes: Mutex<Lockout>,
    /// Held while a code is tried.
    trying: tokio::sync::Mutex<()>,
    pace: Mutex<Pace>,
    /// Only one PIN is looked at at a time: that takes memory.
    pins: tokio::sync::Mutex<()>,
    service: ServiceKey,
}

/// Why somebody is not let in, and who that is as far as it is worth noting: whoever is known, and whoever shows a wrong
/// credential.
pub(crate) struct Refused {
    pub problem: Problem,
    pub identity: Option<Identity>,
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self { problem, identity: None }
    }
}

impl Access {
    /// Opens the file in this directory, and makes it, and the hub's own credential, if they are missing.
    ///
    /// # Errors
    /// If one of them cannot be made or used.
    pub fn open(directory: &Path) -> Result<Self, AccessError> {
        Self::open_with(directory, None)
    }

    /// The same; the hub's own credential is read anew by this reader, where there is one.
    pub(crate) fn open_with(directory: &Path, reader: Option<Arc<Reader>>) -> Result<Self, AccessError> {
        let path = directory.join(FILE);
        let database = Database::open(&path, &MIGRATIONS)?;
        let service = ServiceKey::new(directory, service::ensure(directory)?, reader);
        let known = Known::open(&path)?;
        Ok(Self(Arc::new(Inner {
            database,
            known: Mutex::new(known),
            sockets: Sockets::new(path),
            wrong: Mutex::new(Lockout::new(MOST_WRONG)),
            wrong_codes: Mutex::new(Lockout::new(MOST_WRONG_CODES)),
            trying: tokio::sync::Mutex::default(),
            pace: Mutex::default(),
            pins: tokio::sync::Mutex::default(),
            service,
        })))
    }

    /// Whether it is one of the hub's own workers.
    pub(crate) fn is_hub(&self, identity: &Identity) -> bool {
        identity.caller().is_some_and(|caller| lock(&self.0.known).is_hub(&caller.device))
    }

    /// What this worker shows to the hub's other workers.
    #[must_use]
    pub fn service(&self) -> &ServiceKey {
        &self.0.service
    }

    /// Whether a request may go on, and as whose. `resident` is whom it is about.
    ///
    /// # Errors
    /// 401 without a valid credential, 403 if the rule does not let its holder in or the PIN is needed, 429 for too many wrong ones or too many
    /// requests, 503 if it cannot be looked up.
    pub(crate) fn check(
        &self,
        (rule, stakes): (Rule, Stakes),
        resident: i64,
        asking: &Asking<'_>,
    ) -> Result<Identity, Refused> {
        let identity = match self.identify(asking)? {
            Ok(identity) => identity,
            // A browser whose credential was revoked can be paired again.
            Err(_) if rule == Rule::Public => Identity::Unknown,
            Err(shown) => {
                let problem = self.refuse_wrong(shown, asking);
                let identity = (problem.status() == StatusCode::UNAUTHORIZED).then_some(Identity::Unknown);
                return Err(Refused { problem, identity });
            }
        };
        match identity {
            _ if rule.admits(&identity, resident) => match stakes.admits(self.lock_of(&identity, Timestamp::now())) {
                Ok(()) => Ok(identity),
                Err(needs) => Err(Refused { problem: needs.into(), identity: Some(identity) }),
            },
            Identity::Known(_) => Err(Refused { problem: not_allowed(), identity: Some(identity) }),
            Identity::Unknown => Err(unknown_caller().into()),
        }
    }

    /// What holds a kiosk back; `None` of every other caller.
    fn lock_of(&self, identity: &Identity, now: Timestamp) -> Option<Lock> {
        let caller = identity.caller().filter(|caller| caller.is_kiosk)?;
        Some(lock(&self.0.known).lock_of(&caller.device, now))
    }

    /// The inner error is the credential that is not valid.
    fn identify<'a>(&self, asking: &Asking<'a>) -> Result<Result<Identity, Shown<'a>>, Problem> {
        let Some(shown) = credential::shown(asking.headers) else { return Ok(Ok(Identity::Unknown)) };
        let Some(token) = Token::read(shown.text()) else { return Ok(Err(shown)) };
        let (caller, note) = {
            let mut known = lock(&self.0.known);
            self.refresh(&mut known).map_err(|error| {
                tracing::error!("{FILE} could not be read: {error}");
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "The hub cannot look up who you are at the moment.")
            })?;
            let Some(caller) = known.find(&token.hash()) else { return Ok(Err(shown)) };
            let note = known.is_to_be_noted(&caller.device, Instant::now());
            (caller, note)
        };
        if caller.role != Role::Service && !lock(&self.0.pace).admits(&caller.device, Instant::now()) {
            return Err(with_wait(TOO_FAST, Duration::from_secs(1)));
        }
        if note {
            self.note_use(caller.device.clone(), asking.address);
        }
        Ok(Ok(Identity::Known(caller)))
    }

    fn refuse_wrong(&self, shown: Shown<'_>, asking: &Asking<'_>) -> Problem {
        let locked = asking.address.and_then(|address| lock(&self.0.wrong).wrong(address, Instant::now()));
        let problem = locked.map_or_else(unknown_caller, |left| with_wait(LOCKED_OUT, left));
        // A browser would go on showing it.
        match (shown, credential::forgetting(asking.is_tls)) {
            (Shown::Cookie(_), Some(cookie)) => problem.with_header(SET_COOKIE, cookie),
            _ => problem,
        }
    }

    /// Ends when what this caller may do has changed, so that whoever is told of things is told goodbye.
    pub(crate) fn until_changed(&self, identity: &Identity) -> CancellationToken {
        let Some(caller) = identity.caller() else { return CancellationToken::new() };
        let access = Arc::downgrade(&self.0);
        let token = self.0.sockets.watch(caller, move || {
            let access = access.upgrade()?;
            let mut known = lock(&access.known);
            match Self(access.clone()).refresh(&mut known) {
                Ok(has_changed) => Some(has_changed),
                Err(error) => {
                    tracing::error!("{FILE} could not be read: {error}");
                    Some(false)
                }
            }
        });
        // It may have been revoked since it was looked up.
        let mut known = lock(&self.0.known);
        let _ = self.refresh(&mut known); // Said by the next request.
        self.0.sockets.close_those_who_changed(&known);
        token
    }

    /// Whether anything was different.
    fn refresh(&self, known: &mut Known) -> rusqlite::Result<bool> {
        let has_changed = known.refresh()?;
        if has_changed {
            self.0.sockets.close_those_who_changed(known);
        }
        Ok(has_changed)
    }

    fn note_use(&self, device: String, address: Option<IpAddr>) {
        let access = self.clone();
        // Nobody waits for this.
        tokio::spawn(async move {
            if let Err(error) = access.used(device, address, Timestamp::now()).await {
                tracing::warn!("a device's last use could not be kept: {error}");
            }
        });
    }

    /// Waits for its turn to try a code, until what is returned is dropped. Were they tried beside each other, all that come
    /// together would be looked at before the first of them is counted.
    pub async fn turn_to_try(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.trying.lock().await
    }

    /// Whether codes are looked at that come from this address.
    ///
    /// # Errors
    /// 429 after too many wrong ones.
    pub fn may_try_code(&self, address: Option<IpAddr>) -> Result<(), Problem> {
        let left = address.and_then(|address| lock(&self.0.wrong_codes).left(address, Instant::now()));
        left.map_or(Ok(()), |left| Err(with_wait(LOCKED_OUT, left)))
    }

    /// A code from this address was wrong.
    pub fn wrong_code(&self, address: Option<IpAddr>) -> Problem {
        let locked = address.and_then(|address| lock(&self.0.wrong_codes).wrong(address, Instant::now()));
        locked.map_or_else(|| AccessError::WrongCode.into(), |left| with_wait(LOCKED_OUT, left))
    }

    /// A passkey from this address proved nothing: it counts as a wrong code does.
    pub fn wrong_passkey(&self, address: Option<IpAddr>) -> Problem {
        let locked = address.and_then(|address| lock(&self.0.wrong_codes).wrong(address, Instant::now()));
        locked.map_or_else(|| AccessError::WrongPasskey.into(), |left| with_wait(LOCKED_OUT, left))
    }
}

/// Who asks, as far as the connection and the headers say.
pub(crate) struct Asking<'a> {
    pub headers: &'a HeaderMap,
    pub address: Option<IpAddr>,
    pub is_tls: bool,
}

/// 401, the same for whoever shows nothing and whoever shows something wrong.
pub(crate) fn unknown_caller() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, UNKNOWN_CALLER)
        .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}

/// 403, for callers who are known.
pub(crate) fn not_allowed() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, NOT_ALLOWED)
}

fn with_wait(text: &str, left: Duration) -> Problem {
    let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    Problem::new(StatusCode::TOO_MANY_REQUESTS, text).with_header(RETRY_AFTER, seconds.max(1).into())
}

/// Nothing under these locks is left half changed, so a panic elsewhere is no reason to stop.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
