//! Drinks and days as existing clients know them: in ounces.

use std::collections::BTreeMap;

use kit::{clock, number};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    drinks::{
        Goal,
        amount::{Unit, shown_ounces},
        day::{percentage, remaining_ounces},
    },
    store::drinks::Drink,
};

/// The row as it is.
#[derive(Debug, Serialize)]
pub struct Row<'a> {
    id: i64,
    user_id: i64,
    amount_oz: Value,
    beverage_type: &'a str,
    recorded_at: &'a str,
    created_at: String,
}

pub fn row(drink: &Drink) -> Row<'_> {
    let ounces = drink.amount.ounces();
    // What was entered in another unit would be shown with all the digits that its ounces have.
    let is_entered_so = drink.amount.unit == Unit::FluidOunce;
    let ounces = if is_entered_so { ounces } else { (ounces * 100.0).round() / 100.0 };
    Row {
        id: drink.compat_id,
        user_id: drink.subject,
        amount_oz: number::json(ounces),
        beverage_type: &drink.beverage,
        recorded_at: &drink.drunk_at_text,
        created_at: clock::sql(drink.recorded_at),
    }
}

/// A day; drinks newest first.
pub fn today(drinks: &[Drink], goal: &Goal) -> Value {
    let (drunk, target) = (total(drinks), goal.target().0);
    json!({
        "consumed": number::json(shown_ounces(drunk)),
        "target": number::json(target_ounces(goal)),
        "remaining": number::json(remaining_ounces(drunk, target.ml())),
        "percentage": number::json(percentage(drunk, target.ml())),
        "drinks": drinks.iter().map(row).collect::<Vec<_>>(),
    })
}

/// Days with drinks, newest first, each beside the goal of today.
pub fn history(drinks: &[Drink], goal: &Goal) -> Vec<Value> {
    let mut days: BTreeMap<&str, Vec<&Drink>> = BTreeMap::new();
    // Oldest first within a day, as existing clients list the beverages.
    for drink in drinks.iter().rev() {
        days.entry(&drink.local_date).or_default().push(drink);
    }
    let target = goal.target().0.ml();
    let day = |(date, drinks): (&str, Vec<&Drink>)| {
        let drunk = drinks.iter().map(|drink| drink.ml).sum::<f64>();
        json!({
            "date": date,
            "total_oz": number::json(shown_ounces(drunk)),
            "drink_count": drinks.len(),
            "beverage_types": drinks.iter().map(|drink| &drink.beverage).collect::<Vec<_>>(),
            "goal_oz": number::json(target_ounces(goal)),
            "percentage": number::json(percentage(drunk, target)),
        })
    };
    days.into_iter().rev().map(day).collect()
}

/// The target as it was set, if that was in ounces; else to one decimal.
pub fn target_ounces(goal: &Goal) -> f64 {
    let target = goal.target().0;
    if target.unit == Unit::FluidOunce { target.value } else { shown_ounces(target.ml()) }
}

pub fn total(drinks: &[Drink]) -> f64 {
    drinks.iter().map(|drink| drink.ml).sum()
}
