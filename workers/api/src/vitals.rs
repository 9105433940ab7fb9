//! What a reading is: its kinds, their units and their words. Pure: no clock, no database.
//!
//! Codes are LOINC's (see the notice in this worker's README).

pub mod age;
pub mod amendment;
pub mod consciousness;
pub mod entry;
pub mod status;
pub mod trend;
pub mod unit;

/// A kind of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    BloodPressure,
    HeartRate,
    Spo2,
    Temperature,
    Weight,
    Glucose,
    RespiratoryRate,
    /// Oxygen that is given, as a flow; 0 is breathing air.
    OxygenSupplement,
    /// A step of ACVPU, see [`consciousness`].
    Consciousness,
    Height,
}

impl Kind {
    pub const ALL: [Self; 10] = [
        Self::BloodPressure,
        Self::HeartRate,
        Self::Spo2,
        Self::Temperature,
        Self::Weight,
        Self::Glucose,
        Self::RespiratoryRate,
        Self::OxygenSupplement,
        Self::Consciousness,
        Self::Height,
    ];

    /// The kinds that existing clients know, in the order in which they list them. They are not told of others.
    pub const KNOWN_TO_CLIENTS: [Self; 6] =
        [Self::BloodPressure, Self::HeartRate, Self::Spo2, Self::Temperature, Self::Weight, Self::Glucose];

    /// The same in the order of their names, in which clients list the newest of each.
    pub const KNOWN_TO_CLIENTS_BY_NAME: [Self; 6] =
        [Self::BloodPressure, Self::Glucose, Self::HeartRate, Self::Spo2, Self::Temperature, Self::Weight];

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub fn is_known_to_clients(self) -> bool {
        Self::KNOWN_TO_CLIENTS.contains(&self)
    }

    /// As clients and tables write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::BloodPressure => "blood_pressure",
            Self::HeartRate => "heart_rate",
            Self::Spo2 => "spo2",
            Self::Temperature => "temperature",
            Self::Weight => "weight",
            Self::Glucose => "glucose",
            Self::RespiratoryRate => "respiratory_rate",
            Self::OxygenSupplement => "oxygen_supplement",
            Self::Consciousness => "consciousness",
            Self::Height => "height",
        }
    }

    /// As clients show it.
    pub fn label(self) -> &'static str {
        match self {
            Self::BloodPressure => "BLOOD PRESSURE",
            Self::HeartRate => "HEART RATE",
            Self::Spo2 => "OXYGEN SAT",
            Self::Temperature => "TEMPERATURE",
            Self::Weight => "WEIGHT",
            Self::Glucose => "BLOOD GLUCOSE",
            Self::RespiratoryRate => "BREATHING RATE",
            Self::OxygenSupplement => "OXYGEN GIVEN",
            Self::Consciousness => "CONSCIOUSNESS",
            Self::Height => "HEIGHT",
        }
    }

    pub fn icon(self) -> &'static str {
        match self {
            Self::BloodPressure => "❤️",
            Self::HeartRate => "💓",
            Self::Spo2 => "🫁",
            Self::Temperature => "🌡️",
            Self::Weight => "⚖️",
            Self::Glucose => "🩸",
            Self::RespiratoryRate => "🌬️",
            Self::OxygenSupplement => "💨",
            Self::Consciousness => "🧠",
            Self::Height => "📏",
        }
    }

    /// The LOINC codes of the observation, the most exact one first; of the panel for a blood pressure.
    ///
    /// An oxygen saturation has two: FHIR asks for the general one beside the one that says how it was measured.
    pub fn loinc(self) -> &'static [&'static str] {
        match self {
            Self::BloodPressure => &["85354-9"],
            Self::HeartRate => &["8867-4"],
            Self::Spo2 => &["59408-5", "2708-6"],
            Self::Temperature => &["8310-5"],
            Self::Weight => &["29463-7"],
            Self::Glucose => &["41653-7"],
            Self::RespiratoryRate => &["9279-1"],
            Self::OxygenSupplement => &["3151-8"],
            Self::Consciousness => &["80288-4"],
            Self::Height => &["8302-2"],
        }
    }
}

/// `blood_pressure, heart_rate, …`
pub fn names(kinds: &[Kind]) -> String {
    let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
    names.join(", ")
}

/// The value as clients show it. A diastolic that was not measured is shown as missing.
pub fn value_text(kind: Kind, primary: f64, secondary: Option<f64>) -> String {
    match (kind, secondary) {
        (Kind::BloodPressure, Some(diastolic)) => format!("{primary}/{diastolic}"),
        (Kind::BloodPressure, None) => format!("{primary}/–"),
        (Kind::Consciousness, _) => {
            consciousness::of_step(primary).map_or_else(|| primary.to_string(), |level| level.name().to_owned())
        }
        (_, _) => primary.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_own_name_only() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of_name(kind.name()), Some(kind));
        }
        for name in ["", "pulse", "HEART_RATE", "heart_rate "] {
            assert_eq!(Kind::of_name(name), None, "{name:?}");
        }
    }

    #[test]
    fn values_are_shown_as_they_were_entered_and_what_is_missing_is_shown_as_missing() {
        assert_eq!(value_text(Kind::BloodPressure, 118.0, Some(76.0)), "118/76");
        assert_eq!(value_text(Kind::BloodPressure, 118.0, None), "118/–");
        assert_eq!(value_text(Kind::Temperature, 98.6, None), "98.6");
        assert_eq!(value_text(Kind::Weight, 171.0, None), "171");
        assert_eq!(value_text(Kind::Consciousness, 1.0, None), "confusion");
    }

    #[test]
    fn clients_know_six_kinds_and_no_two_kinds_share_a_code() {
        let known: Vec<_> = Kind::ALL.into_iter().filter(|kind| kind.is_known_to_clients()).collect();
        assert_eq!(known, Kind::KNOWN_TO_CLIENTS);
        let mut known = Kind::KNOWN_TO_CLIENTS;
        known.sort_by_key(|kind| kind.name());
        assert_eq!(known, Kind::KNOWN_TO_CLIENTS_BY_NAME);
        let mut codes: Vec<_> = Kind::ALL.into_iter().flat_map(Kind::loinc).collect();
        let all = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), all);
    }
}
