//! The foods that this worker knows by itself.

use serde_json::{Map, Value, json};

use crate::nutrients::{Amounts, Nutrient};

/// See its head for the columns and where the numbers are from.
const TEXT: &str = include_str!("catalogue.tsv");

/// A food, in the unit in which people take it.
#[derive(Clone, Debug, PartialEq)]
pub struct Food {
    pub id: i64,
    pub name: String,
    pub category: String,
    /// One of what: `medium`, `cup`, `slice`.
    pub unit: String,
    /// How much that weighs.
    pub grams: f64,
    pub amounts: Amounts,
    /// What people call it as well.
    pub aliases: Vec<String>,
}

/// Why a catalogue cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    #[error("line {line} has {found} columns, {COLUMNS} are needed")]
    Columns { line: usize, found: usize },
    #[error("line {line}: {text:?} is not a number")]
    NotANumber { line: usize, text: String },
}

const COLUMNS: usize = 12;

/// The foods that come with the program.
pub fn built_in() -> Result<Vec<Food>, CatalogueError> {
    read(TEXT)
}

/// Reads tab-separated lines; those that begin with `#` are for people.
fn read(text: &str) -> Result<Vec<Food>, CatalogueError> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(index, line)| food(index + 1, line)).collect()
}

fn food(line: usize, text: &str) -> Result<Food, CatalogueError> {
    let columns: Vec<_> = text.split('\t').collect();
    let [id, name, category, unit, grams, amounts @ .., aliases] = columns.as_slice() else {
        return Err(CatalogueError::Columns { line, found: columns.len() });
    };
    if columns.len() != COLUMNS {
        return Err(CatalogueError::Columns { line, found: columns.len() });
    }
    let not_a_number = |text: &str| CatalogueError::NotANumber { line, text: text.to_owned() };
    let number = |text: &str| text.parse::<f64>().map_err(|_| not_a_number(text));
    Ok(Food {
        id: id.parse().map_err(|_| not_a_number(id))?,
        name: (*name).to_owned(),
        category: (*category).to_owned(),
        unit: (*unit).to_owned(),
        grams: number(grams)?,
        amounts: Amounts::try_new(|nutrient| match amounts[nutrient as usize] {
            "" => Ok(None),
            text => number(text).map(Some),
        })?,
        aliases: aliases.split(',').map(str::trim).filter(|alias| !alias.is_empty()).map(str::to_owned).collect(),
    })
}

impl Food {
    /// As clients know it. An unknown nutrient is `null`.
    pub fn shown(&self) -> Value {
        let mut shown = Map::new();
        shown.insert("id".into(), json!(self.id));
        shown.insert("name".into(), json!(self.name));
        shown.insert("category".into(), json!(self.category));
        self.amounts.write_known(&mut shown, Nutrient::name);
        shown.insert("unit".into(), json!(self.unit));
        Value::Object(shown)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_food_can_be_told_apart_and_is_plausible() {
        let foods = built_in().unwrap();
        assert!(foods.len() >= 300);
        let ids: HashSet<_> = foods.iter().map(|food| food.id).collect();
        let names: HashSet<_> = foods.iter().map(|food| food.name.to_lowercase()).collect();
        assert_eq!((ids.len(), names.len()), (foods.len(), foods.len()));
        for food in &foods {
            assert!(food.grams > 0.0, "{}", food.name);
            assert!(![&food.name, &food.category, &food.unit].iter().any(|text| text.trim().is_empty()), "{}", food.id);
            let amount = |nutrient| food.amounts.of(nutrient).unwrap_or(0.0);
            let solids = amount(Nutrient::Protein) + amount(Nutrient::Carbs) + amount(Nutrient::Fat);
            assert!(solids <= food.grams * 1.02, "{} weighs less than what is in it", food.name);
            // Atwater's factors; alcohol (7 kcal/g) and fibre make the difference.
            let at_least = 4.0 * (amount(Nutrient::Protein) + amount(Nutrient::Carbs) - amount(Nutrient::Fiber))
                + 9.0 * amount(Nutrient::Fat);
            assert!(amount(Nutrient::Calories) >= at_least * 0.7 - 6.0, "{} has too few calories", food.name);
            assert!(food.amounts.of(Nutrient::Calories).is_some(), "{}", food.name);
            assert!(food.amounts.of(Nutrient::Sodium).is_none_or(|mg| mg <= food.grams * 400.0), "{}", food.name);
        }
    }

    #[test]
    fn clients_find_the_foods_that_they_expect() {
        let foods = built_in().unwrap();
        for name in ["Apple", "Banana", "Brown Rice", "Almonds", "Broccoli"] {
            assert!(foods.iter().any(|food| food.name == name), "{name}");
        }
    }

    #[test]
    fn an_unknown_nutrient_is_unknown_on_the_wire_too() {
        let foods = read("7\tCornbread\tBread\tpiece\t65\t173\t4.4\t28.3\t4.6\t\t428\tjohnnycake, corn pone").unwrap();
        assert_eq!(foods[0].aliases, ["johnnycake", "corn pone"]);
        let shown = foods[0].shown();
        assert_eq!((&shown["fiber"], &shown["sodium"], &shown["calories"]), (&Value::Null, &json!(428), &json!(173)));
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named() {
        assert_eq!(read("# head\n\n1\tx"), Err(CatalogueError::Columns { line: 3, found: 2 }));
        let error = read("1\tx\ty\tz\tmuch\t1\t1\t1\t1\t1\t1\t").unwrap_err().to_string();
        assert_eq!(error, r#"line 1: "much" is not a number"#);
    }
}
