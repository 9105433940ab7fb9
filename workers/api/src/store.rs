//! What this worker keeps, a file for each domain. Every change leaves an event in the same transaction.

pub mod activity;
pub mod alerts;
pub mod appointments;
pub mod devices;
pub mod drinks;
pub mod entries;
pub mod history;
pub mod limits;
pub mod medications;
pub mod people;
#[cfg(test)]
pub mod plans;
pub mod readings;
pub mod residents;
pub mod trends;
mod usual;

use std::{path::Path, str::FromStr};

use kit::{
    Home,
    database::{Database, DatabaseError, OpenError},
    outbox::{self, Kept},
};
use rusqlite::{Connection, Row, ToSql, types::Type};

use self::residents::homes::Homes;

/// The resident whom existing clients mean, as they number people.
pub const RESIDENT: i64 = 1;

/// In the order in which they are applied. They only add: in a reload the version before runs beside this one.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_readings.sql"),
    include_str!("../migrations/0002_residents.sql"),
    include_str!("../migrations/0003_reading_days.sql"),
    include_str!("../migrations/0004_alerts.sql"),
    include_str!("../migrations/0005_medications.sql"),
    include_str!("../migrations/0006_appointments.sql"),
    include_str!("../migrations/0007_drinks.sql"),
    include_str!("../migrations/0008_activity.sql"),
    include_str!("../migrations/0009_devices.sql"),
    include_str!("../migrations/0010_drinks_behind.sql"),
    include_str!("../migrations/0011_devices_of_each.sql"),
];

/// All of it. Each domain adds its own questions and changes.
#[derive(Clone)]
pub struct Store {
    database: Database,
    homes: Homes,
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("the residents cannot be read: {0}")]
    Residents(#[from] DatabaseError),
}

impl Store {
    /// Opens the file. A new resident lives where this process does: in the zone of `home`.
    pub async fn open(path: &Path, home: Home) -> Result<Self, StoreError> {
        let store = Self { database: Database::open(path, MIGRATIONS)?, homes: Homes::new(home) };
        store.welcome(RESIDENT).await?;
        store.learn_homes().await?;
        Ok(store)
    }

    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Where the resident whom existing clients mean lives, as far as clocks are concerned.
    pub fn home(&self) -> &'static Home {
        self.homes.of(RESIDENT).unwrap_or_else(|| self.homes.new_home())
    }

    /// The place of the newest event in the home's history.
    pub async fn newest_event(&self) -> Result<i64, DatabaseError> {
        self.database.read(|connection| Ok(outbox::newest(connection)?)).await
    }

    /// At most so many events that follow this place, in their order, whichever process wrote them.
    pub async fn events_after(&self, home_seq: i64, most: u32) -> Result<Vec<Kept>, DatabaseError> {
        self.database.read(move |connection| Ok(outbox::after(connection, home_seq, most)?)).await
    }
}

/// Puts a row into a table, each value into the column of its name; the number that SQLite gives it.
fn insert(connection: &Connection, table: &'static str, values: &[(&str, &dyn ToSql)]) -> rusqlite::Result<i64> {
    let columns: Vec<_> = values.iter().map(|(name, _)| name.trim_start_matches(':')).collect();
    let places: Vec<_> = values.iter().map(|(name, _)| *name).collect();
    let (columns, places) = (columns.join(", "), places.join(", "));
    let sql = format!("INSERT INTO {table} ({columns}) VALUES ({places}) RETURNING compat_id");
    connection.prepare_cached(&sql)?.query_row(values, |row| row.get(0))
}

/// A text of the table as what it stands for.
fn understood<T>(row: &Row<'_>, column: &str, meaning: impl Fn(&str) -> Option<T>) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    meaning(&text).ok_or_else(|| {
        let error = format!("{column} is {text:?}, which means nothing to this version");
        rusqlite::Error::FromSqlConversionFailure(0, Type::Text, error.into())
    })
}

/// The same for what its text alone says, such as a time.
fn parsed<T: FromStr>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    understood(row, column, |text| text.parse().ok())
}
