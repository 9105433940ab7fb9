//! The National Early Warning Score (NEWS2), © Royal College of Physicians 2017, reproduced as it is and not modified: a
//! tool of hospitals. Here it is information and raises nothing.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::vitals::Kind;

/// How old a part may be: the RCP asks for observations every 12 hours at least.
pub const AGE_LIMIT_HOURS: i64 = 12;

/// Which column of the chart counts for the oxygen saturation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Scale {
    #[default]
    One,
    /// Of people whose target is 88-92 %, as in hypercapnic respiratory failure; a clinician decides that.
    Two,
}

impl From<Scale> for u8 {
    fn from(scale: Scale) -> Self {
        match scale {
            Scale::One => 1,
            Scale::Two => 2,
        }
    }
}

impl TryFrom<u8> for Scale {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        match number {
            1 => Ok(Self::One),
            2 => Ok(Self::Two),
            other => Err(format!("there is no SpO2 scale {other}: it is 1 or 2")),
        }
    }
}

/// A value in its canonical unit, and when it was measured. A blood pressure's is the systolic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    pub value: f64,
    pub at: Timestamp,
}

/// The kinds of reading that the score is made of, in the chart's order.
pub const PARTS: [Kind; 7] = [
    Kind::RespiratoryRate,
    Kind::Spo2,
    Kind::OxygenSupplement,
    Kind::BloodPressure,
    Kind::HeartRate,
    Kind::Consciousness,
    Kind::Temperature,
];

/// What one part scores.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Part {
    pub kind: &'static str,
    pub value: Option<f64>,
    pub measured_at: Option<Timestamp>,
    /// `None` if it cannot be scored.
    pub points: Option<u32>,
    /// Why it cannot.
    pub missing: Option<Missing>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    NotMeasured,
    /// Older than [`AGE_LIMIT_HOURS`].
    TooOld,
    /// Scale 2 asks whether oxygen is given, which is not known.
    NeedsOxygenSupplement,
}

/// The chart's aggregate groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    Low,
    /// Less than 5, but 3 in a single part.
    LowMedium,
    Medium,
    High,
}

/// The score of a moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    pub scale: Scale,
    pub parts: Vec<Part>,
    /// `None` if a part is missing.
    pub total: Option<u32>,
    pub risk: Option<Risk>,
    /// What the parts that are there come to.
    pub points_so_far: u32,
    pub incomplete: bool,
    /// The parts that are missing or too old, by name.
    pub missing: Vec<&'static str>,
    pub age_limit_hours: i64,
}

/// Scores what was measured last. `last` knows the newest reading of a kind.
pub fn score(last: impl Fn(Kind) -> Option<Measured>, scale: Scale, now: Timestamp) -> Score {
    let fresh = |kind| match last(kind) {
        None => Err((None, Missing::NotMeasured)),
        Some(measured) if now.duration_since(measured.at) > SignedDuration::from_hours(AGE_LIMIT_HOURS) => {
            Err((Some(measured), Missing::TooOld))
        }
        Some(measured) => Ok(measured),
    };
    let on_oxygen = fresh(Kind::OxygenSupplement).ok().map(|litres| litres.value > 0.0);
    let parts: Vec<_> = PARTS
        .into_iter()
        .map(|kind| {
            let scored = fresh(kind).and_then(|measured| {
                let points = points(kind, measured.value, scale, on_oxygen);
                points.map(|points| (measured, points)).ok_or((Some(measured), Missing::NeedsOxygenSupplement))
            });
            let (measured, points, missing) = match scored {
                Ok((measured, points)) => (Some(measured), Some(points), None),
                Err((measured, missing)) => (measured, None, Some(missing)),
            };
            Part {
                kind: kind.name(),
                value: measured.map(|measured| measured.value),
                measured_at: measured.map(|measured| measured.at),
                points,
                missing,
            }
        })
        .collect();
    let points_so_far = parts.iter().filter_map(|part| part.points).sum();
    let missing: Vec<_> = parts.iter().filter(|part| part.points.is_none()).map(|part| part.kind).collect();
    let total = missing.is_empty().then_some(points_so_far);
    let is_single = parts.iter().any(|part| part.points == Some(3));
    Score {
        scale,
        total,
        risk: total.map(|total| risk(total, is_single)),
        points_so_far,
        incomplete: !missing.is_empty(),
        missing,
        age_limit_hours: AGE_LIMIT_HOURS,
        parts,
    }
}

