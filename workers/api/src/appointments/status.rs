//! What becomes of an appointment.

use serde::{Deserialize, Serialize};

/// What becomes of it. FHIR says booked, fulfilled, cancelled, noshow, entered-in-error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    #[default]
    Scheduled,
    Completed,
    Cancelled,
    /// The resident did not come.
    NoShow,
    /// Deleted: kept in the file and shown to nobody.
    EnteredInError,
}

impl Status {
    pub const ALL: [Self; 5] = [Self::Scheduled, Self::Completed, Self::Cancelled, Self::NoShow, Self::EnteredInError];

    /// As it is kept.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::NoShow => "no-show",
            Self::EnteredInError => "entered-in-error",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// As existing clients know it: they have three words, and what nobody came to did not take place.
    pub fn for_existing_clients(self) -> &'static str {
        match self {
            Self::Scheduled | Self::Completed | Self::Cancelled => self.name(),
            Self::NoShow | Self::EnteredInError => "cancelled",
        }
    }

    /// What came of it, if that is known.
    pub fn outcome(self) -> Option<&'static str> {
        match self {
            Self::Completed => Some("fulfilled"),
            Self::NoShow => Some("no-show"),
            Self::Scheduled | Self::Cancelled | Self::EnteredInError => None,
        }
    }

    /// Whether it takes up the time.
    pub fn takes_place(self) -> bool {
        matches!(self, Self::Scheduled | Self::Completed)
    }
}
