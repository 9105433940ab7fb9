//! Bands of blood pressure, as home measurements are read. Two guidelines, of which the resident's clinician chooses.

use serde::{Deserialize, Serialize};

use super::Severity;

/// Whose bands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guideline {
    #[default]
    Us,
    Eu,
}

/// A band begins where either value is reached.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Band {
    pub name: &'static str,
    /// From this systolic, in mmHg.
    pub systolic: f64,
    /// Or from this diastolic.
    pub diastolic: f64,
    /// The values themselves belong to it; else it begins above them.
    pub inclusive: bool,
    /// What an alert in it is; `None`: the band is shown, and nobody is told.
    pub severity: Option<Severity>,
    /// How many readings in a row.
    pub readings: u32,
    pub source: &'static str,
}

const US: &str = "AHA/ACC 2025 (secondary)";
const EU: &str = "ESC 2024, home values (secondary)";
const SEVERE: &str = "AHA/ACC 2025 (secondary): above 180 and/or above 120";

const fn band(name: &'static str, systolic: f64, diastolic: f64, source: &'static str) -> Band {
    Band { name, systolic, diastolic, inclusive: true, severity: None, readings: 1, source }
}

const fn severe(source: &'static str) -> Band {
    let band = band("severe", 180.0, 120.0, source);
    Band { inclusive: false, severity: Some(Severity::Critical), readings: 2, ..band }
}

/// From the lowest.
const US_BANDS: [Band; 4] = [
    band("elevated", 120.0, 80.0, US),
    Band { severity: Some(Severity::Info), readings: 3, ..band("stage_1", 130.0, 80.0, US) },
    Band { severity: Some(Severity::Warn), readings: 2, ..band("stage_2", 140.0, 90.0, US) },
    severe(SEVERE),
];
const EU_BANDS: [Band; 3] = [
    band("elevated", 120.0, 70.0, EU),
    Band { severity: Some(Severity::Warn), readings: 2, ..band("hypertension", 135.0, 85.0, EU) },
    severe("AHA/ACC 2025 (secondary), taken over beside the European bands"),
];

impl Guideline {
    /// From the lowest; below the first one a pressure is normal.
    pub fn bands(self) -> &'static [Band] {
        match self {
            Self::Us => &US_BANDS,
            Self::Eu => &EU_BANDS,
        }
    }

    /// The name of the band that a pressure is in. The worse of the two values decides; one that is missing says nothing.
    pub fn band(self, systolic: f64, diastolic: Option<f64>) -> &'static str {
        let reached = |band: &&Band| {
            let is_in = |value: f64, from: f64| if band.inclusive { value >= from } else { value > from };
            is_in(systolic, band.systolic) || diastolic.is_some_and(|diastolic| is_in(diastolic, band.diastolic))
        };
        self.bands().iter().rev().find(reached).map_or("normal", |band| band.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_change_exactly_where_the_guidelines_say() {
        for (systolic, diastolic, us, eu) in [
            (119.0, Some(69.0), "normal", "normal"),
            (119.0, Some(70.0), "normal", "elevated"),
            (120.0, Some(79.0), "elevated", "elevated"),
            (129.0, None, "elevated", "elevated"),
            (130.0, Some(60.0), "stage_1", "elevated"),
            (110.0, Some(80.0), "stage_1", "elevated"),
            (134.0, Some(84.0), "stage_1", "elevated"),
            (135.0, Some(84.0), "stage_1", "hypertension"),
            (134.0, Some(85.0), "stage_1", "hypertension"),
            (140.0, Some(60.0), "stage_2", "hypertension"),
            (110.0, Some(90.0), "stage_2", "hypertension"),
            (180.0, Some(120.0), "stage_2", "hypertension"),
            (181.0, Some(60.0), "severe", "severe"),
            (110.0, Some(121.0), "severe", "severe"),
        ] {
            assert_eq!(Guideline::Us.band(systolic, diastolic), us, "{systolic}/{diastolic:?}");
            assert_eq!(Guideline::Eu.band(systolic, diastolic), eu, "{systolic}/{diastolic:?}");
        }
    }
}
