//! When to look at the folder again, and who is told what was seen.

use std::{path::Path, sync::Arc, time::Duration};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::{
    sync::mpsc::{self, Receiver},
    task::JoinHandle,
    time::MissedTickBehavior,
};

use super::Certificates;
use crate::notify::Notifier;

/// Certificate and key are written one after the other: wait until both are there.
const SETTLE: Duration = Duration::from_millis(300);
/// Nobody tells when a day has passed, or when what a symbolic link points to has changed.
const LOOK_AGAIN_EVERY: Duration = Duration::from_secs(60 * 60);

/// Keeps the folder watched for as long as it lives.
pub(crate) struct Watching(JoinHandle<()>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Certificates {
    /// Looks whenever the folder changes, and says to whoever supervises what there is to say.
    pub(crate) fn watch(self: &Arc<Self>, notifier: Notifier) -> Watching {
        let certificates = self.clone();
        Watching(tokio::spawn(async move {
            let (mut watcher, mut changes) = match watcher() {
                Ok((watcher, changes)) => (Some(watcher), changes),
                Err(error) => {
                    tracing::warn!("new certificates are found once an hour only: {error}");
                    (None, mpsc::channel(1).1)
                }
            };
            let mut ticks = tokio::time::interval(LOOK_AGAIN_EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut said = String::new();
            loop {
                // Each time anew: the folder may have come, or be another one of the same name.
                if let Some(watcher) = &mut watcher {
                    watch_folder(watcher, certificates.folder());
                }
                certificates.look();
                let words = certificates.report().words().unwrap_or_default();
                if words != said {
                    notifier.status(&words);
                    said = words;
                }
                tokio::select! {
                    Some(()) = changes.recv() => {
                        tokio::time::sleep(SETTLE).await;
                        while changes.try_recv().is_ok() {}
                    }
                    _ = ticks.tick() => {}
                }
            }
        }))
    }
}

fn watcher() -> notify::Result<(RecommendedWatcher, Receiver<()>)> {
    let (changed, changes) = mpsc::channel(1);
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access()) {
            let _ = changed.try_send(()); // A change that is already known.
        }
    })?;
    Ok((watcher, changes))
}

/// The folder, not its files: whoever renews them replaces them. And the one above, in which it may appear.
fn watch_folder(watcher: &mut RecommendedWatcher, folder: &Path) {
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for watched in [above, folder] {
        if let Err(error) = watcher.watch(watched, RecursiveMode::NonRecursive) {
            tracing::debug!(folder = %watched.display(), "not watched: {error}");
        }
    }
}
