//! Schedules as existing clients send them, as a plan. Days are the resident's: an interval's too.

use jiff::{
    Timestamp,
    civil::{Date, Time, Weekday},
};

use super::{
    Plan, Policy, RuleId,
    check::{RuleProblem, schedule_problems},
    plan::{Days, Phase, Prn, Rule, Schedule, Slot, Weekdays},
};

/// Existing clients take a dose at any time of its day, without being asked back. The longest days have 25 hours.
const EARLY_MINUTES: u32 = 25 * 60;
/// The only slot of a row.
pub const SLOT: u32 = 0;

/// A medication of the old tables. Without a date it has no beginning or no end.
#[derive(Clone, Debug, PartialEq)]
pub struct Medication<'a> {
    pub compat_id: i64,
    pub start_date: Option<Date>,
    /// The last date, included.
    pub end_date: Option<Date>,
    /// When it was deactivated, if it was.
    pub stopped_at: Option<Timestamp>,
    pub is_prn: bool,
    /// Doses in any 24 hours.
    pub prn_max_daily: Option<u32>,
    pub rows: &'a [Row<'a>],
}

/// A row of its schedule, retired ones too: what was due under them stays due.
#[derive(Clone, Debug, PartialEq)]
pub struct Row<'a> {
    pub compat_id: i64,
    /// `07:00`
    pub schedule_time: &'a str,
    pub dosage_amount: f64,
    /// `daily`, `specific_days`, `interval` or `prn`.
    pub frequency_type: &'a str,
    /// `mon,wed,fri`, or `daily`.
    pub days_of_week: Option<&'a str>,
    /// Of a per-day row: this day only, whatever else the row says.
    pub day_of_week: Option<&'a str>,
    pub interval_days: Option<u32>,
    pub interval_start: Option<Date>,
    /// The local date on which it was entered: an interval without a start counts from here.
    pub entered_on: Date,
    /// No dose before this instant is asked for. For a new row, the start of the day on which it was entered (existing clients show
    /// what was earlier that day as late); for a row that replaces others, when it did.
    pub followed_from: Timestamp,
    pub retired_at: Option<Timestamp>,
}

/// A row that cannot be followed, for the one who sent it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RowError {
    #[error("schedule_time must be a valid time in HH:MM format, not {0:?}")]
    Time(String),
    #[error("frequency_type must be one of daily, specific_days, interval, prn, not {0:?}")]
    Frequency(String),
    #[error("days_of_week must be days like mon,wed,fri, or daily; not {0:?}")]
    Days(String),
    #[error("interval_days is required for frequency_type interval")]
    NoInterval,
    #[error(transparent)]
    Rule(#[from] RuleProblem),
}

/// The rule that a row's doses belong to: `schedule-17`.
pub fn rule_of_row(compat_id: i64) -> RuleId {
    RuleId(format!("schedule-{compat_id}"))
}

/// The row that a rule stands for.
pub fn row_of_rule(rule: &RuleId) -> Option<i64> {
    rule.0.strip_prefix("schedule-")?.parse().ok()
}

/// The rule that doses without a row belong to, taken as needed or simply so: `medication-5`.
pub fn rule_of_medication(compat_id: i64) -> RuleId {
    RuleId(format!("medication-{compat_id}"))
}

/// The plan of a medication, one phase: a rule for each row that asks for doses, and one for what is taken without a row. Rows
/// that cannot be followed are left out of it and returned with their compat id; a client's new row is refused with the same
/// error by [`rule`].
pub fn plan(medication: &Medication<'_>, policy: Policy) -> (Plan, Vec<(i64, RowError)>) {
    let mut rules = vec![as_needed(medication)];
    let mut mistakes = Vec::new();
    // A row of a medicine that is taken as needed asks for nothing.
    for row in medication.rows.iter().filter(|_| !medication.is_prn) {
        match rule(row, medication.start_date) {
            Ok(found) => rules.extend(found.map(|rule| stopped(rule, medication.stopped_at))),
            Err(error) => mistakes.push((row.compat_id, error)),
        }
    }
    let phase = Phase { from: medication.start_date, until: medication.end_date, rules };
    (Plan { medication: medication.compat_id.to_string(), phases: vec![phase], policy }, mistakes)
}

