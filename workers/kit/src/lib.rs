//! What every worker needs, and nothing it does.
//!
//! ```text
//!   main ── run(name, sees, serve) ──► Worker ── listener ──► serve::serve ──► Routes ──► a worker's handlers
//!                                  │ ready pipe, lifeline, SIGTERM           │          │
//!                                  └── stop token, tasks                     Rule       Database (+ outbox)
//! ```
//!
//! * [`run`], [`Worker`]: start, be ready, be told to stop, leave.
//! * [`sandbox`]: what a worker sees of the machine.
//! * [`Routes`], [`Rule`], [`Call`], [`Problem`]: who may call what, and how it is answered.
//! * [`access`], [`role`]: who calls, by which credential, and what they may.
//! * [`audit`]: who read or changed what.
//! * [`serve`], [`tls`]: connections, HTTP/1 and 2, TLS with certificates that are exchanged while it runs.
//! * [`live`]: WebSockets that are told what happens.
//! * [`database`], [`outbox`]: SQLite, and the event that every change leaves behind.
//! * [`home`], [`clock`], [`number`]: the resident's days, times and numbers on the wire.
//! * [`alarm`]: waiting for a time on the wall clock.
//! * [`person`]: everything that a database has of one resident, to hand it out or to have it gone.
//! * [`worker_files`]: names in the data that every worker has to know.
//! * [`telemetry`], [`listen`]: logs, addresses.
//!
//! A worker never uses another worker or the supervisor; it knows them by URL and by environment.

pub mod access;
pub mod alarm;
pub mod audit;
mod browser;
pub mod call;
pub mod clock;
pub mod database;
pub mod field;
pub mod home;
pub mod inherit;
pub mod listen;
pub mod live;
pub mod notify;
pub mod number;
pub mod origin;
pub mod outbox;
pub mod person;
pub mod problem;
pub mod reply;
pub mod role;
pub mod routes;
pub mod rule;
pub mod sandbox;
pub mod serve;
pub mod shutdown;
pub mod stream;
pub mod telemetry;
pub mod tls;
mod worker;
pub mod worker_files;

pub use access::Access;
pub use audit::Audit;
pub use call::Call;
pub use home::Home;
pub use problem::Problem;
pub use routes::Routes;
pub use rule::{Area, Identity, Rule};
pub use sandbox::Sees;
pub use worker::{Worker, data_dir, run};
