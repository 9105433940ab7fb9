//! One limit: what must not be passed, how bad it is, and who says so.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Direction, Severity, kind_name};
use crate::vitals::Kind;

/// The longest source text, in characters.
const LONGEST_SOURCE: usize = 500;
/// The most readings in a row that a limit can ask for.
const MOST_READINGS: u32 = 20;
/// The longest time in which something counts as repeated, in hours.
const MOST_HOURS: u32 = 14 * 24;
/// The most days before which a weight is compared.
pub const MOST_DAYS: u32 = 30;

/// Who stands on the scale every morning does so somewhat later on some days: yesterday is a day ago all the same.
const SOME_HOURS_LATER: SignedDuration = SignedDuration::from_hours(12);

/// A limit of one resident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    #[serde(with = "kind_name")]
    pub kind: Kind,
    pub direction: Direction,
    pub severity: Severity,
    #[serde(flatten)]
    pub rule: Rule,
    /// How many readings in a row have to be beyond it. A severe limit that asks for 2 asks for rest and a repeat.
    #[serde(default = "one")]
    pub readings: u32,
    /// Who says so: a guideline, or a clinician with a date.
    pub source: String,
    /// It does not count.
    #[serde(default)]
    pub off: bool,
}

/// When it is passed. Values are in the kind's canonical unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Rule {
    /// A reading is below or above this.
    Beyond {
        #[serde(default)]
        part: Part,
        value: f64,
        /// The value itself is beyond it, too.
        #[serde(default)]
        inclusive: bool,
        /// It counts only while oxygen is given.
        #[serde(default)]
        on_oxygen: bool,
    },
    /// So many readings above this within so many hours, an hour apart at least.
    Repeated { value: f64, times: u32, within_hours: u32 },
    /// More than so much above what is usual for the resident.
    AboveBaseline { by: f64 },
    /// More than so much above the lowest of the days before.
    Gain {
        by: f64,
        within_days: u32,
        #[serde(default)]
        inclusive: bool,
    },
}

/// What every limit can say, and beside it what is only answered: its name, its unit, and whether it differs from the default.
const FIELDS: [&str; 10] =
    ["kind", "direction", "severity", "rule", "readings", "source", "off", "name", "unit", "changed"];

/// The first field of a limit that says nothing to its rule, so that a slip of the pen is not taken for the default.
pub fn unknown_field(limit: &Value) -> Option<&str> {
    let of_rule: &[&str] = match limit["rule"].as_str()? {
        "beyond" => &["part", "value", "inclusive", "on_oxygen"],
        "repeated" => &["value", "times", "within_hours"],
        "above_baseline" => &["by"],
        "gain" => &["by", "within_days", "inclusive"],
        _ => return None,
    };
    let is_unknown = |field: &&String| !FIELDS.contains(&field.as_str()) && !of_rule.contains(&field.as_str());
    limit.as_object()?.keys().find(is_unknown).map(String::as_str)
}

impl Rule {
    /// How far back it looks at earlier readings, if it does.
    pub fn looks_back(&self) -> Option<SignedDuration> {
        match self {
            Self::Beyond { .. } | Self::AboveBaseline { .. } => None,
            Self::Repeated { within_hours, .. } => Some(SignedDuration::from_hours(i64::from(*within_hours))),
            Self::Gain { within_days, .. } => {
                Some(SignedDuration::from_hours(24 * i64::from(*within_days)) + SOME_HOURS_LATER)
            }
        }
    }
}

/// Which of the two values; only a blood pressure has a second one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// A blood pressure's systolic.
    #[default]
    Primary,
    /// A blood pressure's diastolic.
    Secondary,
}

