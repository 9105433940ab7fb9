//! The rows of a medicine's schedule, as clients write them.

use jiff::{Timestamp, civil::Date};
use kit::field::{self, FieldError};
use serde_json::Value;

use super::entry::{self, EntryError};
use crate::doses::{
    check::{MOST_AMOUNT, MOST_DAYS_BETWEEN},
    compat::{self, Row, RowError},
};

/// Most rows of one medicine: each day of the week has its own.
pub const MOST_ROWS: usize = 336;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const EVERY_DAY: &str = "daily";

/// A row that can be followed.
#[derive(Clone, Debug, PartialEq)]
pub struct RowEntry {
    /// `07:00`
    pub schedule_time: String,
    pub dosage_amount: f64,
    pub frequency_type: String,
    pub days_of_week: String,
    pub day_of_week: Option<String>,
    pub interval_days: Option<u32>,
    pub interval_start: Option<Date>,
}

/// Why rows cannot be followed, for the one who sent them.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum RowsError {
    #[error("schedules array is required")]
    NoArray,
    #[error("a medicine has at most {MOST_ROWS} schedules, not {0}")]
    TooMany(usize),
    #[error("Each schedule must have a valid time in HH:MM format")]
    Time,
    #[error("Each schedule must have a doses object")]
    NoDoses,
    #[error("doses has mon, tue, wed, thu, fri, sat, sun, and not {0:?}")]
    Day(String),
    #[error("a dose of {0} must be a number from 0 to {MOST_AMOUNT}")]
    Dose(&'static str),
    #[error("{day} has two schedules at {time}: give their sum in one")]
    Twice { day: String, time: String },
    #[error("interval_start {0} is not a date. Write it like 2031-01-31")]
    IntervalStart(Value),
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error(transparent)]
    Row(#[from] RowError),
}

/// The rows of `schedules`; none if nothing is said of them.
pub fn read(body: &Value) -> Result<Option<Vec<RowEntry>>, RowsError> {
    match &body["schedules"] {
        Value::Null => Ok(None),
        Value::Array(rows) if rows.len() > MOST_ROWS => Err(RowsError::TooMany(rows.len())),
        Value::Array(rows) => rows.iter().map(row).collect::<Result<_, _>>().map(Some),
        _ => Err(RowsError::NoArray),
    }
}

/// The rows of `{time, doses: {mon: 25, …}}`: one for each day and time that has a dose.
pub fn read_by_day(body: &Value) -> Result<Vec<RowEntry>, RowsError> {
    let schedules = body["schedules"].as_array().ok_or(RowsError::NoArray)?;
    if schedules.len() > MOST_ROWS / DAYS.len() {
        return Err(RowsError::TooMany(schedules.len() * DAYS.len()));
    }
    let mut rows: Vec<RowEntry> = Vec::new();
    for schedule in schedules {
        let time = schedule["time"].as_str().filter(|time| time.len() == "07:00".len()).ok_or(RowsError::Time)?;
        let time = compat::time(time).map_err(|_| RowsError::Time)?.strftime("%H:%M").to_string();
        let doses = schedule["doses"].as_object().ok_or(RowsError::NoDoses)?;
        if let Some(unknown) = doses.keys().find(|day| !DAYS.contains(&day.as_str())) {
            return Err(RowsError::Day(unknown.clone()));
        }
        for day in DAYS.into_iter().filter(|day| doses.contains_key(*day)) {
            let amount = field::number_within(&schedule["doses"], day, 0.0, MOST_AMOUNT);
            let amount = amount.map_err(|_| RowsError::Dose(day))?.unwrap_or(0.0);
            if rows.iter().any(|row| row.schedule_time == time && row.day_of_week.as_deref() == Some(day)) {
                return Err(RowsError::Twice { day: day.into(), time });
            }
            if amount > 0.0 {
                rows.push(RowEntry { dosage_amount: amount, ..of_day(&time, day) });
            }
        }
    }
    Ok(rows)
}

impl RowEntry {
    /// As the rules take it.
    pub fn as_row<'a>(&'a self, compat_id: i64, entered_on: Date, followed_from: Timestamp) -> Row<'a> {
        Row {
            compat_id,
            schedule_time: &self.schedule_time,
            dosage_amount: self.dosage_amount,
            frequency_type: &self.frequency_type,
            days_of_week: Some(&self.days_of_week),
            day_of_week: self.day_of_week.as_deref(),
            interval_days: self.interval_days,
            interval_start: self.interval_start,
            entered_on,
            followed_from,
            retired_at: None,
        }
    }
}

fn of_day(time: &str, day: &str) -> RowEntry {
    RowEntry {
        schedule_time: time.into(),
        dosage_amount: 1.0,
        frequency_type: EVERY_DAY.into(),
        days_of_week: EVERY_DAY.into(),
        day_of_week: Some(day.into()),
        interval_days: None,
        interval_start: None,
    }
}

