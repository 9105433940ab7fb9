//! Goes on with what is written from now on, until nobody reads any more.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Stream;
use crate::printer::Printer;

/// How long to wait for the kernel to report a change before looking anyway: it cannot on some file systems, and its
/// watches can run out.
const LOOK_ANYWAY: Duration = Duration::from_secs(1);

/// Shows what is added to the files, for ever or until nobody reads it.
///
/// # Errors
/// If a file cannot be read.
pub async fn follow(streams: &mut [Stream], printer: &Printer) -> io::Result<()> {
    let (changed, mut changes) = mpsc::channel(1);
    let _watcher = watcher(streams, changed);
    while !printer.is_unread() {
        for stream in streams.iter_mut() {
            stream.show_new(printer)?;
        }
        // One change is as good as many: every file is looked at. Without a watcher, time alone decides.
        let _ = timeout(LOOK_ANYWAY, changed_or_never(&mut changes)).await;
    }
    Ok(())
}

async fn changed_or_never(changes: &mut mpsc::Receiver<()>) {
    if changes.recv().await.is_none() {
        std::future::pending::<()>().await;
    }
}

/// Watches the folders, because files are put aside and made anew; `None` if that cannot be had.
fn watcher(streams: &[Stream], changed: mpsc::Sender<()>) -> Option<notify::RecommendedWatcher> {
    let wake = move |_event| {
        // If the channel is full, somebody is about to look anyway.
        let _ = changed.try_send(());
    };
    let mut watcher = notify::recommended_watcher(wake).ok()?;
    let folders: BTreeSet<&Path> = streams.iter().filter_map(|stream| stream.path().parent()).collect();
    for folder in folders {
        // What cannot be watched is looked at from time to time.
        let _ = watcher.watch(folder, RecursiveMode::NonRecursive);
    }
    Some(watcher)
}
