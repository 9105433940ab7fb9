//! Heart Rate Measurement, 2A37.

use super::Refused;
use super::bytes::Bytes;

const RATE_IS_U16: u8 = 1 << 0;
const CONTACT: u8 = 1 << 1;
const CONTACT_IS_SUPPORTED: u8 = 1 << 2;
const HAS_ENERGY: u8 = 1 << 3;
const HAS_INTERVALS: u8 = 1 << 4;

/// What a strap or watch sends about once a second.
#[derive(Clone, Debug, PartialEq)]
pub struct HeartRate {
    pub beats_per_minute: u16,
    /// Whether the sensor touches skin; `None` if it cannot tell.
    pub contact: Option<bool>,
    /// Since the sensor was started.
    pub energy_kilojoules: Option<u16>,
    /// Times between beats since the last notification, oldest first.
    pub intervals_1024ths: Vec<u16>,
    pub trailing_bytes: usize,
}

pub(super) fn decode(value: &[u8]) -> Result<HeartRate, Refused> {
    let mut bytes = Bytes::new(value);
    let flags = bytes.u8("flags")?;
    let has = |flag: u8| flags & flag != 0;
    let beats_per_minute = if has(RATE_IS_U16) { bytes.u16("heart rate")? } else { u16::from(bytes.u8("heart rate")?) };
    let energy_kilojoules = has(HAS_ENERGY).then(|| bytes.u16("energy")).transpose()?;
    let intervals_1024ths = if has(HAS_INTERVALS) { intervals(&mut bytes) } else { Vec::new() };
    if beats_per_minute == 0 {
        return Err(Refused::NoRate);
    }
    Ok(HeartRate {
        beats_per_minute,
        contact: has(CONTACT_IS_SUPPORTED).then(|| has(CONTACT)),
        energy_kilojoules,
        intervals_1024ths,
        trailing_bytes: bytes.left(),
    })
}

/// As many as fit; half an interval at the end is left over, and the rate before it is still good.
fn intervals(bytes: &mut Bytes<'_>) -> Vec<u16> {
    std::iter::from_fn(|| bytes.u16("interval").ok()).collect()
}
