//! From no message bus to devices that are heard, and back again whenever something goes away. Never a reason to exit.
//!
//! ```text
//!   NoBus ─► NoBluez ─► NoAdapter ─► Off ─► Starting ─► Scanning        an attempt comes as far as it can,
//!     ▲         ▲           ▲         ▲                    │            says where it ended, and is made again
//!     └─────────┴───────────┴─────────┴── health check ◄───┘            after 1, 2, 5, 10, 30 s
//! ```

mod attempt;
mod failure;
mod health;
mod radio;
mod scan;
mod sightings;

pub use failure::{CallError, Meaning, call, within};
pub use radio::Radio;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::adoption::Adoption;
use crate::device::Intake;
use crate::status::Board;
use attempt::Ended;
use radio::Schedule;

/// What an attempt works with. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    pub adopted: Adoption,
    pub board: Board,
    pub intake: Intake,
    pub stop: CancellationToken,
}

/// Attempts until told to stop.
pub async fn supervise(context: Context) {
    let mut schedule = Schedule::default();
    while let Some(ended) = on_a_thread(context.clone()).await {
        context.board.radio(ended.radio, None, ended.why.as_deref());
        tokio::select! {
            () = context.stop.cancelled() => return,
            () = tokio::time::sleep(schedule.pause_after(ended.radio)) => {}
        }
    }
}

/// One attempt on a thread and a runtime of its own; `None` if it ended because we are to stop.
///
/// btleplug spawns the task that owns its D-Bus connection and throws the handle away: the connection, and with it a
/// descriptor and our discovery at BlueZ, would stay until the process ends. A runtime that ends takes all of it along.
/// Connecting blocks, too, and should block nobody else.
async fn on_a_thread(context: Context) -> Option<Ended> {
    let (done, ended) = oneshot::channel();
    let spawned = std::thread::Builder::new().name("bluetooth".into()).spawn(move || {
        let _ = done.send(on_a_runtime(context));
    });
    if let Err(error) = spawned {
        return Some(failed(&error));
    }
    ended.await.unwrap_or_else(|_| Some(failed(&"its thread panicked")))
}

fn on_a_runtime(context: Context) -> Option<Ended> {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Some(failed(&error)),
    };
    let ended = runtime.block_on(attempt::attempt(context));
    runtime.shutdown_background();
    ended
}

fn failed(why: &dyn std::fmt::Display) -> Ended {
    Ended { radio: Radio::Starting, why: Some(why.to_string()) }
}