/// Why a limit cannot be taken, for the one who wrote it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LimitError {
    #[error("{name}: {value} cannot be: it is at least {least} and at most {most} {unit}")]
    Impossible { name: String, value: f64, least: f64, most: f64, unit: &'static str },
    #[error("{name}: {field} is at least {least} and at most {most}")]
    OutOfRange { name: String, field: &'static str, least: u32, most: u32 },
    #[error("{name}: source says who set this limit. Write the guideline, or the clinician and the date")]
    NoSource { name: String },
    #[error("{name}: source is longer than {LONGEST_SOURCE} characters")]
    LongSource { name: String },
    #[error("{name}: only a blood pressure has a secondary value")]
    NoSecondary { name: String },
    #[error("{name}: the rule does not go with the direction: {hint}")]
    WrongDirection { name: String, hint: &'static str },
    #[error("{milder} is not milder than {worse}: worse limits lie further out")]
    Order { milder: String, worse: String },
}

impl Limit {
    /// What it is called, unlike any other of the resident's: `blood_pressure.diastolic.high.warn`.
    pub fn name(&self) -> String {
        let (kind, direction, severity) = (self.kind.name(), self.direction.name(), self.severity.name());
        let head = match (&self.rule, self.kind) {
            (Rule::Beyond { part: Part::Primary, .. }, Kind::BloodPressure) => format!("{kind}.systolic"),
            (Rule::Beyond { part: Part::Secondary, .. }, _) => format!("{kind}.diastolic"),
            _ => kind.to_owned(),
        };
        let tail = match &self.rule {
            Rule::Beyond { on_oxygen: false, .. } => String::new(),
            Rule::Beyond { on_oxygen: true, .. } => ".on_oxygen".into(),
            Rule::Repeated { .. } => ".repeated".into(),
            Rule::AboveBaseline { .. } => ".above_baseline".into(),
            Rule::Gain { within_days, .. } => format!(".in_{within_days}_days"),
        };
        format!("{head}.{direction}.{severity}{tail}")
    }

    /// # Errors
    /// What of it cannot be.
    pub fn check(&self) -> Result<(), LimitError> {
        let name = self.name();
        if self.source.trim().is_empty() {
            return Err(LimitError::NoSource { name });
        }
        if self.source.chars().count() > LONGEST_SOURCE {
            return Err(LimitError::LongSource { name });
        }
        whole(&name, "readings", self.readings, MOST_READINGS)?;
        let wrong = |hint| Err(LimitError::WrongDirection { name: name.clone(), hint });
        match (&self.rule, self.direction) {
            (Rule::Beyond { part, value, .. }, Direction::Low | Direction::High) => {
                if *part == Part::Secondary && self.kind != Kind::BloodPressure {
                    return Err(LimitError::NoSecondary { name });
                }
                let possible = self.kind.possible();
                self.within(*value, *possible.start(), *possible.end())
            }
            (Rule::Repeated { value, times, within_hours }, Direction::High) => {
                whole(&name, "times", *times, MOST_READINGS)?;
                whole(&name, "within_hours", *within_hours, MOST_HOURS)?;
                let possible = self.kind.possible();
                self.within(*value, *possible.start(), *possible.end())
            }
            (Rule::AboveBaseline { by }, Direction::High) => self.within(*by, 0.0, *self.kind.possible().end()),
            (Rule::Gain { by, within_days, .. }, Direction::Gain) => {
                whole(&name, "within_days", *within_days, MOST_DAYS)?;
                self.within(*by, 0.0, *self.kind.possible().end())
            }
            (Rule::Beyond { .. }, _) => wrong("beyond is low or high"),
            (Rule::Repeated { .. } | Rule::AboveBaseline { .. }, _) => wrong("repeated and above_baseline are high"),
            (Rule::Gain { .. }, _) => wrong("gain is gain"),
        }
    }

    fn within(&self, value: f64, least: f64, most: f64) -> Result<(), LimitError> {
        if (least..=most).contains(&value) {
            return Ok(());
        }
        Err(LimitError::Impossible { name: self.name(), value, least, most, unit: self.kind.canonical_unit() })
    }
}

/// # Errors
/// If a worse limit is not further out than a milder one of the same value.
pub fn check_order(limits: &[Limit]) -> Result<(), LimitError> {
    for milder in limits {
        for worse in limits.iter().filter(|worse| is_of_one_ladder(milder, worse)) {
            if let (Rule::Beyond { value: mild, .. }, Rule::Beyond { value: bad, .. }) = (&milder.rule, &worse.rule) {
                let is_further = if milder.direction == Direction::High { bad >= mild } else { bad <= mild };
                if !is_further {
                    return Err(LimitError::Order { milder: milder.name(), worse: worse.name() });
                }
            }
        }
    }
    Ok(())
}

fn is_of_one_ladder(milder: &Limit, worse: &Limit) -> bool {
    let part = |limit: &Limit| match limit.rule {
        Rule::Beyond { part, on_oxygen, .. } => Some((part, on_oxygen)),
        _ => None,
    };
    (milder.kind, milder.direction, part(milder)) == (worse.kind, worse.direction, part(worse))
        && milder.severity < worse.severity
}

fn whole(name: &str, field: &'static str, value: u32, most: u32) -> Result<(), LimitError> {
    let wrong = || LimitError::OutOfRange { name: name.to_owned(), field, least: 1, most };
    if (1..=most).contains(&value) { Ok(()) } else { Err(wrong()) }
}

fn one() -> u32 {
    1
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::defaults, *};

    fn limit(changed: &[(&str, Value)]) -> Limit {
        let mut text = json!({
            "kind": "spo2", "direction": "low", "severity": "warn", "rule": "beyond", "value": 91, "source": "Dr Lee",
        });
        for (field, value) in changed {
            text[field] = value.clone();
        }
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn a_limit_is_named_by_what_it_is() {
        assert_eq!(limit(&[]).name(), "spo2.low.warn");
        let diastolic = [("kind", json!("blood_pressure")), ("part", json!("secondary")), ("value", json!(60))];
        assert_eq!(limit(&diastolic).name(), "blood_pressure.diastolic.low.warn");
        let gain = [("kind", json!("weight")), ("direction", json!("gain")), ("rule", json!("gain"))];
        let gain = limit(&[&gain[..], &[("by", json!(2)), ("within_days", json!(3))]].concat());
        assert_eq!((gain.name().as_str(), gain.check()), ("weight.gain.warn.in_3_days", Ok(())));
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_would_do() {
        let said = |changed: &[(&str, Value)]| limit(changed).check().unwrap_err().to_string();
        assert_eq!(said(&[("value", json!(101))]), "spo2.low.warn: 101 cannot be: it is at least 10 and at most 100 %");
        assert_eq!(said(&[("readings", json!(0))]), "spo2.low.warn: readings is at least 1 and at most 20");
        assert!(said(&[("source", json!(" "))]).contains("who set this limit"));
        assert!(said(&[("part", json!("secondary"))]).contains("only a blood pressure"));
        assert!(said(&[("direction", json!("gain"))]).contains("beyond is low or high"));
        assert!(said(&[("rule", json!("gain")), ("by", json!(1)), ("within_days", json!(1))]).contains("gain is gain"));
        assert_eq!(limit(&[]).check(), Ok(()));
    }

    #[test]
    fn every_field_of_every_default_is_known_and_a_slip_of_the_pen_is_not() {
        let choices = serde_json::from_value(json!({"spo2_scale": 2, "weight_gain": "us"})).unwrap();
        for limit in defaults::limits(&choices) {
            let text = json!(limit);
            assert_eq!(unknown_field(&text), None, "{text}");
            let mut slip = text;
            slip["readngs"] = 2.into();
            assert_eq!(unknown_field(&slip), Some("readngs"));
        }
        let text = json!({"rule": "gain", "by": 2, "within_days": 3, "value": 80});
        assert_eq!(unknown_field(&text), Some("value"), "it is another rule's");
    }

    #[test]
    fn a_worse_limit_lies_further_out() {
        let urgent = |value: u32| limit(&[("severity", json!("urgent")), ("value", json!(value))]);
        assert_eq!(check_order(&[limit(&[]), urgent(88)]), Ok(()));
        let error = check_order(&[urgent(95), limit(&[])]).unwrap_err().to_string();
        assert_eq!(error, "spo2.low.warn is not milder than spo2.low.urgent: worse limits lie further out");
    }
}
