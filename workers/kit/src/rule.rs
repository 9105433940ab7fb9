//! Who may call what. Every route declares a [`Rule`]; there is no way to add one without.

use std::sync::Arc;

use crate::role::{self, Role};

/// The resident whom a call is about that names nobody: the one whom existing clients know.
pub const FIRST_RESIDENT: i64 = 1;

/// Who is calling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A paired device, or the holder of a token.
    Known(Arc<Caller>),
    /// Anybody else, from wherever they call: whoever shares this machine, or reaches its sockets, is nobody for that.
    Unknown,
}

/// A device that the hub knows, with what it may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The device's id.
    pub device: String,
    /// What people call it.
    pub name: String,
    /// What kind of caller it is.
    pub role: Role,
    /// Whose it is, or for whom it was paired.
    pub resident: i64,
    /// Whether it is a screen that anybody can touch: what changes treatment needs the PIN there.
    pub is_kiosk: bool,
    /// What it was granted.
    pub grants: Vec<Grant>,
}

/// What a device may do in an area of a resident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Of whom.
    pub resident: i64,
    /// Of what.
    pub area: Area,
    /// How much.
    pub level: Level,
}

/// How much of an area is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// To see it.
    Read,
    /// To change it, and to see it. A sensor adds to it and neither changes nor sees it: see [`Deed`].
    Write,
}

impl Level {
    /// As it is written: `read`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    /// What is called this.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Read, Self::Write].into_iter().find(|level| level.name() == name)
    }
}

/// What a caller does in an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Deed {
    /// Sees it.
    Read,
    /// Adds something that was measured, and changes nothing that is there.
    Record,
    /// Changes it.
    Write,
}

impl Deed {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Read, Self::Record, Self::Write];

    /// How much of the area whoever does it must be granted.
    #[must_use]
    pub fn needs(self) -> Level {
        match self {
            Self::Read => Level::Read,
            Self::Record | Self::Write => Level::Write,
        }
    }
}

impl From<Level> for Deed {
    /// All that a person may do who was granted this.
    fn from(level: Level) -> Self {
        match level {
            Level::Read => Self::Read,
            Level::Write => Self::Write,
        }
    }
}

impl Caller {
    /// What it was granted in an area of a resident.
    #[must_use]
    pub fn granted(&self, resident: i64, area: Area) -> Option<Level> {
        let here = self.grants.iter().filter(|grant| grant.resident == resident && grant.area == area);
        here.map(|grant| grant.level).max()
    }

    /// Whether it may do this.
    #[must_use]
    pub fn may(&self, area: Area, deed: Deed, resident: i64) -> bool {
        role::allows(self.role, area, deed, self.resident == resident, self.granted(resident, area))
    }

    fn satisfies(&self, rule: Rule, resident: i64) -> bool {
        match rule {
            Rule::Public | Rule::Known => true,
            Rule::Read(area) => self.may(area, Deed::Read, resident),
            Rule::Record(area) => self.may(area, Deed::Record, resident),
            Rule::Write(area) => self.may(area, Deed::Write, resident),
            Rule::Household => matches!(self.role, Role::Resident | Role::Carer | Role::Service),
            Rule::Service => self.role == Role::Service,
        }
    }
}

impl Identity {
    /// The device that calls, if it is a known one.
    #[must_use]
    pub fn caller(&self) -> Option<&Arc<Caller>> {
        match self {
            Self::Known(caller) => Some(caller),
            Self::Unknown => None,
        }
    }
}

/// A kind of data about a resident, for which consent is given or withdrawn. Where a resident is, is none: nobody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Area {
    /// Readings.
    Vitals,
    /// Medicines and doses.
    Medication,
    /// Visits, and who takes the resident there.
    Appointments,
    /// Foods, meals, drinks, goals.
    Nutrition,
    /// Workouts, and what was done in a day.
    Activity,
    /// Calls.
    Video,
    /// Bluetooth devices and their state.
    Devices,
    /// Who may see what of a resident. Whoever may change it besides the resident is their proxy.
    Sharing,
}

