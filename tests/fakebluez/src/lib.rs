//! A fake BlueZ on a private message bus, for tests.
//!
//! It is what a GATT client sees of bluetoothd over D-Bus: adapters, discovery, devices that come and go, connections,
//! notify sessions that outlive a disconnect, errors on demand. It is not a controller, not a pairing agent and not a
//! server for anything but BlueZ's client interfaces.
//!
//! ```text
//!   test ── FakeBluez::with(|model| …) ──►  model      objects, behaviour, timers; no I/O
//!                                             │ calls in, replies and signals out
//!                                         transport    one thread on the `dbus` crate
//!                                             │
//!   btleplug in a child process  ◄────►   PrivateBus   a dbus-daemon of its own
//! ```
//!
//! Each test starts its own bus and hands its address to the program under test as `DBUS_SYSTEM_BUS_ADDRESS`. That must
//! be a child process: libdbus reads the variable once and keeps it for the life of a process.

mod broker;
mod device;
mod message;
mod model;
mod transport;
mod value;

pub use broker::{BusError, PrivateBus};
pub use device::{Characteristic, Device, Script, Service, Step, uuid128};
pub use message::{Arguments, Body, Call, Outgoing, Reply, Signal};
pub use model::{Failure, Model};
pub use transport::FakeBluez;
pub use value::{Interfaces, Properties, Value, interface};
