//! Every vector, every prefix of each, every SFLOAT, and bytes that nobody thought of.

use jiff::civil::DateTime;
use proptest::prelude::*;
use serde_json::Value;

use super::bytes::Bytes;
use super::float::{Decimal, float, sfloat};
use super::*;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../tests/vectors.json")).expect("vectors.json is JSON")
}

fn of(characteristic: &str) -> Vec<Value> {
    let all = vectors()["vectors"].as_array().expect("vectors is a list").clone();
    let chosen: Vec<Value> = all.into_iter().filter(|vector| vector["characteristic"] == characteristic).collect();
    assert!(!chosen.is_empty(), "no vector for {characteristic}");
    chosen
}

fn bytes_of(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().expect("hex is text");
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits")).collect()
}

fn expected_decimal(expected: &Value) -> Decimal {
    match expected.as_str() {
        None => Decimal::Number(expected.as_f64().expect("a number")),
        Some("NaN") => Decimal::NotANumber,
        Some("NRes") => Decimal::NotAtThisResolution,
        Some("+INF") => Decimal::PositiveInfinity,
        Some("-INF") => Decimal::NegativeInfinity,
        Some("reserved") => Decimal::Reserved,
        Some(other) => panic!("unknown expectation {other}"),
    }
}

/// Checks one expected field, if the vector has it.
fn check(expected: &Value, field: &str, actual: impl Into<Value>) {
    if let Some(wanted) = expected.get(field) {
        let wanted = if wanted == "NaN" { &Value::Null } else { wanted };
        assert_eq!(&actual.into(), wanted, "{field}");
    }
}

#[test]
fn every_sfloat_vector_is_read_as_it_should_be() {
    for vector in vectors()["sfloat16"].as_array().expect("a list") {
        let raw = Bytes::new(&bytes_of(&vector["hex_le"])).u16("raw").expect("two bytes");
        assert_eq!(sfloat(raw), expected_decimal(&vector["expected"]), "{vector}");
    }
}

#[test]
fn every_float_vector_is_read_as_it_should_be() {
    for vector in vectors()["float32"].as_array().expect("a list") {
        let raw = u32::from_le_bytes(bytes_of(&vector["hex_le"]).try_into().expect("four bytes"));
        assert_eq!(float(raw), expected_decimal(&vector["expected"]), "{vector}");
    }
}

#[test]
fn of_all_65536_sfloats_exactly_five_are_no_numbers_and_the_rest_are_exact() {
    let mut others = Vec::new();
    for raw in 0..=u16::MAX {
        let unsigned = i32::from(raw & 0x0FFF);
        let mantissa = if unsigned > 0x7FF { unsigned - 0x1000 } else { unsigned };
        let exponent = i32::from(raw >> 12);
        let exponent = if exponent > 7 { exponent - 16 } else { exponent };
        match sfloat(raw) {
            // Dividing by an exact power of ten rounds once, as reading the decimal text does.
            Decimal::Number(number) if exponent < 0 => {
                assert_eq!(number, f64::from(mantissa) / 10_f64.powi(-exponent), "{raw:#06x}");
            }
            Decimal::Number(number) => {
                assert_eq!(number, f64::from(mantissa) * 10_f64.powi(exponent), "{raw:#06x}");
            }
            _ => others.push(raw),
        }
    }
    assert_eq!(others, [0x07FE, 0x07FF, 0x0800, 0x0801, 0x0802]);
}

#[test]
fn every_heart_rate_vector_is_decoded_or_refused_as_it_should_be() {
    for vector in of("2A37") {
        let decoded = decode(Measurement::HeartRate, &bytes_of(&vector["hex"]));
        let expected = &vector["expected"];
        if expected.is_null() {
            let why = decoded.expect_err("must be refused").to_string();
            assert!(why.starts_with(vector["error"].as_str().expect("a reason")), "{why}");
        } else if expected["bpm"] == 0 {
            assert_eq!(decoded, Err(Refused::NoRate));
        } else {
            let Ok(Reading::HeartRate(heart_rate)) = decoded else { panic!("{vector}: {decoded:?}") };
            check(expected, "bpm", heart_rate.beats_per_minute);
            check(expected, "contact", heart_rate.contact);
            check(expected, "energy_kj", heart_rate.energy_kilojoules);
            check(expected, "rr_1024", heart_rate.intervals_1024ths);
        }
    }
}

#[test]
fn every_blood_pressure_vector_is_decoded_or_refused_as_it_should_be() {
    for vector in of("2A35") {
        let decoded = decode(Measurement::BloodPressure, &bytes_of(&vector["hex"]));
        let expected = &vector["expected"];
        if expected["systolic"] == "NaN" {
            assert_eq!(decoded, Err(Refused::MeasurementFailed));
            continue;
        }
        let Ok(Reading::BloodPressure(pressure)) = decoded else { panic!("{vector}: {decoded:?}") };
        check(expected, "systolic", pressure.systolic);
        check(expected, "diastolic", pressure.diastolic);
        check(expected, "map", pressure.mean_arterial);
        check(expected, "pulse", pressure.pulse_per_minute);
        check(expected, "timestamp", pressure.device_time.map(|at| at.to_string()));
        check(expected, "status", pressure.status);
        assert_eq!(pressure.unit, PressureUnit::MillimetresOfMercury);
        match expected["user_id"].as_u64() {
            Some(255) | None => assert_eq!(pressure.user, None),
            Some(user) => assert_eq!(pressure.user.map(u64::from), Some(user)),
        }
    }
}

