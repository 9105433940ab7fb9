//! When to look at the folder again, and who is told what was seen.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::{
    sync::mpsc::{self, Receiver},
    task::JoinHandle,
    time::timeout,
};

use super::{Certificates, files_of, way::names_on_the_way};
use crate::{notify::Notifier, sandbox::Reader};

/// Certificate and key are written one after the other: wait until both are there.
const SETTLE: Duration = Duration::from_millis(300);
/// Nobody tells when a day has passed.
const LOOK_AGAIN_EVERY: Duration = Duration::from_secs(60 * 60);

/// Keeps the folder watched for as long as it lives.
pub(crate) struct Watching(JoinHandle<()>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Certificates {
    /// Looks whenever the folder changes, or is exchanged, and says to whoever supervises what there is to say. The reader sees what
    /// this process does not.
    pub(crate) fn watch(self: &Arc<Self>, notifier: Notifier, reader: Option<Arc<Reader>>) -> Watching {
        let certificates = self.clone();
        if let Some(reader) = reader {
            let _ = certificates.reader.set(reader); // It is served once.
        }
        Watching(tokio::spawn(async move {
            let mut said = String::new();
            loop {
                // Before the look, so that no change is missed; and each time anew, for whatever the names mean by then.
                let change = Change::of(certificates.folder());
                certificates.look();
                let words = certificates.report().words().unwrap_or_default();
                if words != said {
                    notifier.status(&words);
                    said = words;
                }
                change.happened().await;
            }
        }))
    }
}

/// The next change of what a folder's files are.
struct Change {
    /// `None` where nothing can be watched.
    watched: Option<(RecommendedWatcher, Receiver<()>)>,
}

impl Change {
    fn of(folder: &Path) -> Self {
        let watched = watched(folder);
        Self {
            watched: watched
                .inspect_err(|error| tracing::warn!("certificates are looked for once an hour only: {error}"))
                .ok(),
        }
    }

    /// Or an hour has passed.
    async fn happened(self) {
        let Some((_watcher, mut changed)) = self.watched else { return tokio::time::sleep(LOOK_AGAIN_EVERY).await };
        if timeout(LOOK_AGAIN_EVERY, changed.recv()).await.is_ok() {
            tokio::time::sleep(SETTLE).await;
        }
    }
}

fn watched(folder: &Path) -> io::Result<(RecommendedWatcher, Receiver<()>)> {
    let mut names = BTreeSet::new();
    for file in files_of(folder) {
        names.append(&mut names_on_the_way(&file)?);
    }
    // In folders, not on files: whoever renews them replaces them.
    let folders: BTreeSet<PathBuf> = names.iter().filter_map(|name| name.parent()).map(Path::to_owned).collect();
    let (tell, changed) = mpsc::channel(1);
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let is_change = event.is_ok_and(|event| {
            !event.kind.is_access() && (event.need_rescan() || event.paths.iter().any(|path| names.contains(path)))
        });
        if is_change {
            let _ = tell.try_send(()); // A change that is already known.
        }
    });
    let mut watcher = watcher.map_err(io::Error::other)?;
    for folder in folders {
        // One that is not there yet is seen to come in the one above.
        if let Err(error) = watcher.watch(&folder, RecursiveMode::NonRecursive) {
            tracing::debug!(folder = %folder.display(), "not watched: {error}");
        }
    }
    Ok((watcher, changed))
}
