//! 2A08 and the time stamp inside measurements: 7 bytes, the device's own local time.

use jiff::civil::DateTime;

use super::Refused;
use super::bytes::Bytes;

/// A time stamp; `None` if the device does not know (year, month or day 0) or says what is in no calendar: that makes
/// the time unknown and the measurement no worse.
pub fn decode(value: &mut Bytes<'_>) -> Result<Option<DateTime>, Refused> {
    let [low, high, month, day, hour, minute, second] = value.take("time stamp")?;
    let year = i16::from_le_bytes([low, high]);
    let numbers = [month, day, hour, minute, second].map(i8::try_from);
    let [Ok(month), Ok(day), Ok(hour), Ok(minute), Ok(second)] = numbers else { return Ok(None) };
    if year == 0 {
        return Ok(None);
    }
    Ok(DateTime::new(year, month, day, hour, minute, second, 0).ok())
}
