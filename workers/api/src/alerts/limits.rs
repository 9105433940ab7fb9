//! All limits of one resident: what was chosen, what was changed, and what is expected to be measured how often.

use serde::{Deserialize, Serialize};

use super::{
    Direction, Severity,
    defaults::{self, Choices},
    kind_name,
    limit::{Limit, LimitError, check_order},
};
use crate::vitals::Kind;

/// How many limits of a resident can differ from the defaults.
const MOST_CHANGED: usize = 200;
/// The longest time that may pass between two readings before somebody is told, in hours.
const MOST_EXPECTED_HOURS: u32 = 90 * 24;
/// After this long without a reading of what is measured daily, somebody is told, in hours: two days, so that one that is
/// taken somewhat later is no news.
const USUALLY_WITHIN_HOURS: u32 = 48;

/// A resident's limits, as they are kept: only what differs from the defaults, so that better defaults reach everybody.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    pub choices: Choices,
    /// Each takes the place of the one with its name, or is one more.
    pub limits: Vec<Limit>,
    /// `None`: the defaults.
    pub expected: Option<Vec<Expected>>,
}

/// How often something should be measured. It counts from the first reading on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    #[serde(with = "kind_name")]
    pub kind: Kind,
    pub within_hours: u32,
    #[serde(default = "info")]
    pub severity: Severity,
}

/// Why limits cannot be taken, for the one who wrote them.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LimitsError {
    #[error(transparent)]
    Limit(#[from] LimitError),
    #[error("{0} is there twice")]
    Twice(String),
    #[error("there can be {MOST_CHANGED} limits that differ from the defaults")]
    TooMany,
    #[error("expected {}: within_hours is at least 1 and at most {MOST_EXPECTED_HOURS}", .0.name())]
    Hours(Kind),
}

impl Limits {
    /// What holds: the defaults, with what was changed. Those that are off are left out.
    pub fn effective(&self) -> Vec<Limit> {
        let changed = |name: &str| self.limits.iter().any(|limit| limit.name() == name);
        let defaults = defaults::limits(&self.choices).into_iter().filter(|limit| !changed(&limit.name()));
        defaults.chain(self.limits.iter().cloned()).filter(|limit| !limit.off).collect()
    }

    /// What holds for a kind.
    pub fn of_kind(&self, kind: Kind) -> Vec<Limit> {
        let mut limits = self.effective();
        limits.retain(|limit| limit.kind == kind);
        limits
    }

    /// What is expected to be measured.
    pub fn expected(&self) -> Vec<Expected> {
        self.expected.clone().unwrap_or_else(usually_expected)
    }

    pub fn expected_of(&self, kind: Kind) -> Option<Expected> {
        self.expected().into_iter().find(|expected| expected.kind == kind)
    }

    /// Whether anything could raise this.
    pub fn watches(&self, kind: Kind, direction: Direction) -> bool {
        match direction {
            Direction::NoData => self.expected_of(kind).is_some(),
            // No limit says when a dose is late: its plan does.
            Direction::Late => false,
            Direction::Low | Direction::High | Direction::Gain => {
                self.of_kind(kind).iter().any(|limit| limit.direction == direction)
            }
        }
    }

    /// Without what only repeats the defaults: better ones will reach everybody who did not ask for others. Those of another
    /// choice, too: whoever reads the limits, chooses otherwise and sends them back means the choice.
    #[must_use]
    pub fn reduced(mut self) -> Self {
        let usual = defaults::limits_of_every_choice();
        self.limits.retain(|limit| !usual.contains(limit));
        self.expected = self.expected.filter(|expected| *expected != usually_expected());
        self
    }

