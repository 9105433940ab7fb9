//! Units: as people and devices write them, and the one in which values are compared (UCUM).

use std::ops::RangeInclusive;

use super::{Kind, consciousness};

/// A unit of one kind of reading: canonical = (value − zero) × factor.
#[derive(Debug, PartialEq)]
pub struct Unit {
    /// How it is written; the first spelling is the kind's usual one in rows, or UCUM's.
    spellings: &'static [&'static str],
    zero: f64,
    factor: f64,
}

const fn unit(spellings: &'static [&'static str], factor: f64) -> Unit {
    Unit { spellings, zero: 0.0, factor }
}

// The first of each list is the unit that existing clients use; limits are written in it.
const PRESSURE: &[Unit] = &[unit(&["mmHg", "mm[Hg]", "mm Hg"], 1.0), unit(&["kPa"], 7.500_616_83)];
const RATE: &[Unit] = &[unit(&["bpm", "/min", "1/min", "beats/min", "beats per minute"], 1.0)];
const SHARE: &[Unit] = &[unit(&["%", "percent"], 1.0)];
const TEMPERATURE: &[Unit] = &[
    Unit { spellings: &["°F", "F", "[degF]", "degF", "fahrenheit"], zero: 32.0, factor: 5.0 / 9.0 },
    unit(&["°C", "C", "Cel", "degC", "celsius"], 1.0),
];
const MASS: &[Unit] = &[
    unit(&["lbs", "lb", "[lb_av]", "pounds"], 0.453_592_37),
    unit(&["kg", "kilograms"], 1.0),
    unit(&["g"], 0.001),
    unit(&["st", "[stone_av]", "stone"], 6.350_293_18),
];
// One mole of glucose weighs 180.156 g.
const GLUCOSE: &[Unit] = &[unit(&["mg/dL"], 1.0), unit(&["mmol/L"], 18.015_6)];
const BREATHS: &[Unit] = &[unit(&["/min", "1/min", "breaths/min", "breaths per minute", "bpm"], 1.0)];
const FLOW: &[Unit] = &[unit(&["L/min", "liters/min", "litres/min", "lpm"], 1.0)];
// Not a quantity: UCUM's braces say what is counted.
const STEPS: &[Unit] = &[unit(&["{ACVPU}", "ACVPU"], 1.0)];
const LENGTH: &[Unit] = &[
    unit(&["cm", "centimeters", "centimetres"], 1.0),
    unit(&["m", "meters", "metres"], 100.0),
    unit(&["in", "[in_i]", "inches"], 2.54),
];

impl Kind {
    /// The UCUM unit in which values of this kind are compared.
    pub fn canonical_unit(self) -> &'static str {
        match self {
            Self::BloodPressure => "mm[Hg]",
            Self::HeartRate => "/min",
            Self::Spo2 => "%",
            Self::Temperature => "Cel",
            Self::Weight => "kg",
            Self::Glucose => "mg/dL",
            Self::RespiratoryRate => "/min",
            Self::OxygenSupplement => "L/min",
            Self::Consciousness => "{ACVPU}",
            Self::Height => "cm",
        }
    }

    /// What can be, in the canonical unit. Anything else is a slip of the pen or of a device. The ends are far beyond all
    /// that is survived, so that nothing true is refused: a heart or a breath that stands still is true.
    pub fn possible(self) -> RangeInclusive<f64> {
        match self {
            Self::BloodPressure => 0.0..=400.0,
            Self::HeartRate => 0.0..=500.0,
            Self::Spo2 => 10.0..=100.0,
            Self::Temperature => 10.0..=50.0,
            Self::Weight => 0.1..=1_000.0,
            Self::Glucose => 1.0..=3_000.0,
            Self::RespiratoryRate => 0.0..=200.0,
            Self::OxygenSupplement => 0.0..=100.0,
            Self::Consciousness => 0.0..=consciousness::LAST_STEP,
            Self::Height => 20.0..=300.0,
        }
    }

    fn units(self) -> &'static [Unit] {
        match self {
            Self::BloodPressure => PRESSURE,
            Self::HeartRate => RATE,
            Self::Spo2 => SHARE,
            Self::Temperature => TEMPERATURE,
            Self::Weight => MASS,
            Self::Glucose => GLUCOSE,
            Self::RespiratoryRate => BREATHS,
            Self::OxygenSupplement => FLOW,
            Self::Consciousness => STEPS,
            Self::Height => LENGTH,
        }
    }

    /// The unit that is meant, however it is spelled.
    pub fn unit(self, written: &str) -> Option<&'static Unit> {
        let written = written.trim().to_lowercase();
        self.units().iter().find(|unit| unit.spellings.iter().any(|spelling| spelling.to_lowercase() == written))
    }

    /// The units that this kind is taken in, for people.
    pub fn unit_names(self) -> String {
        let names: Vec<_> = self.units().iter().map(|unit| unit.spellings[0]).collect();
        names.join(", ")
    }

    /// The same value in the unit that existing clients use and limits are written in.
    pub fn in_usual_unit(self, value: f64, unit: &Unit) -> f64 {
        let usual = &self.units()[0];
        if unit == usual { value } else { usual.of_canonical(unit.to_canonical(value)) }
    }
}

