//! Numbers as clients write and read them.

use serde_json::{Number, Value};

/// Larger whole numbers have neighbours that a client's double cannot tell apart.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;

/// A number, or a text that is one: `72`, `"72"`, `" 72.5 "`. `None` for everything else, also for what is not finite.
#[must_use]
pub fn read(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    number.filter(|number| number.is_finite())
}

/// The same as an integer; `None` if it has a fraction, or is too large to be counted by ones.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "only whole numbers that an i64 holds")]
pub fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() <= LARGEST_WHOLE).then_some(number as i64)
}

/// As JSON, whole numbers without a fraction: `72`, not `72.0`.
#[must_use]
pub fn json(number: f64) -> Value {
    match whole(number) {
        Some(whole) => Value::from(whole),
        None => Number::from_f64(number).map_or(Value::Null, Value::Number),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_taken_from_numbers_and_numeric_texts_only() {
        for (value, number) in [(json!(72), 72.0), (json!("97"), 97.0), (json!(" 98.6 "), 98.6), (json!(0), 0.0)] {
            assert_eq!(read(&value), Some(number), "{value}");
        }
        for value in [json!("abc"), json!(""), json!("72 bpm"), json!("NaN"), json!("inf"), json!(null), json!([72])] {
            assert_eq!(read(&value), None, "{value}");
        }
    }

    #[test]
    fn whole_numbers_have_no_fraction() {
        assert_eq!(json(72.0).to_string(), "72");
        assert_eq!(json(-0.0).to_string(), "0");
        assert_eq!(json(98.6).to_string(), "98.6");
        assert_eq!(json(f64::NAN), Value::Null);
    }
}
