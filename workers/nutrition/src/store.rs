//! Meals and goals as they are kept. Every change leaves an event in the same transaction.

use std::path::Path;

use jiff::{Timestamp, civil::Date};
use kit::{
    Home, clock,
    database::{Change, Database, DatabaseError, OpenError},
    outbox::Event,
};
use rusqlite::{Connection, Row, named_params, params, types::Type};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    meals::{Eaten, Goals, MealEntry},
    nutrients::{Amounts, Nutrient},
};

/// The one resident, as existing clients number people.
pub const RESIDENT: i64 = 1;
const MEAL_LOGGED: &str = "meal.logged";
const MEAL_AMENDED: &str = "meal.amended";
const MEAL_TAKEN_BACK: &str = "meal.entered-in-error";
const GOALS_SET: &str = "nutrition-goals.set";

const MIGRATIONS: &[&str] = &[include_str!("../migrations/0001_meals.sql")];
/// Meals that count, as they read now.
const MEALS: &str = "SELECT m.*, v.meal_type, v.notes FROM meals m
    JOIN meal_versions v ON v.meal = m.compat_id AND v.version = m.version
    WHERE m.subject = 1 AND m.status <> 'entered-in-error'";
/// The meal that a request made, also one that was struck out since: repeating the request does not make it anew.
const MEAL_OF_REQUEST: &str = "SELECT m.*, v.meal_type, v.notes FROM meals m
    JOIN meal_versions v ON v.meal = m.compat_id AND v.version = m.version WHERE m.idempotency_key = ?";

/// A meal as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Meal {
    pub compat_id: i64,
    pub id: String,
    pub meal_type: String,
    pub notes: Option<String>,
    pub effective_at: Timestamp,
    pub zone: String,
    pub local_date: String,
    pub status: String,
    pub version: i64,
    pub recorded_at: Timestamp,
    pub foods: Vec<KeptFood>,
}

/// A food of a meal, with the integer that clients know it by.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptFood {
    pub compat_id: i64,
    pub eaten: Eaten,
}

impl Meal {
    pub fn eaten(&self) -> impl Iterator<Item = &Eaten> {
        self.foods.iter().map(|food| &food.eaten)
    }
}

/// Why a meal could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum MealError {
    #[error("Meal not found")]
    NotFound,
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<rusqlite::Error> for MealError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

/// The meals and goals of this home.
#[derive(Clone)]
pub struct Store {
    database: Database,
    home: Home,
}

impl Store {
    pub fn open(path: &Path, home: Home) -> Result<Self, OpenError> {
        Ok(Self { database: Database::open(path, MIGRATIONS)?, home })
    }

    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Keeps a meal that was eaten now. The same key again is the same meal again.
    pub async fn log(&self, entry: MealEntry, key: Option<String>, now: Timestamp) -> Result<Meal, MealError> {
        let (zone, local_date) = (self.home.zone_at(now), self.home.date(now).to_string());
        let change = self.database.write(move |transaction| {
            if let Some(known) = by_key(transaction, key.as_deref())? {
                return Ok::<_, MealError>(Change::none(known));
            }
            let sql = "INSERT INTO meals (id, subject, effective_at, zone, local_date, recorded_at, idempotency_key)
                VALUES (:id, :subject, :now, :zone, :local_date, :now, :key) RETURNING compat_id";
            let meal = transaction.prepare_cached(sql)?.query_row(
                named_params! {
                    ":id": Uuid::now_v7().to_string(), ":subject": RESIDENT, ":now": clock::iso(now),
                    ":zone": zone, ":local_date": local_date, ":key": key,
                },
                |row| row.get(0),
            )?;
            let meal_type = entry.meal_type.unwrap_or_default();
            insert_version(transaction, (meal, 1), &meal_type, entry.notes.as_deref(), &entry.foods, now)?;
            changed(transaction, meal, MEAL_LOGGED)
        });
        change.await
    }

    /// Replaces what a meal was; what it was before is kept beside it.
    pub async fn amend(&self, meal: i64, entry: MealEntry, now: Timestamp) -> Result<Meal, MealError> {
        let change = self.database.write(move |transaction| {
            let before = by_id(transaction, meal)?.ok_or(MealError::NotFound)?;
            let (meal_type, notes) = (entry.meal_type.unwrap_or(before.meal_type), entry.notes.or(before.notes));
            let version = before.version + 1;
            insert_version(transaction, (meal, version), &meal_type, notes.as_deref(), &entry.foods, now)?;
            let sql = "UPDATE meals SET version = ?, status = 'amended' WHERE compat_id = ?";
            transaction.prepare_cached(sql)?.execute([version, meal])?;
            changed(transaction, meal, MEAL_AMENDED)
        });
        change.await
    }

