//! Amounts of fluid: kept as entered, counted in millilitres.

use kit::field::FieldError;

/// A US fluid ounce, in millilitres: 1/128 of 231 cubic inches.
const ML_PER_OUNCE: f64 = 29.573_529_562_5;
/// Sums of amounts that were entered in ounces come out of binary millilitres a hair off; a nanolitre mends that.
const HAIR: f64 = 1e-9;

/// A unit in which people say how much they drank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Millilitre,
    Litre,
    /// Of the US, as existing clients mean it.
    FluidOunce,
}

impl Unit {
    const ALL: [Self; 3] = [Self::Millilitre, Self::Litre, Self::FluidOunce];

    /// As tables have it: UCUM's code.
    pub fn ucum(self) -> &'static str {
        match self {
            Self::Millilitre => "mL",
            Self::Litre => "L",
            Self::FluidOunce => "[foz_us]",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        let spoken = match name.to_ascii_lowercase().as_str() {
            "oz" | "fl oz" | "fl_oz" => Some(Self::FluidOunce),
            "ml" => Some(Self::Millilitre),
            "l" => Some(Self::Litre),
            _ => None,
        };
        spoken.or_else(|| Self::ALL.into_iter().find(|unit| unit.ucum() == name))
    }

    fn ml(self) -> f64 {
        match self {
            Self::Millilitre => 1.0,
            Self::Litre => 1_000.0,
            Self::FluidOunce => ML_PER_OUNCE,
        }
    }
}

/// How much, as it was entered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Amount {
    pub value: f64,
    pub unit: Unit,
}

impl Amount {
    pub fn of_ml(ml: f64) -> Self {
        Self { value: ml, unit: Unit::Millilitre }
    }

    pub fn ml(self) -> f64 {
        self.value * self.unit.ml()
    }

    /// In ounces; as it was entered if it was in ounces.
    pub fn ounces(self) -> f64 {
        if self.unit == Unit::FluidOunce { self.value } else { self.ml() / ML_PER_OUNCE }
    }

    /// Refused above `most` millilitres, or below a millilitre or a hundredth of its unit; the range is said in its own unit.
    ///
    /// # Errors
    /// [`FieldError::OutOfRange`].
    pub fn check(self, field: &'static str, most: f64) -> Result<Self, FieldError> {
        let least = tenth_down(1.0 / self.unit.ml()).max(0.01);
        if self.value >= least && self.ml() <= most {
            return Ok(self);
        }
        Err(FieldError::OutOfRange { field, value: self.value, least, most: tenth_down(most / self.unit.ml()) })
    }
}

/// Millilitres as ounces to one decimal, halves up, as existing clients show them.
pub fn shown_ounces(ml: f64) -> f64 {
    ((ml / ML_PER_OUNCE * 10.0) + HAIR).round() / 10.0
}

/// Millilitres as people read them: whole.
pub fn shown_ml(ml: f64) -> f64 {
    (ml + HAIR).round()
}

fn tenth_down(number: f64) -> f64 {
    (number * 10.0).floor() / 10.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn units_are_known_as_people_write_them() {
        for (name, unit) in [
            ("oz", Some(Unit::FluidOunce)),
            ("[foz_us]", Some(Unit::FluidOunce)),
            ("mL", Some(Unit::Millilitre)),
            ("ml", Some(Unit::Millilitre)),
            ("L", Some(Unit::Litre)),
            ("cup", None),
            ("", None),
        ] {
            assert_eq!(Unit::of_name(name), unit, "{name:?}");
        }
        for unit in Unit::ALL {
            assert_eq!(Unit::of_name(unit.ucum()), Some(unit));
        }
    }

    #[test]
    fn what_cannot_be_drunk_is_refused_with_the_range_in_the_same_unit() {
        let check = |value, unit| Amount { value, unit }.check("amount", 5_000.0).map_err(|error| error.to_string());
        assert!(check(169.0, Unit::FluidOunce).is_ok() && check(5.0, Unit::Litre).is_ok());
        let text = "amount cannot be 170: it is at least 0.01 and at most 169";
        assert_eq!(check(170.0, Unit::FluidOunce), Err(text.into()));
        let text = "amount cannot be -1: it is at least 1 and at most 5000";
        assert_eq!(check(-1.0, Unit::Millilitre), Err(text.into()));
        for (value, unit) in
            [(0.0, Unit::Litre), (1e-7, Unit::Litre), (0.9, Unit::Millilitre), (0.001, Unit::FluidOunce)]
        {
            assert!(check(value, unit).is_err(), "{value} {unit:?} is hardly anything");
        }
        assert!(check(0.01, Unit::Litre).is_ok() && check(1.0, Unit::Millilitre).is_ok());
    }

    proptest! {
        #[test]
        fn a_sum_of_quarter_ounces_is_rounded_as_the_ounces_themselves(quarters in prop::collection::vec(1_u32..200, 0..60)) {
            let ounces: f64 = quarters.iter().map(|quarter| f64::from(*quarter) / 4.0).sum();
            let ml: f64 =
                quarters.iter().map(|q| Amount { value: f64::from(*q) / 4.0, unit: Unit::FluidOunce }.ml()).sum();
            prop_assert_eq!(shown_ounces(ml), (ounces * 10.0).round() / 10.0);
        }
    }
}
