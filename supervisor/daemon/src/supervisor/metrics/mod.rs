//! What can be counted and measured of the hub, in Prometheus' words. Nothing here happens unless somebody asks.
//!
//! ```text
//!   the one task that owns the state ──Facts (copies)──► scrape, on a thread of its own ──► families ──► text
//!         ▲                                               └ /proc: who there is, what they use
//!         └────────────── Event::Scraped: what was measured ─────┘
//! ```
//!
//! * [`facts`]: what the owner of the state hands over. The numbers are those that `status` and `describe` tell.
//! * [`scrape`]: measures, and answers everyone who asked meanwhile. [`process`] reads what one process uses.
//! * [`apps`], [`hub`]: which families there are. [`family`] makes them, [`text`] writes them.
//! * [`epoch`]: moments of the clock that only goes forward, as times of day.
//!
//! Which metrics there are is a contract (`supervisor/daemon/monitoring/README.md`): names are added, never changed.

mod apps;
mod epoch;
mod facts;
mod family;
mod hub;
mod process;
mod scrape;
mod text;

pub use epoch::Epoch;
pub use facts::{AppFacts, Facts, HubFacts};
pub use scrape::{Asker, Scrape};
