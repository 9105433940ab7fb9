//! Who is told, when and how, until somebody acknowledges.

use jiff::{SignedDuration, Timestamp, civil::Time};
use kit::Home;
use serde::{Deserialize, Serialize};

use super::{Direction, Severity};

/// How many steps a ladder can have.
const MOST_STEPS: usize = 20;
/// The latest step, in minutes after the alert opened.
const LATEST_STEP_MINUTES: u32 = 7 * 24 * 60;
/// How often the last step is tried again until somebody acknowledges.
pub const AGAIN_EVERY: SignedDuration = SignedDuration::from_mins(15);
/// What quiet hours can mute at most: never what is urgent or critical.
const MOST_MUTED: Severity = Severity::Warn;

/// A resident's ladder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ladder {
    /// For what was measured.
    pub steps: Vec<Step>,
    /// For what was not measured for too long: its own people and channels.
    pub no_data: Vec<Step>,
    pub quiet: Option<Quiet>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Minutes after the alert opened. Between two steps there is always the time between them, also when both are late.
    #[serde(alias = "after")]
    pub after_minutes: u32,
    /// A person's id.
    pub who: String,
    pub channel: Channel,
    /// Tried again until somebody acknowledges, once all steps were taken.
    #[serde(default)]
    pub until_ack: bool,
    /// The mildest alert that takes this step; `None`: warn, and info for what was not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Severity>,
}

/// How somebody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// On the home's displays.
    Display,
    Push,
    Sms,
    Call,
    Email,
}

impl Channel {
    pub fn name(self) -> &'static str {
        match self {
            Self::Display => "display",
            Self::Push => "push",
            Self::Sms => "sms",
            Self::Call => "call",
            Self::Email => "email",
        }
    }
}

/// Hours of the resident's clock in which nobody is told of what can wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    pub from: Time,
    /// Not included.
    pub until: Time,
    /// The worst that is muted.
    #[serde(default = "info")]
    pub mutes: Severity,
}

/// Why a ladder cannot be taken, for the one who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LadderError {
    #[error("a ladder has at most {MOST_STEPS} steps")]
    TooLong,
    #[error("step {0}: after_minutes is at most {LATEST_STEP_MINUTES}")]
    TooLate(usize),
    #[error("step {0}: steps follow each other: after_minutes is not less than the one before")]
    Order(usize),
    #[error("step {place}: there is no person {who:?}. Add them to the people first")]
    Nobody { place: usize, who: String },
    #[error("quiet hours mute info or warn, never urgent or critical")]
    Mutes,
    #[error("quiet hours need two different times")]
    Always,
}

impl Ladder {
    /// # Errors
    /// The first thing that cannot be.
    pub fn check(&self, is_somebody: impl Fn(&str) -> bool) -> Result<(), LadderError> {
        for steps in [&self.steps, &self.no_data] {
            if steps.len() > MOST_STEPS {
                return Err(LadderError::TooLong);
            }
            let mut before = 0;
            for (place, step) in (1..).zip(steps) {
                if step.after_minutes > LATEST_STEP_MINUTES {
                    return Err(LadderError::TooLate(place));
                }
                if step.after_minutes < before {
                    return Err(LadderError::Order(place));
                }
                if !is_somebody(&step.who) {
                    return Err(LadderError::Nobody { place, who: step.who.clone() });
                }
                before = step.after_minutes;
            }
        }
        match self.quiet {
            Some(quiet) if quiet.mutes > MOST_MUTED => Err(LadderError::Mutes),
            Some(quiet) if quiet.from == quiet.until => Err(LadderError::Always),
            _ => Ok(()),
        }
    }

    /// The steps that an alert takes.
    pub fn steps_for(&self, direction: Direction, severity: Severity) -> Vec<&Step> {
        let (steps, usual) = match direction {
            Direction::NoData => (&self.no_data, Severity::Info),
            Direction::Low | Direction::High | Direction::Gain | Direction::Late => (&self.steps, Severity::Warn),
        };
        steps.iter().filter(|step| step.from.unwrap_or(usual) <= severity).collect()
    }

    /// The first moment from `at` on in which somebody may be told.
    pub fn release(&self, severity: Severity, at: Timestamp, home: &Home) -> Timestamp {
        match self.quiet {
            Some(quiet) if severity <= quiet.mutes.min(MOST_MUTED) => quiet.end(at, home).unwrap_or(at),
            _ => at,
        }
    }
}

