//! A new drink, as a client sends it.

use jiff::Timestamp;
use kit::{
    Home, clock,
    field::{self, FieldError},
};
use serde_json::Value;

use super::amount::{Amount, Unit};

/// The most that is drunk at once, in millilitres: a whole day's fluid in one row is still an entry, a tub is a mistake.
pub const LARGEST_DRINK_ML: f64 = 5_000.0;
/// How long a beverage's name may be, in characters.
const LONGEST_BEVERAGE: usize = 100;
/// What is drunk when nobody says.
const USUAL_BEVERAGE: &str = "water";

/// A drink that can be kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub amount: Amount,
    pub beverage: String,
    pub drunk_at: Timestamp,
    /// As it was written.
    pub drunk_at_text: String,
}

/// Why a drink cannot be kept, for the one who sent it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EntryError {
    /// As existing clients know it.
    #[error("Valid amount_oz is required")]
    Ounces,
    #[error("unit {0:?} is not known. Must be one of: mL, L, oz")]
    Unit(String),
    #[error("{0} is longer than {LONGEST_BEVERAGE} characters")]
    LongBeverage(&'static str),
    #[error(transparent)]
    Field(#[from] FieldError),
}

impl Entry {
    /// Reads the body of an existing client: ounces.
    pub fn in_ounces(body: &Value, now: Timestamp, home: &Home) -> Result<Self, EntryError> {
        let value = field::number(body, "amount_oz").ok().flatten().filter(|ounces| *ounces > 0.0);
        let amount = Amount { value: value.ok_or(EntryError::Ounces)?, unit: Unit::FluidOunce };
        Self::with(amount.check("amount_oz", LARGEST_DRINK_ML)?, body, ["beverage_type", "recorded_at"], now, home)
    }

    /// Reads the body of a newer client: `amount`, `unit`, `beverage`, `drunk_at`.
    pub fn read(body: &Value, now: Timestamp, home: &Home) -> Result<Self, EntryError> {
        let amount = read_amount(body, "amount", "unit")?.ok_or(FieldError::Missing("amount"))?;
        Self::with(amount.check("amount", LARGEST_DRINK_ML)?, body, ["beverage", "drunk_at"], now, home)
    }

    fn with(
        amount: Amount,
        body: &Value,
        [beverage, time]: [&'static str; 2],
        now: Timestamp,
        home: &Home,
    ) -> Result<Self, EntryError> {
        let name = field::text(body, beverage)?.unwrap_or_else(|| USUAL_BEVERAGE.into());
        if name.chars().count() > LONGEST_BEVERAGE {
            return Err(EntryError::LongBeverage(beverage));
        }
        let (drunk_at, drunk_at_text) = field::time(body, time, home)?.unwrap_or_else(|| (now, clock::iso(now)));
        Ok(Self { amount, beverage: name, drunk_at, drunk_at_text })
    }
}

/// A number with a unit beside it; millilitres if none is said.
pub fn read_amount(body: &Value, value: &'static str, unit: &'static str) -> Result<Option<Amount>, EntryError> {
    let Some(value) = field::number(body, value)? else { return Ok(None) };
    let name = field::text(body, unit)?.unwrap_or_else(|| Unit::Millilitre.ucum().into());
    let unit = Unit::of_name(&name).ok_or(EntryError::Unit(name))?;
    Ok(Some(Amount { value, unit }))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use serde_json::json;

    use super::*;

    fn home() -> Home {
        Home::in_zone(TimeZone::get("America/New_York").unwrap())
    }

    fn ounces(body: &Value) -> Result<Entry, String> {
        let now = "2031-01-31T12:00:00Z".parse().unwrap();
        Entry::in_ounces(body, now, &home()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_minimal_drink_is_water_and_of_now() {
        let entry = ounces(&json!({"amount_oz": "8"})).unwrap();
        assert_eq!((entry.amount.value, entry.beverage.as_str()), (8.0, "water"));
        assert_eq!(entry.drunk_at_text, "2031-01-31T12:00:00.000Z");
    }

    #[test]
    fn what_is_no_drink_is_refused() {
        for amount in [json!(null), json!(0), json!(-4), json!("abc"), json!([]), json!({})] {
            assert_eq!(ounces(&json!({"amount_oz": amount})), Err("Valid amount_oz is required".into()), "{amount}");
        }
        let text = "amount_oz cannot be 500: it is at least 0.01 and at most 169";
        assert_eq!(ounces(&json!({"amount_oz": 500})), Err(text.into()));
        assert!(ounces(&json!({"amount_oz": 8, "recorded_at": "noon"})).is_err());
        assert!(ounces(&json!({"amount_oz": 8, "beverage_type": 7})).is_err());
        assert!(ounces(&json!({"amount_oz": 8, "beverage_type": "x".repeat(101)})).is_err());
    }

    #[test]
    fn newer_clients_say_the_unit() {
        let now = "2031-01-31T12:00:00Z".parse().unwrap();
        let read = |body: &Value| Entry::read(body, now, &home()).map_err(|error| error.to_string());
        let entry = read(&json!({"amount": 0.25, "unit": "L", "beverage": "tea", "drunk_at": "2031-01-31T06:30"}));
        let entry = entry.unwrap();
        assert_eq!((entry.amount.ml(), entry.drunk_at.to_string().as_str()), (250.0, "2031-01-31T11:30:00Z"));
        assert_eq!(read(&json!({"amount": 250})).unwrap().amount, Amount::of_ml(250.0));
        assert_eq!(read(&json!({})), Err("amount is required".into()));
        let text = r#"unit "cup" is not known. Must be one of: mL, L, oz"#;
        assert_eq!(read(&json!({"amount": 1, "unit": "cup"})), Err(text.into()));
    }
}
