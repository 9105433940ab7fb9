//! How long ago a reading was taken, in words.

use jiff::Timestamp;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// A device's clock may be ahead of ours by this much without anybody being told.
const CLOCKS_AGREE_WITHIN: i64 = 5 * MINUTE;

/// Rounded down: `just now`, `5 min ago`, `1 hour ago`, `2 days ago`.
///
/// A reading from the future is not called new: some clock is wrong, and the words say so.
pub fn in_words(measured: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second() - measured.as_second();
    match seconds {
        i64::MIN..MINUTE if seconds < -CLOCKS_AGREE_WITHIN => "in the future".into(),
        i64::MIN..MINUTE => "just now".into(),
        MINUTE..HOUR => format!("{} min ago", seconds / MINUTE),
        HOUR..DAY => counted(seconds / HOUR, "hour"),
        DAY..=i64::MAX => counted(seconds / DAY, "day"),
    }
}

fn counted(count: i64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural} ago")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(seconds_ago: i64) -> String {
        let now = Timestamp::from_second(1_925_812_800).unwrap();
        in_words(Timestamp::from_second(now.as_second() - seconds_ago).unwrap(), now)
    }

    #[test]
    fn ages_are_rounded_down() {
        for (seconds, expected) in [
            (0, "just now"),
            (59, "just now"),
            (60, "1 min ago"),
            (119, "1 min ago"),
            (5 * MINUTE, "5 min ago"),
            (HOUR - 1, "59 min ago"),
            (HOUR, "1 hour ago"),
            (2 * HOUR - 1, "1 hour ago"),
            (3 * HOUR, "3 hours ago"),
            (DAY - 1, "23 hours ago"),
            (DAY, "1 day ago"),
            (50 * HOUR, "2 days ago"),
            (-CLOCKS_AGREE_WITHIN, "just now"),
            (-CLOCKS_AGREE_WITHIN - 1, "in the future"),
        ] {
            assert_eq!(words(seconds), expected, "{seconds} s");
        }
    }

    proptest! {
        #[test]
        fn no_age_is_overstated(seconds in 60_i64..100 * 365 * DAY) {
            let text = words(seconds);
            let (count, noun) = text.split_once(' ').unwrap();
            let unit = match noun {
                "min ago" => MINUTE,
                "hour ago" | "hours ago" => HOUR,
                "day ago" | "days ago" => DAY,
                other => panic!("{other}"),
            };
            let count: i64 = count.parse().unwrap();
            prop_assert!(count * unit <= seconds && seconds < (count + 1) * unit, "{} s is {}", seconds, text);
        }
    }
}