impl Area {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Vitals,
        Self::Medication,
        Self::Appointments,
        Self::Nutrition,
        Self::Activity,
        Self::Video,
        Self::Devices,
        Self::Sharing,
    ];

    /// As it is written: `vitals`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Vitals => "vitals",
            Self::Medication => "medication",
            Self::Appointments => "appointments",
            Self::Nutrition => "nutrition",
            Self::Activity => "activity",
            Self::Video => "video",
            Self::Devices => "devices",
            Self::Sharing => "sharing",
        }
    }

    /// What is called this.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|area| area.name() == name)
    }
}

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Anybody: health checks, pairing, the app's shell, and what a worker behind this one decides about.
    Public,
    /// Any known caller: what each is shown of it is decided piece by piece.
    Known,
    /// Whoever may see this area.
    Read(Area),
    /// Whoever may add to this area what was measured: sensors too, to whom nothing else of it is open.
    Record(Area),
    /// Whoever may change this area.
    Write(Area),
    /// Residents and carers: whoever may let others in.
    Household,
    /// The hub's own workers.
    Service,
}

impl Rule {
    /// Whether the rule lets them do this to what is a resident's.
    #[must_use]
    pub fn admits(self, identity: &Identity, resident: i64) -> bool {
        match identity {
            Identity::Known(caller) => caller.satisfies(self, resident),
            Identity::Unknown => self == Self::Public,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(role: Role, grants: &[(i64, Area, Level)]) -> Identity {
        let grants = grants.iter().map(|&(resident, area, level)| Grant { resident, area, level }).collect();
        Identity::Known(Arc::new(Caller {
            device: "d".into(),
            name: "n".into(),
            role,
            resident: 1,
            is_kiosk: false,
            grants,
        }))
    }

    #[test]
    fn strangers_reach_what_is_public_and_nothing_else() {
        let areas = Area::ALL.into_iter().flat_map(|area| [Rule::Read(area), Rule::Record(area), Rule::Write(area)]);
        for rule in areas.chain([Rule::Known, Rule::Household, Rule::Service]) {
            assert!(!rule.admits(&Identity::Unknown, 1), "{rule:?}");
        }
        assert!(Rule::Public.admits(&Identity::Unknown, 1));
    }

    #[test]
    fn a_grant_is_about_one_resident_and_one_area() {
        let carer = known(Role::Carer, &[(2, Area::Vitals, Level::Read)]);
        assert!(Rule::Read(Area::Vitals).admits(&carer, 2));
        assert!(!Rule::Read(Area::Vitals).admits(&carer, 1));
        assert!(!Rule::Write(Area::Vitals).admits(&carer, 2));
        assert!(!Rule::Read(Area::Medication).admits(&carer, 2));
        assert!(Rule::Known.admits(&carer, 1) && Rule::Household.admits(&carer, 1));
        assert!(!Rule::Service.admits(&carer, 1));
    }

    #[test]
    fn a_sensor_adds_what_it_was_granted_to_write_and_neither_changes_nor_sees_it() {
        let everything: Vec<_> = Area::ALL.into_iter().map(|area| (1, area, Level::Write)).collect();
        let sensor = known(Role::Device, &everything);
        for area in Area::ALL {
            let adds = matches!(area, Area::Vitals | Area::Activity);
            assert_eq!(Rule::Record(area).admits(&sensor, 1), adds, "{area:?}");
            assert_eq!(Rule::Read(area).admits(&sensor, 1), area == Area::Devices, "{area:?}");
            assert!(!Rule::Write(area).admits(&sensor, 1) && !Rule::Record(area).admits(&sensor, 2), "{area:?}");
        }
        let blind = known(Role::Device, &[(1, Area::Vitals, Level::Read)]);
        assert!(!Rule::Record(Area::Vitals).admits(&blind, 1) && !Rule::Read(Area::Vitals).admits(&blind, 1));
        let nurse = known(Role::Clinician, &[(1, Area::Vitals, Level::Write)]);
        assert!(Rule::Record(Area::Vitals).admits(&nurse, 1) && Rule::Write(Area::Vitals).admits(&nurse, 1));
    }

    #[test]
    fn a_resident_has_what_is_their_own_and_a_service_has_everything() {
        let (resident, service) = (known(Role::Resident, &[]), known(Role::Service, &[]));
        for area in Area::ALL {
            for rule in [Rule::Read(area), Rule::Record(area), Rule::Write(area)] {
                assert!(rule.admits(&resident, 1) && !rule.admits(&resident, 2), "{rule:?}");
                assert!(rule.admits(&service, 1) && rule.admits(&service, 2), "{rule:?}");
            }
            assert_eq!(Area::named(area.name()), Some(area));
        }
        assert!(Rule::Service.admits(&service, 1) && !Rule::Service.admits(&resident, 1));
        for role in [Role::Clinician, Role::Device] {
            assert!(!Rule::Household.admits(&known(role, &[]), 1), "{role:?}");
        }
    }
}