impl Quiet {
    /// When the quiet that there is at this moment ends, if there is any.
    fn end(self, at: Timestamp, home: &Home) -> Option<Timestamp> {
        let local = home.local(at);
        let (time, today) = (local.time(), local.date());
        let day = if self.from < self.until {
            (self.from <= time && time < self.until).then_some(today)
        } else if time >= self.from {
            today.tomorrow().ok()
        } else {
            (time < self.until).then_some(today)
        }?;
        let end = home.zone().to_zoned_datetime(day.to_datetime(self.until)).ok()?.timestamp();
        // In the hour that comes twice the end may be over already.
        Some(end.max(at))
    }
}

fn info() -> Severity {
    Severity::Info
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use serde_json::json;

    use super::*;

    fn ladder(text: serde_json::Value) -> Ladder {
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn a_ladder_that_cannot_be_climbed_is_refused() {
        let step = |after: u32, who: &str| json!({"after": after, "who": who, "channel": "push"});
        let said = |text| ladder(text).check(|who| who == "anna").unwrap_err().to_string();
        assert!(said(json!({"steps": [step(5, "anna"), step(0, "anna")]})).starts_with("step 2: steps follow"));
        let nobody = r#"step 1: there is no person "ben". Add them to the people first"#;
        assert_eq!(said(json!({"no_data": [step(0, "ben")]})), nobody);
        let quiet = |mutes| json!({"quiet": {"from": "22:00", "until": "07:00", "mutes": mutes}});
        assert_eq!(said(quiet("urgent")), "quiet hours mute info or warn, never urgent or critical");
        assert_eq!(ladder(quiet("warn")).check(|_| false), Ok(()));
        assert!(said(json!({"quiet": {"from": "22:00", "until": "22:00"}})).contains("two different"));
        assert!(said(json!({"steps": vec![step(0, "anna"); MOST_STEPS + 1]})).contains("at most 20"));
    }

    #[test]
    fn mild_alerts_take_the_steps_that_ask_for_them() {
        let text = json!({"steps": [
            {"after": 0, "who": "a", "channel": "push"}, {"after": 5, "who": "b", "channel": "sms", "from": "critical"},
        ], "no_data": [{"after": 0, "who": "c", "channel": "email"}]});
        let ladder = ladder(text);
        let who = |direction, severity| {
            ladder.steps_for(direction, severity).iter().map(|step| step.who.as_str()).collect::<String>()
        };
        assert_eq!(who(Direction::High, Severity::Info), "");
        assert_eq!(who(Direction::Low, Severity::Urgent), "a");
        assert_eq!(who(Direction::Gain, Severity::Critical), "ab");
        assert_eq!(who(Direction::NoData, Severity::Info), "c");
    }

    #[test]
    fn quiet_hours_are_the_residents_and_end_also_when_clocks_are_changed() {
        let home = Home::in_zone(TimeZone::get("America/New_York").unwrap());
        let night = ladder(json!({"quiet": {"from": "22:00", "until": "07:00"}}));
        let noon = ladder(json!({"quiet": {"from": "12:00", "until": "14:00", "mutes": "warn"}}));
        for (ladder, severity, at, free) in [
            (&night, Severity::Info, "2031-01-31T02:59:00Z", "2031-01-31T02:59:00Z"),
            (&night, Severity::Info, "2031-01-31T03:00:00Z", "2031-01-31T12:00:00Z"),
            (&night, Severity::Info, "2031-01-31T11:59:59Z", "2031-01-31T12:00:00Z"),
            (&night, Severity::Info, "2031-01-31T12:00:00Z", "2031-01-31T12:00:00Z"),
            (&night, Severity::Warn, "2031-01-31T03:00:00Z", "2031-01-31T03:00:00Z"),
            (&night, Severity::Info, "2031-03-09T04:00:00Z", "2031-03-09T11:00:00Z"), // The night is an hour shorter.
            (&noon, Severity::Warn, "2031-01-31T17:30:00Z", "2031-01-31T19:00:00Z"),
            (&noon, Severity::Urgent, "2031-01-31T17:30:00Z", "2031-01-31T17:30:00Z"),
        ] {
            let found = ladder.release(severity, at.parse().unwrap(), &home);
            assert_eq!(found.to_string(), free, "{severity:?} at {at}");
        }
    }
}