impl Unit {
    pub fn to_canonical(&self, value: f64) -> f64 {
        without_noise((value - self.zero) * self.factor)
    }

    pub fn of_canonical(&self, canonical: f64) -> f64 {
        without_noise(canonical / self.factor + self.zero)
    }
}

/// Binary fractions leave a trace at the far end: 37 °C is 98.6 °F, not 98.60000000000001.
fn without_noise(value: f64) -> f64 {
    const STEPS: f64 = 1e9;
    // A value too large to be scaled has no fraction either.
    if value.abs() < f64::MAX / STEPS { (value * STEPS).round() / STEPS } else { value }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_entered_becomes_the_canonical_value() {
        for (kind, value, written, canonical) in [
            (Kind::BloodPressure, 118.0, "mmHg", 118.0),
            (Kind::BloodPressure, 16.0, "kPa", 120.009_869_28),
            (Kind::HeartRate, 72.0, "bpm", 72.0),
            (Kind::Spo2, 97.0, "%", 97.0),
            (Kind::Temperature, 98.6, "°F", 37.0),
            (Kind::Temperature, 37.0, "cel", 37.0),
            (Kind::Weight, 171.4, "LBS", 77.745_732_218),
            (Kind::Weight, 80.0, "kg", 80.0),
            (Kind::Glucose, 5.5, "mmol/l", 99.085_8),
        ] {
            let unit = kind.unit(written).unwrap();
            let difference = (unit.to_canonical(value) - canonical).abs();
            assert!(difference < 1e-6, "{value} {written} became {}", unit.to_canonical(value));
        }
    }

    #[test]
    fn a_unit_of_another_kind_is_not_taken() {
        assert_eq!(Kind::HeartRate.unit("mmHg"), None);
        assert_eq!(Kind::Weight.unit("stones and pounds"), None);
        assert_eq!(Kind::Temperature.unit_names(), "°F, °C");
    }

    #[test]
    fn limits_are_met_exactly_in_either_unit() {
        let celsius = Kind::Temperature.unit("°C").unwrap();
        assert_eq!(Kind::Temperature.in_usual_unit(35.0, celsius), 95.0);
        assert_eq!(Kind::Temperature.in_usual_unit(37.0, celsius), 98.6);
    }

    proptest! {
        #[test]
        fn there_and_back_is_the_same_value(thousandths in 0_u32..2_000_000) {
            let value = f64::from(thousandths) / 1000.0;
            for unit in Kind::ALL.into_iter().flat_map(Kind::units) {
                let back = unit.of_canonical(unit.to_canonical(value));
                prop_assert!((back - value).abs() < 1e-5, "{} {:?} came back as {}", value, unit, back);
            }
        }

        #[test]
        fn every_spelling_is_understood_in_any_case(kind in 0..Kind::ALL.len(), at in any::<prop::sample::Index>(), upper: bool) {
            let kind = Kind::ALL[kind];
            let spellings: Vec<_> = kind.units().iter().flat_map(|unit| unit.spellings).collect();
            let spelling = at.get(&spellings);
            let written = if upper { spelling.to_uppercase() } else { spelling.to_lowercase() };
            let unit = kind.unit(&written);
            prop_assert!(unit.is_some_and(|unit| unit.spellings.contains(*spelling)), "{}", written);
        }
    }
}
