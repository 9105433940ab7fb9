//! WebSockets and other long answers: ended when what their caller may do changes, whichever process changed it.
//!
//! Nothing is asked while nothing changes: the kernel says when the database's log is written. It says so a moment before the
//! change can be seen, so it is looked for a few times then.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use notify::{RecursiveMode, Watcher};
use tokio_util::sync::CancellationToken;

use super::known::Known;
use crate::rule::Caller;

/// When to look after the log was written: a commit is seen once the disk has it.
const LOOK_AFTER: [Duration; 9] = [
    Duration::from_millis(0),
    Duration::from_millis(1),
    Duration::from_millis(4),
    Duration::from_millis(15),
    Duration::from_millis(30),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_millis(500),
];

pub(super) struct Sockets {
    path: PathBuf,
    open: Mutex<Vec<(Arc<Caller>, CancellationToken)>>,
    /// From the first one on.
    watching: Mutex<Option<notify::RecommendedWatcher>>,
}

impl Sockets {
    pub fn new(path: PathBuf) -> Self {
        Self { path, open: Mutex::default(), watching: Mutex::default() }
    }

    /// `look` reads what changed and says whether anything did; `None` when the worker is leaving.
    pub fn watch(&self, caller: &Arc<Caller>, look: impl Fn() -> Option<bool> + Send + 'static) -> CancellationToken {
        let mut watching = self.watching.lock().unwrap_or_else(PoisonError::into_inner);
        if watching.is_none() {
            *watching = self
                .changes(look)
                .inspect_err(|error| {
                    tracing::warn!("WebSockets of revoked devices are closed with the next request only: {error}");
                })
                .ok();
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // One token for all that a caller has open.
        if let Some((_, token)) = open.iter().find(|(known, _)| **known == **caller) {
            return token.clone();
        }
        let token = CancellationToken::new();
        open.push((caller.clone(), token.clone()));
        token
    }

    /// Ends what callers have open who are not known any more, or not as they were.
    pub fn close_those_who_changed(&self, known: &Known) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(caller, token)| {
            let stays = known.has(caller);
            if !stays {
                tracing::info!(device = caller.device, "its rights changed: what it has open is closed");
                token.cancel();
            }
            stays
        });
    }

    fn changes(&self, look: impl Fn() -> Option<bool> + Send + 'static) -> notify::Result<notify::RecommendedWatcher> {
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !event.kind.is_modify()) {
                return;
            }
            for pause in LOOK_AFTER {
                thread::sleep(pause);
                if look() != Some(false) {
                    return;
                }
            }
        })?;
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        watcher.watch(log.as_ref(), RecursiveMode::NonRecursive)?;
        Ok(watcher)
    }
}
