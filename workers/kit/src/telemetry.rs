//! JSON lines on standard output: one object a line, for machines first.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Which lines are written, in `tracing_subscriber`'s filter language; `info` when it is not set.
pub const LOG_FILTER: &str = "BETTI_LOG";

/// Starts writing. On a terminal the lines are for people instead.
pub fn start() {
    let filter = EnvFilter::try_from_env(LOG_FILTER).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter);
    // Fails only if somebody started it before, as a test may have.
    let _ = if std::io::stdout().is_terminal() {
        lines.compact().with_target(false).try_init()
    } else {
        lines.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    };
}
