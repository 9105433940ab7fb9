//! What is waited for: the next deadline, and what is due.

use jiff::{SignedDuration, Timestamp};
use kit::{
    clock,
    database::{Change, DatabaseError},
    outbox::Event as News,
};
use rusqlite::{Connection, Row, Transaction, params};
use serde_json::{Value, json};

use super::{
    Store,
    caused::{newest, passed},
    conditions::{self, Evidence, Watch},
    understood,
};
use crate::{
    alerts::{
        Condition, Direction, Topic,
        state::{Event, REST},
    },
    store::{parsed, residents::homes::Homes},
};

/// How long readings that could not reach the hub while it was off have to arrive before their absence counts.
const GRACE_AFTER_START: SignedDuration = SignedDuration::from_hours(1);
/// How many conditions are taken on in one transaction.
const MOST_AT_ONCE: u32 = 100;

pub const NEXT: &str = "SELECT due_at FROM conditions WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1";
pub const DUE: &str = "SELECT subject, kind, direction FROM conditions
    WHERE due_at IS NOT NULL AND due_at <= ? ORDER BY due_at LIMIT ?";
pub const EVERYTHING: &str = "SELECT subject, kind, direction FROM conditions";
pub const OF_RESIDENT: &str = "SELECT kind, direction, state FROM conditions WHERE subject = ?";

/// Rest and a repeat are asked of a resident.
#[derive(Clone, Debug, PartialEq)]
pub struct Repeat {
    condition: Condition,
    waited: crate::alerts::state::Repeat,
}

impl Repeat {
    /// As clients have it.
    pub fn whole(&self) -> Value {
        json!({
            "kind": self.condition.kind.name(),
            "direction": self.condition.direction.name(),
            "severity": self.waited.severity.name(),
            "from": clock::iso(self.waited.first_at + REST),
            "until": clock::iso(self.waited.until),
        })
    }
}

impl Store {
    /// When something has to be looked at next.
    pub async fn next_alert_due(&self) -> Result<Option<Timestamp>, DatabaseError> {
        self.database
            .read(|connection| {
                let mut statement = connection.prepare_cached(NEXT)?;
                let mut rows = statement.query([])?;
                let due = rows.next()?.map(|row| parsed(row, "due_at"));
                Ok(due.transpose()?)
            })
            .await
    }

    /// Does what is due, or the first of it; whether there was anything.
    pub async fn take_due_alerts(&self, now: Timestamp) -> Result<bool, DatabaseError> {
        let homes = self.homes.clone();
        self.database
            .write(move |transaction| {
                let due = conditions(transaction, DUE, params![clock::iso(now), MOST_AT_ONCE])?;
                let is_any = !due.is_empty();
                let news = all_happen(transaction, &homes, due, &Event::Time, now)?;
                Ok(Change::several(is_any, news))
            })
            .await
    }

    /// Looks at every condition: when the worker begins, and when the clock was set.
    pub async fn look_at_all_alerts(&self, is_start: bool, now: Timestamp) -> Result<(), DatabaseError> {
        let homes = self.homes.clone();
        let event = if is_start { Event::Started { grace: GRACE_AFTER_START } } else { Event::Time };
        self.database
            .write(move |transaction| {
                let all = conditions(transaction, EVERYTHING, [])?;
                Ok(Change::several((), all_happen(transaction, &homes, all, &event, now)?))
            })
            .await
    }

    /// Which readings a resident is asked to repeat.
    pub async fn repeats(&self, subject: i64) -> Result<Vec<Repeat>, DatabaseError> {
        self.database
            .read(move |connection| {
                let mut statement = connection.prepare_cached(OF_RESIDENT)?;
                let rows = statement.query_map([subject], |row| Ok((condition(row)?, row.get::<_, String>(2)?)))?;
                let mut repeats = Vec::new();
                for row in rows {
                    let (condition, text) = row?;
                    repeats.extend(conditions::read(&text).repeat.map(|waited| Repeat { condition, waited }));
                }
                Ok(repeats)
            })
            .await
    }
}

/// The conditions of a resident that ever had a state.
pub fn of_resident(connection: &Connection, subject: i64) -> rusqlite::Result<Vec<Condition>> {
    connection.prepare_cached(OF_RESIDENT)?.query_map([subject], condition)?.collect()
}

fn conditions(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
) -> rusqlite::Result<Vec<(i64, Condition)>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(values)?;
    let mut conditions = Vec::new();
    while let Some(row) = rows.next()? {
        match condition(row) {
            Ok(condition) => conditions.push((row.get("subject")?, condition)),
            // Of a version that knows more; it must not keep the others from being looked at.
            Err(error) => tracing::warn!("a condition is left alone: {error}"),
        }
    }
    Ok(conditions)
}

fn condition(row: &Row<'_>) -> rusqlite::Result<Condition> {
    Ok(Condition {
        kind: understood(row, "kind", Topic::of_name)?,
        direction: understood(row, "direction", Direction::of_name)?,
    })
}

fn all_happen(
    transaction: &Transaction<'_>,
    homes: &Homes,
    conditions: Vec<(i64, Condition)>,
    event: &Event,
    now: Timestamp,
) -> rusqlite::Result<Vec<News>> {
    let mut news = Vec::new();
    for (subject, condition) in conditions {
        let home = homes.of(subject).unwrap_or_else(|| homes.new_home());
        // A severe reading that was not repeated is the newest one; so is the last one before there were none.
        let reading = match condition.kind {
            Topic::Reading(kind) => newest(transaction, subject, kind, now)?,
            Topic::Dose(_) => None,
        };
        let mut watch = Watch::begin(transaction, subject, home, now)?;
        let limit = reading.as_ref().map(|reading| passed(transaction, reading, condition.direction, home));
        let limit = limit.transpose()?.flatten();
        let evidence = Evidence { reading: reading.as_ref(), limit: limit.as_ref(), ..Evidence::default() };
        watch.happens(condition, event.clone(), evidence)?;
        news.extend(watch.news());
    }
    Ok(news)
}
