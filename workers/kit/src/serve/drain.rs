//! How a stop goes on: at once for what is new, a moment later for what is idle.

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long an idle connection stays open once the worker is told to stop.
///
/// A client sends its next request without knowing that we are about to close, and what was sent into a closed
/// connection is lost. In this time such a request still arrives, also one whose first packet was lost (it is sent again
/// after some 200 ms, then 400 ms), is answered, and the answer says that it is the last. Whoever asks more often than
/// this is told so by an answer, and whoever keeps idle connections for less, as the gateway does, has closed them
/// itself. Longer would only make every stop longer: a browser keeps its idle connections for minutes.
pub const IDLE_LINGER: Duration = Duration::from_secs(1);

/// Tells connections that the worker stops, and when idle ones have waited long enough.
#[derive(Clone, Debug)]
pub(super) struct Drain {
    stop: CancellationToken,
    lingered: CancellationToken,
}

impl Drain {
    pub fn new(stop: CancellationToken) -> Self {
        Self { stop, lingered: CancellationToken::new() }
    }

    /// Ends the wait of idle connections after [`IDLE_LINGER`]. To be called when the worker stops.
    pub fn begin(&self) {
        let lingered = self.lingered.clone();
        tokio::spawn(async move {
            tokio::time::sleep(IDLE_LINGER).await;
            lingered.cancel();
        });
    }

    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// The worker is told to stop.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// The worker stops, and idle connections have waited long enough.
    pub async fn lingered(&self) {
        self.lingered.cancelled().await;
    }

    /// What comes of this step; `None` when it takes longer than this, or than a stopping worker waits.
    pub async fn within<T>(&self, most: Duration, step: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            outcome = timeout(most, step) => outcome.ok(),
            () = self.lingered() => None,
        }
    }
}
