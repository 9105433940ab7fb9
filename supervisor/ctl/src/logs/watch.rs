//! Tells when something happens in folders.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::statfs::{self, FsType, statfs};
use notify::event::RemoveKind;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// File systems on which others write without this kernel hearing of it.
const OF_OTHERS: [FsType; 5] = [
    statfs::NFS_SUPER_MAGIC,
    statfs::SMB_SUPER_MAGIC,
    statfs::FUSE_SUPER_MAGIC,
    FsType(0xff53_4d42), // CIFS
    FsType(0x0102_1997), // 9P
];

/// How often folders are looked for again before they are taken to change all the time.
const MOST_RENEWALS: usize = 8;

/// Watches folders, because files are put aside and made anew.
pub struct Watch {
    watcher: Option<RecommendedWatcher>,
    changes: mpsc::Receiver<()>,
    wanted: Vec<PathBuf>,
    /// What is watched for each of those, and which folder that is: the nearest above if it is not there.
    watched: BTreeMap<PathBuf, (PathBuf, u64)>,
    /// A folder was removed. One that is made in its place may get its inode, but is not watched.
    is_stale: Arc<AtomicBool>,
    is_blind: bool,
}

impl Watch {
    /// Watches nothing yet.
    pub fn new() -> Self {
        let (changed, changes) = mpsc::channel(1);
        let is_stale = Arc::new(AtomicBool::new(false));
        let found_stale = Arc::clone(&is_stale);
        let wake = move |event: notify::Result<notify::Event>| {
            let kind = event.as_ref().map(|event| event.kind);
            if matches!(kind, Ok(EventKind::Remove(removed)) if removed != RemoveKind::File) {
                found_stale.store(true, Ordering::Release);
            }
            // Reading changes nothing; and we read ourselves.
            if !event.is_ok_and(|event| matches!(event.kind, EventKind::Access(_)) && !event.need_rescan()) {
                // If the channel is full, somebody is about to look anyway.
                let _ = changed.try_send(());
            }
        };
        let watcher = notify::recommended_watcher(wake).ok();
        let (wanted, watched) = (Vec::new(), BTreeMap::new());
        Self { watcher, changes, wanted, watched, is_stale, is_blind: false }
    }

    /// Watches these folders, and those that it watched already.
    pub fn add(&mut self, folders: impl IntoIterator<Item = PathBuf>) {
        for folder in folders {
            if !self.wanted.contains(&folder) {
                self.wanted.push(folder);
            }
        }
        self.renew();
    }

    /// Watches what was made since, in place of what was removed.
    pub fn renew(&mut self) {
        // A folder may come or go between being looked for and being watched, and then nobody would tell of it.
        let is_settled = (0..MOST_RENEWALS).any(|_| !self.renew_once());
        let is_untold = |folder: &PathBuf| !self.watched.get(folder).is_some_and(|(there, _)| tells_of_all(there));
        self.is_blind = !is_settled || self.wanted.iter().any(is_untold);
    }

    /// Whether anything else is watched now than before.
    fn renew_once(&mut self) -> bool {
        if self.is_stale.swap(false, Ordering::AcqRel) {
            self.let_go();
        }
        let mut is_renewed = false;
        for folder in self.wanted.clone() {
            let found = nearest(&folder);
            let before = self.watched.get(&folder).cloned();
            if found == before {
                continue;
            }
            self.watched.remove(&folder);
            if let Some((old, _)) = before
                && !self.watched.values().any(|(watched, _)| *watched == old)
            {
                // Gone already if its folder is.
                drop(self.watcher.as_mut().map(|watcher| watcher.unwatch(&old)));
            }
            if let (Some(watcher), Some((there, inode))) = (&mut self.watcher, found)
                && watcher.watch(&there, RecursiveMode::NonRecursive).is_ok()
            {
                self.watched.insert(folder, (there, inode));
                is_renewed = true;
            }
        }
        is_renewed
    }

    fn let_go(&mut self) {
        for (watched, _) in std::mem::take(&mut self.watched).into_values() {
            // What was removed is not watched any more.
            drop(self.watcher.as_mut().map(|watcher| watcher.unwatch(&watched)));
        }
    }

    /// Whether something may happen that is not told.
    pub fn is_blind(&self) -> bool {
        self.is_blind
    }

    /// Waits until something happened.
    pub async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// The folder, or the nearest one above it that is there.
fn nearest(folder: &Path) -> Option<(PathBuf, u64)> {
    folder.ancestors().find_map(|there| {
        let found = std::fs::metadata(there).ok().filter(std::fs::Metadata::is_dir)?;
        Some((there.to_owned(), found.ino()))
    })
}

/// Whether the kernel tells of all that is written there.
fn tells_of_all(folder: &Path) -> bool {
    !statfs(folder).is_ok_and(|found| OF_OTHERS.contains(&found.filesystem_type()))
}
