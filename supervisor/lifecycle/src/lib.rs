//! What the supervisor decides, without doing any of it.

mod app;
mod backoff;
mod crash_record;
mod ending;
mod exit;
mod fleet;
mod identity;
mod moment;
mod order;
mod policy;
mod request;
mod restore;
mod snapshot;
mod state;
mod status;
mod transitions;

pub use app::{App, KILL_AGAIN_AFTER};
pub use backoff::LONGEST_BACKOFF;
pub use crash_record::{COOLING_TIME, CRASH_WINDOW, MOST_RESTARTS};
pub use exit::{Exit, Failure};
pub use fleet::Fleet;
pub use identity::{AppId, Invocation};
pub use moment::Moment;
pub use order::CycleError;
pub use policy::Policy;
pub use request::{Request, STOP_ALL_TIMEOUT};
pub use snapshot::{Snapshot, Turn};
pub use state::{Action, Event, Goal, Signal, State, StopReason};
pub use status::Status;
