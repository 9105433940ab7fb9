//! Workouts as they are kept.

use jiff::{Timestamp, civil::Date};
use kit::{clock, database::DatabaseError, number};
use rusqlite::{Connection, Row, named_params, params};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    activity::{Figures, workout::Entry},
    store::{
        Store,
        entries::{self, Kept, RecordError},
        parsed,
    },
};

/// Somebody worked out.
const WORKOUT_RECORDED: &str = "workout.recorded";
/// They did not: it was entered in error.
const WORKOUT_STRUCK: &str = "workout.struck";

const OF_DAYS: &str = "SELECT * FROM workouts
    WHERE subject = ? AND status <> 'entered-in-error' AND local_date >= ? AND local_date <= ?
    ORDER BY local_date DESC, started_at DESC, compat_id DESC LIMIT ?";
const OF_TYPE: &str = "SELECT * FROM workouts WHERE subject = ? AND status <> 'entered-in-error' AND type_key = ?
    ORDER BY started_at DESC, compat_id DESC LIMIT ?";
/// A workout as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Workout {
    pub compat_id: i64,
    pub id: String,
    pub subject: i64,
    pub entry: Entry,
    pub zone: String,
    pub local_date: String,
    pub status: String,
    pub version: i64,
    pub recorded_at: Timestamp,
}

/// Which workouts are asked for, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Workouts {
    /// Of these days of the resident's, both included.
    OfDays(Date, Date),
    /// Of one type, in any case.
    OfType(String),
}

impl Workout {
    /// What it adds to its day.
    pub fn figures(&self) -> Figures {
        let entry = &self.entry;
        let known = |value: Option<f64>| value.unwrap_or_default();
        Figures([known(entry.steps), entry.duration_min, entry.calories_burned, 0.0, known(entry.distance_miles)])
    }
}

impl Kept for Workout {
    const TABLE: &'static str = "workouts";
    const WORD: &'static str = "workout";
    const RECORDED: &'static str = WORKOUT_RECORDED;
    const STRUCK: &'static str = WORKOUT_STRUCK;

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let instant = |column| parsed(row, column);
        let ended_at: Option<String> = row.get("ended_at")?;
        Ok(Self {
            compat_id: row.get("compat_id")?,
            id: row.get("id")?,
            subject: row.get("subject")?,
            entry: Entry {
                workout_type: row.get("workout_type")?,
                duration_min: row.get("duration_min")?,
                calories_burned: row.get("calories_burned")?,
                distance_miles: row.get("distance_miles")?,
                steps: row.get("steps")?,
                heart_rate_avg: row.get("heart_rate_avg")?,
                heart_rate_max: row.get("heart_rate_max")?,
                intensity: row.get("intensity")?,
                video_id: row.get("video_id")?,
                notes: row.get("notes")?,
                started_at: instant("started_at")?,
                started_at_text: row.get("started_at_entered")?,
                ended_at: ended_at.and_then(|text| text.parse().ok()),
            },
            zone: row.get("zone")?,
            local_date: row.get("local_date")?,
            status: row.get("status")?,
            version: row.get("version")?,
            recorded_at: instant("recorded_at")?,
        })
    }

    fn compat_id(&self) -> i64 {
        self.compat_id
    }

    fn subject(&self) -> i64 {
        self.subject
    }

    fn status(&self) -> &str {
        &self.status
    }

    fn whole(&self) -> Value {
        let entry = &self.entry;
        json!({
            "id": self.id,
            "compat_id": self.compat_id,
            "subject": self.subject,
            "type": entry.workout_type,
            "duration_min": number::json(entry.duration_min),
            "energy_kcal": number::json(entry.calories_burned),
            "distance_miles": entry.distance_miles.map(number::json),
            "steps": entry.steps.map(number::json),
            "heart_rate_avg": entry.heart_rate_avg.map(number::json),
            "heart_rate_max": entry.heart_rate_max.map(number::json),
            "intensity": entry.intensity,
            "video_id": entry.video_id,
            "notes": entry.notes,
            "started_at": clock::iso(entry.started_at),
            "ended_at": entry.ended_at.map(clock::iso),
            "zone": self.zone,
            "local_date": self.local_date,
            "status": self.status,
            "version": self.version,
            "recorded_at": clock::iso(self.recorded_at),
        })
    }
}

impl Store {
    /// Keeps a workout. The same key again is the same workout again: nothing new is kept.
    pub async fn record_workout(
        &self,
        subject: i64,
        entry: Entry,
        key: Option<String>,
        now: Timestamp,
    ) -> Result<Workout, RecordError> {
        let home = self.home_of(subject).await?;
        self.database
            .write(move |transaction| {
                let values = named_params! {
                    ":id": Uuid::now_v7().to_string(),
                    ":subject": subject,
                    ":workout_type": entry.workout_type,
                    ":type_key": entry.workout_type.to_lowercase(),
                    ":duration_min": entry.duration_min,
                    ":calories_burned": entry.calories_burned,
                    ":distance_miles": entry.distance_miles,
                    ":steps": entry.steps,
                    ":heart_rate_avg": entry.heart_rate_avg,
                    ":heart_rate_max": entry.heart_rate_max,
                    ":intensity": entry.intensity,
                    ":video_id": entry.video_id,
                    ":notes": entry.notes,
                    ":started_at": clock::iso(entry.started_at),
                    ":started_at_entered": entry.started_at_text,
                    ":ended_at": entry.ended_at.map(clock::iso),
                    ":zone": home.zone_at(entry.started_at),
                    ":local_date": home.date(entry.started_at).to_string(),
                    ":recorded_at": clock::iso(now),
                    ":idempotency_key": key,
                };
                let is_same = |known: &Workout| known.subject == subject && known.entry == entry;
                entries::record(transaction, key.as_deref(), is_same, values)
            })
            .await
    }

    /// A workout of somebody's that counts.
    pub async fn workout(&self, subject: i64, compat_id: i64) -> Result<Option<Workout>, DatabaseError> {
        self.database.read(move |connection| Ok(entries::counting(connection, subject, compat_id)?)).await
    }

    /// Strikes out a workout of somebody's; whether there was one that counted.
    pub async fn strike_workout(&self, subject: i64, compat_id: i64, now: Timestamp) -> Result<bool, DatabaseError> {
        self.strike::<Workout>(subject, compat_id, now).await
    }

    /// At most so many, newest first.
    pub async fn workouts(&self, subject: i64, which: Workouts, most: u32) -> Result<Vec<Workout>, DatabaseError> {
        let read = move |connection: &Connection| match which {
            Workouts::OfDays(first, last) => {
                all(connection, OF_DAYS, params![subject, first.to_string(), last.to_string(), most])
            }
            Workouts::OfType(name) => all(connection, OF_TYPE, params![subject, name.to_lowercase(), most]),
        };
        self.database.read(move |connection| Ok(read(connection)?)).await
    }
}

fn all(connection: &Connection, sql: &str, values: impl rusqlite::Params) -> rusqlite::Result<Vec<Workout>> {
    connection.prepare_cached(sql)?.query_map(values, Workout::read)?.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plans::{assert_indexed, empty};

    #[test]
    fn workouts_are_found_by_day_and_type() {
        let (_folder, connection) = empty();
        for sql in [OF_DAYS, OF_TYPE] {
            assert_indexed(&connection, sql);
        }
    }
}
