//! Limits that hold until somebody changes them, each with its source. "secondary" means taken from a page that quotes the
//! guideline. All of them need a clinician's review.

use serde::{Deserialize, Serialize};

use super::{
    Direction, Severity,
    bands::Guideline,
    limit::{Limit, Part, Rule},
    news2::Scale,
};
use crate::vitals::Kind;

/// What is chosen for a resident, on which defaults depend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Choices {
    /// Whose bands of blood pressure.
    pub blood_pressure: Guideline,
    /// 2 is for residents whose target is 88-92 %.
    pub spo2_scale: Scale,
    /// What glucose should be before breakfast.
    pub glucose_targets: GlucoseTargets,
    pub weight_gain: WeightGain,
}

/// Classes of health of older adults, in which targets of fasting glucose differ (ADA).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GlucoseTargets {
    /// 90-130 mg/dL.
    Healthy,
    /// 90-150 mg/dL: several chronic illnesses, or help is needed in daily life.
    #[default]
    Complex,
    /// 100-180 mg/dL.
    VeryComplex,
}

impl GlucoseTargets {
    /// Fasting, in mg/dL.
    pub fn fasting(self) -> (f64, f64) {
        match self {
            Self::Healthy => (90.0, 130.0),
            Self::Complex => (90.0, 150.0),
            Self::VeryComplex => (100.0, 180.0),
        }
    }
}

/// Which gain of weight is a sign of water.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightGain {
    /// More than 2 kg in 3 days.
    #[default]
    Esc,
    /// 2 lb in a day, or 3 to 5 lb in a week.
    Us,
    Off,
}

const NEWS2: &str = "design from NEWS2 (RCP 2017): a value that scores 3";
const NEWS2_TWO: &str = "design from NEWS2 (RCP 2017): a value that scores 2";
const SATURATION: &str = "design from NEWS2 (RCP 2017)";
const SCALE_TWO: &str = "design from NEWS2 scale 2 (RCP 2017): target 88-92 %";
const FEVER: &str = "IDSA long-term care 2008 (secondary)";
const HYPOGLYCAEMIA: &str = "ADA level 1 below 70, level 2 below 54 mg/dL (to be confirmed)";
const GLUCOSE_TARGET: &str = "ADA older adults, fasting target by class of health (secondary)";
const GLUCOSE_HIGH: &str = "time in range, level 2 above 250 mg/dL (secondary)";
const GAIN_ESC: &str = "ESC heart failure: more than 2 kg in 3 days (secondary)";
const GAIN_US: &str = "US teaching, heart failure: 2 lb in a day, 3 to 5 lb in a week (secondary)";

/// A pound.
const LB: f64 = 0.453_592_37;

/// Within how many hours a temperature counts as repeated; the guideline names none.
const REPEATED_WITHIN_HOURS: u32 = 48;

/// What holds for a resident of whom nothing but this is known.
pub fn limits(choices: &Choices) -> Vec<Limit> {
    [
        blood_pressure(choices.blood_pressure),
        heart_rate(),
        saturation(choices.spo2_scale),
        temperature(),
        glucose(choices.glucose_targets),
        weight(choices.weight_gain),
        breathing(),
        vec![above(Kind::Consciousness, Severity::Urgent, 0.0, NEWS2)],
    ]
    .concat()
}

/// What would hold with any choice. Whoever sends one of these back, word for word, did not set it themselves.
pub fn limits_of_every_choice() -> Vec<Limit> {
    let targets = [GlucoseTargets::Healthy, GlucoseTargets::Complex, GlucoseTargets::VeryComplex];
    let gains = [WeightGain::Esc, WeightGain::Us, WeightGain::Off];
    let mut all = limits(&Choices::default());
    all.extend([Guideline::Us, Guideline::Eu].into_iter().flat_map(blood_pressure));
    all.extend([Scale::One, Scale::Two].into_iter().flat_map(saturation));
    all.extend(targets.into_iter().flat_map(glucose));
    all.extend(gains.into_iter().flat_map(weight));
    all
}

fn blood_pressure(guideline: Guideline) -> Vec<Limit> {
    let mut limits = vec![below(Kind::BloodPressure, Severity::Urgent, 90.0, NEWS2).inclusive().twice()];
    for band in guideline.bands() {
        let Some(severity) = band.severity else { continue };
        for (part, value) in [(Part::Primary, band.systolic), (Part::Secondary, band.diastolic)] {
            let rule = Rule::Beyond { part, value, inclusive: band.inclusive, on_oxygen: false };
            let limit = limit(Kind::BloodPressure, Direction::High, severity, rule, band.source);
            limits.push(Limit { readings: band.readings, ..limit });
        }
    }
    limits
}

fn heart_rate() -> Vec<Limit> {
    vec![
        below(Kind::HeartRate, Severity::Urgent, 40.0, NEWS2).inclusive().twice(),
        above(Kind::HeartRate, Severity::Warn, 111.0, NEWS2_TWO).inclusive().twice(),
        above(Kind::HeartRate, Severity::Urgent, 131.0, NEWS2).inclusive().twice(),
    ]
}

