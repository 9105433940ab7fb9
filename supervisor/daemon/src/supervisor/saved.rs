//! Notices that the file was saved. Its folder is watched and not the file, because an editor may write another file and give it
//! the name; and it has to be quiet for a moment, because an editor may write it in pieces.

use std::path::PathBuf;
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::Event;

/// How long nothing may happen to the file before it counts as saved.
const QUIET: Duration = Duration::from_millis(200);

/// Sends [`Event::Saved`] whenever something happened to the file and was over.
pub fn watch(config: PathBuf, events: UnboundedSender<Event>) {
    tokio::task::spawn_local(async move {
        let (happened, mut happenings) = unbounded_channel();
        let watched = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let touches = event.is_ok_and(|event| !event.kind.is_access());
            if touches {
                let _ = happened.send(());
            }
        });
        let folder = config.parent().map(PathBuf::from).unwrap_or_default();
        let _watcher = match watched.and_then(|mut watcher| {
            watcher.watch(&folder, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        }) {
            Ok(watcher) => watcher,
            Err(error) => {
                return say!("supervisor: {} cannot be watched: {error}; betti-ctl apply works", folder.display());
            }
        };
        while happenings.recv().await.is_some() {
            while tokio::time::timeout(QUIET, happenings.recv()).await.is_ok_and(|happened| happened.is_some()) {}
            if events.send(Event::Saved).is_err() {
                return;
            }
        }
    });
}
