//! What readings of a day or an hour come to, as series that can be charted.

use jiff::{ToSpan, civil::Date};
use kit::number;
use serde::Serialize;
use serde_json::Value;

use super::Kind;

/// How many days a trend has when nobody says.
const USUAL_DAYS: i32 = 30;
/// How many days it may have: ten years and the leap days in them.
const MOST_DAYS: i32 = 3_653;
/// How many days it may have by the hour: a year.
const MOST_DAYS_BY_HOUR: i32 = 366;

/// How much time goes into one point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    Day,
    Hour,
}

impl Resolution {
    const ALL: [Self; 2] = [Self::Day, Self::Hour];

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|resolution| resolution.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Hour => "hour",
        }
    }

    fn most_days(self) -> i32 {
        match self {
            Self::Day => MOST_DAYS,
            Self::Hour => MOST_DAYS_BY_HOUR,
        }
    }
}

/// Days of the resident's, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    pub first: Date,
    pub last: Date,
}

/// Why there is no trend.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TrendError {
    #[error("{0} {1:?} is not a date. Write it like 2031-01-31")]
    NotADate(&'static str, String),
    #[error("resolution {0:?} is not known. Must be one of: day, hour")]
    UnknownResolution(String),
    #[error("from {0} is after to {1}")]
    Backwards(Date, Date),
    #[error("from {} to {} is more than {most} days, which is the most by the {}", .days.first, .days.last, .by.name())]
    TooLong { days: Days, by: Resolution, most: i32 },
}

/// The days that are asked for; the last thirty when nothing is said, and the thirty up to or after the one date that is.
pub fn days(from: Option<Date>, to: Option<Date>, today: Date, by: Resolution) -> Result<Days, TrendError> {
    let rest = (USUAL_DAYS - 1).days();
    let days = match (from, to) {
        (Some(first), Some(last)) => Days { first, last },
        (Some(first), None) => Days { first, last: today.max(first) },
        (None, last) => {
            let last = last.unwrap_or(today);
            Days { first: last.saturating_sub(rest), last }
        }
    };
    let Days { first, last } = days;
    if first > last {
        return Err(TrendError::Backwards(first, last));
    }
    let most = by.most_days();
    let is_too_long = first.until(last).is_ok_and(|span| span.get_days() >= most);
    if is_too_long { Err(TrendError::TooLong { days, by, most }) } else { Ok(days) }
}

/// What values come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sums {
    pub count: i64,
    pub least: f64,
    pub most: f64,
    pub sum: f64,
}

/// A day or an hour in which there were readings.
#[derive(Clone, Debug, PartialEq)]
pub struct Bucket {
    pub date: String,
    /// In UTC, when it is an hour: `2031-01-31T12`.
    pub hour: Option<String>,
    pub primary: Sums,
    /// Of diastolic pressures, where some were measured.
    pub secondary: Option<Sums>,
    /// Of mean arterial pressures: a third of the systolic and two of the diastolic.
    pub arterial: Option<Sums>,
}

/// One line of a chart. Times without readings have no point.
#[derive(Debug, PartialEq, Serialize)]
pub struct Series {
    pub name: &'static str,
    pub loinc: &'static [&'static str],
    /// UCUM.
    pub unit: &'static str,
    pub points: Vec<Point>,
}

#[derive(Debug, PartialEq, Serialize)]
pub struct Point {
    /// The resident's.
    pub date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub begins_at: Option<String>,
    pub count: i64,
    pub min: Value,
    /// `null` where the values are steps of a scale, between which there is nothing.
    pub mean: Option<Value>,
    pub max: Value,
}

/// The series of a kind: three of a blood pressure, one of everything else.
pub fn series(kind: Kind, buckets: &[Bucket]) -> Vec<Series> {
    let line = |name, loinc, of: fn(&Bucket) -> Option<Sums>| Series {
        name,
        loinc,
        unit: kind.canonical_unit(),
        points: buckets.iter().filter_map(|bucket| Some(point(kind, bucket, of(bucket)?))).collect(),
    };
    let primary: fn(&Bucket) -> Option<Sums> = |bucket| Some(bucket.primary);
    match kind {
        Kind::BloodPressure => vec![
            line("systolic", &["8480-6"], primary),
            line("diastolic", &["8462-4"], |bucket| bucket.secondary),
            line("mean_arterial", &["8478-0"], |bucket| bucket.arterial),
        ],
        _ => vec![line(kind.name(), kind.loinc(), primary)],
    }
}

