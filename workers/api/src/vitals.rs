//! What a reading is: the six kinds, their units and their words. Pure: no clock, no database.
//!
//! Codes are LOINC's (see the notice in this worker's README).

pub mod age;
pub mod entry;
pub mod status;
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
}

impl Kind {
    /// In the order in which clients list them.
    pub const ALL: [Self; 6] =
        [Self::BloodPressure, Self::HeartRate, Self::Spo2, Self::Temperature, Self::Weight, Self::Glucose];

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
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
        }
    }

    /// The LOINC code of the observation; of the panel for a blood pressure.
    pub fn loinc(self) -> &'static str {
        match self {
            Self::BloodPressure => "85354-9",
            Self::HeartRate => "8867-4",
            Self::Spo2 => "59408-5",
            Self::Temperature => "8310-5",
            Self::Weight => "29463-7",
            Self::Glucose => "41653-7",
        }
    }
}

/// `blood_pressure, heart_rate, …`
pub fn names() -> String {
    Kind::ALL.map(Kind::name).join(", ")
}

/// The value as clients show it. A diastolic that was not measured is shown as missing.
pub fn value_text(kind: Kind, primary: f64, secondary: Option<f64>) -> String {
    match (kind, secondary) {
        (Kind::BloodPressure, Some(diastolic)) => format!("{primary}/{diastolic}"),
        (Kind::BloodPressure, None) => format!("{primary}/–"),
        (Kind::HeartRate | Kind::Spo2 | Kind::Temperature | Kind::Weight | Kind::Glucose, _) => primary.to_string(),
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
    }
}
