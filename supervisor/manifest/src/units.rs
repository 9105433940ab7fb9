//! Durations and sizes as people write them.

use std::time::Duration;

/// The longest duration that can be asked for: what waits longer has been forgotten.
pub(crate) const LONGEST_DURATION: Duration = Duration::from_secs(24 * 60 * 60);
/// How to write a duration.
pub(crate) const DURATION_HELP: &str =
    "write milliseconds as a number, or text with a unit: 5000, \"500ms\", \"10s\", \"5m\", \"1h\"";
/// The greatest age that can be asked for.
pub(crate) const GREATEST_AGE: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);
/// How to write an age.
pub(crate) const AGE_HELP: &str = "write text with a unit: \"90m\", \"12h\", \"7d\"";
/// How to write a size.
pub(crate) const SIZE_HELP: &str = "write bytes as a number, or text with a unit: 10485760, \"512K\", \"200M\", \"1G\"";

const DURATION_UNITS: [(&str, u64); 5] = [("", 1), ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
const AGE_UNITS: [(&str, u64); 4] = [("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
// Powers of 1024, as PM2 counts.
const SIZE_UNITS: [(&str, u64); 12] = [
    ("", 1),
    ("b", 1),
    ("k", 1 << 10),
    ("kb", 1 << 10),
    ("kib", 1 << 10),
    ("m", 1 << 20),
    ("mb", 1 << 20),
    ("mib", 1 << 20),
    ("g", 1 << 30),
    ("gb", 1 << 30),
    ("gib", 1 << 30),
    ("t", 1 << 40),
];

/// `"10s"`, `"1.5h"`, `"250"` (milliseconds).
pub(crate) fn duration(text: &str) -> Option<Duration> {
    amount(text, &DURATION_UNITS).map(Duration::from_millis)
}

/// `"90m"`, `"7d"`.
pub(crate) fn age(text: &str) -> Option<Duration> {
    amount(text, &AGE_UNITS).map(Duration::from_millis)
}

/// `"200M"`, `"1.5G"`, `"4096"` (bytes).
pub(crate) fn size(text: &str) -> Option<u64> {
    amount(text, &SIZE_UNITS)
}

/// A number with at most three decimals, times its unit; a result that is not whole is rounded down.
fn amount(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let end_of_number = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end_of_number);
    let (_, factor) = units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit.trim()))?;
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let thousandths = match decimals.len() {
        1..=3 => decimals.parse::<u64>().ok()? * 10_u64.pow(3 - u32::try_from(decimals.len()).ok()?),
        _ => return None,
    };
    let whole = whole.parse::<u64>().ok()?.checked_mul(*factor)?;
    whole.checked_add(thousandths.checked_mul(*factor)? / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_written() {
        let rows = [
            ("0", Some(0)),
            ("250", Some(250)),
            ("500ms", Some(500)),
            ("10s", Some(10_000)),
            ("1.5s", Some(1_500)),
            (" 5 m ", Some(300_000)),
            ("1h", Some(3_600_000)),
            ("1H", Some(3_600_000)),
            ("", None),
            ("s", None),
            ("-1s", None),
            ("1d", None),
            ("1e3", None),
            ("1.2.3s", None),
            ("1.s", None),
            (".5s", None),
            ("99999999999999999999s", None),
            ("18446744073709551615h", None),
        ];
        for (text, milliseconds) in rows {
            assert_eq!(duration(text), milliseconds.map(Duration::from_millis), "{text:?}");
        }
    }

    #[test]
    fn sizes_are_read_as_written() {
        let rows = [
            ("4096", Some(4096)),
            ("512K", Some(512 << 10)),
            ("200M", Some(200 << 20)),
            ("200mb", Some(200 << 20)),
            ("1.5G", Some(3 << 29)),
            ("10 MiB", Some(10 << 20)),
            ("10X", None),
            ("M", None),
        ];
        for (text, bytes) in rows {
            assert_eq!(size(text), bytes, "{text:?}");
        }
    }
}
