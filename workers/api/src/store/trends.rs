//! Trends, from what the days and hours come to: those tables are kept by triggers, see migration 3.

use kit::database::DatabaseError;
use rusqlite::{Connection, Row, params};

use super::Store;
use crate::vitals::{
    Kind,
    trend::{Bucket, Days, Resolution, Sums},
};

const DAYS: &str = "SELECT *, NULL AS hour FROM reading_days
    WHERE subject = ? AND kind = ? AND local_date >= ? AND local_date <= ? ORDER BY local_date";
const HOURS: &str = "SELECT * FROM reading_hours
    WHERE subject = ? AND kind = ? AND local_date >= ? AND local_date <= ? ORDER BY local_date, hour";

impl Store {
    /// What a resident's readings of one kind come to, in its canonical unit, in the order of time.
    pub async fn trend(
        &self,
        subject: i64,
        kind: Kind,
        days: Days,
        by: Resolution,
    ) -> Result<Vec<Bucket>, DatabaseError> {
        self.database.read(move |connection| Ok(buckets(connection, subject, kind, days, by)?)).await
    }
}

fn buckets(
    connection: &Connection,
    subject: i64,
    kind: Kind,
    days: Days,
    by: Resolution,
) -> rusqlite::Result<Vec<Bucket>> {
    let sql = match by {
        Resolution::Day => DAYS,
        Resolution::Hour => HOURS,
    };
    let values = params![subject, kind.name(), days.first.to_string(), days.last.to_string()];
    connection.prepare_cached(sql)?.query_map(values, bucket)?.collect()
}

fn bucket(row: &Row<'_>) -> rusqlite::Result<Bucket> {
    let second_count = row.get("second_count")?;
    Ok(Bucket {
        date: row.get("local_date")?,
        hour: row.get("hour")?,
        primary: sums(row, row.get("count")?, ["least", "most", "sum"])?,
        secondary: several(row, second_count, ["second_least", "second_most", "second_sum"])?,
        arterial: several(row, second_count, ["arterial_least", "arterial_most", "arterial_sum"])?,
    })
}

fn several(row: &Row<'_>, count: i64, columns: [&str; 3]) -> rusqlite::Result<Option<Sums>> {
    if count == 0 { Ok(None) } else { sums(row, count, columns).map(Some) }
}

fn sums(row: &Row<'_>, count: i64, [least, most, sum]: [&str; 3]) -> rusqlite::Result<Sums> {
    Ok(Sums { count, least: row.get(least)?, most: row.get(most)?, sum: row.get(sum)? })
}
