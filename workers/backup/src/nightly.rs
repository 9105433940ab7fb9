//! The worker: makes a copy every night, tries again when it failed, and says how old the last one is.

use std::{sync::Arc, thread};

use jiff::Timestamp;
use kit::{Worker, alarm::Alarm};
use notify::{EventKind, RecursiveMode, Watcher};
use tokio::sync::{Notify, oneshot};

use crate::{
    key,
    make::{self, MakeError},
    restore, schedule,
    settings::Settings,
    state::{self, Book, StateError},
};

/// Runs until it is told to stop. A copy that is being made then is left half-made, and removed by the next one.
pub async fn serve(mut worker: Worker, settings: Settings) -> anyhow::Result<()> {
    let settings = Arc::new(settings);
    finish_restore(&settings)?;
    worker.data_dir()?;
    let (alarm, changed) = (Alarm::new()?, Arc::new(Notify::new()));
    let _watcher = watch(&settings, &changed)?;
    worker.ready();
    let stop = worker.stop();
    loop {
        let (now, own) = (Timestamp::now(), settings.data.join(state::FOLDER));
        let (state, has_key) = (state::look(&settings.data)?.about(&settings.to), key::recipient(&own)?.is_some());
        worker.status(&schedule::told(&state, has_key, now, &settings.zone));
        let due = has_key.then(|| schedule::due(&state, now, settings.at, &settings.zone));
        if due.is_some_and(|due| due <= now) {
            tokio::select! {
                () = copied(settings.clone(), &changed) => {}
                () = stop.cancelled() => return Ok(()),
            }
            continue;
        }
        tokio::select! {
            woken = alarm.at(due, now) => drop(woken?),
            // By hand, or there is a key now.
            () = changed.notified() => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}

fn finish_restore(settings: &Settings) -> anyhow::Result<()> {
    let book = Book::open(&settings.data)?;
    if let Some(placed) = restore::finish(&settings.data, &settings.config, &book)? {
        tracing::warn!(before = %placed.before.display(), "finished a restore that had been cut off");
    }
    Ok(())
}

/// Makes a copy on a thread that is not waited for when the worker leaves.
async fn copied(settings: Arc<Settings>, changed: &Notify) {
    let (done, outcome) = oneshot::channel();
    let spawned = thread::Builder::new().name("copy".into()).spawn(move || {
        let made =
            Book::open(&settings.data).map_err(MakeError::from).and_then(|book| make::copy(&settings.nightly(), &book));
        drop(done.send(made));
    });
    let why = match (spawned, outcome.await) {
        (Ok(_), Ok(Ok(copy))) => {
            tracing::info!(name = copy.name, folder = %copy.folder.display(), size = copy.size, "copied and tested");
            return;
        }
        (Ok(_), Ok(Err(MakeError::State(StateError::Busy)))) => {
            tracing::debug!("somebody else is making a copy");
            return pause(changed).await;
        }
        (Ok(_), Ok(Err(error))) => error.to_string(),
        (Ok(_), Err(_)) => "the thread for it panicked".into(),
        (Err(error), _) => error.to_string(),
    };
    tracing::error!("no copy was made: {why}");
    pause(changed).await;
}

async fn pause(changed: &Notify) {
    // Over or not, the loop looks again.
    let _ = tokio::time::timeout(AFTER_FAILURE, changed.notified()).await;
}

/// A pause before the next look: the other one may be done by then, and a failure that cannot even be noted is not repeated all the
/// time.
const AFTER_FAILURE: std::time::Duration = std::time::Duration::from_secs(10);

fn watch(settings: &Settings, changed: &Arc<Notify>) -> anyhow::Result<notify::RecommendedWatcher> {
    let changed = changed.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Looking at the files is an event as well, and would follow itself for ever.
        let is_change = |event: &notify::Event| !matches!(event.kind, EventKind::Access(_));
        if event.as_ref().map_or(true, is_change) {
            changed.notify_one();
        }
    })?;
    watcher.watch(&settings.data.join(state::FOLDER), RecursiveMode::NonRecursive)?;
    Ok(watcher)
}
