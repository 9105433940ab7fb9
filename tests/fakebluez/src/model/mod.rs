//! The behaviour of bluetoothd that a GATT client can see. No I/O and no clock: calls and the time go in, replies and
//! signals come out.

mod adapter;
mod calls;
mod gatt;
mod link;
mod objects;
mod radio;
mod timers;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Instant;

use crate::device::Device;
use crate::message::{Outgoing, Reply};
use crate::value::{Interfaces, Properties, interface};
use timers::Timer;

/// An error to answer with: D-Bus name and message.
pub type Failure = (String, String);

#[derive(Clone, Debug, PartialEq)]
enum Link {
    Down,
    /// The call with this token is to be answered.
    Connecting(u64),
    Up,
}

/// A device as the fake remembers it.
struct Known {
    device: Device,
    link: Link,
    /// Whether its radio reaches us.
    present: bool,
    /// Counts connections that ended: what a script had still to do then is void.
    generation: u64,
    /// Characteristic's path to the places of its service and itself in `device`.
    characteristics: HashMap<String, (usize, usize)>,
}

/// The tree of BlueZ's objects, and what is behind it.
pub struct Model {
    /// What is exported: path to interfaces.
    pub objects: BTreeMap<String, Interfaces>,
    /// Adapter's path to the filter that a client has set last.
    pub filters: HashMap<String, Properties>,
    /// Characteristic's path to the clients with a notify session. BlueZ keeps these over a disconnect and subscribes
    /// again by itself at the next connection.
    pub sessions: HashMap<String, BTreeSet<String>>,
    /// Every call that changes something, as `Member /path hex`, for assertions.
    pub log: Vec<String>,
    /// Errors for the next calls of a method.
    pub fail_next: HashMap<String, VecDeque<Failure>>,
    /// Methods that never get an answer.
    pub unanswered: BTreeSet<String>,
    devices: BTreeMap<String, Known>,
    /// Adapter's path to the clients with a running discovery.
    discovery: HashMap<String, BTreeSet<String>>,
    outgoing: Vec<Outgoing>,
    timers: Vec<Timer>,
    timers_made: u64,
    now: Instant,
}

impl Model {
    /// bluetoothd without an adapter.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        let roots = [("/", interface::OBJECT_MANAGER), ("/org/bluez", interface::AGENT_MANAGER)];
        let objects =
            roots.map(|(path, name)| (path.to_string(), Interfaces::from([(name.to_string(), Properties::new())])));
        Self {
            objects: objects.into(),
            filters: HashMap::new(),
            sessions: HashMap::new(),
            log: Vec::new(),
            fail_next: HashMap::new(),
            unanswered: BTreeSet::new(),
            devices: BTreeMap::new(),
            discovery: HashMap::new(),
            outgoing: Vec::new(),
            timers: Vec::new(),
            timers_made: 0,
            now,
        }
    }

    /// Whether a logged call starts like this, as `Connect /org/bluez/hci0/dev_…`.
    #[must_use]
    pub fn was_called(&self, start: &str) -> bool {
        self.log.iter().any(|line| line.starts_with(start))
    }

    /// What is to be sent; empties the list.
    pub fn take_outgoing(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.outgoing)
    }

    fn reply(&mut self, token: u64, reply: Reply) {
        self.outgoing.push(Outgoing::Reply(token, reply));
    }
}

/// The path of the object that this one belongs to.
fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}
