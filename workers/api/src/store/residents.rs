//! Who lives here, and where.

pub mod homes;

use jiff::Timestamp;
use kit::{
    Home, clock,
    database::{Change, DatabaseError},
    outbox::Event,
};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Store,
    alerts::{Evidence, Watch, of_resident},
    history, parsed,
};
use crate::alerts::state;

/// Somebody moved in.
pub const RESIDENT_ADDED: &str = "resident.added";
/// Somebody has another name, or lives in another zone.
pub const RESIDENT_CHANGED: &str = "resident.changed";

/// How many residents there may be: a home, not a hospital.
const MOST_RESIDENTS: i64 = 100;
/// How long a name may be, in characters.
const LONGEST_NAME: usize = 200;

const EVERYBODY: &str = "SELECT * FROM residents ORDER BY subject";
const ONE: &str = "SELECT * FROM residents WHERE subject = ?";

/// Somebody who lives here.
#[derive(Clone, Debug, PartialEq)]
pub struct Resident {
    /// The number that existing clients know them by.
    pub subject: i64,
    pub id: String,
    pub name: Option<String>,
    pub zone: String,
    pub version: i64,
    pub recorded_at: Timestamp,
}

impl Resident {
    /// As events and clients have it.
    pub fn whole(&self) -> Value {
        json!({
            "subject": self.subject,
            "id": self.id,
            "compat_id": self.subject,
            "name": self.name,
            "zone": self.zone,
            "version": self.version,
            "recorded_at": clock::iso(self.recorded_at),
        })
    }
}

/// Why a resident was not added or changed, or nothing is known of them.
#[derive(Debug, thiserror::Error)]
pub enum ResidentError {
    #[error("there is no resident {0}")]
    Unknown(i64),
    #[error("there are {MOST_RESIDENTS} residents already, which is the most there may be")]
    TooMany,
    #[error("name must be 1 to {LONGEST_NAME} characters long")]
    Name,
    #[error("zone {0:?} is not known. Write it as the IANA database does, like America/New_York")]
    Zone(String),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<rusqlite::Error> for ResidentError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

impl Store {
    /// Everybody who lives here, in the order in which they came.
    pub async fn residents(&self) -> Result<Vec<Resident>, DatabaseError> {
        self.database.read(|connection| Ok(everybody(connection)?)).await
    }

    /// Where somebody lives, as far as clocks are concerned.
    ///
    /// # Errors
    /// [`ResidentError::Unknown`] if nobody has this number.
    pub async fn home_of(&self, subject: i64) -> Result<&'static Home, ResidentError> {
        if let Some(home) = self.homes.of(subject) {
            return Ok(home);
        }
        // Another process may have welcomed them.
        self.learn_homes().await?;
        self.homes.of(subject).ok_or(ResidentError::Unknown(subject))
    }

    /// Somebody new, who lives where the hub is unless another zone is given.
    pub async fn add_resident(
        &self,
        name: String,
        zone: Option<String>,
        now: Timestamp,
    ) -> Result<Resident, ResidentError> {
        let name = checked_name(name)?;
        let zone = zone.map_or_else(|| Ok(self.homes.new_home().zone_at(now)), checked_zone)?;
        let resident = self
            .database
            .write(move |transaction| {
                let count: i64 = transaction.query_row("SELECT count(*) FROM residents", [], |row| row.get(0))?;
                if count >= MOST_RESIDENTS {
                    return Err(ResidentError::TooMany);
                }
                let sql = "INSERT INTO residents (id, name, zone, recorded_at) VALUES (?, ?, ?, ?) RETURNING *";
                let values = params![Uuid::now_v7().to_string(), name, zone, clock::iso(now)];
                let resident = transaction.query_row(sql, values, resident)?;
                let event = Event::new(RESIDENT_ADDED, resident.whole());
                Ok(Change::new(resident, event))
            })
            .await?;
        self.homes.learn(resident.subject, &resident.zone, resident.version);
        Ok(resident)
    }

