//! A reading as it is kept and posted.

use btleplug::api::BDAddr;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Number, Value, json};

use crate::gatt::{BloodPressure, Measurement};
use crate::plausible::{self, Implausible, TimeSource};

/// The `source` of readings from devices, as clients know it.
const SOURCE: &str = "ble_device";
/// As much of the bytes as goes into a key: more than any layout has, so that trailing bytes make no key too long.
const KEY_BYTES: usize = 32;
/// The device's status bits, in words.
const STATUS_WORDS: [(u16, &str); 6] = [
    (1 << 0, "movement during the measurement"),
    (1 << 1, "cuff too loose"),
    (1 << 2, "irregular pulse"),
    (1 << 3, "pulse above the device's range"),
    (1 << 4, "pulse below the device's range"),
    (1 << 5, "improper position"),
];

/// What came from a device, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    pub device: BDAddr,
    pub measurement: Measurement,
    pub raw: Vec<u8>,
    /// By the hub's clock.
    pub at: Timestamp,
}

/// A reading that is fit to be delivered.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    pub received: Received,
    pub time_source: TimeSource,
    /// What is posted.
    pub body: String,
}

impl Received {
    /// Names what was received, for ever. What carries a time that can be trusted is the same reading however often it
    /// is sent; anything else is told apart by its receipt.
    pub fn key(&self, time_source: TimeSource) -> String {
        let device: String = self.device.to_string().replace(':', "");
        let raw: String = self.raw.iter().take(KEY_BYTES).map(|byte| format!("{byte:02x}")).collect();
        let code = self.measurement.code();
        match time_source {
            TimeSource::Device => format!("ble-{device}-{code}-{raw}"),
            TimeSource::Hub => format!("ble-{device}-{code}-{raw}-{}", self.at.as_millisecond()),
        }
    }
}

/// A heart rate that stands for a while of its stream.
pub fn heart_rate(received: Received, rate: u16) -> Observation {
    let body = json!({
        "vital_type": "heart_rate",
        "value_primary": rate,
        "unit": "bpm",
        "source": SOURCE,
        "recorded_at": kit::clock::iso(received.at),
        "device_address": received.device.to_string(),
    });
    Observation { time_source: TimeSource::Hub, body: body.to_string(), received }
}

/// A spot reading.
pub fn blood_pressure(
    received: Received,
    reading: &BloodPressure,
    zone: &TimeZone,
) -> Result<Observation, Implausible> {
    let (systolic, diastolic) = plausible::blood_pressure(reading)?;
    let (measured_at, time_source) = plausible::measured_at(reading.device_time, received.at, zone);
    let mut body = json!({
        "vital_type": "blood_pressure",
        "value_primary": number(systolic),
        "value_secondary": number(diastolic),
        "unit": "mmHg",
        "source": SOURCE,
        "recorded_at": kit::clock::iso(measured_at),
        "device_address": received.device.to_string(),
    });
    if let Some(notes) = notes(reading) {
        body["notes"] = notes.into();
    }
    Ok(Observation { time_source, body: body.to_string(), received })
}

/// What else the cuff said, for people.
fn notes(reading: &BloodPressure) -> Option<String> {
    let status = reading.status.unwrap_or_default();
    let pulse = reading.pulse_per_minute.map(|pulse| format!("pulse {}/min", number(pulse)));
    let mean = reading
        .mean_arterial
        .map(|mean| format!("mean arterial pressure {} mmHg", number(plausible::in_mmhg(mean, reading.unit))));
    let user = reading.user.map(|user| format!("user {user} of the device"));
    let words = STATUS_WORDS.iter().filter(|(bit, _)| status & bit != 0).map(|(_, words)| (*words).to_string());
    let notes: Vec<String> = pulse.into_iter().chain(mean).chain(user).chain(words).collect();
    (!notes.is_empty()).then(|| notes.join("; "))
}

/// 120, not 120.0.
fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "whole, and in a range that was checked or fits an SFLOAT")]
    let whole = (value.fract() == 0.0).then(|| Value::from(value as i64));
    whole.or_else(|| Number::from_f64(value).map(Value::Number)).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gatt::{self, Reading};

    fn received(raw: &[u8]) -> Received {
        Received {
            device: "00:5F:BF:00:00:02".parse().unwrap(),
            measurement: Measurement::BloodPressure,
            raw: raw.to_vec(),
            at: "2026-07-01T10:00:00Z".parse().unwrap(),
        }
    }

    /// 138/88, pulse 60, user 1, status 0x27, measured 2026-04-17 20:41:59.
    const TIMED: [u8; 19] =
        [0x1E, 0x8A, 0, 0x58, 0, 0x78, 0, 0xEA, 0x07, 4, 0x11, 0x14, 0x29, 0x3B, 0x3C, 0, 1, 0x27, 0];

    #[test]
    fn a_blood_pressure_is_posted_as_clients_expect_it() {
        let Ok(Reading::BloodPressure(reading)) = gatt::decode(Measurement::BloodPressure, &TIMED) else {
            panic!("must be decoded")
        };
        let observation = blood_pressure(received(&TIMED), &reading, &TimeZone::UTC).unwrap();
        assert_eq!(observation.time_source, TimeSource::Device);
        let body: Value = serde_json::from_str(&observation.body).unwrap();
        assert_eq!(
            body,
            json!({
                "vital_type": "blood_pressure", "value_primary": 138, "value_secondary": 88, "unit": "mmHg",
                "source": "ble_device", "recorded_at": "2026-04-17T20:41:59.000Z", "device_address": "00:5F:BF:00:00:02",
                "notes": "pulse 60/min; mean arterial pressure 120 mmHg; user 1 of the device; \
                          movement during the measurement; cuff too loose; irregular pulse; improper position",
            })
        );
    }

    #[test]
    fn a_reading_with_a_trusted_time_keeps_its_key_however_often_it_is_received() {
        let mut again = received(&TIMED);
        again.at = "2026-07-02T10:00:00Z".parse().unwrap();
        let key = received(&TIMED).key(TimeSource::Device);
        assert_eq!(key, again.key(TimeSource::Device));
        assert!(key.starts_with("ble-005FBF000002-2a35-1e8a"), "{key}");
        assert_ne!(received(&TIMED).key(TimeSource::Hub), again.key(TimeSource::Hub));
        assert!(received(&[0xFF; 512]).key(TimeSource::Hub).len() < 128, "the API takes no longer ones");
    }
}
