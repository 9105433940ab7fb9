//! A recurrence rule in the two forms in which it is written: the JSON of existing clients and calendars' RRULE.
//!
//! `{"frequency":"weekly","interval":2,"daysOfWeek":[1,4],"endType":"after_count","count":6}` is
//! `FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH;COUNT=6`.

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Weekday},
    tz::TimeZone,
};
use kit::field::{self, FieldError};
use serde_json::{Map, Value, json};

/// The longest step: every 999th day, week, month or year.
const MOST_INTERVAL: i32 = 999;
/// The longest series that ends after a count: every day for 27 years.
const MOST_COUNT: i32 = 10_000;
/// What RRULE calls the days, Monday first.
const DAY_NAMES: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// How often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

impl Frequency {
    pub const ALL: [Self; 4] = [Self::Daily, Self::Weekly, Self::Monthly, Self::Yearly];

    /// As existing clients write it; RRULE does in capitals.
    pub fn name(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Yearly => "yearly",
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|frequency| frequency.name().eq_ignore_ascii_case(name))
    }
}

/// Until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Never,
    /// Nothing begins after this instant. Existing clients send a date, which means its midnight in UTC.
    On(Timestamp),
    /// So many, counted from the first one.
    After(u32),
}

/// When a series recurs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub frequency: Frequency,
    pub interval: u16,
    /// Of a weekly rule, Monday first; none of them: the day on which the series begins.
    pub days: Vec<Weekday>,
    pub end: End,
}

/// Why a text is no rule.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RuleError {
    #[error("the recurrence rule is neither JSON nor an RRULE. Write it like FREQ=WEEKLY;BYDAY=MO,TH")]
    NeitherForm,
    #[error("the recurrence rule: frequency must be one of: daily, weekly, monthly, yearly")]
    Frequency,
    #[error("the recurrence rule: daysOfWeek must be a list of numbers from 0 (Sunday) to 6")]
    Days,
    #[error("the recurrence rule: {0}")]
    Field(#[from] FieldError),
    #[error("the recurrence rule: {0} cannot be taken")]
    Part(String),
}

impl Rule {
    /// Reads either form.
    pub fn read(text: &str) -> Result<Self, RuleError> {
        let text = text.trim();
        if text.starts_with('{') {
            Self::of_json(&serde_json::from_str(text).map_err(|_| RuleError::NeitherForm)?)
        } else {
            Self::of_rrule(text)
        }
    }

    /// What existing clients send. What they leave out is 1 (the interval) or never (the end).
    fn of_json(rule: &Value) -> Result<Self, RuleError> {
        let frequency = rule["frequency"].as_str().and_then(Frequency::of_name).ok_or(RuleError::Frequency)?;
        let interval = field::whole_within(rule, "interval", 0, MOST_INTERVAL)?.unwrap_or(1).max(1);
        let end = match rule["endType"].as_str() {
            Some("on_date") => {
                field::text(rule, "endDate")?.map_or(Ok(End::Never), |date| end_date(&date).map(End::On))?
            }
            Some("after_count") => field::whole_within(rule, "count", 1, MOST_COUNT)?.map_or(End::Never, after),
            _ => End::Never,
        };
        let days = if frequency == Frequency::Weekly { days_of_week(&rule["daysOfWeek"])? } else { Vec::new() };
        Ok(Self { frequency, interval: u16::try_from(interval).unwrap_or(1), days, end })
    }

    /// The parts of RRULE that a rule of existing clients can say; any other is named and refused.
    fn of_rrule(text: &str) -> Result<Self, RuleError> {
        let text = text.strip_prefix("RRULE:").unwrap_or(text);
        // The crate reads a time without Z on the machine's own clock, so the end is read here.
        let (until, others): (Vec<_>, Vec<_>) = text.split(';').partition(|part| part.starts_with("UNTIL="));
        let rule: rrule::RRule<rrule::Unvalidated> = others.join(";").parse().map_err(|_| RuleError::NeitherForm)?;
        let frequency = Frequency::of_name(&rule.get_freq().to_string()).ok_or(RuleError::Frequency)?;
        let sent = json!({"interval": rule.get_interval(), "count": rule.get_count()});
        let interval = field::whole_within(&sent, "interval", 1, MOST_INTERVAL)?.unwrap_or(1);
        let count = field::whole_within(&sent, "count", 1, MOST_COUNT)?;
        let end = match (until.first().and_then(|part| part.strip_prefix("UNTIL=")), count) {
            (Some(_), Some(_)) => return Err(RuleError::Part("UNTIL beside COUNT".into())),
            (Some(until), None) => End::On(end_in_rrule(until)?),
            (None, count) => count.map_or(End::Never, after),
        };
        let days = days_in_rrule(&rule, frequency, &others)?;
        Ok(Self { frequency, interval: u16::try_from(interval).unwrap_or(1), days, end })
    }

