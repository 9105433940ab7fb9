//! What sources counted from when to when, as it is kept.

use jiff::Timestamp;
use kit::{
    clock,
    database::{Change, DatabaseError},
    outbox::Event,
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::days::sent;
use crate::{
    activity::{
        Figure, Sent,
        interval::{Interval, LONGEST},
    },
    store::{Store, history, parsed},
};

/// Sources counted something.
const INTERVALS_RECORDED: &str = "activity-intervals.recorded";

const TABLE: &str = "activity_intervals";
/// How many intervals of one day are looked at: seven sources by the minute.
const MOST_A_DAY: u32 = 10_080;

const KNOWN: &str = "SELECT * FROM activity_intervals
    WHERE subject = ? AND started_at = ? AND ended_at = ? AND source = ?";
const BETWEEN: &str = "SELECT * FROM activity_intervals WHERE subject = ? AND started_at > ? AND started_at < ?
    ORDER BY started_at LIMIT ?";
const INSERT: &str = "INSERT INTO activity_intervals (id, subject, source, started_at, ended_at, steps, active_minutes,
        calories_burned, floors_climbed, distance_miles, recorded_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const UPDATE: &str = "UPDATE activity_intervals SET steps = ?, active_minutes = ?, calories_burned = ?,
        floors_climbed = ?, distance_miles = ?, version = version + 1
    WHERE compat_id = ?";

impl Store {
    /// Keeps what was counted; how many of it is new or another count. What is told again changes nothing; what is told anew
    /// of the same time by the same source counts, and what was told before is in the history.
    pub async fn record_intervals(
        &self,
        subject: i64,
        intervals: Vec<Interval>,
        now: Timestamp,
    ) -> Result<usize, DatabaseError> {
        self.database
            .write(move |transaction| {
                let mut news = Vec::new();
                for interval in &intervals {
                    let (from, until) = (clock::iso(interval.started_at), clock::iso(interval.ended_at));
                    let key = params![subject, from, until, interval.source];
                    let row = |row: &Row<'_>| Ok((row.get::<_, i64>("compat_id")?, sent(row)?));
                    match transaction.prepare_cached(KNOWN)?.query_row(key, row).optional()? {
                        None => insert(transaction, subject, interval, now)?,
                        Some((_, known)) if interval.sent.or(known) == known => continue,
                        Some((compat_id, known)) => {
                            history::keep(transaction, TABLE, compat_id, now)?;
                            update(transaction, compat_id, interval.sent.or(known))?;
                        }
                    }
                    news.push(whole(interval));
                }
                let count = news.len();
                if news.is_empty() {
                    return Ok(Change::none(0));
                }
                let event = Event::new(INTERVALS_RECORDED, json!({"subject": subject, "intervals": news}));
                Ok::<_, DatabaseError>(Change::new(count, event))
            })
            .await
    }

    /// What was counted of somebody in each of these spans, what reaches into them included.
    pub async fn intervals(
        &self,
        subject: i64,
        spans: Vec<(Timestamp, Timestamp)>,
    ) -> Result<Vec<Vec<Interval>>, DatabaseError> {
        self.database
            .read(move |connection| {
                let each = spans.into_iter().map(|(from, until)| between(connection, subject, from, until));
                Ok(each.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }
}

fn between(
    connection: &Connection,
    subject: i64,
    from: Timestamp,
    until: Timestamp,
) -> rusqlite::Result<Vec<Interval>> {
    // None is longer, so none that began earlier reaches so far.
    let earliest = from.checked_sub(LONGEST).unwrap_or(Timestamp::MIN);
    let values = params![subject, clock::iso(earliest), clock::iso(until), MOST_A_DAY];
    let found: rusqlite::Result<Vec<_>> = connection.prepare_cached(BETWEEN)?.query_map(values, interval)?.collect();
    Ok(found?.into_iter().filter(|interval| interval.ended_at > from).collect())
}

fn insert(connection: &Connection, subject: i64, interval: &Interval, now: Timestamp) -> rusqlite::Result<()> {
    let [steps, minutes, calories, floors, miles] = interval.sent.0;
    let (id, from, until) =
        (Uuid::now_v7().to_string(), clock::iso(interval.started_at), clock::iso(interval.ended_at));
    let at = clock::iso(now);
    let values = params![id, subject, interval.source, from, until, steps, minutes, calories, floors, miles, at];
    connection.prepare_cached(INSERT)?.execute(values).map(drop)
}

fn update(connection: &Connection, compat_id: i64, sent: Sent) -> rusqlite::Result<()> {
    let [steps, minutes, calories, floors, miles] = sent.0;
    let values = params![steps, minutes, calories, floors, miles, compat_id];
    connection.prepare_cached(UPDATE)?.execute(values).map(drop)
}

fn whole(interval: &Interval) -> Value {
    let mut whole = Map::new();
    whole.insert("source".into(), json!(interval.source));
    whole.insert("started_at".into(), json!(clock::iso(interval.started_at)));
    whole.insert("ended_at".into(), json!(clock::iso(interval.ended_at)));
    for (figure, sent) in Figure::ALL.into_iter().zip(interval.sent.0) {
        whole.insert(figure.name().into(), json!(sent));
    }
    Value::Object(whole)
}

fn interval(row: &Row<'_>) -> rusqlite::Result<Interval> {
    let instant = |column| parsed(row, column);
    Ok(Interval {
        source: row.get("source")?,
        started_at: instant("started_at")?,
        ended_at: instant("ended_at")?,
        sent: sent(row)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plans::{assert_indexed, empty};

    #[test]
    fn intervals_are_found_by_their_time() {
        let (_folder, connection) = empty();
        for sql in [KNOWN, BETWEEN, INSERT, UPDATE] {
            assert_indexed(&connection, sql);
        }
    }
}
