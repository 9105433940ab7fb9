//! One line of the audit.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Area, Identity, clock};

/// How much of what stands in a path is kept, in characters: ids and kinds are shorter.
pub const LONGEST_THING: usize = 64;

/// What is about the whole house is told to each resident.
pub(super) const EVERYBODY: i64 = 0;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// Something was looked at.
    Read,
    /// Something was changed, or that was tried: the status says which.
    Change,
    /// It was not let in.
    Refused,
    /// A WebSocket or a stream began.
    Opened,
    /// It ended.
    Closed,
    /// So many entries could not be kept.
    Lost,
}

impl What {
    /// As it is kept: `read`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Change => "change",
            Self::Refused => "refused",
            Self::Opened => "opened",
            Self::Closed => "closed",
            Self::Lost => "lost",
        }
    }

    /// What is called this.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Read, Self::Change, Self::Refused, Self::Opened, Self::Closed, Self::Lost];
        all.into_iter().find(|what| what.name() == name)
    }
}

/// Who did it. Names are not kept here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Who {
    /// The device's id.
    pub device: Option<String>,
    /// A role, `hub`, `operator` or `unknown`.
    pub role: &'static str,
}

impl Who {
    /// The hub itself, of what it lost.
    pub const HUB: &'static str = "hub";
    /// Whoever uses the hub's own command line.
    pub const OPERATOR: &'static str = "operator";
    /// Who shows a credential that is not valid.
    pub const UNKNOWN: &'static str = "unknown";

    pub(crate) fn of(identity: &Identity) -> Self {
        match identity {
            Identity::Unknown => Self { device: None, role: Self::UNKNOWN },
            Identity::Known(caller) => Self { device: Some(caller.device.clone()), role: caller.role.name() },
        }
    }
}

/// What one request leaves behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// When it was answered.
    pub at: Timestamp,
    /// By whom.
    pub who: Who,
    /// From which address.
    pub address: Option<String>,
    /// Of which area, if the route is about one.
    pub area: Option<Area>,
    /// What.
    pub what: What,
    /// About whom; 0 is the whole house.
    pub resident: i64,
    /// Method and pattern: `GET /api/vitals/{type}`.
    pub route: String,
    /// What stood in the pattern's place.
    pub thing: Option<String>,
    /// How it was answered.
    pub status: u16,
}

/// One line as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its place; 0 before it is kept.
    pub seq: i64,
    /// When, or the first time: `2031-01-31T12:00:00.000Z`.
    pub first_at: String,
    /// When, or the last time.
    pub last_at: String,
    /// How often.
    pub times: i64,
    /// What.
    pub what: What,
    /// The device's id.
    pub device: Option<String>,
    /// A role, `hub`, `operator` or `unknown`.
    pub role: String,
    /// From which address.
    pub address: Option<String>,
    /// Of which area.
    pub area: Option<String>,
    /// About whom; 0 is the whole house.
    pub resident: i64,
    /// Methods and patterns.
    pub routes: Vec<String>,
    /// What stood in the pattern's place, if it was the same each time.
    pub thing: Option<String>,
    /// How it was answered.
    pub status: u16,
    /// The entry that this one replaces.
    #[serde(skip)]
    pub continues: Option<i64>,
}

impl Entry {
    pub(super) fn of(seen: Seen) -> Self {
        let at = clock::iso(seen.at);
        Self {
            seq: 0,
            first_at: at.clone(),
            last_at: at,
            times: 1,
            what: seen.what,
            device: seen.who.device,
            role: seen.who.role.to_owned(),
            address: seen.address,
            area: seen.area.map(|area| area.name().to_owned()),
            resident: seen.resident,
            routes: vec![seen.route],
            thing: seen.thing,
            status: seen.status,
            continues: None,
        }
    }

    /// So many were lost since the last time that any was kept.
    pub(super) fn lost(times: i64, now: Timestamp) -> Self {
        let who = Who { device: None, role: Who::HUB };
        let seen = Seen {
            at: now,
            who,
            address: None,
            area: None,
            what: What::Lost,
            resident: EVERYBODY,
            route: String::new(),
            thing: None,
            status: 0,
        };
        Self { times, ..Self::of(seen) }
    }

    /// One more of the same.
    pub(super) fn add(&mut self, seen: Seen) {
        self.times += 1;
        self.last_at = clock::iso(seen.at);
        if let Err(place) = self.routes.binary_search(&seen.route) {
            self.routes.insert(place, seen.route);
        }
        if self.thing != seen.thing {
            self.thing = None;
        }
    }
}