fn row(schedule: &Value) -> Result<RowEntry, RowsError> {
    let written = match field::text(schedule, "schedule_time")? {
        Some(time) => time,
        None => field::text(schedule, "time")?.ok_or(FieldError::Missing("schedule_time"))?,
    };
    let amount = field::number_within(schedule, "dosage_amount", 0.0, MOST_AMOUNT)?.unwrap_or(1.0);
    let interval = field::whole_within(schedule, "interval_days", 1, MOST_DAYS_BETWEEN.cast_signed())?;
    let entry = RowEntry {
        schedule_time: compat::time(&written)?.strftime("%H:%M").to_string(),
        dosage_amount: amount,
        frequency_type: field::text(schedule, "frequency_type")?.unwrap_or_else(|| EVERY_DAY.into()),
        days_of_week: days(schedule)?.unwrap_or_else(|| EVERY_DAY.into()),
        day_of_week: field::text(schedule, "day_of_week")?.map(|day| day.to_ascii_lowercase()),
        interval_days: interval.and_then(|days| u32::try_from(days).ok()),
        interval_start: entry::date(schedule, "interval_start").map_err(|error| match error {
            EntryError::NotADate(_, written) => RowsError::IntervalStart(written),
            _ => RowsError::IntervalStart(schedule["interval_start"].clone()),
        })?,
    };
    // Whether it can be followed does not depend on its number or on when it was entered.
    compat::rule(&entry.as_row(0, Date::ZERO, Timestamp::UNIX_EPOCH), None)?;
    Ok(entry)
}

/// `mon,tue`, or a list of days; under either name.
fn days(schedule: &Value) -> Result<Option<String>, RowsError> {
    let name = if field::is_missing(schedule, "days_of_week") { "days" } else { "days_of_week" };
    match &schedule[name] {
        Value::Array(days) => {
            let words: Option<Vec<&str>> = days.iter().map(Value::as_str).collect();
            let words = words.ok_or(FieldError::NotText(name))?;
            Ok((!words.is_empty()).then(|| words.join(",")))
        }
        _ => Ok(field::text(schedule, name)?),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_are_written_in_several_ways() {
        let body = json!({"schedules": [
            {"time": "7:00"},
            {"schedule_time": "08:30:00", "dosage_amount": "1.5", "frequency_type": "specific_days", "days": ["mon", "fri"]},
            {"time": "09:00", "frequency_type": "interval", "interval_days": 2, "interval_start": "2031-01-01"},
        ]});
        let rows = read(&body).unwrap().unwrap();
        let times: Vec<_> = rows.iter().map(|row| (row.schedule_time.as_str(), row.days_of_week.as_str())).collect();
        assert_eq!(times, [("07:00", "daily"), ("08:30", "mon,fri"), ("09:00", "daily")]);
        assert_eq!((rows[1].dosage_amount, rows[2].interval_days), (1.5, Some(2)));
        assert_eq!(read(&json!({})), Ok(None));
    }

    #[test]
    fn a_day_and_a_time_with_a_dose_are_a_row() {
        let body = json!({"schedules": [{"time": "07:00", "doses": {"mon": 25, "tue": 0, "sun": 50}}]});
        let rows = read_by_day(&body).unwrap();
        let found: Vec<_> = rows.iter().map(|row| (row.day_of_week.as_deref().unwrap(), row.dosage_amount)).collect();
        assert_eq!(found, [("mon", 25.0), ("sun", 50.0)]);
    }

    #[test]
    fn rows_that_cannot_be_followed_are_refused_in_words() {
        for (schedule, words) in [
            (json!({}), "schedule_time is required"),
            (json!({"time": "25:00"}), "schedule_time must be a valid time in HH:MM format, not \"25:00\""),
            (json!({"time": "07:00", "dosage_amount": 0}), "an amount must be above 0 and at most 100000, not 0"),
            (
                json!({"time": "07:00", "frequency_type": "interval"}),
                "interval_days is required for frequency_type interval",
            ),
            (
                json!({"time": "07:00", "frequency_type": "specific_days", "days": "moonday"}),
                "days_of_week must be days like mon,wed,fri, or daily; not \"moonday\"",
            ),
        ] {
            assert_eq!(read(&json!({"schedules": [schedule]})).unwrap_err().to_string(), words);
        }
        for (schedule, words) in [
            (json!({"time": "7:00", "doses": {}}), "Each schedule must have a valid time in HH:MM format"),
            (json!({"time": "07:00"}), "Each schedule must have a doses object"),
            (
                json!({"time": "07:00", "doses": {"someday": 1}}),
                "doses has mon, tue, wed, thu, fri, sat, sun, and not \"someday\"",
            ),
            (json!({"time": "07:00", "doses": {"mon": -1}}), "a dose of mon must be a number from 0 to 100000"),
        ] {
            assert_eq!(read_by_day(&json!({"schedules": [schedule]})).unwrap_err().to_string(), words);
        }
        assert_eq!(read_by_day(&json!({})), Err(RowsError::NoArray));
    }
}
