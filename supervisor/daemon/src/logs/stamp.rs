//! The time as it is written before a line or into it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// JavaScript's `toISOString`, which PM2 writes unless told otherwise; in UTC.
const ISO: &str = "%Y-%m-%dT%H:%M:%S.%3fZ";

/// Writes times by one pattern, in the zone that `TZ` or the system names.
pub struct Stamp {
    pattern: String,
    zone: TimeZone,
    /// Whether the pattern shows parts of a second; else what was written holds for a second.
    fine: bool,
    written: Option<(Timestamp, String)>,
}

impl Stamp {
    /// ISO 8601 in UTC unless there is a pattern.
    pub fn new(pattern: Option<&str>) -> Self {
        match pattern {
            Some(pattern) => Self::in_zone(pattern, TimeZone::system()),
            None => Self::in_zone(ISO, TimeZone::UTC),
        }
    }

    fn in_zone(pattern: &str, zone: TimeZone) -> Self {
        Self { pattern: pattern.to_owned(), zone, fine: shows_parts_of_a_second(pattern), written: None }
    }

    pub fn write(&mut self, now: Timestamp) -> &str {
        let known = self.written.take().filter(|(at, _)| {
            *at == now || !self.fine && at.as_second() == now.as_second() && at.signum() == now.signum()
        });
        let fresh = || {
            let zoned = now.to_zoned_datetime(self.zone.clone());
            let text = jiff::fmt::strtime::format(&self.pattern, &zoned);
            // The file's reader refuses bad patterns; were one to come here, a plain time is better than none.
            (now, text.unwrap_or_else(|_| now.to_string()))
        };
        &self.written.insert(known.unwrap_or_else(fresh)).1
    }
}

/// `%f` and `%N`, with flags, a width, or a point before the letter.
fn shows_parts_of_a_second(pattern: &str) -> bool {
    let mut rest = pattern;
    while let Some((_, directive)) = rest.split_once('%') {
        let letter = directive.trim_start_matches(|c: char| c.is_ascii_digit() || "-_0^#.:".contains(c));
        let mut after = letter.chars();
        if matches!(after.next(), Some('f' | 'N')) {
            return true;
        }
        rest = after.as_str();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(millisecond).unwrap()
    }

    #[test]
    fn times_are_written_as_pm2_writes_them() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let mut stamp = Stamp::in_zone("%Y-%m-%d %H:%M:%S %:z", berlin);
        assert_eq!(stamp.write(at(1_767_319_445_678)), "2026-01-02 03:04:05 +01:00");
        assert_eq!(Stamp::new(None).write(at(1_767_319_445_678)), "2026-01-02T02:04:05.678Z");
    }

    #[test]
    fn what_was_written_holds_as_long_as_the_pattern_cannot_tell_the_difference() {
        for (pattern, first, second) in [("%S", "05", "05"), ("%S.%3f", "05.100", "05.900")] {
            let mut stamp = Stamp::in_zone(pattern, TimeZone::UTC);
            assert_eq!(stamp.write(at(5_100)), first);
            assert_eq!(stamp.write(at(5_900)), second);
            assert!(stamp.write(at(6_000)).starts_with("06"));
            assert!(stamp.write(at(5_000)).starts_with("05"), "a clock that is set back");
        }
    }

    #[test]
    fn parts_of_a_second_are_recognised() {
        for pattern in ["%f", "%.f", "%3f", "%.6f", "%N", "%H%%%9N"] {
            assert!(shows_parts_of_a_second(pattern), "{pattern}");
        }
        for pattern in ["", "%S", "f", "%%f", "%H:%M N", "%"] {
            assert!(!shows_parts_of_a_second(pattern), "{pattern}");
        }
    }
}