    /// As existing clients write it.
    pub fn json(&self) -> Value {
        let mut rule = Map::new();
        rule.insert("frequency".into(), self.frequency.name().into());
        rule.insert("interval".into(), self.interval.into());
        if !self.days.is_empty() {
            let days: Vec<_> = self.days.iter().map(|day| day.to_sunday_zero_offset()).collect();
            rule.insert("daysOfWeek".into(), days.into());
        }
        let end = match self.end {
            End::Never => "never",
            End::On(at) => {
                let utc = TimeZone::UTC.to_datetime(at);
                let midnight = utc.time() == jiff::civil::Time::midnight();
                let text = if midnight { utc.date().to_string() } else { at.to_string() };
                rule.insert("endDate".into(), text.into());
                "on_date"
            }
            End::After(count) => {
                rule.insert("count".into(), count.into());
                "after_count"
            }
        };
        rule.insert("endType".into(), end.into());
        Value::Object(rule)
    }

    /// As calendars write it, without the name in front. A series of whole days ends with a date, others with an instant.
    pub fn rrule(&self, whole_days: bool) -> String {
        let mut parts = vec![format!("FREQ={}", self.frequency.name().to_uppercase())];
        if self.interval != 1 {
            parts.push(format!("INTERVAL={}", self.interval));
        }
        if !self.days.is_empty() {
            let names: Vec<_> = self.days.iter().map(|day| day_name(*day)).collect();
            parts.push(format!("BYDAY={}", names.join(",")));
        }
        match self.end {
            End::Never => {}
            End::On(at) if whole_days => parts.push(format!("UNTIL={}", at.strftime("%Y%m%d"))),
            End::On(at) => parts.push(format!("UNTIL={}", at.strftime("%Y%m%dT%H%M%SZ"))),
            End::After(count) => parts.push(format!("COUNT={count}")),
        }
        parts.join(";")
    }
}

fn after(count: i64) -> End {
    End::After(u32::try_from(count).unwrap_or(u32::MAX))
}

/// A date, or a time with its zone; to the second, as RRULE can say it.
fn end_date(text: &str) -> Result<Timestamp, RuleError> {
    let midnight = || midnight(text.parse().ok()?);
    let wrong = || RuleError::Field(FieldError::NotATime("endDate", text.into()));
    let at = text.parse().ok().or_else(midnight).ok_or_else(wrong)?;
    Timestamp::from_second(at.as_second()).map_err(|_| wrong())
}

fn end_in_rrule(text: &str) -> Result<Timestamp, RuleError> {
    let time =
        || TimeZone::UTC.to_timestamp(DateTime::strptime("%Y%m%dT%H%M%S", text.trim_end_matches('Z')).ok()?).ok();
    let date = || midnight(Date::strptime("%Y%m%d", text).ok()?);
    time().or_else(date).ok_or_else(|| RuleError::Part(format!("UNTIL={text}")))
}

fn midnight(date: Date) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(date.to_datetime(jiff::civil::Time::midnight())).ok()
}

fn days_of_week(sent: &Value) -> Result<Vec<Weekday>, RuleError> {
    let numbers = match sent {
        Value::Null => return Ok(Vec::new()),
        Value::Array(numbers) => numbers,
        _ => return Err(RuleError::Days),
    };
    let day = |number: &Value| {
        let number = kit::number::read(number).and_then(kit::number::whole)?;
        Weekday::from_sunday_zero_offset(i8::try_from(number).ok()?).ok()
    };
    numbers.iter().map(day).collect::<Option<_>>().map(in_order).ok_or(RuleError::Days)
}

fn days_in_rrule(
    rule: &rrule::RRule<rrule::Unvalidated>,
    frequency: Frequency,
    parts: &[&str],
) -> Result<Vec<Weekday>, RuleError> {
    const TAKEN: [&str; 5] = ["FREQ", "INTERVAL", "COUNT", "BYDAY", "WKST"];
    let name = |part: &&str| part.split('=').next().unwrap_or_default().to_owned();
    if let Some(other) = parts.iter().map(name).find(|name| !TAKEN.contains(&name.as_str())) {
        return Err(RuleError::Part(other));
    }
    let mut days = Vec::new();
    for day in rule.get_by_weekday() {
        match day {
            rrule::NWeekday::Every(day) if frequency == Frequency::Weekly => {
                days.extend(Weekday::from_monday_zero_offset(day.num_days_from_monday().try_into().unwrap_or(0)).ok());
            }
            other => return Err(RuleError::Part(format!("BYDAY={other} in a {} rule", frequency.name()))),
        }
    }
    let days = in_order(days);
    // Where a week begins matters only to several days in every second week, third week …
    if rule.get_week_start() != rrule::Weekday::Mon && rule.get_interval() > 1 && days.len() > 1 {
        return Err(RuleError::Part("a WKST other than MO".into()));
    }
    Ok(days)
}

fn in_order(mut days: Vec<Weekday>) -> Vec<Weekday> {
    days.sort_by_key(|day| day.to_monday_zero_offset());
    days.dedup();
    days
}

fn day_name(day: Weekday) -> &'static str {
    usize::try_from(day.to_monday_zero_offset()).ok().and_then(|place| DAY_NAMES.get(place)).copied().unwrap_or("MO")
}

#[cfg(test)]
pub mod tests;
