//! The clocks: one that only goes forward, for every deadline; one that people read, for lines meant for them and for what is
//! to happen at a time of the day. Nobody else in this program asks for the time: `clippy.toml` bans it.
#![allow(clippy::disallowed_methods)] // this is the place

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use nix::time::{ClockId, clock_gettime};

use crate::synchronised::clock_is_synchronised;

const SECONDS_A_DAY: u64 = 86_400;
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// So many digits of a boot's id tell it from the others.
const BOOT_DIGITS: usize = 8;

/// `CLOCK_BOOTTIME`, which keeper and supervisor share, so that a moment means the same to a successor. It goes on while the
/// machine sleeps, and nobody can set it.
pub fn now() -> Duration {
    read(ClockId::CLOCK_BOOTTIME)
}

/// How much of the time since boot the machine was asleep: by so much `CLOCK_MONOTONIC` is behind [`now`].
pub fn asleep() -> Duration {
    let awake = read(ClockId::CLOCK_MONOTONIC);
    now().saturating_sub(awake).saturating_sub(BETWEEN_TWO_READINGS)
}

/// The two clocks are read one after the other; a machine that sleeps does so for longer.
const BETWEEN_TWO_READINGS: Duration = Duration::from_millis(10);

fn read(clock: ClockId) -> Duration {
    // The clocks are always there on Linux; were they not, time would stand still and nothing would be retried.
    clock_gettime(clock).map_or(Duration::ZERO, Duration::from)
}

/// [`now`] in nanoseconds, as it travels.
pub fn now_ns() -> u64 {
    u64::try_from(now().as_nanos()).unwrap_or(u64::MAX)
}

/// What the clock on the wall shows. It may be set to anything at any time: no decision but `cron_restart` follows it.
pub fn wall() -> Timestamp {
    Timestamp::now()
}

/// When something happened that was so long after boot, by what the clock on the wall shows by now: a clock that was set
/// since then is right about the past as well.
pub fn wall_at(moment: Duration) -> Timestamp {
    let ago = jiff::SignedDuration::try_from(now().saturating_sub(moment)).unwrap_or(jiff::SignedDuration::MAX);
    wall().checked_sub(ago).unwrap_or(Timestamp::MIN)
}

/// For a log line: the date and time in UTC, and what is true however the clock is set later: which boot, and how many seconds
/// after it. `2026-03-01T07:05:09Z [6b1d3b3e +5.125]`, or `1970-01-01T00:00:09Z [6b1d3b3e +9.500 clock not set yet]`.
pub fn stamp() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let unset = if clock_is_synchronised() { "" } else { " clock not set yet" };
    let after = now();
    format!("{} [{} +{}.{:03}{unset}]", written(seconds), boot(), after.as_secs(), after.subsec_millis())
}

/// The first digits of this boot's id; zeros where the kernel does not tell.
pub fn boot() -> &'static str {
    static BOOT: OnceLock<String> = OnceLock::new();
    BOOT.get_or_init(|| {
        let id = std::fs::read_to_string(BOOT_ID).unwrap_or_default();
        let digits: String = id.chars().filter(char::is_ascii_hexdigit).take(BOOT_DIGITS).collect();
        if digits.len() == BOOT_DIGITS { digits } else { "0".repeat(BOOT_DIGITS) }
    })
}

fn written(seconds: u64) -> String {
    let (year, month, day) = date(seconds / SECONDS_A_DAY);
    let time = seconds % SECONDS_A_DAY;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", time / 3600, time / 60 % 60, time % 60)
}

/// Days since 1970 to a civil date, by counting from 1 March of year 0, so that the leap day is a year's last.
/// (Howard Hinnant, "chrono-compatible low-level date algorithms".)
fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_civil_dates() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
            (4_102_444_800, "2100-01-01T00:00:00Z"),
        ] {
            assert_eq!(written(seconds), text);
        }
    }

    #[test]
    fn the_clock_does_not_go_back_and_counts_the_time_asleep() {
        let first = now();
        assert!(now() >= first);
        assert!(first >= read(ClockId::CLOCK_MONOTONIC).saturating_sub(Duration::from_secs(1)));
        assert!(asleep() <= now());
    }

    #[test]
    fn the_past_is_told_by_the_clock_of_today() {
        let then = wall_at(now().saturating_sub(Duration::from_secs(60)));
        let ago = wall().duration_since(then).as_millis();
        assert!((59_999..70_000).contains(&ago), "{ago} ms"); // the two clocks are read one after the other
        assert_eq!(wall_at(Duration::MAX).duration_since(wall()).as_secs(), 0, "nothing is in the future");
    }

    #[test]
    fn a_line_says_when_after_which_boot() {
        let (stamp, id) = (stamp(), std::fs::read_to_string(BOOT_ID).unwrap());
        let (wall, boot) = stamp.split_once(" [").unwrap();
        assert!(wall.len() == "2026-03-01T07:05:09Z".len() && wall.ends_with('Z'), "{stamp}");
        let boot = boot.strip_suffix(']').unwrap();
        let (boot, after) = boot.split_once(" +").unwrap();
        assert!(id.starts_with(boot) && boot.len() == BOOT_DIGITS, "{stamp}");
        assert_eq!(after.ends_with(" clock not set yet"), !clock_is_synchronised(), "{stamp}");
        assert!(after.split(' ').next().unwrap().parse::<f64>().unwrap() <= now().as_secs_f64(), "{stamp}");
    }
}
