//! The one way to wait: for a condition, with a deadline, saying at the end what was seen instead.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// How long a scenario waits for what must come. Only a broken promise takes this long, also on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Pause between two looks at what no kernel event announces: `/proc`, and a socket that nobody holds at the moment.
pub const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Looks until `look` finds something; `Err` is what it saw instead.
///
/// # Panics
/// After [`PATIENCE`], with `what` and the last thing seen.
pub fn until<T, S: Display>(what: &str, mut look: impl FnMut() -> Result<T, S>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look() {
            Ok(found) => return found,
            Err(seen) if Instant::now() >= deadline => panic!("waited {PATIENCE:?} in vain: {what}; last seen: {seen}"),
            Err(_) => std::thread::sleep(LOOK_AGAIN),
        }
    }
}
