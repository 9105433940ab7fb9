use std::time::Duration;

use crate::Exit;

/// How an app is started, stopped and retried. The keys are PM2's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How long a run may take to say that it is ready.
    pub listen_timeout: Duration,
    /// How long a run may take to stop before it is killed.
    pub kill_timeout: Duration,
    /// A run that was ready for this long is followed by another one without delay.
    pub min_uptime: Duration,
    /// The delay after a first run that was shorter than `min_uptime`.
    pub restart_delay: Duration,
    /// Whether the delay grows by half with every further short run; else it stays at `restart_delay`.
    pub backoff: bool,
    /// With more failures than this in [`CRASH_WINDOW`](crate::CRASH_WINDOW), the app cools down.
    /// More than [`MOST_RESTARTS`](crate::MOST_RESTARTS) means that many.
    pub max_restarts: u32,
    /// Whether a run that ends by itself is followed by another.
    pub autorestart: bool,
    /// Codes with which a run may end by itself for good.
    pub stop_exit_codes: Vec<i32>,
    /// Whether a reload begins the next run beside the present one, which is ended only when that is ready. For what
    /// serves sockets that others hold, and says by itself that it is ready.
    pub overlap: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            listen_timeout: Duration::from_secs(3),
            kill_timeout: Duration::from_secs(5),
            min_uptime: Duration::from_secs(1),
            restart_delay: Duration::from_millis(100),
            backoff: true,
            max_restarts: 16,
            autorestart: true,
            stop_exit_codes: Vec::new(),
            overlap: false,
        }
    }
}

impl Policy {
    /// Whether ending by itself like this is what the run was meant to do, and no failure.
    #[must_use]
    pub fn accepts(&self, exit: Exit) -> bool {
        match exit {
            Exit::Code(code) if self.stop_exit_codes.contains(&code) => true,
            Exit::Code(_) | Exit::Signal { .. } | Exit::OutOfMemory | Exit::NotSpawned(_) => {
                !self.autorestart && exit.is_success()
            }
        }
    }
}
