//! What can be believed: ranges that a body and a sensor can produce, and whose clock to trust.
//!
//! The ranges are as wide as devices can measure. Whether a value is worrying is decided elsewhere; here only nonsense
//! is kept out.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::gatt::{BloodPressure, HeartRate, PressureUnit};

const BEATS_PER_MINUTE: RangeInclusive<u16> = 20..=300;
const SYSTOLIC_MMHG: RangeInclusive<f64> = 30.0..=300.0;
const DIASTOLIC_MMHG: RangeInclusive<f64> = 10.0..=250.0;
const MMHG_PER_KILOPASCAL: f64 = 7.500_62;
/// Clocks that were never set start between 1970 and this.
const FIRST_SANE_YEAR: i16 = 2015;
/// How far a device's clock may be ahead of ours.
const DEVICE_AHEAD: Duration = Duration::from_secs(5 * 60);

/// Why a decoded reading is not kept as one.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Implausible {
    #[error("the sensor has no contact with the skin")]
    NoContact,
    #[error("{what} of {value} is outside {least} to {most}")]
    OutOfRange { what: &'static str, value: f64, least: f64, most: f64 },
    #[error("a systolic pressure of {systolic} is not above the diastolic one of {diastolic}")]
    Upside { systolic: f64, diastolic: f64 },
}

/// Whose clock says when something was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeSource {
    Device,
    Hub,
}

impl TimeSource {
    pub fn word(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Hub => "hub",
        }
    }
}

/// A rate that was measured on somebody.
pub fn heart_rate(reading: &HeartRate) -> Result<u16, Implausible> {
    if reading.contact == Some(false) {
        return Err(Implausible::NoContact);
    }
    let rate = reading.beats_per_minute;
    let (least, most) = (f64::from(*BEATS_PER_MINUTE.start()), f64::from(*BEATS_PER_MINUTE.end()));
    within("a heart rate", f64::from(rate), &(least..=most)).map(|_| rate)
}

/// Systolic and diastolic pressure in mmHg.
pub fn blood_pressure(reading: &BloodPressure) -> Result<(f64, f64), Implausible> {
    let systolic = within("a systolic pressure", in_mmhg(reading.systolic, reading.unit), &SYSTOLIC_MMHG)?;
    let diastolic = within("a diastolic pressure", in_mmhg(reading.diastolic, reading.unit), &DIASTOLIC_MMHG)?;
    if systolic <= diastolic {
        return Err(Implausible::Upside { systolic, diastolic });
    }
    Ok((systolic, diastolic))
}

/// In mmHg, to a tenth when converted.
pub fn in_mmhg(pressure: f64, unit: PressureUnit) -> f64 {
    match unit {
        PressureUnit::MillimetresOfMercury => pressure,
        PressureUnit::Kilopascal => (pressure * MMHG_PER_KILOPASCAL * 10.0).round() / 10.0,
    }
}

/// The device's own time if its clock seems to be set, else that of receipt. Devices know local time only: it is taken
/// as the hub's zone.
pub fn measured_at(device: Option<DateTime>, received: Timestamp, zone: &TimeZone) -> (Timestamp, TimeSource) {
    let set = device.filter(|device| device.year() >= FIRST_SANE_YEAR);
    let instant = set.and_then(|device| zone.to_timestamp(device).ok());
    match instant.filter(|instant| is_not_ahead(*instant, received, zone)) {
        Some(instant) => (instant, TimeSource::Device),
        None => (received, TimeSource::Hub),
    }
}

/// Whether the hub's own clock seems to be set: a Raspberry Pi without a network starts in the past.
pub fn is_set(clock: Timestamp, zone: &TimeZone) -> bool {
    zone.to_datetime(clock).year() >= FIRST_SANE_YEAR
}

fn is_not_ahead(device: Timestamp, received: Timestamp, zone: &TimeZone) -> bool {
    // A hub that does not know the time cannot find fault with a device that does.
    !is_set(received, zone) || device.duration_since(received).as_secs() <= DEVICE_AHEAD.as_secs().cast_signed()
}

fn within(what: &'static str, value: f64, range: &RangeInclusive<f64>) -> Result<f64, Implausible> {
    if range.contains(&value) {
        return Ok(value);
    }
    Err(Implausible::OutOfRange { what, value, least: *range.start(), most: *range.end() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressure(systolic: f64, diastolic: f64, unit: PressureUnit) -> BloodPressure {
        BloodPressure {
            systolic,
            diastolic,
            mean_arterial: None,
            unit,
            device_time: None,
            pulse_per_minute: None,
            user: None,
            status: None,
            trailing_bytes: 0,
        }
    }

    fn rate(beats_per_minute: u16, contact: Option<bool>) -> HeartRate {
        HeartRate {
            beats_per_minute,
            contact,
            energy_kilojoules: None,
            intervals_1024ths: Vec::new(),
            trailing_bytes: 0,
        }
    }

    #[test]
    fn a_strap_that_hangs_on_a_hook_measures_nobody() {
        assert_eq!(heart_rate(&rate(74, Some(false))), Err(Implausible::NoContact));
        assert_eq!(heart_rate(&rate(74, Some(true))), Ok(74));
        assert_eq!(heart_rate(&rate(74, None)), Ok(74));
    }

    #[test]
    fn nonsense_is_refused_with_the_range() {
        let why = heart_rate(&rate(301, None)).unwrap_err().to_string();
        assert_eq!(why, "a heart rate of 301 is outside 20 to 300");
        assert!(blood_pressure(&pressure(2047.0, 80.0, PressureUnit::MillimetresOfMercury)).is_err());
        assert!(blood_pressure(&pressure(80.0, 80.0, PressureUnit::MillimetresOfMercury)).is_err());
    }

    #[test]
    fn kilopascal_becomes_mmhg() {
        assert_eq!(blood_pressure(&pressure(16.0, 10.7, PressureUnit::Kilopascal)), Ok((120.0, 80.3)));
    }

    fn berlin() -> TimeZone {
        TimeZone::get("Europe/Berlin").unwrap()
    }

    fn noon() -> Timestamp {
        "2026-07-01T10:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_devices_time_is_local_time_of_the_hubs_zone() {
        let device = Some("2026-07-01T11:58:00".parse().unwrap());
        let expected = "2026-07-01T09:58:00Z".parse().unwrap();
        assert_eq!(measured_at(device, noon(), &berlin()), (expected, TimeSource::Device));
    }

    #[test]
    fn a_clock_that_is_not_set_or_ahead_gives_way_to_the_hubs() {
        for device in [None, Some("2013-01-01T00:18:09"), Some("2026-07-01T12:05:01")] {
            let device = device.map(|text| text.parse().unwrap());
            assert_eq!(measured_at(device, noon(), &berlin()), (noon(), TimeSource::Hub), "{device:?}");
        }
        let just = Some("2026-07-01T12:05:00".parse().unwrap());
        assert_eq!(measured_at(just, noon(), &berlin()).1, TimeSource::Device);
    }

    #[test]
    fn a_hub_that_woke_up_in_1970_believes_the_device() {
        let device = Some("2026-07-01T12:00:00".parse().unwrap());
        assert_eq!(measured_at(device, Timestamp::UNIX_EPOCH, &berlin()), (noon(), TimeSource::Device));
    }
}