    /// Takes a meal back: it was entered in error and does not count any more.
    pub async fn take_back(&self, meal: i64) -> Result<(), MealError> {
        let change = self.database.write(move |transaction| {
            let before = by_id(transaction, meal)?.ok_or(MealError::NotFound)?;
            let sql = "UPDATE meals SET status = 'entered-in-error' WHERE compat_id = ?";
            transaction.prepare_cached(sql)?.execute([meal])?;
            let meal = Meal { status: "entered-in-error".into(), ..before };
            Ok(Change::new((), Event::new(MEAL_TAKEN_BACK, payload(&meal))))
        });
        change.await
    }

    pub async fn meal(&self, meal: i64) -> Result<Meal, MealError> {
        self.database.read(move |connection| by_id(connection, meal)?.ok_or(MealError::NotFound)).await
    }

    /// The meals of these days of the resident's, both included, in the order in which they were eaten.
    pub async fn between(&self, first: Date, last: Date) -> Result<Vec<Meal>, MealError> {
        let sql = format!("{MEALS} AND local_date BETWEEN ? AND ? ORDER BY effective_at, compat_id");
        let days = [first.to_string(), last.to_string()];
        self.database.read(move |connection| meals(connection, &sql, days)).await
    }

    /// The names of foods by how often they were eaten, then by how lately; each name once, whatever its case.
    pub async fn names_by_use(&self) -> Result<Vec<String>, MealError> {
        let sql = "SELECT f.name FROM meal_foods f
            JOIN meals m ON m.compat_id = f.meal AND m.version = f.version
            WHERE m.subject = 1 AND m.status <> 'entered-in-error'
            GROUP BY lower(f.name) ORDER BY count(*) DESC, max(m.effective_at) DESC, max(f.compat_id) DESC";
        self.database
            .read(move |connection| {
                let mut statement = connection.prepare_cached(sql)?;
                let names: rusqlite::Result<_> = statement.query_map([], |row| row.get(0))?.collect();
                Ok(names?)
            })
            .await
    }

    pub async fn goals(&self) -> Result<Goals, MealError> {
        self.database.read(|connection| Ok(goals(connection)?)).await
    }

    /// Sets goals from now on, made from the present ones; the same goals again change nothing.
    pub async fn set_goals<E>(
        &self,
        change: impl FnOnce(Goals) -> Result<Goals, E> + Send + 'static,
        now: Timestamp,
    ) -> Result<Goals, E>
    where
        E: From<MealError> + From<DatabaseError> + Send + 'static,
    {
        let change = self.database.write(move |transaction| {
            let before = goals(transaction).map_err(MealError::from)?;
            let after = change(before)?;
            if after == before {
                return Ok(Change::none(after));
            }
            insert_goals(transaction, after, now).map_err(MealError::from)?;
            Ok(Change::new(after, Event::new(GOALS_SET, after.shown())))
        });
        change.await
    }
}

fn insert_version(
    connection: &Connection,
    (meal, version): (i64, i64),
    meal_type: &str,
    notes: Option<&str>,
    foods: &[Eaten],
    now: Timestamp,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO meal_versions (meal, version, meal_type, notes, recorded_at) VALUES (?, ?, ?, ?, ?)";
    connection.prepare_cached(sql)?.execute(params![meal, version, meal_type, notes, clock::iso(now)])?;
    let sql = "INSERT INTO meal_foods
        (meal, version, name, quantity, unit, calories, protein, carbs, fat, fiber, sodium, entered)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let mut insert = connection.prepare_cached(sql)?;
    for food in foods {
        let [calories, protein, carbs, fat, fiber, sodium] = Nutrient::ALL.map(|nutrient| food.amounts.of(nutrient));
        let (name, quantity, unit, entered) = (&food.name, food.quantity, &food.unit, food.entered.to_string());
        insert.execute(params![
            meal, version, name, quantity, unit, calories, protein, carbs, fat, fiber, sodium, entered
        ])?;
    }
    Ok(())
}

