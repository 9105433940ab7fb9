//! Blood Pressure Measurement, 2A35.

use jiff::civil::DateTime;

use super::bytes::Bytes;
use super::float::{Decimal, sfloat};
use super::{Refused, date_time};

const UNIT_IS_KILOPASCAL: u8 = 1 << 0;
const HAS_TIME: u8 = 1 << 1;
const HAS_PULSE: u8 = 1 << 2;
const HAS_USER: u8 = 1 << 3;
const HAS_STATUS: u8 = 1 << 4;
const UNKNOWN_USER: u8 = 255;

/// What a pressure is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PressureUnit {
    MillimetresOfMercury,
    Kilopascal,
}

/// The result of one inflation of a cuff.
#[derive(Clone, Debug, PartialEq)]
pub struct BloodPressure {
    pub systolic: f64,
    pub diastolic: f64,
    pub mean_arterial: Option<f64>,
    pub unit: PressureUnit,
    /// By the device's own clock; `None` if it sent none, or one that is not set.
    pub device_time: Option<DateTime>,
    pub pulse_per_minute: Option<f64>,
    /// Which of the device's users; `None` if it has one only or does not know.
    pub user: Option<u8>,
    /// The device's status bits as sent: 0 movement, 1 cuff loose, 2 irregular pulse, 3-4 pulse out of range, 5 position.
    pub status: Option<u16>,
    pub trailing_bytes: usize,
}

pub(super) fn decode(value: &[u8]) -> Result<BloodPressure, Refused> {
    let mut bytes = Bytes::new(value);
    let flags = bytes.u8("flags")?;
    let has = |flag: u8| flags & flag != 0;
    let systolic = pressure(&mut bytes, "systolic pressure")?;
    let diastolic = pressure(&mut bytes, "diastolic pressure")?;
    let mean_arterial = pressure(&mut bytes, "mean arterial pressure")?;
    let device_time = if has(HAS_TIME) { date_time::decode(&mut bytes)? } else { None };
    let pulse = has(HAS_PULSE).then(|| bytes.u16("pulse rate").map(sfloat)).transpose()?;
    let user = has(HAS_USER).then(|| bytes.u8("user")).transpose()?;
    let status = has(HAS_STATUS).then(|| bytes.u16("status")).transpose()?;
    let (systolic, diastolic) = both(systolic, diastolic)?;
    Ok(BloodPressure {
        systolic,
        diastolic,
        mean_arterial: mean_arterial.number(),
        unit: if has(UNIT_IS_KILOPASCAL) { PressureUnit::Kilopascal } else { PressureUnit::MillimetresOfMercury },
        device_time,
        pulse_per_minute: pulse.and_then(Decimal::number),
        user: user.filter(|user| *user != UNKNOWN_USER),
        status,
        trailing_bytes: bytes.left(),
    })
}

fn pressure(bytes: &mut Bytes<'_>, field: &'static str) -> Result<Decimal, Refused> {
    bytes.u16(field).map(sfloat)
}

/// One pressure without the other is no blood pressure: a missing diastolic is not 0.
fn both(systolic: Decimal, diastolic: Decimal) -> Result<(f64, f64), Refused> {
    match (systolic.number(), diastolic.number()) {
        (Some(systolic), Some(diastolic)) => Ok((systolic, diastolic)),
        (None, None) => Err(Refused::MeasurementFailed),
        (None, Some(_)) => Err(Refused::NotANumber("the systolic pressure")),
        (Some(_), None) => Err(Refused::NotANumber("the diastolic pressure")),
    }
}
