//! A time as it was written, and the instant that it means.

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};
use kit::{
    Home,
    field::{self, FieldError},
};
use serde_json::Value;

/// Appointments are in these years; a rule would be followed through every year between its start and what is asked for.
pub const YEARS: std::ops::RangeInclusive<i16> = 1900..=2199;

/// A time as it was written, and the instant that it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    pub at: Timestamp,
    /// `2031-05-07T09:30` on the resident's clock, a date for its midnight, or a time with an offset.
    pub written: String,
}

/// Why a field is no time of an appointment.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MomentError {
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error("{0} cannot be {1}: appointments are in the years {first} to {last}", first = YEARS.start(), last = YEARS.end())]
    Year(&'static str, String),
}

impl Moment {
    /// A field of a body; `None` if it is missing.
    pub fn read(body: &Value, field: &'static str, home: &Home) -> Result<Option<Self>, MomentError> {
        let Some((at, written)) = field::time(body, field, home)? else { return Ok(None) };
        if YEARS.contains(&home.date(at).year()) {
            Ok(Some(Self { at, written }))
        } else {
            Err(MomentError::Year(field, written))
        }
    }

    /// What was written, as it is meant: a whole day begins at the resident's midnight, in whatever zone that was written.
    pub fn of(written: &str, all_day: bool, home: &Home) -> Option<Self> {
        let at = match whole_day(written).filter(|_| all_day) {
            Some(day) => home.instant(&day.to_string())?,
            None => home.instant(written)?,
        };
        Some(Self { at, written: written.to_owned() })
    }

    /// What the clock shows, as it was written: in the gap of spring a time that the clock never shows.
    pub fn on_the_clock(&self, all_day: bool, zone: &TimeZone) -> DateTime {
        if let Some(day) = whole_day(&self.written).filter(|_| all_day) {
            return day.to_datetime(Time::midnight());
        }
        let written = self.written.trim();
        let has_offset = written.parse::<Timestamp>().is_ok();
        let clock = if has_offset { None } else { written.parse().ok() };
        clock.unwrap_or_else(|| zone.to_datetime(self.at))
    }
}

/// The date of what is written as its midnight, with or without a zone.
fn whole_day(written: &str) -> Option<Date> {
    let (date, time) = written.trim().split_at_checked("2031-01-31".len())?;
    let is_midnight = time.is_empty() || time.get(1..).is_some_and(|time| time.starts_with("00:00"));
    is_midnight.then(|| date.parse().ok())?
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_clock_shows_what_was_written_and_the_instant_is_what_it_means() {
        let home = Home::of_name("America/New_York").unwrap();
        for (written, at, clock) in [
            ("2031-05-07T09:30", "2031-05-07T13:30:00Z", "2031-05-07T09:30:00"),
            ("2031-05-07T13:30:00.000Z", "2031-05-07T13:30:00Z", "2031-05-07T09:30:00"),
            ("2031-05-07T13:30:00+02:00", "2031-05-07T11:30:00Z", "2031-05-07T07:30:00"),
            ("2031-05-07", "2031-05-07T04:00:00Z", "2031-05-07T00:00:00"),
            ("2031-03-09T02:30", "2031-03-09T07:30:00Z", "2031-03-09T02:30:00"),
        ] {
            let moment = Moment::read(&json!({"at": written}), "at", &home).unwrap().unwrap();
            assert_eq!(moment.at.to_string(), at);
            assert_eq!(moment.on_the_clock(false, home.zone()).to_string(), clock);
        }
    }

    #[test]
    fn a_whole_day_is_the_one_that_was_written() {
        let home = Home::of_name("America/New_York").unwrap();
        for (written, at) in [
            ("2031-05-07", "2031-05-07T04:00:00Z"),
            ("2031-05-07T00:00", "2031-05-07T04:00:00Z"),
            ("2031-05-07T00:00:00.000Z", "2031-05-07T04:00:00Z"), // A date that a client turned into a time.
            ("2031-05-07T04:00:00.000Z", "2031-05-07T04:00:00Z"), // Midnight, as a client in this zone says it.
        ] {
            let moment = Moment::of(written, true, &home).unwrap();
            assert_eq!(moment.at.to_string(), at, "{written}");
            assert_eq!(moment.on_the_clock(true, home.zone()).to_string(), "2031-05-07T00:00:00", "{written}");
        }
    }

    #[test]
    fn a_year_that_cannot_be_is_refused_with_those_that_can() {
        let home = Home::of_name("America/New_York").unwrap();
        for written in ["9990-12-31T00:00", "1899-12-31T23:59", "-000001-01-01"] {
            let error = Moment::read(&json!({"at": written}), "at", &home).unwrap_err().to_string();
            assert_eq!(error, format!("at cannot be {written}: appointments are in the years 1900 to 2199"));
        }
    }
}
