//! What each kind of caller may do: one pure table of role × area × grant, and what a new device is given.

use crate::rule::{Area, Deed, Level};

/// What kind of caller a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A screen of the person who lives here: everything that is about them, and who else may see it.
    Resident,
    /// Family, or whoever looks after the resident: what was granted.
    Carer,
    /// A doctor or nurse: reads what was granted, and changes what is theirs to change of it.
    Clinician,
    /// A sensor or a program that brings readings: adds what it measures where it was granted to write, and changes nothing
    /// that is there.
    Device,
    /// The hub's own workers, and programs that may do all of what they do.
    Service,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Resident, Self::Carer, Self::Clinician, Self::Device, Self::Service];

    /// As it is written: `carer`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Resident => "resident",
            Self::Carer => "carer",
            Self::Clinician => "clinician",
            Self::Device => "device",
            Self::Service => "service",
        }
    }

    /// What is called this.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// What a new device of this role is granted of its resident, until somebody gives more or withdraws some.
    #[must_use]
    pub fn first_grants(self) -> &'static [(Area, Level)] {
        match self {
            Self::Resident | Self::Service => &[],
            Self::Carer => &[
                (Area::Vitals, Level::Write),
                (Area::Medication, Level::Write),
                (Area::Appointments, Level::Write),
                (Area::Nutrition, Level::Write),
                (Area::Activity, Level::Write),
                (Area::Video, Level::Write),
                (Area::Devices, Level::Write),
                (Area::Sharing, Level::Read),
            ],
            Self::Clinician => &[
                (Area::Vitals, Level::Read),
                (Area::Medication, Level::Read),
                (Area::Appointments, Level::Read),
                (Area::Nutrition, Level::Read),
                (Area::Activity, Level::Read),
                (Area::Video, Level::Write),
            ],
            Self::Device => {
                &[(Area::Vitals, Level::Write), (Area::Activity, Level::Write), (Area::Devices, Level::Read)]
            }
        }
    }

    /// The most that a grant to this role can reach.
    #[must_use]
    pub fn reaches(self, area: Area, level: Level) -> bool {
        match (self, level) {
            (Self::Resident | Self::Carer | Self::Service, Level::Read | Level::Write) => true,
            (Self::Clinician, Level::Read) => area != Area::Sharing,
            (Self::Clinician, Level::Write) => {
                matches!(area, Area::Vitals | Area::Medication | Area::Appointments | Area::Video)
            }
            // A sensor that is stolen tells nobody how the resident fares: it is granted `Write`, which reads nothing back.
            (Self::Device, Level::Write) => matches!(area, Area::Vitals | Area::Activity),
            (Self::Device, Level::Read) => area == Area::Devices,
        }
    }

    /// Whether it ever does this there, however much it is granted.
    fn does(self, area: Area, deed: Deed) -> bool {
        match (self, deed) {
            // A sensor that is stolen, or mistaken, adds readings that people see as its own. Who is told of them, and from which
            // limit on, is not its to say.
            (Self::Device, Deed::Write) => false,
            (_, Deed::Read | Deed::Record | Deed::Write) => self.reaches(area, deed.needs()),
        }
    }
}

/// Whether a caller may do this in an area of a resident. `is_own`: the device is this resident's; `granted`: what it was
/// granted there.
#[must_use]
pub fn allows(role: Role, area: Area, deed: Deed, is_own: bool, granted: Option<Level>) -> bool {
    let by_grant = granted.is_some_and(|granted| granted >= deed.needs());
    match role {
        Role::Service => true,
        Role::Resident => is_own || by_grant,
        Role::Carer | Role::Clinician | Role::Device => by_grant && role.does(area, deed),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// R: reads when granted to read; A: adds, W: changes when granted to write; o: all of it when it is the resident's own.
    const TABLE: [(Role, [&str; 8]); 5] = [
        // vitals, medication, appointments, nutrition, activity, video, devices, sharing
        (Role::Resident, ["RAWo", "RAWo", "RAWo", "RAWo", "RAWo", "RAWo", "RAWo", "RAWo"]),
        (Role::Carer, ["RAW", "RAW", "RAW", "RAW", "RAW", "RAW", "RAW", "RAW"]),
        (Role::Clinician, ["RAW", "RAW", "RAW", "R", "R", "RAW", "R", ""]),
        (Role::Device, ["A", "", "", "", "A", "", "R", ""]),
        (Role::Service, ["*", "*", "*", "*", "*", "*", "*", "*"]),
    ];

    #[test]
    fn the_table_is_as_it_is_written_down() {
        for (role, row) in TABLE {
            for (area, cell) in Area::ALL.into_iter().zip(row) {
                for (deed, letter, needs) in [
                    (Deed::Read, 'R', Level::Read),
                    (Deed::Record, 'A', Level::Write),
                    (Deed::Write, 'W', Level::Write),
                ] {
                    for granted in [None, Some(Level::Read), Some(Level::Write)] {
                        for is_own in [false, true] {
                            let expected = cell == "*"
                                || (cell.contains('o') && is_own)
                                || (cell.contains(letter) && granted >= Some(needs));
                            let found = allows(role, area, deed, is_own, granted);
                            assert_eq!(found, expected, "{role:?} {area:?} {deed:?} {is_own} {granted:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_granted_first_is_within_reach_and_names_are_read_back() {
        for role in Role::ALL {
            assert_eq!(Role::named(role.name()), Some(role));
            for (area, level) in role.first_grants() {
                assert!(role.reaches(*area, *level), "{role:?} {area:?}");
            }
        }
        assert_eq!(Role::named("admin"), None);
    }

    fn a_role() -> impl Strategy<Value = Role> {
        proptest::sample::select(Role::ALL.to_vec())
    }

    fn an_area() -> impl Strategy<Value = Area> {
        proptest::sample::select(Area::ALL.to_vec())
    }

    fn a_deed() -> impl Strategy<Value = Deed> {
        proptest::sample::select(Deed::ALL.to_vec())
    }

    fn a_grant() -> impl Strategy<Value = Option<Level>> {
        proptest::sample::select(vec![None, Some(Level::Read), Some(Level::Write)])
    }

    proptest! {
        #[test]
        fn nothing_is_allowed_without_a_grant_to_whom_nothing_belongs(
            role in a_role(), area in an_area(), deed in a_deed(), is_own in any::<bool>(),
        ) {
            let names_it = role == Role::Service || (role == Role::Resident && is_own);
            prop_assert_eq!(allows(role, area, deed, is_own, None), names_it);
        }

        #[test]
        fn more_of_a_grant_never_allows_less(
            role in a_role(), area in an_area(), deed in a_deed(), is_own in any::<bool>(),
        ) {
            let with = |granted| allows(role, area, deed, is_own, granted);
            prop_assert!(with(None) <= with(Some(Level::Read)) && with(Some(Level::Read)) <= with(Some(Level::Write)));
        }

        #[test]
        fn whoever_changes_an_area_adds_to_it_too_and_a_sensor_changes_none(
            role in a_role(), area in an_area(), is_own in any::<bool>(), granted in a_grant(),
        ) {
            let does = |deed| allows(role, area, deed, is_own, granted);
            prop_assert!(does(Deed::Write) <= does(Deed::Record));
            prop_assert!(!does(Deed::Write) || role != Role::Device);
            prop_assert_eq!(does(Deed::Write) == does(Deed::Record), role != Role::Device || !does(Deed::Record));
        }
    }
}
