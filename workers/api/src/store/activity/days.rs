//! Days' figures as they are kept: what a person wrote, and what each device last said.

use jiff::{Timestamp, civil::Date};
use kit::{
    clock,
    database::{Change, DatabaseError},
    outbox::Event,
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::devices;
use crate::{
    activity::{Figure, Figures, Sent, device::Report},
    store::{Store, history, parsed},
};

/// A day has other figures.
pub const ACTIVITY_RECORDED: &str = "activity.recorded";

const TABLE: &str = "activity_days";
/// How the source of a device's figures begins.
const OF_DEVICE: &str = "ble_device:";
/// Who wrote it when nobody says.
const BY_HAND: &str = "manual";

const OF_DAY: &str = "SELECT * FROM activity_days WHERE subject = ? AND local_date = ?";
const OF_DAYS: &str = "SELECT * FROM activity_days WHERE subject = ? AND local_date >= ? AND local_date <= ?
    ORDER BY local_date";
const PUT: &str = "INSERT INTO activity_days (id, subject, local_date, steps, active_minutes, calories_burned,
        floors_climbed, distance_miles, source, changed_at, recorded_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)
    ON CONFLICT (subject, local_date) DO UPDATE SET steps = excluded.steps, active_minutes = excluded.active_minutes,
        calories_burned = excluded.calories_burned, floors_climbed = excluded.floors_climbed,
        distance_miles = excluded.distance_miles, source = excluded.source, changed_at = excluded.changed_at,
        version = version + 1";
const DEVICE_DAYS: &str = "SELECT * FROM activity_device_days WHERE subject = ? AND local_date = ?";
const PUT_DEVICE_DAY: &str = "INSERT INTO activity_device_days (subject, local_date, address, steps, active_minutes,
        calories_burned, floors_climbed, distance_miles, reported_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
    ON CONFLICT (subject, local_date, address) DO UPDATE SET steps = excluded.steps,
        active_minutes = excluded.active_minutes, calories_burned = excluded.calories_burned,
        floors_climbed = excluded.floors_climbed, distance_miles = excluded.distance_miles,
        reported_at = excluded.reported_at";

/// A day's figures as existing clients know them.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptDay {
    pub compat_id: i64,
    pub id: String,
    pub subject: i64,
    pub local_date: String,
    pub figures: Figures,
    pub source: String,
    pub version: i64,
    pub changed_at: Timestamp,
    pub recorded_at: Timestamp,
}

impl KeptDay {
    /// The device that said it, if it was one.
    pub fn device_address(&self) -> Option<&str> {
        self.source.strip_prefix(OF_DEVICE)
    }

    /// As events and newer clients have it.
    pub fn whole(&self) -> Value {
        let mut figures = Map::new();
        self.figures.write(&mut figures);
        json!({
            "id": self.id,
            "compat_id": self.compat_id,
            "subject": self.subject,
            "local_date": self.local_date,
            "figures": figures,
            "source": self.source,
            "device_address": self.device_address(),
            "version": self.version,
            "changed_at": clock::iso(self.changed_at),
            "recorded_at": clock::iso(self.recorded_at),
        })
    }
}

impl Store {
    /// What a person writes of a day. What they do not write stays.
    pub async fn put_day(
        &self,
        subject: i64,
        date: Date,
        sent: Sent,
        source: Option<String>,
        now: Timestamp,
    ) -> Result<KeptDay, DatabaseError> {
        let date = date.to_string();
        self.database
            .write(move |transaction| {
                let before = of_day(transaction, subject, &date)?;
                let figures = sent.over(before.as_ref().map(|day| day.figures).unwrap_or_default());
                let source = source.unwrap_or_else(|| BY_HAND.into());
                if let Some(day) = before {
                    if (day.figures, &day.source) == (figures, &source) {
                        return Ok(Change::none(day));
                    }
                    history::keep(transaction, TABLE, day.compat_id, now)?;
                }
                let day = put(transaction, subject, &date, figures, &source, now)?;
                let mut payload = day.whole();
                // Whatever they call their source, no device said it.
                payload["device_address"] = Value::Null;
                Ok::<_, DatabaseError>(Change::new(day, Event::new(ACTIVITY_RECORDED, payload)))
            })
            .await
    }

