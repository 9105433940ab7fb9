//! What health devices send, decoded: bytes in, a [`Reading`] or the reason of a refusal out. What sensors of a room send is
//! an [`Ambient`] value instead, of another type: the warmth of a room never becomes that of a body.
//!
//! Nothing here knows a clock, a device or a database. Layouts are those of the Bluetooth SIG's GATT Specification
//! Supplement; all numbers are little endian. What is missing bytes is refused, what has bytes too many is taken and
//! marked, and no "not a number" ever becomes a number in a reading.

mod ambient;
mod blood_pressure;
mod bytes;
mod current_time;
mod date_time;
mod float;
mod heart_rate;
#[cfg(test)]
mod tests;

pub use ambient::{Ambient, Digital, Sensed};
pub use blood_pressure::{BloodPressure, PressureUnit};
pub use current_time::{current_time, date_time};
pub use heart_rate::HeartRate;

use uuid::Uuid;

/// The Bluetooth base UUID, into which a 16 bit number is set.
const BASE: u128 = 0x0000_0000_0000_1000_8000_0080_5f9b_34fb;
const NUMBER_SHIFT: u32 = 96;

/// The 128 bits of a UUID that the Bluetooth SIG has assigned.
pub const fn assigned(number: u16) -> Uuid {
    Uuid::from_u128(((number as u128) << NUMBER_SHIFT) | BASE)
}

/// Services that make a device one of ours, as devices advertise them.
pub const HEART_RATE_SERVICE: Uuid = assigned(0x180D);
pub const BLOOD_PRESSURE_SERVICE: Uuid = assigned(0x1810);
/// Environmental Sensing: of a room, not of a body.
pub const ENVIRONMENT_SERVICE: Uuid = assigned(0x181A);
pub const SERVICES: [Uuid; 3] = [HEART_RATE_SERVICE, BLOOD_PRESSURE_SERVICE, ENVIRONMENT_SERVICE];

/// Characteristics beside the measurements.
pub const BATTERY_LEVEL: Uuid = assigned(0x2A19);
pub const CURRENT_TIME: Uuid = assigned(0x2A2B);
pub const DATE_TIME: Uuid = assigned(0x2A08);

/// A characteristic that holds readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measurement {
    /// 2A37
    HeartRate,
    /// 2A35. Not 2A36, the pressure in the cuff while it deflates: same layout, but never a result.
    BloodPressure,
}

impl Measurement {
    pub const ALL: [Self; 2] = [Self::HeartRate, Self::BloodPressure];

    /// Its assigned number, in the form that is written into names of readings.
    pub fn code(self) -> &'static str {
        match self {
            Self::HeartRate => "2a37",
            Self::BloodPressure => "2a35",
        }
    }

    pub fn uuid(self) -> Uuid {
        match self {
            Self::HeartRate => assigned(0x2A37),
            Self::BloodPressure => assigned(0x2A35),
        }
    }

    pub fn from_uuid(uuid: Uuid) -> Option<Self> {
        Self::ALL.into_iter().find(|measurement| measurement.uuid() == uuid)
    }
}

/// What a device has measured.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    HeartRate(HeartRate),
    BloodPressure(BloodPressure),
}

/// Why bytes are no reading.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Refused {
    #[error("truncated: {field} needs {needed} bytes, {left} are left")]
    Truncated { field: &'static str, needed: usize, left: usize },
    #[error("no value: the sensor reports a rate of 0")]
    NoRate,
    #[error("the measurement failed: the device sent no pressure")]
    MeasurementFailed,
    #[error("incomplete: {0} is not a number")]
    NotANumber(&'static str),
    #[error("{0} is outside what the specification allows")]
    OutOfRange(&'static str),
}

/// Decodes a notification or indication.
///
/// # Errors
/// Why it is no reading.
pub fn decode(measurement: Measurement, value: &[u8]) -> Result<Reading, Refused> {
    match measurement {
        Measurement::HeartRate => heart_rate::decode(value).map(Reading::HeartRate),
        Measurement::BloodPressure => blood_pressure::decode(value).map(Reading::BloodPressure),
    }
}