    /// # Errors
    /// The first thing that cannot be.
    pub fn check(&self) -> Result<(), LimitsError> {
        if self.limits.len() > MOST_CHANGED {
            return Err(LimitsError::TooMany);
        }
        self.limits.iter().try_for_each(Limit::check)?;
        twice(self.limits.iter().map(Limit::name).collect())?;
        check_order(&self.effective())?;
        let expected = self.expected();
        twice(expected.iter().map(|expected| format!("expected {}", expected.kind.name())).collect())?;
        match expected.iter().find(|expected| !(1..=MOST_EXPECTED_HOURS).contains(&expected.within_hours)) {
            Some(wrong) => Err(LimitsError::Hours(wrong.kind)),
            None => Ok(()),
        }
    }
}

/// What is measured daily at home. Nobody is told of what never was measured.
fn usually_expected() -> Vec<Expected> {
    [Kind::BloodPressure, Kind::HeartRate, Kind::Spo2, Kind::Weight]
        .map(|kind| Expected { kind, within_hours: USUALLY_WITHIN_HOURS, severity: Severity::Info })
        .into()
}

fn twice(mut names: Vec<String>) -> Result<(), LimitsError> {
    names.sort();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(LimitsError::Twice(pair[0].clone())),
        None => Ok(()),
    }
}

fn info() -> Severity {
    Severity::Info
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn limits(text: Value) -> Limits {
        serde_json::from_value(text).unwrap()
    }

    fn changed(value: f64, off: bool) -> Value {
        json!({"kind": "spo2", "direction": "low", "severity": "warn", "rule": "beyond", "value": value,
               "source": "Dr Lee, 2031-01-10", "off": off})
    }

    #[test]
    fn what_was_changed_takes_the_place_of_its_default() {
        let of_saturation = |limits: &Limits| limits.of_kind(Kind::Spo2).iter().map(Limit::name).collect::<Vec<_>>();
        let usual = Limits::default();
        assert_eq!(of_saturation(&usual), ["spo2.low.warn", "spo2.low.urgent"]);
        let other = limits(json!({"limits": [changed(90.0, false)]}));
        assert_eq!(other.check(), Ok(()));
        assert_eq!(of_saturation(&other), ["spo2.low.urgent", "spo2.low.warn"]);
        assert!(other.effective().iter().any(|limit| limit.source.starts_with("Dr Lee")));
        let off = limits(json!({"limits": [changed(90.0, true)]}));
        assert_eq!(of_saturation(&off), ["spo2.low.urgent"]);
        assert!(usual.watches(Kind::Spo2, Direction::NoData) && !usual.watches(Kind::Spo2, Direction::High));
        let two = limits(json!({"choices": {"spo2_scale": 2}}));
        assert!(two.watches(Kind::Spo2, Direction::High));
    }

    #[test]
    fn limits_that_are_sent_back_with_another_choice_follow_the_choice() {
        let usual = Limits::default();
        let mut sent = Limits { limits: usual.effective(), ..usual.clone() };
        sent.choices = serde_json::from_value(json!({"spo2_scale": 2, "blood_pressure": "eu"})).unwrap();
        let expected = Limits { choices: sent.choices, ..usual };
        assert_eq!(sent.clone().reduced(), expected);
        sent.limits.push(serde_json::from_value(changed(85.0, false)).unwrap());
        assert_eq!(sent.reduced().limits.len(), 1, "what somebody set themselves stays");
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let said = |text: Value| limits(text).check().unwrap_err().to_string();
        assert_eq!(
            said(json!({"limits": [changed(90.0, false), changed(91.0, false)]})),
            "spo2.low.warn is there twice"
        );
        let text = "spo2.low.warn is not milder than spo2.low.urgent: worse limits lie further out";
        assert_eq!(said(json!({"limits": [changed(80.0, false)]})), text);
        let hours = json!({"expected": [{"kind": "weight", "within_hours": 0}]});
        assert_eq!(said(hours), "expected weight: within_hours is at least 1 and at most 2160");
        assert!(serde_json::from_value::<Limits>(json!({"limit": []})).is_err(), "a slip of the pen is not ignored");
        assert!(serde_json::from_value::<Limits>(json!({"choices": {"spo2_scale": 3}})).is_err());
        assert!(serde_json::from_value::<Limits>(json!({"choices": {"scale": 2}})).is_err());
    }
}