    /// Another name or another zone. Days that have been stay as they were: readings keep the zone that they were taken in.
    pub async fn change_resident(
        &self,
        subject: i64,
        name: Option<String>,
        zone: Option<String>,
        now: Timestamp,
    ) -> Result<Resident, ResidentError> {
        let (name, zone) = (name.map(checked_name).transpose()?, zone.map(checked_zone).transpose()?);
        let resident = self
            .database
            .write(move |transaction| {
                let known = one(transaction, subject)?.ok_or(ResidentError::Unknown(subject))?;
                let name = name.or_else(|| known.name.clone());
                let zone = zone.unwrap_or_else(|| known.zone.clone());
                if (&name, &zone) == (&known.name, &known.zone) {
                    return Ok::<_, ResidentError>(Change::none(known));
                }
                history::keep(transaction, "residents", subject, now)?;
                let sql =
                    "UPDATE residents SET name = ?, zone = ?, version = version + 1 WHERE subject = ? RETURNING *";
                let changed = transaction.query_row(sql, params![name, zone, subject], resident)?;
                let mut events = vec![Event::new(RESIDENT_CHANGED, changed.whole())];
                events.extend(alerts_follow(transaction, &known, &changed, now)?);
                Ok(Change::several(changed, events))
            })
            .await?;
        self.homes.learn(resident.subject, &resident.zone, resident.version);
        Ok(resident)
    }

    /// Makes sure that there is a resident of this number. One who is new lives where the hub is; that stays so when the
    /// hub's own zone changes.
    pub(super) async fn welcome(&self, subject: i64) -> Result<(), DatabaseError> {
        let now = Timestamp::now();
        let zone = self.homes.new_home().zone_at(now);
        self.database
            .write(move |transaction| {
                if one(transaction, subject)?.is_none() {
                    let sql = "INSERT INTO residents (subject, id, zone, recorded_at) VALUES (?, ?, ?, ?)";
                    transaction.execute(sql, params![subject, Uuid::now_v7().to_string(), zone, clock::iso(now)])?;
                }
                Ok::<_, DatabaseError>(Change::none(()))
            })
            .await
    }

    /// Reads where everybody lives, as whichever process kept it last.
    pub async fn learn_homes(&self) -> Result<(), DatabaseError> {
        for resident in self.residents().await? {
            self.homes.learn(resident.subject, &resident.zone, resident.version);
        }
        Ok(())
    }
}

/// Quiet hours are on the resident's clock, which another zone changes.
fn alerts_follow(
    transaction: &Transaction<'_>,
    before: &Resident,
    after: &Resident,
    now: Timestamp,
) -> rusqlite::Result<Vec<Event>> {
    let Some(home) = homes::named(&after.zone).filter(|_| after.zone != before.zone) else { return Ok(Vec::new()) };
    let mut watch = Watch::begin(transaction, after.subject, home, now)?;
    for condition in of_resident(transaction, after.subject)? {
        watch.happens(condition, state::Event::Time, Evidence::default())?;
    }
    Ok(watch.news())
}

fn checked_name(name: String) -> Result<String, ResidentError> {
    let name = name.trim();
    if (1..=LONGEST_NAME).contains(&name.chars().count()) { Ok(name.to_owned()) } else { Err(ResidentError::Name) }
}

fn checked_zone(zone: String) -> Result<String, ResidentError> {
    // As the database spells it; an offset alone knows nothing of summer.
    let spelled = Home::of_name(&zone).and_then(|home| home.zone().iana_name().map(str::to_owned));
    spelled.ok_or(ResidentError::Zone(zone))
}

fn everybody(connection: &Connection) -> rusqlite::Result<Vec<Resident>> {
    connection.prepare_cached(EVERYBODY)?.query_map([], resident)?.collect()
}

fn one(connection: &Connection, subject: i64) -> rusqlite::Result<Option<Resident>> {
    connection.prepare_cached(ONE)?.query_row([subject], resident).optional()
}

fn resident(row: &Row<'_>) -> rusqlite::Result<Resident> {
    Ok(Resident {
        subject: row.get("subject")?,
        id: row.get("id")?,
        name: row.get("name")?,
        zone: row.get("zone")?,
        version: row.get("version")?,
        recorded_at: parsed(row, "recorded_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plans::{assert_indexed, assert_indexed_but, empty};

    #[test]
    fn residents_are_found_by_their_number() {
        let (_folder, connection) = empty();
        assert_indexed(&connection, ONE);
        assert_indexed_but(&connection, EVERYBODY, &["SCAN residents"]);
    }
}
