//! How a worker learns that it is to stop.

use std::{io, os::fd::OwnedFd, sync::Arc, sync::atomic::AtomicBool};

use futures_util::StreamExt;
use signal_hook::consts::{SIGINT, SIGTERM};
use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;

/// Exit code of a worker that was told twice.
const EXIT_TOLD_TWICE: i32 = 130;

/// Cancels `stop` on SIGTERM, on SIGINT, or when the lifeline ends. A second signal ends the process at once, even if
/// its loop hangs.
///
/// # Errors
/// If signal handlers cannot be set up.
pub fn cancel_when_told(stop: CancellationToken, lifeline: Option<OwnedFd>) -> io::Result<()> {
    let told = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        // In this order: the first signal finds `told` unset and sets it, the second finds it set.
        signal_hook::flag::register_conditional_shutdown(signal, EXIT_TOLD_TWICE, told.clone())?;
        signal_hook::flag::register(signal, told.clone())?;
    }
    let mut signals = signal_hook_tokio::Signals::new([SIGTERM, SIGINT])?;
    tokio::spawn({
        let stop = stop.clone();
        async move {
            if signals.next().await.is_some() {
                tracing::info!("told to stop");
                stop.cancel();
            }
        }
    });
    if let Some(lifeline) = lifeline {
        tokio::spawn(watch_lifeline(lifeline, stop));
    }
    Ok(())
}

async fn watch_lifeline(lifeline: OwnedFd, stop: CancellationToken) {
    let Ok(mut pipe) = tokio::net::unix::pipe::Receiver::from_owned_fd(lifeline) else {
        return; // Not a pipe: started by hand or by another supervisor.
    };
    let mut ignored = [0; 64];
    while pipe.read(&mut ignored).await.is_ok_and(|read| read > 0) {}
    tracing::warn!("the keeper is gone, leaving");
    stop.cancel();
}