/// The meal as it reads after a change, and the event that says so.
fn changed(connection: &Connection, meal: i64, kind: &'static str) -> Result<Change<Meal>, MealError> {
    let meal = by_id(connection, meal)?.ok_or(MealError::NotFound)?;
    let event = Event::new(kind, payload(&meal));
    Ok(Change::new(meal, event))
}

fn by_key(connection: &Connection, key: Option<&str>) -> Result<Option<Meal>, MealError> {
    let Some(key) = key else { return Ok(None) };
    Ok(meals(connection, MEAL_OF_REQUEST, [key])?.pop())
}

fn by_id(connection: &Connection, meal: i64) -> Result<Option<Meal>, MealError> {
    Ok(meals(connection, &format!("{MEALS} AND m.compat_id = ?"), [meal])?.pop())
}

fn meals(connection: &Connection, sql: &str, values: impl rusqlite::Params) -> Result<Vec<Meal>, MealError> {
    let mut statement = connection.prepare_cached(sql)?;
    let meals: rusqlite::Result<Vec<_>> = statement.query_map(values, meal)?.collect();
    let mut meals = meals?;
    for meal in &mut meals {
        meal.foods = foods(connection, meal.compat_id, meal.version)?;
    }
    Ok(meals)
}

fn foods(connection: &Connection, meal: i64, version: i64) -> rusqlite::Result<Vec<KeptFood>> {
    let sql = "SELECT * FROM meal_foods WHERE meal = ? AND version = ? ORDER BY compat_id";
    connection.prepare_cached(sql)?.query_map([meal, version], food)?.collect()
}

fn meal(row: &Row<'_>) -> rusqlite::Result<Meal> {
    Ok(Meal {
        compat_id: row.get("compat_id")?,
        id: row.get("id")?,
        meal_type: row.get("meal_type")?,
        notes: row.get("notes")?,
        effective_at: instant(row, "effective_at")?,
        zone: row.get("zone")?,
        local_date: row.get("local_date")?,
        status: row.get("status")?,
        version: row.get("version")?,
        recorded_at: instant(row, "recorded_at")?,
        foods: Vec::new(),
    })
}

fn food(row: &Row<'_>) -> rusqlite::Result<KeptFood> {
    let entered: String = row.get("entered")?;
    let eaten = Eaten {
        name: row.get("name")?,
        quantity: row.get("quantity")?,
        unit: row.get("unit")?,
        amounts: amounts(row)?,
        entered: serde_json::from_str(&entered).map_err(|error| unreadable(error.into()))?,
    };
    Ok(KeptFood { compat_id: row.get("compat_id")?, eaten })
}

fn amounts(row: &Row<'_>) -> rusqlite::Result<Amounts> {
    Amounts::try_new(|nutrient| row.get(nutrient.name()))
}

fn instant(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error: jiff::Error| unreadable(error.into()))
}

fn unreadable(error: Box<dyn std::error::Error + Send + Sync>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, error)
}

fn goals(connection: &Connection) -> rusqlite::Result<Goals> {
    let sql = "SELECT * FROM goals WHERE subject = 1 ORDER BY id DESC LIMIT 1";
    connection.prepare_cached(sql)?.query_row([], |row| amounts(row).map(Goals))
}

fn insert_goals(connection: &Connection, goals: Goals, now: Timestamp) -> rusqlite::Result<()> {
    let sql = "INSERT INTO goals (subject, calories, protein, carbs, fat, fiber, sodium, recorded_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    let [calories, protein, carbs, fat, fiber, sodium] = Nutrient::ALL.map(|nutrient| goals.0.of(nutrient));
    let values = params![RESIDENT, calories, protein, carbs, fat, fiber, sodium, clock::iso(now)];
    connection.prepare_cached(sql)?.execute(values).map(drop)
}

/// The whole meal for whoever follows the outbox.
fn payload(meal: &Meal) -> Value {
    let foods: Vec<_> = meal.eaten().map(|food| &food.entered).collect();
    json!({
        "id": meal.id,
        "compat_id": meal.compat_id,
        "subject": RESIDENT,
        "meal_type": meal.meal_type,
        "notes": meal.notes,
        "foods": foods,
        "effective_at": clock::iso(meal.effective_at),
        "zone": meal.zone,
        "local_date": meal.local_date,
        "status": meal.status,
        "version": meal.version,
        "recorded_at": clock::iso(meal.recorded_at),
    })
}
