//! The word that goes with a value. Orientation for people, not a diagnosis: a clinician sets what matters for a person.
//!
//! Limits are in the usual units (mmHg, bpm, %, °F, mg/dL). Where they come from:
//! * blood pressure: AHA/ACC 2025 categories, joined into the words that clients know: elevated from 120 or 80, high from
//!   140 or 90, severe above 180 or 120; low below 90 or 60.
//! * heart rate: resting range of 60 to 100; from 131 on NEWS2 (RCP 2017) gives its highest score.
//! * oxygen, temperature: what existing clients were always told; fever above 99 °F is cautious, as an older adult's
//!   fever may be (IDSA 2008: 37.2 °C, repeated).
//! * breathing: NEWS2 scores of 3 from 25 and up to 8, of less than 3 outside of 12 to 20.
//! * glucose: ADA levels 1 and 2 below 70 and 54; fasting limits 100 and 126; above 250 level 2 of time-in-range.
//!
//! They need a clinician's review before anybody relies on them.

use super::Kind;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    Normal,
    Low,
    Elevated,
    High,
    Fever,
    Critical,
}

impl Word {
    const ALL: [Self; 6] = [Self::Normal, Self::Low, Self::Elevated, Self::High, Self::Fever, Self::Critical];

    /// As tables and raw answers have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Low => "low",
            Self::Elevated => "elevated",
            Self::High => "high",
            Self::Fever => "fever",
            Self::Critical => "critical",
        }
    }

    /// As it is shown.
    pub fn shown(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Low => "Low",
            Self::Elevated => "Elevated",
            Self::High => "High",
            Self::Fever => "Fever",
            Self::Critical => "Critical",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.name() == name)
    }
}

/// The word for a value in the kind's usual unit.
pub fn word(kind: Kind, primary: f64, secondary: Option<f64>) -> Word {
    match kind {
        Kind::BloodPressure => blood_pressure(primary, secondary),
        Kind::HeartRate => match primary {
            bpm if !(40.0..=130.0).contains(&bpm) => Word::Critical,
            bpm if bpm < 60.0 => Word::Low,
            bpm if bpm > 100.0 => Word::High,
            _ => Word::Normal,
        },
        Kind::Spo2 => match primary {
            percent if percent < 90.0 => Word::Critical,
            percent if percent < 95.0 => Word::Low,
            _ => Word::Normal,
        },
        Kind::Temperature => match primary {
            fahrenheit if !(95.0..=103.0).contains(&fahrenheit) => Word::Critical,
            fahrenheit if fahrenheit < 97.0 => Word::Low,
            fahrenheit if fahrenheit > 99.0 => Word::Fever,
            _ => Word::Normal,
        },
        Kind::Glucose => match primary {
            mg_dl if !(54.0..=250.0).contains(&mg_dl) => Word::Critical,
            mg_dl if mg_dl < 70.0 => Word::Low,
            mg_dl if mg_dl > 126.0 => Word::High,
            mg_dl if mg_dl >= 100.0 => Word::Elevated,
            _ => Word::Normal,
        },
        Kind::RespiratoryRate => match primary {
            breaths if !(9.0..=24.0).contains(&breaths) => Word::Critical,
            breaths if breaths < 12.0 => Word::Low,
            breaths if breaths > 20.0 => Word::High,
            _ => Word::Normal,
        },
        // Anything but alert has NEWS2's highest score.
        Kind::Consciousness if primary > 0.0 => Word::Critical,
        // What a weight means depends on the person and on the days before; oxygen is what somebody ordered.
        Kind::Weight | Kind::Height | Kind::OxygenSupplement | Kind::Consciousness => Word::Normal,
    }
}

/// A diastolic that was not measured says nothing: the systolic is judged alone.
fn blood_pressure(systolic: f64, diastolic: Option<f64>) -> Word {
    let diastolic_is = |judged: fn(f64) -> bool| diastolic.is_some_and(judged);
    if systolic > 180.0 || diastolic_is(|mmhg| mmhg > 120.0) {
        Word::Critical
    } else if systolic >= 140.0 || diastolic_is(|mmhg| mmhg >= 90.0) {
        Word::High
    } else if systolic < 90.0 || diastolic_is(|mmhg| mmhg < 60.0) {
        Word::Low
    } else if systolic >= 120.0 || diastolic_is(|mmhg| mmhg >= 80.0) {
        Word::Elevated
    } else {
        Word::Normal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_change_exactly_at_the_limits() {
        use Word::{Critical, Elevated, Fever, High, Low, Normal};
        // The values at which a word begins, from below.
        let steps: [(Kind, &[(f64, Word)]); 10] = [
            (Kind::BloodPressure, &[(0.0, Low), (90.0, Normal), (120.0, Elevated), (140.0, High), (180.1, Critical)]),
            (Kind::HeartRate, &[(0.0, Critical), (40.0, Low), (60.0, Normal), (100.1, High), (130.1, Critical)]),
            (Kind::Spo2, &[(0.0, Critical), (90.0, Low), (95.0, Normal), (100.0, Normal)]),
            (Kind::Temperature, &[(0.0, Critical), (95.0, Low), (97.0, Normal), (99.1, Fever), (103.1, Critical)]),
            (Kind::Weight, &[(0.0, Normal), (171.4, Normal), (1000.0, Normal)]),
            (Kind::RespiratoryRate, &[(0.0, Critical), (9.0, Low), (12.0, Normal), (20.1, High), (24.1, Critical)]),
            (Kind::Consciousness, &[(0.0, Normal), (0.1, Critical)]),
            (Kind::OxygenSupplement, &[(0.0, Normal), (15.0, Normal)]),
            (Kind::Height, &[(20.0, Normal), (300.0, Normal)]),
            (
                Kind::Glucose,
                &[(0.0, Critical), (54.0, Low), (70.0, Normal), (100.0, Elevated), (126.1, High), (250.1, Critical)],
            ),
        ];
        for (kind, steps) in steps {
            for (index, (value, expected)) in steps.iter().enumerate() {
                assert_eq!(word(kind, *value, None), *expected, "{kind:?} {value}");
                if let Some((next, _)) = steps.get(index + 1) {
                    assert_eq!(word(kind, next - 0.1, None), *expected, "{kind:?} just below {next}");
                }
            }
        }
    }

    #[test]
    fn the_worse_of_the_two_pressures_decides() {
        for (systolic, diastolic, expected) in [
            (118.0, 76.0, Word::Normal),
            (118.0, 80.0, Word::Elevated),
            (118.0, 90.0, Word::High),
            (118.0, 120.1, Word::Critical),
            (118.0, 59.9, Word::Low),
            (181.0, 50.0, Word::Critical),
            (150.0, 50.0, Word::High),
        ] {
            assert_eq!(word(Kind::BloodPressure, systolic, Some(diastolic)), expected, "{systolic}/{diastolic}");
        }
    }

    #[test]
    fn a_missing_diastolic_is_not_a_low_one() {
        assert_eq!(word(Kind::BloodPressure, 118.0, None), Word::Normal);
        assert_eq!(word(Kind::BloodPressure, 118.0, Some(0.0)), Word::Low);
    }

    #[test]
    fn every_word_is_found_by_its_name() {
        for word in Word::ALL {
            assert_eq!(Word::of_name(word.name()), Some(word));
            assert_eq!(word.shown().to_lowercase(), word.name());
        }
        assert_eq!(Word::of_name("fine"), None);
    }
}