fn risk(total: u32, is_single: bool) -> Risk {
    match total {
        0..=4 if is_single => Risk::LowMedium,
        0..=4 => Risk::Low,
        5..=6 => Risk::Medium,
        _ => Risk::High,
    }
}

/// What a value scores; `None` if that depends on what is not known. The chart is written in whole numbers, temperatures
/// in tenths, so values are rounded to those first.
pub fn points(kind: Kind, value: f64, scale: Scale, on_oxygen: Option<bool>) -> Option<u32> {
    let whole = value.round();
    Some(match kind {
        // Each row: the points up to and including this value; what is above the last one scores the last number.
        Kind::RespiratoryRate => row(whole, &[(8.0, 3), (11.0, 1), (20.0, 0), (24.0, 2)], 3),
        Kind::Spo2 => match scale {
            Scale::One => row(whole, &[(91.0, 3), (93.0, 2), (95.0, 1)], 0),
            Scale::Two if whole <= 92.0 => row(whole, &[(83.0, 3), (85.0, 2), (87.0, 1)], 0),
            Scale::Two if on_oxygen? => row(whole, &[(94.0, 1), (96.0, 2)], 3),
            Scale::Two => 0,
        },
        Kind::OxygenSupplement => 2 * u32::from(value > 0.0),
        Kind::BloodPressure => row(whole, &[(90.0, 3), (100.0, 2), (110.0, 1), (219.0, 0)], 3),
        Kind::HeartRate => row(whole, &[(40.0, 3), (50.0, 1), (90.0, 0), (110.0, 1), (130.0, 2)], 3),
        // Alert is step 0 of ACVPU; any other scores.
        Kind::Consciousness => 3 * u32::from(value > 0.0),
        Kind::Temperature => {
            let tenths = (value * 10.0).round() / 10.0;
            row(tenths, &[(35.0, 3), (36.0, 1), (38.0, 0), (39.0, 1)], 2)
        }
        Kind::Weight | Kind::Glucose | Kind::Height => return None,
    })
}

