//! When somebody should be told, and until when. Pure: no clock, no database.
//!
//! ```text
//!   reading ──► limit (rules) ──► judge (a finding) ──► condition's state ──► what to do
//!                                     acknowledgement, snooze, time ──┘
//! ```
//!
//! Numbers and their sources are in `defaults.rs`; all of them need a clinician's review.

pub mod bands;
pub mod baseline;
pub mod defaults;
pub mod judge;
pub mod ladder;
pub mod limit;
pub mod limits;
pub mod news2;
pub mod state;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::vitals::Kind;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth a look some time.
    Info,
    /// Somebody should look today.
    Warn,
    /// Somebody should look now.
    Urgent,
    /// Somebody has to act now.
    Critical,
}

impl Severity {
    /// From the mildest.
    pub const ALL: [Self; 4] = [Self::Info, Self::Warn, Self::Urgent, Self::Critical];

    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Urgent => "urgent",
            Self::Critical => "critical",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.name() == name)
    }

    /// Whether a first reading asks for rest and a repeat before anybody is alarmed.
    pub fn is_severe(self) -> bool {
        self >= Self::Urgent
    }

    /// Its place among [`Self::ALL`].
    pub fn rank(self) -> usize {
        self as usize
    }
}

/// Which way something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Low,
    High,
    /// More than a few days before.
    Gain,
    /// Nothing was measured for too long.
    NoData,
    /// A dose was not taken in time.
    Late,
}

impl Direction {
    pub const ALL: [Self; 5] = [Self::Low, Self::High, Self::Gain, Self::NoData, Self::Late];

    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::High => "high",
            Self::Gain => "gain",
            Self::NoData => "no_data",
            Self::Late => "late",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|direction| direction.name() == name)
    }
}

/// What can be wrong with a resident. Each has a state of its own: what is done about one changes no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    pub kind: Topic,
    pub direction: Direction,
}

/// What a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Readings of a kind.
    Reading(Kind),
    /// One dose of a critical medicine, by its number: what is known of one says nothing of the next.
    Dose(i64),
}

const DOSE: &str = "dose";

impl Topic {
    /// Of which area it is: who may see and answer alerts of it.
    pub fn area(self) -> kit::Area {
        match self {
            Self::Reading(_) => kit::Area::Vitals,
            Self::Dose(_) => kit::Area::Medication,
        }
    }

    /// As it is kept: `heart_rate`, `dose-17`.
    pub fn name(self) -> Cow<'static, str> {
        match self {
            Self::Reading(kind) => kind.name().into(),
            Self::Dose(number) => format!("{DOSE}-{number}").into(),
        }
    }

    /// As clients have it: all doses are of one kind.
    pub fn kind_name(self) -> &'static str {
        match self {
            Self::Reading(kind) => kind.name(),
            Self::Dose(_) => DOSE,
        }
    }

    /// Of which area alerts of this kind are, as clients have it or as it is kept.
    pub fn area_of_kind(kind: &str) -> Option<kit::Area> {
        if kind == DOSE { Some(kit::Area::Medication) } else { Self::of_name(kind).map(Self::area) }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        let dose = || name.strip_prefix(DOSE)?.strip_prefix('-')?.parse().ok().map(Self::Dose);
        Kind::of_name(name).map(Self::Reading).or_else(dose)
    }
}

impl From<Kind> for Topic {
    fn from(kind: Kind) -> Self {
        Self::Reading(kind)
    }
}

/// A kind of reading by its name, for documents.
pub mod kind_name {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::vitals::{self, Kind};

    pub fn serialize<S: Serializer>(kind: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(kind.name())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Kind, D::Error> {
        let name = String::deserialize(deserializer)?;
        let unknown = || format!("kind {name:?} is not known. Must be one of: {}", vitals::names(&Kind::ALL));
        Kind::of_name(&name).ok_or_else(|| D::Error::custom(unknown()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_and_directions_are_found_by_their_names_and_written_by_them() {
        for severity in Severity::ALL {
            assert_eq!(Severity::of_name(severity.name()), Some(severity));
            assert_eq!(serde_json::to_value(severity).unwrap(), severity.name());
            assert_eq!(Severity::ALL[severity.rank()], severity);
        }
        for direction in Direction::ALL {
            assert_eq!(Direction::of_name(direction.name()), Some(direction));
            assert_eq!(serde_json::to_value(direction).unwrap(), direction.name());
        }
        for topic in [Topic::Reading(Kind::HeartRate), Topic::Dose(17)] {
            assert_eq!(Topic::of_name(&topic.name()), Some(topic));
        }
        assert_eq!(Topic::of_name("dose-x"), None);
        assert!(Severity::Info < Severity::Warn && Severity::Urgent < Severity::Critical);
    }
}
