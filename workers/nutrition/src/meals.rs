//! Meals, their sums, and how a day stands against its goals. Pure: no clock, no database.

use kit::{
    field::{self, FieldError},
    number,
};
use serde_json::{Map, Value, json};

use crate::nutrients::{Amounts, Nutrient, without_noise};

/// A quantity that nobody gave.
const USUAL_QUANTITY: f64 = 1.0;
/// A unit that nobody gave.
const USUAL_UNIT: &str = "serving";

/// One food of a meal.
#[derive(Clone, Debug, PartialEq)]
pub struct Eaten {
    pub name: String,
    pub quantity: Option<f64>,
    pub unit: Option<String>,
    /// Of one unit.
    pub amounts: Amounts,
    /// As the client wrote it.
    pub entered: Value,
}

/// What a client says about a meal.
#[derive(Clone, Debug, PartialEq)]
pub struct MealEntry {
    /// In lower case; `None` leaves it as it is.
    pub meal_type: Option<String>,
    pub notes: Option<String>,
    pub foods: Vec<Eaten>,
}

/// Why a meal or goals cannot be taken, for the one who sent them.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EntryError {
    #[error("Missing required fields: mealType and foods array")]
    MissingTypeOrFoods,
    #[error("Missing required field: foods array")]
    MissingFoods,
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error("foods[{place}] is not a food. Write it like {{\"name\": \"Apple\", \"calories\": 95}}")]
    NotAFood { place: usize },
    #[error("foods[{place}] needs a name")]
    Nameless { place: usize },
    #[error("foods[{place}].unit must be text")]
    UnitNotText { place: usize },
    #[error("foods[{place}].{field} must be a number, 0 or more")]
    NotAnAmount { place: usize, field: &'static str },
    #[error("{0} must be a number, 0 or more")]
    NotAGoal(&'static str),
}

impl MealEntry {
    /// A new meal.
    pub fn read_new(body: &Value) -> Result<Self, EntryError> {
        let (false, Some(foods)) = (field::is_missing(body, "mealType"), body["foods"].as_array()) else {
            return Err(EntryError::MissingTypeOrFoods);
        };
        Self::read(body, foods)
    }

    /// A change to a meal that is there.
    pub fn read_amendment(body: &Value) -> Result<Self, EntryError> {
        let foods = body["foods"].as_array().ok_or(EntryError::MissingFoods)?;
        Self::read(body, foods)
    }

    fn read(body: &Value, foods: &[Value]) -> Result<Self, EntryError> {
        Ok(Self {
            meal_type: field::text(body, "mealType")?.map(|meal_type| meal_type.to_lowercase()),
            notes: field::text(body, "notes")?,
            foods: foods.iter().enumerate().map(|(place, food)| Eaten::read(place, food)).collect::<Result<_, _>>()?,
        })
    }
}

impl Eaten {
    fn read(place: usize, food: &Value) -> Result<Self, EntryError> {
        if !food.is_object() {
            return Err(EntryError::NotAFood { place });
        }
        let name = food["name"].as_str().map(str::trim).filter(|name| !name.is_empty());
        let amount = |field| match &food[field] {
            Value::Null => Ok(None),
            value => match number::read(value) {
                Some(amount) if amount >= 0.0 => Ok(Some(amount)),
                Some(_) | None => Err(EntryError::NotAnAmount { place, field }),
            },
        };
        Ok(Self {
            name: name.ok_or(EntryError::Nameless { place })?.to_owned(),
            quantity: amount("quantity")?,
            unit: field::text(food, "unit").map_err(|_| EntryError::UnitNotText { place })?,
            amounts: Amounts::try_new(|nutrient| amount(nutrient.name()))?,
            entered: food.clone(),
        })
    }

    /// What was eaten of it.
    pub fn total(&self) -> Amounts {
        self.amounts.times(self.quantity.unwrap_or(USUAL_QUANTITY))
    }

    /// As clients read it back: what they left out is filled in, and the amounts are of all that was eaten.
    pub fn shown(&self) -> Map<String, Value> {
        let mut shown = Map::new();
        shown.insert("name".into(), json!(self.name));
        shown.insert("quantity".into(), number::json(self.quantity.unwrap_or(USUAL_QUANTITY)));
        shown.insert("unit".into(), json!(self.unit.as_deref().unwrap_or(USUAL_UNIT)));
        self.total().write_told(&mut shown, Nutrient::name);
        shown
    }
}

/// The sum of a meal or of a day.
pub fn total<'a>(foods: impl IntoIterator<Item = &'a Eaten>) -> Amounts {
    Amounts::sum(foods.into_iter().map(Eaten::total))
}

/// What is aimed at in a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goals(pub Amounts);

impl Goals {
    /// These goals with what a client wants changed.
    pub fn changed(self, body: &Value) -> Result<Self, EntryError> {
        let changed = Amounts::try_new(|nutrient| match &body[nutrient.name()] {
            Value::Null => Ok(self.0.of(nutrient)),
            value => match number::read(value) {
                Some(goal) if goal >= 0.0 => Ok(Some(goal)),
                Some(_) | None => Err(EntryError::NotAGoal(nutrient.name())),
            },
        });
        changed.map(Self)
    }

    pub fn shown(self) -> Value {
        let mut shown = Map::new();
        self.0.write_told(&mut shown, Nutrient::name);
        Value::Object(shown)
    }