fn row(value: f64, up_to: &[(f64, u32)], above: u32) -> u32 {
    up_to.iter().find(|(most, _)| value <= *most).map_or(above, |(_, points)| *points)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A line of the chart, with the values at both ends of each step and what they score.
    type Row = (Kind, Scale, Option<bool>, &'static [(f64, u32)]);

    #[test]
    fn points_change_exactly_where_the_chart_says() {
        let air = Some(false);
        let oxygen = Some(true);
        #[rustfmt::skip]
        let rows: &[Row] = &[
            (Kind::RespiratoryRate, Scale::One, air,
             &[(0.0, 3), (8.0, 3), (9.0, 1), (11.0, 1), (12.0, 0), (20.0, 0), (21.0, 2), (24.0, 2), (25.0, 3), (60.0, 3)]),
            (Kind::Spo2, Scale::One, air,
             &[(10.0, 3), (91.0, 3), (92.0, 2), (93.0, 2), (94.0, 1), (95.0, 1), (96.0, 0), (100.0, 0)]),
            (Kind::Spo2, Scale::One, oxygen, &[(91.0, 3), (96.0, 0), (100.0, 0)]),
            (Kind::Spo2, Scale::Two, air,
             &[(83.0, 3), (84.0, 2), (85.0, 2), (86.0, 1), (87.0, 1), (88.0, 0), (92.0, 0), (93.0, 0), (100.0, 0)]),
            (Kind::Spo2, Scale::Two, oxygen,
             &[(83.0, 3), (84.0, 2), (85.0, 2), (86.0, 1), (87.0, 1), (88.0, 0), (92.0, 0), (93.0, 1), (94.0, 1),
               (95.0, 2), (96.0, 2), (97.0, 3), (100.0, 3)]),
            (Kind::OxygenSupplement, Scale::One, None, &[(0.0, 0), (0.5, 2), (15.0, 2)]),
            (Kind::BloodPressure, Scale::One, air,
             &[(0.0, 3), (90.0, 3), (91.0, 2), (100.0, 2), (101.0, 1), (110.0, 1), (111.0, 0), (219.0, 0), (220.0, 3)]),
            (Kind::HeartRate, Scale::One, air,
             &[(0.0, 3), (40.0, 3), (41.0, 1), (50.0, 1), (51.0, 0), (90.0, 0), (91.0, 1), (110.0, 1), (111.0, 2),
               (130.0, 2), (131.0, 3)]),
            (Kind::Consciousness, Scale::One, air, &[(0.0, 0), (1.0, 3), (2.0, 3), (3.0, 3), (4.0, 3)]),
            (Kind::Temperature, Scale::One, air,
             &[(30.0, 3), (35.0, 3), (35.1, 1), (36.0, 1), (36.1, 0), (38.0, 0), (38.1, 1), (39.0, 1), (39.1, 2),
               // 100.4 °F and 102.3 °F, as they are converted
               (38.0, 0), (39.055_555_556, 2)]),
        ];
        for (kind, scale, on_oxygen, steps) in rows {
            for (value, expected) in *steps {
                assert_eq!(points(*kind, *value, *scale, *on_oxygen), Some(*expected), "{kind:?} {scale:?} {value}");
            }
        }
        assert_eq!(points(Kind::Spo2, 93.0, Scale::Two, None), None, "on air it is good, on oxygen it is too much");
        assert_eq!(points(Kind::Spo2, 92.0, Scale::Two, None), Some(0));
        assert_eq!(points(Kind::Weight, 80.0, Scale::One, None), None);
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn of(values: [f64; 7], scale: Scale) -> Score {
        let now = at("2031-01-31T12:00:00Z");
        let value = move |kind| PARTS.iter().position(|part| *part == kind).map(|place| values[place]);
        score(|kind| value(kind).map(|value| Measured { value, at: now }), scale, now)
    }

    #[test]
    fn the_total_is_the_sum_and_a_three_alone_is_more_than_low() {
        for (values, total, risk) in [
            ([16.0, 97.0, 0.0, 120.0, 70.0, 0.0, 36.8], 0, Risk::Low),
            ([16.0, 97.0, 2.0, 105.0, 95.0, 0.0, 36.8], 4, Risk::Low),
            ([8.0, 97.0, 0.0, 120.0, 70.0, 0.0, 36.8], 3, Risk::LowMedium),
            ([16.0, 97.0, 2.0, 105.0, 111.0, 0.0, 36.8], 5, Risk::Medium),
            ([25.0, 91.0, 2.0, 90.0, 131.0, 1.0, 39.1], 19, Risk::High),
            ([25.0, 91.0, 2.0, 90.0, 131.0, 1.0, 35.0], 20, Risk::High),
        ] {
            let score = of(values, Scale::One);
            assert_eq!((score.total, score.risk, score.incomplete), (Some(total), Some(risk), false), "{values:?}");
        }
    }

    #[test]
    fn a_part_that_is_missing_or_too_old_makes_the_score_incomplete_and_is_named() {
        let now = at("2031-01-31T12:00:00Z");
        let last = |kind: Kind| match kind {
            Kind::RespiratoryRate => Some(Measured { value: 25.0, at: now - SignedDuration::from_hours(12) }),
            Kind::Spo2 => Some(Measured { value: 95.0, at: now }),
            Kind::HeartRate => Some(Measured {
                value: 131.0,
                at: now - SignedDuration::from_hours(12) - SignedDuration::from_millis(1),
            }),
            _ => None,
        };
        let found = score(last, Scale::Two, now);
        assert_eq!((found.total, found.risk, found.points_so_far), (None, None, 3));
        let missing = ["spo2", "oxygen_supplement", "blood_pressure", "heart_rate", "consciousness", "temperature"];
        assert_eq!(found.missing, missing);
        let why = |kind: &str| found.parts.iter().find(|part| part.kind == kind).and_then(|part| part.missing);
        assert_eq!(why("respiratory_rate"), None, "at the limit it still counts");
        assert_eq!(why("heart_rate"), Some(Missing::TooOld));
        assert_eq!(why("spo2"), Some(Missing::NeedsOxygenSupplement));
        assert_eq!(why("temperature"), Some(Missing::NotMeasured));
    }

    proptest! {
        #[test]
        fn a_whole_score_is_from_0_to_20(values in prop::array::uniform7(0.0_f64..300.0), two: bool) {
            let score = of(values, if two { Scale::Two } else { Scale::One });
            prop_assert!(score.total.is_some_and(|total| total <= 20));
            prop_assert_eq!(score.total.unwrap_or_default(), score.points_so_far);
        }
    }
}