#[test]
fn the_pressure_in_a_deflating_cuff_is_never_a_blood_pressure() {
    assert_eq!(Measurement::from_uuid(assigned(0x2A36)), None);
    for vector in of("2A36") {
        let decoded = decode(Measurement::BloodPressure, &bytes_of(&vector["hex"]));
        assert_eq!(decoded, Err(Refused::NotANumber("the diastolic pressure")));
    }
}

#[test]
fn a_time_stamp_is_local_time_or_unknown() {
    for vector in of("2A08") {
        let at = super::date_time::decode(&mut Bytes::new(&bytes_of(&vector["hex"]))).expect("seven bytes");
        let expected: DateTime = vector["expected"]["timestamp"].as_str().expect("a time").parse().expect("a time");
        assert_eq!(at, Some(expected));
    }
    let unknown =
        [[0, 0, 1, 1, 0, 0, 0], [0xE5, 7, 0, 1, 0, 0, 0], [0xE5, 7, 1, 0, 0, 0, 0], [0xE5, 7, 2, 30, 0, 0, 0]];
    for bytes in unknown {
        assert_eq!(super::date_time::decode(&mut Bytes::new(&bytes)), Ok(None), "{bytes:?}");
    }
}

#[test]
fn kilopascal_is_told_apart() {
    // 16.0 and 10.7 kPa.
    let decoded = decode(Measurement::BloodPressure, &[0x01, 0xA0, 0xF0, 0x6B, 0xF0, 0xFF, 0x07]);
    let Ok(Reading::BloodPressure(pressure)) = decoded else { panic!("{decoded:?}") };
    assert_eq!((pressure.systolic, pressure.diastolic), (16.0, 10.7));
    assert_eq!(pressure.unit, PressureUnit::Kilopascal);
}

#[test]
fn bytes_too_many_are_marked_and_harmless() {
    let decoded = decode(Measurement::BloodPressure, &[0, 120, 0, 80, 0, 93, 0, 0xAA, 0xBB]);
    let Ok(Reading::BloodPressure(pressure)) = decoded else { panic!("{decoded:?}") };
    assert_eq!((pressure.systolic, pressure.trailing_bytes), (120.0, 2));
    let decoded = decode(Measurement::HeartRate, &[0x10, 60, 0, 4, 1]);
    let Ok(Reading::HeartRate(heart_rate)) = decoded else { panic!("{decoded:?}") };
    assert_eq!((heart_rate.intervals_1024ths, heart_rate.trailing_bytes), (vec![1024], 1));
}

#[test]
fn every_prefix_of_every_vector_is_refused_or_has_no_number_that_the_whole_has_not() {
    for (code, measurement) in [("2A37", Measurement::HeartRate), ("2A35", Measurement::BloodPressure)] {
        for vector in of(code) {
            let bytes = bytes_of(&vector["hex"]);
            let whole = decode(measurement, &bytes);
            for length in 0..bytes.len() {
                match (decode(measurement, &bytes[..length]), &whole) {
                    (Err(_), _) => {}
                    (Ok(Reading::HeartRate(part)), Ok(Reading::HeartRate(whole))) => {
                        assert_eq!(part.beats_per_minute, whole.beats_per_minute);
                        assert!(whole.intervals_1024ths.starts_with(&part.intervals_1024ths));
                    }
                    (Ok(part), whole) => panic!("{length} bytes of {vector}: {part:?} of {whole:?}"),
                }
            }
        }
    }
}

#[test]
fn a_clock_is_set_with_the_bytes_that_devices_expect() {
    let at = jiff::civil::date(2026, 11, 10).at(12, 0, 5, 500_000_000);
    assert_eq!(date_time(at), [0xEA, 0x07, 11, 10, 12, 0, 5]);
    assert_eq!(current_time(at), [0xEA, 0x07, 11, 10, 12, 0, 5, 2, 128, 1]);
}

fn is_finite(reading: &Reading) -> bool {
    match reading {
        Reading::HeartRate(heart_rate) => heart_rate.beats_per_minute > 0,
        Reading::BloodPressure(pressure) => [Some(pressure.systolic), Some(pressure.diastolic)]
            .into_iter()
            .chain([pressure.mean_arterial, pressure.pulse_per_minute])
            .flatten()
            .all(f64::is_finite),
    }
}

proptest! {
    #[test]
    fn no_bytes_panic_and_no_reading_holds_what_is_no_number(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        for measurement in Measurement::ALL {
            if let Ok(reading) = decode(measurement, &bytes) {
                prop_assert!(is_finite(&reading), "{reading:?}");
            }
        }
    }

    #[test]
    fn every_float_is_finite_or_no_number(raw in any::<u32>()) {
        prop_assert!(float(raw).number().is_none_or(f64::is_finite));
    }
}
