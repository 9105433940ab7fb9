//! Meals in the shapes that existing clients know.

use kit::{Home, clock};
use serde_json::{Map, Value, json};

use crate::{
    meals::total,
    nutrients::Nutrient,
    store::{KeptFood, Meal},
};

/// Right after it was logged: foods as they were sent, `createdAt` in ISO.
pub fn logged(meal: &Meal, home: &Home) -> Value {
    let mut shown = as_sent(meal, home);
    shown.insert("createdAt".into(), json!(clock::iso(meal.recorded_at)));
    Value::Object(shown)
}

/// Right after it was amended: foods as they were sent.
pub fn amended(meal: &Meal, home: &Home) -> Value {
    Value::Object(as_sent(meal, home))
}

/// Asked for by its id: with notes, and foods with theirs.
pub fn single(meal: &Meal, home: &Home) -> Value {
    let mut shown = as_kept(meal, home, |food| {
        let mut shown = food.eaten.shown();
        shown.insert("id".into(), json!(food.compat_id));
        shown
    });
    shown.insert("notes".into(), json!(meal.notes));
    Value::Object(shown)
}

/// In the list of its day.
pub fn of_day(meal: &Meal, home: &Home) -> Value {
    Value::Object(as_kept(meal, home, |food| food.eaten.shown()))
}

fn as_sent(meal: &Meal, home: &Home) -> Map<String, Value> {
    head(meal, home, meal.eaten().map(|food| food.entered.clone()).collect())
}

fn as_kept(meal: &Meal, home: &Home, food: fn(&KeptFood) -> Map<String, Value>) -> Map<String, Value> {
    let foods = meal.foods.iter().map(food).map(Value::Object).collect();
    let mut shown = head(meal, home, foods);
    shown.insert("createdAt".into(), json!(clock::sql(meal.recorded_at)));
    shown
}

fn head(meal: &Meal, home: &Home, foods: Vec<Value>) -> Map<String, Value> {
    let mut shown = Map::new();
    shown.insert("id".into(), json!(meal.compat_id));
    shown.insert("date".into(), json!(meal.local_date));
    shown.insert("mealType".into(), json!(meal.meal_type));
    shown.insert("time".into(), json!(home.clock_time(meal.effective_at)));
    shown.insert("foods".into(), Value::Array(foods));
    total(meal.eaten()).write_told(&mut shown, Nutrient::total_name);
    shown
}