    /// How a day stands, for each nutrient: consumed (rounded), target, remaining (never below 0) and percentage.
    pub fn progress(self, eaten: &Amounts) -> Map<String, Value> {
        let progress = |nutrient| {
            let (consumed, target) = (eaten.told(nutrient), self.0.told(nutrient));
            let percentage = if target > 0.0 { rounded(consumed / target * 100.0) } else { 0.0 };
            json!({
                "consumed": number::json(rounded(consumed)),
                "target": number::json(target),
                "remaining": number::json(without_noise((target - consumed).max(0.0))),
                "percentage": number::json(percentage),
            })
        };
        Nutrient::ALL.into_iter().map(|nutrient| (nutrient.name().to_owned(), progress(nutrient))).collect()
    }
}

/// Halves up, as clients do.
fn rounded(value: f64) -> f64 {
    (value + 0.5).floor()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goals() -> Goals {
        let goals = json!({"calories": 1800, "protein": 90, "carbs": 200, "fat": 60, "fiber": 30, "sodium": 2000});
        Goals(Amounts::default()).changed(&goals).unwrap()
    }

    #[test]
    fn quantities_multiply_and_what_is_missing_stays_missing() {
        let body = json!({"mealType": "Dinner", "foods": [
            {"name": "Brown Rice", "quantity": 2, "unit": "cup", "calories": 220, "protein": "5"},
            {"name": "Toast", "calories": 80, "brand": "kept as entered"},
        ]});
        let meal = MealEntry::read_new(&body).unwrap();
        assert_eq!(meal.meal_type.as_deref(), Some("dinner"));
        let total = total(&meal.foods);
        assert_eq!((total.of(Nutrient::Calories), total.of(Nutrient::Protein)), (Some(520.0), Some(10.0)));
        assert_eq!(total.of(Nutrient::Sodium), None);
        assert_eq!(meal.foods[1].entered["brand"], "kept as entered");
        let shown = meal.foods[1].shown();
        assert_eq!((&shown["quantity"], &shown["unit"], &shown["sodium"]), (&json!(1), &json!("serving"), &json!(0)));
    }

    #[test]
    fn nothing_is_taken_that_is_no_food() {
        let refused = |food: Value| {
            let body = json!({"mealType": "lunch", "foods": [{"name": "Apple"}, food]});
            MealEntry::read_new(&body).unwrap_err().to_string()
        };
        assert_eq!(
            refused(json!("apple")),
            r#"foods[1] is not a food. Write it like {"name": "Apple", "calories": 95}"#
        );
        assert_eq!(refused(json!({"calories": 95})), "foods[1] needs a name");
        assert_eq!(refused(json!({"name": " "})), "foods[1] needs a name");
        assert_eq!(refused(json!({"name": "x", "fat": "much"})), "foods[1].fat must be a number, 0 or more");
        assert_eq!(refused(json!({"name": "x", "quantity": -1})), "foods[1].quantity must be a number, 0 or more");
        assert_eq!(refused(json!({"name": "x", "unit": 3})), "foods[1].unit must be text");
        for body in [json!({}), json!({"mealType": "lunch"}), json!({"mealType": "", "foods": []}), json!([])] {
            assert_eq!(MealEntry::read_new(&body), Err(EntryError::MissingTypeOrFoods), "{body}");
        }
        assert_eq!(
            MealEntry::read_new(&json!({"mealType": 3, "foods": []})),
            Err(FieldError::NotText("mealType").into())
        );
        assert_eq!(MealEntry::read_amendment(&json!({})), Err(EntryError::MissingFoods));
        assert_eq!(MealEntry::read_amendment(&json!({"foods": []})).unwrap().meal_type, None);
    }

    #[test]
    fn a_day_is_measured_as_clients_measure_it() {
        let eaten = Amounts::new(|nutrient| match nutrient {
            Nutrient::Calories => Some(2615.0),
            Nutrient::Protein => Some(10.5),
            Nutrient::Carbs => Some(115.0),
            Nutrient::Fat => Some(0.3),
            Nutrient::Fiber => None,
            Nutrient::Sodium => Some(2.0),
        });
        let progress = goals().progress(&eaten);
        let line = |consumed: i64, target: i64, remaining: f64, percentage: i64| {
            let remaining = number::json(remaining);
            json!({"consumed": consumed, "target": target, "remaining": remaining, "percentage": percentage})
        };
        assert_eq!(progress["calories"], line(2615, 1800, 0.0, 145), "percentages pass 100");
        assert_eq!(progress["protein"], line(11, 90, 79.5, 12), "consumed is rounded, remaining is not");
        assert_eq!(progress["carbs"], line(115, 200, 85.0, 57), "as a double has it: 57.49999999999999");
        assert_eq!(progress["fat"], line(0, 60, 59.7, 1));
        assert_eq!(progress["fiber"], line(0, 30, 30.0, 0));
        let nothing = Goals(Amounts::default()).progress(&eaten);
        assert_eq!(nothing["calories"], line(2615, 0, 0.0, 0));
    }

    #[test]
    fn goals_keep_what_is_not_mentioned() {
        let changed = goals().changed(&json!({"calories": "2000", "fat": null})).unwrap();
        assert_eq!((changed.0.of(Nutrient::Calories), changed.0.of(Nutrient::Fat)), (Some(2000.0), Some(60.0)));
        assert_eq!(goals().changed(&json!({"sodium": "low"})), Err(EntryError::NotAGoal("sodium")));
        assert_eq!(goals().changed(&json!({"sodium": -1})), Err(EntryError::NotAGoal("sodium")));
    }
}
