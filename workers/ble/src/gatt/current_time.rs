//! What sets a device's clock: Current Time (2A2B) or, for devices of A&D's kind, Date Time (2A08).

use jiff::civil::DateTime;

const NANOSECONDS_PER_256TH: i32 = 1_000_000_000 / 256;
/// Set by hand, as far as the device is concerned.
const ADJUST_REASON_MANUAL: u8 = 1;

/// The 7 bytes of 2A08.
pub fn date_time(at: DateTime) -> [u8; 7] {
    let [low, high] = at.year().to_le_bytes();
    let [month, day] = [at.month(), at.day()].map(i8::cast_unsigned);
    let [hour, minute, second] = [at.hour(), at.minute(), at.second()].map(i8::cast_unsigned);
    [low, high, month, day, hour, minute, second]
}

/// The 10 bytes of 2A2B: also the weekday from Monday = 1, 256ths of a second and why the time changes.
pub fn current_time(at: DateTime) -> [u8; 10] {
    let [low, high, month, day, hour, minute, second] = date_time(at);
    let weekday = at.weekday().to_monday_one_offset().cast_unsigned();
    let fraction = u8::try_from(at.subsec_nanosecond() / NANOSECONDS_PER_256TH).unwrap_or(u8::MAX);
    [low, high, month, day, hour, minute, second, weekday, fraction, ADJUST_REASON_MANUAL]
}