    /// What a device says of somebody's day: the day comes to the highest of each figure over their devices.
    pub async fn report_day(
        &self,
        subject: i64,
        date: Date,
        report: Report,
        now: Timestamp,
    ) -> Result<KeptDay, DatabaseError> {
        let date = date.to_string();
        self.database
            .write(move |transaction| {
                let known = device_days(transaction, subject, &date)?;
                let before = known.iter().find(|(address, _)| *address == report.address).map(|(_, sent)| *sent);
                let sent =
                    if report.is_whole { report.sent.filled() } else { report.sent.or(before.unwrap_or_default()) };
                put_device_day(transaction, subject, &date, &report.address, sent, now)?;
                devices::seen(transaction, &report.address, now)?;
                let others = known.into_iter().filter(|(address, _)| *address != report.address).map(|(_, sent)| sent);
                let figures = Figures::highest(others.chain([sent]));
                // What a person wrote is not lost; what devices said is in their own rows.
                if let Some(day) = of_day(transaction, subject, &date)?.filter(|day| day.device_address().is_none()) {
                    history::keep(transaction, TABLE, day.compat_id, now)?;
                }
                let source = format!("{OF_DEVICE}{}", report.address);
                let day = put(transaction, subject, &date, figures, &source, now)?;
                let event = Event::new(ACTIVITY_RECORDED, day.whole());
                Ok::<_, DatabaseError>(Change::new(day, event))
            })
            .await
    }

    /// The days of somebody's that have figures, both ends included, oldest first.
    pub async fn days(&self, subject: i64, first: Date, last: Date) -> Result<Vec<KeptDay>, DatabaseError> {
        let values = (subject, first.to_string(), last.to_string());
        self.database
            .read(move |connection| {
                Ok(connection.prepare_cached(OF_DAYS)?.query_map(values, day)?.collect::<Result<_, _>>()?)
            })
            .await
    }
}

fn of_day(connection: &Connection, subject: i64, date: &str) -> rusqlite::Result<Option<KeptDay>> {
    connection.prepare_cached(OF_DAY)?.query_row(params![subject, date], day).optional()
}

fn put(
    connection: &Connection,
    subject: i64,
    date: &str,
    figures: Figures,
    source: &str,
    now: Timestamp,
) -> rusqlite::Result<KeptDay> {
    let [steps, minutes, calories, floors, miles] = figures.0;
    let (id, at) = (Uuid::now_v7().to_string(), clock::iso(now));
    let values = params![id, subject, date, steps, minutes, calories, floors, miles, source, at];
    connection.prepare_cached(PUT)?.execute(values)?;
    connection.prepare_cached(OF_DAY)?.query_row(params![subject, date], day)
}

fn device_days(connection: &Connection, subject: i64, date: &str) -> rusqlite::Result<Vec<(String, Sent)>> {
    let row = |row: &Row<'_>| Ok((row.get("address")?, sent(row)?));
    connection.prepare_cached(DEVICE_DAYS)?.query_map(params![subject, date], row)?.collect()
}

fn put_device_day(
    connection: &Connection,
    subject: i64,
    date: &str,
    address: &str,
    sent: Sent,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let [steps, minutes, calories, floors, miles] = sent.0;
    let values = params![subject, date, address, steps, minutes, calories, floors, miles, clock::iso(now)];
    connection.prepare_cached(PUT_DEVICE_DAY)?.execute(values).map(drop)
}

/// The figures of a row, which may be null.
pub fn sent(row: &Row<'_>) -> rusqlite::Result<Sent> {
    let mut sent = Sent::default();
    for (place, figure) in sent.0.iter_mut().zip(Figure::ALL) {
        *place = row.get(figure.name())?;
    }
    Ok(sent)
}

fn day(row: &Row<'_>) -> rusqlite::Result<KeptDay> {
    Ok(KeptDay {
        compat_id: row.get("compat_id")?,
        id: row.get("id")?,
        subject: row.get("subject")?,
        local_date: row.get("local_date")?,
        figures: sent(row)?.over(Figures::default()),
        source: row.get("source")?,
        version: row.get("version")?,
        changed_at: parsed(row, "changed_at")?,
        recorded_at: parsed(row, "recorded_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plans::{assert_indexed, empty};

    #[test]
    fn days_are_found_by_their_date() {
        let (_folder, connection) = empty();
        for sql in [OF_DAY, OF_DAYS, PUT, DEVICE_DAYS, PUT_DEVICE_DAY] {
            assert_indexed(&connection, sql);
        }
    }
}
