//! What food is counted in. Unknown is not zero: it is carried along as unknown until a client asks for a number.

use kit::number;
use serde_json::{Map, Value};

/// What is counted, in the order in which clients list it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nutrient {
    Calories,
    Protein,
    Carbs,
    Fat,
    Fiber,
    Sodium,
}

impl Nutrient {
    pub const ALL: [Self; 6] = [Self::Calories, Self::Protein, Self::Carbs, Self::Fat, Self::Fiber, Self::Sodium];

    /// As clients and tables write it. Calories are kcal, sodium is mg, the rest is g.
    pub fn name(self) -> &'static str {
        match self {
            Self::Calories => "calories",
            Self::Protein => "protein",
            Self::Carbs => "carbs",
            Self::Fat => "fat",
            Self::Fiber => "fiber",
            Self::Sodium => "sodium",
        }
    }

    /// As clients write it in a meal's sum.
    pub fn total_name(self) -> &'static str {
        match self {
            Self::Calories => "totalCalories",
            Self::Protein => "totalProtein",
            Self::Carbs => "totalCarbs",
            Self::Fat => "totalFat",
            Self::Fiber => "totalFiber",
            Self::Sodium => "totalSodium",
        }
    }
}

/// How much of each nutrient; `None` is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Amounts([Option<f64>; 6]);

impl Amounts {
    pub fn new(amount_of: impl FnMut(Nutrient) -> Option<f64>) -> Self {
        Self(Nutrient::ALL.map(amount_of))
    }

    /// The same, from something that can fail.
    pub fn try_new<E>(mut amount_of: impl FnMut(Nutrient) -> Result<Option<f64>, E>) -> Result<Self, E> {
        let mut amounts = Self::default();
        for nutrient in Nutrient::ALL {
            amounts.0[nutrient as usize] = amount_of(nutrient)?;
        }
        Ok(amounts)
    }

    pub fn of(&self, nutrient: Nutrient) -> Option<f64> {
        self.0[nutrient as usize]
    }

    pub fn times(&self, quantity: f64) -> Self {
        Self(self.0.map(|amount| amount.map(|amount| amount * quantity)))
    }

    /// The sum of what is known. A nutrient that nobody knows stays unknown.
    pub fn sum(parts: impl IntoIterator<Item = Self>) -> Self {
        parts.into_iter().fold(Self::default(), |total, part| {
            Self::new(|nutrient| match (total.of(nutrient), part.of(nutrient)) {
                (None, amount) | (amount, None) => amount,
                (Some(total), Some(part)) => Some(total + part),
            })
        })
    }

    /// What existing clients are told: they know no unknown, so it counts as nothing there.
    pub fn told(&self, nutrient: Nutrient) -> f64 {
        without_noise(self.of(nutrient).unwrap_or(0.0))
    }

    /// Adds each amount to a JSON object, under `name_of` the nutrient; an unknown one as `null`.
    pub fn write_known(&self, object: &mut Map<String, Value>, name_of: fn(Nutrient) -> &'static str) {
        for nutrient in Nutrient::ALL {
            let amount = self.of(nutrient).map_or(Value::Null, |amount| number::json(without_noise(amount)));
            object.insert(name_of(nutrient).to_owned(), amount);
        }
    }

    /// Adds each amount to a JSON object, under `name_of` the nutrient, as existing clients are [told](Self::told).
    pub fn write_told(&self, object: &mut Map<String, Value>, name_of: fn(Nutrient) -> &'static str) {
        for nutrient in Nutrient::ALL {
            object.insert(name_of(nutrient).to_owned(), number::json(self.told(nutrient)));
        }
    }
}

/// Sums of binary fractions leave a trace at the far end: 0.1 + 0.2 is 0.3 to people.
pub fn without_noise(amount: f64) -> f64 {
    const STEPS: f64 = 1e6;
    if amount.abs() < f64::MAX / STEPS { (amount * STEPS).round() / STEPS } else { amount }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calories_and_fat(calories: Option<f64>, fat: Option<f64>) -> Amounts {
        Amounts::new(|nutrient| match nutrient {
            Nutrient::Calories => calories,
            Nutrient::Fat => fat,
            _ => None,
        })
    }

    #[test]
    fn a_sum_is_of_what_is_known_and_says_when_nothing_is() {
        let parts =
            [calories_and_fat(Some(0.1), None), calories_and_fat(Some(0.2), None), calories_and_fat(None, None)];
        let sum = Amounts::sum(parts);
        assert_eq!(sum.told(Nutrient::Calories), 0.3);
        assert_eq!(sum.of(Nutrient::Fat), None);
        assert_eq!(sum.told(Nutrient::Fat), 0.0);
        assert_eq!(Amounts::sum([]), Amounts::default());
    }

    #[test]
    fn twice_the_unknown_is_unknown() {
        assert_eq!(calories_and_fat(Some(95.0), None).times(2.0), calories_and_fat(Some(190.0), None));
    }
}