/// A row as a rule; none if it is taken as needed.
pub fn rule(row: &Row<'_>, start_date: Option<Date>) -> Result<Option<Rule>, RowError> {
    let Some(schedule) = schedule(row, start_date)? else { return Ok(None) };
    if let Some(problem) = schedule_problems(&schedule).into_iter().next() {
        return Err(problem.into());
    }
    let id = rule_of_row(row.compat_id);
    Ok(Some(Rule { id, followed_from: Some(row.followed_from), retired_at: row.retired_at, schedule }))
}

fn stopped(rule: Rule, stopped_at: Option<Timestamp>) -> Rule {
    Rule { retired_at: [rule.retired_at, stopped_at].into_iter().flatten().min(), ..rule }
}

/// How existing clients expect doses to be judged: late after 30 minutes, taken at any time of the day.
pub fn policy() -> Policy {
    Policy { early_minutes: EARLY_MINUTES, ..Policy::default() }
}

fn as_needed(medication: &Medication<'_>) -> Rule {
    let most_doses = medication.prn_max_daily.filter(|_| medication.is_prn);
    let schedule = Schedule::Prn(Prn { most_doses, ..Prn::default() });
    Rule {
        id: rule_of_medication(medication.compat_id),
        followed_from: None,
        retired_at: medication.stopped_at,
        schedule,
    }
}

fn schedule(row: &Row<'_>, start_date: Option<Date>) -> Result<Option<Schedule>, RowError> {
    let every_day = Days::Weekdays { weekdays: Weekdays::ALL };
    let days = match (row.day_of_week, row.frequency_type) {
        (_, "prn") => return Ok(None),
        (Some(day), _) => Days::Weekdays { weekdays: weekdays(day)? },
        (None, "daily") => every_day,
        (None, "specific_days") => {
            row.days_of_week.map_or(Ok(every_day), |text| weekdays(text).map(|weekdays| Days::Weekdays { weekdays }))?
        }
        (None, "interval") => Days::Every {
            days: row.interval_days.ok_or(RowError::NoInterval)?,
            anchor: row.interval_start.or(start_date).unwrap_or(row.entered_on),
        },
        (None, other) => return Err(RowError::Frequency(other.into())),
    };
    let slots = vec![Slot { number: SLOT, time: time(row.schedule_time)?, amount: row.dosage_amount }];
    Ok(Some(Schedule::Clock { days, cycle: None, slots }))
}

/// `07:00`, `7:00`; seconds are left out of account.
pub fn time(text: &str) -> Result<Time, RowError> {
    let read = || {
        let mut parts = text.trim().splitn(3, ':');
        let (hour, minute) = (parts.next()?, parts.next()?);
        let digits = |text: &str| (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        (digits(hour) && digits(minute)).then_some(())?;
        Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
    };
    read().ok_or_else(|| RowError::Time(text.into()))
}

/// `mon,wed`, `Monday`, `daily`, in any case.
pub fn weekdays(text: &str) -> Result<Weekdays, RowError> {
    let mistake = || RowError::Days(text.into());
    let mut found = Weekdays(0);
    for word in text.split(',').map(|word| word.trim().to_ascii_lowercase()).filter(|word| !word.is_empty()) {
        found.0 |= match word.as_str() {
            "daily" => Weekdays::ALL.0,
            word => Weekdays::of([weekday(word).ok_or_else(mistake)?]).0,
        };
    }
    if found.0 == 0 { Err(mistake()) } else { Ok(found) }
}

/// `mon`, as existing clients write it.
pub fn weekday_name(day: Weekday) -> &'static str {
    ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][usize::from(day.to_monday_zero_offset().unsigned_abs())]
}

fn weekday(word: &str) -> Option<Weekday> {
    const WHOLE: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let index = WHOLE.iter().position(|whole| word.len() >= 3 && whole.starts_with(word))?;
    Weekday::from_monday_zero_offset(i8::try_from(index).ok()?).ok()
}
