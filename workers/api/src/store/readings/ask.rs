//! Questions about readings. One that was entered in error stays in the file and is not among the answers.

use jiff::{SignedDuration, Timestamp, civil::Date};
use kit::{clock, database::DatabaseError};
use rusqlite::{Connection, OptionalExtension, named_params, params};

use super::{BY_COMPAT_ID, Reading, by_compat_id, reading};
use crate::{store::Store, vitals::Kind};

/// How far ahead a device's clock may run before its readings count as future ones.
pub const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

const BY_ID: &str = "SELECT * FROM readings WHERE id = ?";
const NEWEST_UNTIL: &str = "SELECT * FROM readings
    WHERE subject = ? AND kind = ? AND effective_at <= ? AND status <> 'entered-in-error'
    ORDER BY effective_at DESC, compat_id DESC LIMIT 1";
const FIRST_AFTER: &str = "SELECT * FROM readings
    WHERE subject = ? AND kind = ? AND effective_at > ? AND status <> 'entered-in-error'
    ORDER BY effective_at, compat_id LIMIT 1";
const OF_DAY: &str = "SELECT * FROM readings
    WHERE subject = ? AND local_date = ? AND status <> 'entered-in-error'
    ORDER BY effective_at DESC, compat_id DESC";
const OF_SPAN: &str = "SELECT * FROM readings
    WHERE subject = :subject AND kind = :kind AND effective_at >= :from AND effective_at <= :until
        AND status <> 'entered-in-error'
    ORDER BY effective_at DESC, compat_id DESC LIMIT :limit";

/// From when to when, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Span {
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

impl Store {
    /// One reading by its number, also one that was struck out.
    pub async fn reading(&self, compat_id: i64) -> Result<Reading, DatabaseError> {
        self.database.read(move |connection| Ok(by_compat_id(connection, compat_id)?)).await
    }

    /// One reading by its id, or by the number that existing clients know it by; also one that was struck out.
    pub async fn find_reading(&self, id: String) -> Result<Option<Reading>, DatabaseError> {
        self.database.read(move |connection| Ok(find(connection, &id)?)).await
    }

    /// The newest of each of these kinds, in their order.
    pub async fn latest(&self, subject: i64, kinds: &'static [Kind]) -> Result<Vec<Reading>, DatabaseError> {
        self.database
            .read(move |connection| {
                let newest: rusqlite::Result<Vec<_>> =
                    kinds.iter().map(|kind| newest(connection, subject, *kind)).collect();
                Ok(newest?.into_iter().flatten().collect())
            })
            .await
    }

    /// The newest of one kind.
    pub async fn latest_of(&self, subject: i64, kind: Kind) -> Result<Option<Reading>, DatabaseError> {
        self.database.read(move |connection| Ok(newest(connection, subject, kind)?)).await
    }

    /// A day of the resident's, newest first.
    pub async fn on_day(&self, subject: i64, day: Date) -> Result<Vec<Reading>, DatabaseError> {
        let day = day.to_string();
        self.database.read(move |connection| Ok(all(connection, OF_DAY, params![subject, day])?)).await
    }

    /// One kind in a span, newest first.
    pub async fn history(
        &self,
        subject: i64,
        kind: Kind,
        span: Span,
        limit: u32,
    ) -> Result<Vec<Reading>, DatabaseError> {
        self.database
            .read(move |connection| {
                // Texts that sort before and after every time.
                let from = span.from.map_or_else(String::new, clock::iso);
                let until = span.until.map_or_else(|| "~".to_owned(), clock::iso);
                let values = named_params! {
                    ":subject": subject, ":kind": kind.name(), ":from": from, ":until": until, ":limit": limit,
                };
                Ok(all(connection, OF_SPAN, values)?)
            })
            .await
    }
}

/// By its id, or by its number.
pub(super) fn find(connection: &Connection, id: &str) -> rusqlite::Result<Option<Reading>> {
    match id.parse::<i64>() {
        Ok(compat_id) => connection.prepare_cached(BY_COMPAT_ID)?.query_row([compat_id], reading).optional(),
        Err(_) => connection.prepare_cached(BY_ID)?.query_row([id], reading).optional(),
    }
}

/// A reading from a clock that runs ahead must not hide what is true now until its day has come; it is better than nothing.
fn newest(connection: &Connection, subject: i64, kind: Kind) -> rusqlite::Result<Option<Reading>> {
    let soon = clock::iso(Timestamp::now() + CLOCK_TOLERANCE);
    let values = params![subject, kind.name(), soon];
    match connection.prepare_cached(NEWEST_UNTIL)?.query_row(values, reading).optional()? {
        Some(newest) => Ok(Some(newest)),
        None => connection.prepare_cached(FIRST_AFTER)?.query_row(values, reading).optional(),
    }
}

fn all(connection: &Connection, sql: &str, values: impl rusqlite::Params) -> rusqlite::Result<Vec<Reading>> {
    connection.prepare_cached(sql)?.query_map(values, reading)?.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plans::{assert_indexed, empty, plan};

    #[test]
    fn no_question_takes_longer_with_more_readings() {
        let (_folder, connection) = empty();
        for sql in [BY_ID, NEWEST_UNTIL, FIRST_AFTER, OF_DAY, OF_SPAN] {
            assert_indexed(&connection, sql);
        }
        // Not only the kind, but the place in time is found by the index.
        for (sql, found_by) in [
            (NEWEST_UNTIL, "readings_by_time (subject=? AND kind=? AND effective_at<?)"),
            (FIRST_AFTER, "readings_by_time (subject=? AND kind=? AND effective_at>?)"),
            (OF_DAY, "readings_by_day (subject=? AND local_date=?)"),
            (OF_SPAN, "readings_by_time (subject=? AND kind=? AND effective_at>? AND effective_at<?)"),
        ] {
            assert!(plan(&connection, sql)[0].ends_with(found_by), "{:?}", plan(&connection, sql));
        }
    }
}