fn point(kind: Kind, bucket: &Bucket, sums: Sums) -> Point {
    let is_scale = kind == Kind::Consciousness;
    Point {
        date: bucket.date.clone(),
        begins_at: bucket.hour.as_ref().map(|hour| format!("{hour}:00:00.000Z")),
        count: sums.count,
        min: shown(sums.least),
        mean: (!is_scale).then(|| shown(sums.sum / sums.count as f64)),
        max: shown(sums.most),
    }
}

/// Means have endless fractions, and thirds too; a thousandth is less than any device can tell.
fn shown(value: f64) -> Value {
    const STEPS: f64 = 1e3;
    number::json((value * STEPS).round() / STEPS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn days_are_the_last_thirty_unless_somebody_says_others() {
        let asked = |from: &str, to: &str, by| {
            let date = |text: &str| (!text.is_empty()).then(|| date(text));
            days(date(from), date(to), "2031-03-01".parse().unwrap(), by)
                .map(|days| format!("{} {}", days.first, days.last))
                .map_err(|error| error.to_string())
        };
        for (from, to, expected) in [
            ("", "", "2031-01-31 2031-03-01"),
            ("", "2030-12-31", "2030-12-02 2030-12-31"),
            ("2031-02-01", "", "2031-02-01 2031-03-01"),
            ("2031-04-01", "", "2031-04-01 2031-04-01"),
            ("2031-01-01", "2031-01-01", "2031-01-01 2031-01-01"),
            ("2028-01-01", "2028-12-31", "2028-01-01 2028-12-31"),
        ] {
            assert_eq!(asked(from, to, Resolution::Hour), Ok(expected.into()), "{from} {to}");
        }
        let text = "from 2031-02-02 is after to 2031-02-01";
        assert_eq!(asked("2031-02-02", "2031-02-01", Resolution::Day), Err(text.into()));
        let text = "from 2028-01-01 to 2029-01-01 is more than 366 days, which is the most by the hour";
        assert_eq!(asked("2028-01-01", "2029-01-01", Resolution::Hour), Err(text.into()));
        assert!(asked("2028-01-01", "2029-01-01", Resolution::Day).is_ok());
        assert!(asked("-009999-01-01", "9999-12-31", Resolution::Day).is_err());
    }

    #[test]
    fn a_blood_pressure_has_three_lines_and_what_was_not_measured_has_no_point() {
        let sums = |count, least, most, sum| Sums { count, least, most, sum };
        let bucket = Bucket {
            date: "2031-01-31".into(),
            hour: Some("2031-01-31T12".into()),
            primary: sums(3, 118.0, 130.0, 373.0),
            secondary: None,
            arterial: None,
        };
        let full = Bucket {
            date: "2031-02-01".into(),
            hour: None,
            secondary: Some(sums(1, 76.0, 76.0, 76.0)),
            arterial: Some(sums(1, 90.0, 90.0, 90.0)),
            ..bucket.clone()
        };
        let lines = series(Kind::BloodPressure, &[bucket.clone(), full]);
        let first = json!({
            "date": "2031-01-31", "begins_at": "2031-01-31T12:00:00.000Z",
            "count": 3, "min": 118, "mean": 124.333, "max": 130,
        });
        assert_eq!(serde_json::to_value(&lines[0].points[0]).unwrap(), first);
        let counts = lines.iter().map(|line| (line.name, line.loinc[0], line.points.len()));
        let expected = [("systolic", "8480-6", 2), ("diastolic", "8462-4", 1), ("mean_arterial", "8478-0", 1)];
        assert_eq!(counts.collect::<Vec<_>>(), expected);
        let words = series(Kind::Consciousness, &[bucket]);
        assert_eq!((words.len(), &words[0].points[0].mean), (1, &None), "no mean of words");
    }

    proptest! {
        #[test]
        fn a_mean_lies_between_the_least_and_the_most(values in prop::collection::vec(0_u32..500_000, 1..200)) {
            let values: Vec<_> = values.into_iter().map(|value| f64::from(value) / 1000.0).collect();
            let sums = Sums {
                count: values.len() as i64,
                least: values.iter().copied().fold(f64::INFINITY, f64::min),
                most: values.iter().copied().fold(0.0, f64::max),
                sum: values.iter().sum(),
            };
            let bucket = Bucket { date: String::new(), hour: None, primary: sums, secondary: None, arterial: None };
            let point = &series(Kind::Weight, &[bucket])[0].points[0];
            let mean = point.mean.as_ref().unwrap().as_f64().unwrap();
            prop_assert!(point.min.as_f64().unwrap() <= mean && mean <= point.max.as_f64().unwrap());
        }
    }
}