fn saturation(scale: Scale) -> Vec<Limit> {
    match scale {
        Scale::One => vec![
            below(Kind::Spo2, Severity::Warn, 92.0, SATURATION),
            below(Kind::Spo2, Severity::Urgent, 88.0, SATURATION).twice(),
        ],
        Scale::Two => vec![
            below(Kind::Spo2, Severity::Warn, 88.0, SCALE_TWO),
            below(Kind::Spo2, Severity::Urgent, 83.0, SCALE_TWO).inclusive().twice(),
            // Too much oxygen harms them; on air a good saturation is good.
            above(Kind::Spo2, Severity::Warn, 92.0, SCALE_TWO).on_oxygen(),
            above(Kind::Spo2, Severity::Urgent, 97.0, SCALE_TWO).inclusive().on_oxygen().twice(),
        ],
    }
}

fn temperature() -> Vec<Limit> {
    let kind = Kind::Temperature;
    let repeated = Rule::Repeated { value: 37.2, times: 2, within_hours: REPEATED_WITHIN_HOURS };
    vec![
        below(kind, Severity::Urgent, 35.0, NEWS2).inclusive().twice(),
        above(kind, Severity::Warn, 37.8, FEVER),
        limit(kind, Direction::High, Severity::Warn, repeated, FEVER),
        limit(kind, Direction::High, Severity::Warn, Rule::AboveBaseline { by: 1.1 }, FEVER),
        above(kind, Severity::Urgent, 39.1, NEWS2_TWO).inclusive().twice(),
    ]
}

fn glucose(targets: GlucoseTargets) -> Vec<Limit> {
    let kind = Kind::Glucose;
    let (_, most) = targets.fasting();
    vec![
        below(kind, Severity::Warn, 70.0, HYPOGLYCAEMIA),
        below(kind, Severity::Critical, 54.0, HYPOGLYCAEMIA).twice(),
        Limit { readings: 3, ..above(kind, Severity::Info, most, GLUCOSE_TARGET) },
        above(kind, Severity::Warn, 250.0, GLUCOSE_HIGH).twice(),
    ]
}

fn weight(gain: WeightGain) -> Vec<Limit> {
    let limit = |severity, by, within_days, inclusive, source| {
        limit(Kind::Weight, Direction::Gain, severity, Rule::Gain { by, within_days, inclusive }, source)
    };
    match gain {
        WeightGain::Esc => vec![limit(Severity::Warn, 2.0, 3, false, GAIN_ESC)],
        WeightGain::Us => vec![
            limit(Severity::Warn, 2.0 * LB, 1, true, GAIN_US),
            limit(Severity::Info, 3.0 * LB, 7, true, GAIN_US),
            limit(Severity::Warn, 5.0 * LB, 7, true, GAIN_US),
        ],
        WeightGain::Off => Vec::new(),
    }
}

fn breathing() -> Vec<Limit> {
    vec![
        below(Kind::RespiratoryRate, Severity::Urgent, 8.0, NEWS2).inclusive().twice(),
        above(Kind::RespiratoryRate, Severity::Warn, 21.0, NEWS2_TWO).inclusive().twice(),
        above(Kind::RespiratoryRate, Severity::Urgent, 25.0, NEWS2).inclusive().twice(),
    ]
}

fn limit(kind: Kind, direction: Direction, severity: Severity, rule: Rule, source: &str) -> Limit {
    Limit { kind, direction, severity, rule, readings: 1, source: source.into(), off: false }
}

fn beyond(value: f64) -> Rule {
    Rule::Beyond { part: Part::Primary, value, inclusive: false, on_oxygen: false }
}

fn above(kind: Kind, severity: Severity, value: f64, source: &str) -> Limit {
    limit(kind, Direction::High, severity, beyond(value), source)
}

fn below(kind: Kind, severity: Severity, value: f64, source: &str) -> Limit {
    limit(kind, Direction::Low, severity, beyond(value), source)
}

impl Limit {
    fn inclusive(mut self) -> Self {
        if let Rule::Beyond { inclusive, .. } = &mut self.rule {
            *inclusive = true;
        }
        self
    }

    fn on_oxygen(mut self) -> Self {
        if let Rule::Beyond { on_oxygen, .. } = &mut self.rule {
            *on_oxygen = true;
        }
        self
    }

    fn twice(self) -> Self {
        Self { readings: 2, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::limit::check_order, *};

    fn every_choice() -> Vec<Choices> {
        let mut all = Vec::new();
        for blood_pressure in [Guideline::Us, Guideline::Eu] {
            for spo2_scale in [Scale::One, Scale::Two] {
                for glucose_targets in [GlucoseTargets::Healthy, GlucoseTargets::Complex, GlucoseTargets::VeryComplex] {
                    for weight_gain in [WeightGain::Esc, WeightGain::Us, WeightGain::Off] {
                        all.push(Choices { blood_pressure, spo2_scale, glucose_targets, weight_gain });
                    }
                }
            }
        }
        all
    }

    #[test]
    fn every_default_can_be_is_named_once_has_its_source_and_gets_worse_outwards() {
        for choices in every_choice() {
            let limits = limits(&choices);
            for limit in &limits {
                assert_eq!(limit.check(), Ok(()), "{choices:?}");
            }
            assert_eq!(check_order(&limits), Ok(()), "{choices:?}");
            let mut names: Vec<_> = limits.iter().map(Limit::name).collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), limits.len(), "{choices:?}");
            let all = limits_of_every_choice();
            assert!(limits.iter().all(|limit| all.contains(limit)), "{choices:?}");
        }
    }
}
