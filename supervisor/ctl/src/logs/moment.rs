//! Moments as operators write them.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ZonedDateTime};

/// What is understood, for whoever wrote something else.
const ACCEPTED: &str = "write how long ago (30s, 10m, 2h, 1d12h, 1w), a time (2026-11-25T08:00:00Z), a local one \
                        (\"2026-11-25 08:00\", 2026-11-25, 08:00), now, today or yesterday";

/// Reads a moment, in microseconds since 1970.
///
/// # Errors
/// What is understood.
pub fn parse(text: &str) -> Result<i64, String> {
    at(text.trim(), &ZonedDateTime::now()).map(|moment| moment.as_microsecond()).ok_or_else(|| ACCEPTED.to_owned())
}

fn at(text: &str, now: &ZonedDateTime) -> Option<Timestamp> {
    let midnight = |date: Date| date.to_zoned_datetime(now.time_zone().clone()).ok();
    let local = |moment: DateTime| moment.to_zoned_datetime(now.time_zone().clone()).ok();
    let zoned = match text {
        "now" => Some(now.clone()),
        "today" => midnight(now.date()),
        "yesterday" => midnight(now.date().yesterday().ok()?),
        _ => {
            if let Some(moment) = instant(text) {
                return Some(moment);
            }
            if let Ok(moment) = text.parse::<DateTime>()
                && text.contains([' ', 'T', 't'])
            {
                local(moment)
            } else if let Ok(date) = text.parse::<Date>() {
                midnight(date)
            } else if let Some(time) = text.contains(':').then(|| text.parse::<Time>().ok()).flatten() {
                local(now.date().to_datetime(time))
            } else {
                ago(text, now)
            }
        }
    };
    zoned.map(|zoned| zoned.timestamp())
}

/// A time that says its zone, or seconds since 1970 after an `@`.
fn instant(text: &str) -> Option<Timestamp> {
    match text.strip_prefix('@') {
        Some(seconds) => Timestamp::from_second(seconds.parse().ok()?).ok(),
        None => text.parse().ok().or_else(|| Some(text.parse::<ZonedDateTime>().ok()?.timestamp())),
    }
}

fn ago(text: &str, now: &ZonedDateTime) -> Option<ZonedDateTime> {
    let span = text.strip_suffix("ago").unwrap_or(text).trim_end().parse::<Span>().ok()?;
    // A sign would be a second direction.
    let is_plain = text.starts_with(|first: char| first.is_ascii_digit());
    now.checked_sub(span).ok().filter(|_| is_plain)
}

/// The zone that times are shown in.
pub fn zone() -> TimeZone {
    TimeZone::system()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        let zone = TimeZone::get("Europe/Vienna").expect("a zone");
        let now = "2026-11-25T08:00:00Z".parse::<Timestamp>().expect("a time").to_zoned_datetime(zone);
        at(text, &now).map(|moment| moment.to_string())
    }

    #[test]
    fn moments_are_read_as_people_write_them() {
        for (text, expected) in [
            ("90s", "2026-11-25T07:58:30Z"),
            ("10m", "2026-11-25T07:50:00Z"),
            ("2h", "2026-11-25T06:00:00Z"),
            ("1h30m", "2026-11-25T06:30:00Z"),
            ("1d", "2026-11-24T08:00:00Z"),
            ("1w", "2026-11-18T08:00:00Z"),
            ("2 hours ago", "2026-11-25T06:00:00Z"),
            ("500ms", "2026-11-25T07:59:59.5Z"),
            ("2026-11-25T07:30:00Z", "2026-11-25T07:30:00Z"),
            ("2026-11-25T07:30:00.25+02:00", "2026-11-25T05:30:00.25Z"),
            ("2026-11-25 08:00", "2026-11-25T07:00:00Z"),
            ("2026-11-25T08:00:01", "2026-11-25T07:00:01Z"),
            ("2026-07-01", "2026-06-30T22:00:00Z"),
            ("08:30", "2026-11-25T07:30:00Z"),
            ("today", "2026-11-24T23:00:00Z"),
            ("yesterday", "2026-11-23T23:00:00Z"),
            ("now", "2026-11-25T08:00:00Z"),
            ("@0", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn anything_else_is_nonsense() {
        for text in
            ["", "soon", "10", "-10m", "+10m", "10m10", "2026-13-01", "25:00", "10 parsecs", "@x", "@99999999999999999"]
        {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(parse("soon"), Err(ACCEPTED.to_owned()));
    }
}
