//! Devices that count somebody's day, as existing clients register them.

use kit::field::{self, FieldError};
use serde_json::Value;

use super::Sent;

/// What existing clients know; anything else is the first.
const KINDS: [&str; 4] = ["fitness_band", "smartwatch", "pedometer", "heart_rate_monitor"];
/// How long an address may be, in characters: those of Bluetooth are 17.
const LONGEST_ADDRESS: usize = 64;
/// How long a name may be, in characters.
const LONGEST_NAME: usize = 200;
/// Zones are at most so far from UTC, in minutes.
const FARTHEST_ZONE: f64 = 14.0 * 60.0;

/// A device that can be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    pub address: String,
    pub name: String,
    pub kind: &'static str,
}

/// What a device says of the day.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub address: String,
    pub sent: Sent,
    /// Whether it is all of the day: what is missing is 0, not unknown.
    pub is_whole: bool,
}

/// Why a device or what it says cannot be kept, for the one who sent it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DeviceError {
    #[error("Missing required fields: address and name are required")]
    Incomplete,
    #[error("Missing required field: deviceAddress")]
    NoAddress,
    #[error(
        "At least one activity metric is required \
         (steps, calories, active_minutes, distance_miles, or floors_climbed)"
    )]
    NoFigure,
    #[error("Missing or invalid offsetMinutes (must be a number)")]
    NoOffset,
    #[error("{0} is longer than {1} characters")]
    Long(&'static str, usize),
    #[error(transparent)]
    Field(#[from] FieldError),
}

impl Registration {
    pub fn read(body: &Value) -> Result<Self, DeviceError> {
        if ["address", "name"].iter().any(|field| field::is_missing(body, field)) {
            return Err(DeviceError::Incomplete);
        }
        let name = field::text(body, "name")?.ok_or(DeviceError::Incomplete)?;
        if name.chars().count() > LONGEST_NAME {
            return Err(DeviceError::Long("name", LONGEST_NAME));
        }
        let given = body["type"].as_str();
        let kind = KINDS.into_iter().find(|kind| Some(*kind) == given).unwrap_or(KINDS[0]);
        Ok(Self { address: address(body, "address")?.ok_or(DeviceError::Incomplete)?, name, kind })
    }
}

impl Report {
    /// Some figures: the others stay as they were.
    pub fn of_some(body: &Value) -> Result<Self, DeviceError> {
        let address = address(body, "deviceAddress")?.ok_or(DeviceError::NoAddress)?;
        let sent = Sent::read_of_device(body)?;
        if sent.is_empty() { Err(DeviceError::NoFigure) } else { Ok(Self { address, sent, is_whole: false }) }
    }

    /// All of the day.
    pub fn of_all(body: &Value) -> Result<Self, DeviceError> {
        let address = address(body, "deviceAddress")?.ok_or(DeviceError::NoAddress)?;
        Ok(Self { address, sent: Sent::read_of_device(body)?, is_whole: true })
    }
}

/// An offset from UTC, in minutes. Texts are not taken, as existing clients expect.
pub fn offset_minutes(body: &Value) -> Result<f64, DeviceError> {
    if !body["offsetMinutes"].is_number() {
        return Err(DeviceError::NoOffset);
    }
    let offset = field::number_within(body, "offsetMinutes", -FARTHEST_ZONE, FARTHEST_ZONE)?;
    offset.ok_or(DeviceError::NoOffset)
}

/// As devices are known by: in upper case.
pub fn canonical(address: &str) -> String {
    address.to_uppercase()
}

fn address(body: &Value, field: &'static str) -> Result<Option<String>, DeviceError> {
    let Some(address) = field::text(body, field)? else { return Ok(None) };
    if address.chars().count() > LONGEST_ADDRESS {
        return Err(DeviceError::Long(field, LONGEST_ADDRESS));
    }
    Ok(Some(canonical(&address)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_unknown_type_is_a_band_and_addresses_are_in_upper_case() {
        let read = |kind: Value| Registration::read(&json!({"address": "aa:bb", "name": "B", "type": kind})).unwrap();
        assert_eq!((read(json!(null)).kind, read(json!("toaster")).kind), ("fitness_band", "fitness_band"));
        assert_eq!((read(json!("pedometer")).kind, read(json!(7)).address.as_str()), ("pedometer", "AA:BB"));
        let long = "a".repeat(LONGEST_ADDRESS + 1);
        for body in
            [json!({}), json!({"name": "B"}), json!({"address": "x", "name": 1}), json!({"address": long, "name": "B"})]
        {
            assert!(Registration::read(&body).is_err(), "{body}");
        }
    }

    #[test]
    fn what_a_device_says_needs_an_address_and_something_said() {
        assert_eq!(Report::of_some(&json!({"steps": 1})), Err(DeviceError::NoAddress));
        assert_eq!(Report::of_some(&json!({"deviceAddress": "a"})), Err(DeviceError::NoFigure));
        assert_eq!(Report::of_some(&json!({"deviceAddress": "a", "steps": 0})).unwrap().sent.0[0], Some(0.0));
        assert!(Report::of_all(&json!({"deviceAddress": "a"})).unwrap().is_whole);
    }

    #[test]
    fn an_offset_is_a_number_that_a_zone_can_have() {
        assert_eq!(offset_minutes(&json!({"offsetMinutes": -300})), Ok(-300.0));
        for offset in [json!(null), json!("-300"), json!(100_000)] {
            assert!(offset_minutes(&json!({"offsetMinutes": offset})).is_err(), "{offset}");
        }
    }
}
