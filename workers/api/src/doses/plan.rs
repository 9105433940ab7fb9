//! What was prescribed: dated phases, each with rules that say when how much is due. As JSON a plan is kept as it is here.

use std::fmt;

use jiff::{
    Timestamp,
    civil::{Date, Time, Weekday},
};
use serde::{Deserialize, Serialize};

/// One medicine's plan: phases in order, whose dates do not overlap (a taper has several, most plans one).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Whatever the caller knows the medicine by; adherence is counted by it.
    pub medication: String,
    pub phases: Vec<Phase>,
    #[serde(default)]
    pub policy: Policy,
}

/// A stretch of local dates, both included, in which these rules hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// From the beginning, if none.
    #[serde(default)]
    pub from: Option<Date>,
    /// Without an end, if none.
    #[serde(default)]
    pub until: Option<Date>,
    pub rules: Vec<Rule>,
}

/// Names a rule for ever: what was recorded under it stays. A rule that means something else is another rule. Neither
/// empty nor with a slash or space.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleId(pub String);

/// One way in which doses become due, for as long as it is followed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub id: RuleId,
    /// No dose before this instant belongs to the rule: when it was entered, so that nobody has missed what was not yet
    /// asked.
    #[serde(default)]
    pub followed_from: Option<Timestamp>,
    /// When it was replaced or stopped. What was taken, skipped or missed before stays; nothing else belongs to the rule any
    /// more, also not what was due a little before and is not missed yet: nobody is to take it now.
    #[serde(default)]
    pub retired_at: Option<Timestamp>,
    pub schedule: Schedule,
}

/// When a rule's doses are due.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// At times on the resident's clock, on some days.
    Clock {
        days: Days,
        #[serde(default)]
        cycle: Option<Cycle>,
        slots: Vec<Slot>,
    },
    /// Every so many hours that really pass, whatever clocks are set to.
    Elapsed {
        every_hours: u32,
        /// The first dose.
        first: Timestamp,
        anchor: Anchor,
        #[serde(default)]
        window: Option<Window>,
        amount: f64,
    },
    /// So many minutes after each dose of another rule was taken, of whichever medicine; its doses follow neither clock
    /// nor window. One that hangs on a linked rule itself never comes: [`check`](super::check) refuses it.
    Linked { after: RuleId, minutes: u32, amount: f64 },
    /// As needed.
    Prn(Prn),
}

/// A time of day with its amount.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// Unique in its rule. Another time of day is another rule: under the same number, what was announced for the old time would
    /// silence the new one.
    pub number: u32,
    pub time: Time,
    /// In the medicine's own unit (tablets, mg, …), above 0.
    pub amount: f64,
}

/// On which local dates a clock rule falls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Days {
    Weekdays {
        weekdays: Weekdays,
    },
    /// On the anchor and every so many days after it, never before. Dates are counted, not hours.
    Every {
        days: u32,
        anchor: Date,
    },
    /// Days of the month, 1 to 31. In a month that is too short, the last day stands in: a month's dose left out harms
    /// more than one that comes a day or three early, and it never runs over into the next month.
    Month {
        days: Vec<u8>,
    },
}

/// So many days on, so many off, beginning on at the anchor; nothing before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cycle {
    pub on: u32,
    pub off: u32,
    pub anchor: Date,
}

/// What the next elapsed dose is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anchor {
    /// From the first, for ever. With a window, from the opening of each day's window.
    Fixed,
    /// From when the last one was taken; from when it was due if it was not.
    LastTaken,
}

/// The part of the local day in which elapsed doses may be due, both ends included; over midnight if it closes before it
/// opens. Outside of it, a fixed rule has no dose, and one that follows the last taken waits for the next opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    pub opens: Time,
    pub closes: Time,
}

/// As needed, within these bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prn {
    #[serde(default)]
    pub minimum_gap_minutes: u32,
    /// Doses in any 24 hours.
    #[serde(default)]
    pub most_doses: Option<u32>,
    /// The sum of amounts in any 24 hours, in the medicine's unit.
    #[serde(default)]
    pub most_amount: Option<f64>,
}

/// How a medicine's doses are judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// How long before it is due a dose may be taken without asking back.
    pub early_minutes: u32,
    /// How long after it is due a dose still counts as on time; then it is late.
    pub grace_minutes: u32,
    /// How long after it is due a dose counts as missed.
    pub missed_after_minutes: u32,
    /// Whether somebody else is to hear when it is late. No quiet hours hold it back.
    pub critical: bool,
    /// The prescriber's words for a dose that was missed.
    pub if_missed: Option<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self { early_minutes: 60, grace_minutes: 30, missed_after_minutes: 4 * 60, critical: false, if_missed: None }
    }
}

/// Some of the seven days: bit 0 is Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Weekdays(pub u8);

impl Weekdays {
    pub const ALL: Self = Self(0b111_1111);

    pub fn of(days: impl IntoIterator<Item = Weekday>) -> Self {
        Self(days.into_iter().fold(0, |mask, day| mask | 1 << day.to_monday_zero_offset()))
    }

    pub fn contains(self, day: Weekday) -> bool {
        self.0 & 1 << day.to_monday_zero_offset() != 0
    }
}

impl Phase {
    pub fn contains(&self, date: Date) -> bool {
        self.from.is_none_or(|from| from <= date) && self.until.is_none_or(|until| date <= until)
    }
}

impl Rule {
    /// Whether an unsaid dose that is due then belongs to the rule.
    pub fn is_followed(&self, due_at: Timestamp, policy: &Policy) -> bool {
        let asked_for = self.followed_from.is_none_or(|from| from <= due_at);
        asked_for && self.retired_at.is_none_or(|retired| policy.missed_at(due_at) <= retired)
    }
}

impl Plan {
    /// Every rule of every phase.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.phases.iter().flat_map(|phase| &phase.rules)
    }

    /// The bounds for taking it as needed on a local date, with the rule they belong to.
    pub fn prn_on(&self, date: Date) -> Option<(&Rule, &Prn)> {
        let rules = self.phases.iter().filter(|phase| phase.contains(date)).flat_map(|phase| &phase.rules);
        rules.filter(|rule| rule.retired_at.is_none()).find_map(|rule| match &rule.schedule {
            Schedule::Prn(prn) => Some((rule, prn)),
            Schedule::Clock { .. } | Schedule::Elapsed { .. } | Schedule::Linked { .. } => None,
        })
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<&str> for RuleId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}
