//! Who lives here, and where.

use jiff::Timestamp;
use kit::{
    Home, clock,
    database::{Change, Database, DatabaseError},
};
use rusqlite::{OptionalExtension, params};
use uuid::Uuid;

/// A resident's home. One who is new lives at `home`; that stays so when the hub's own zone changes.
pub async fn home_of(database: &Database, subject: i64, home: Home) -> Result<Home, DatabaseError> {
    let (new, now) = (home.zone_at(Timestamp::now()), clock::iso_now());
    let zone = database
        .write(move |transaction| {
            let known = "SELECT zone FROM residents WHERE subject = ?";
            if let Some(zone) = transaction.query_row(known, [subject], |row| row.get(0)).optional()? {
                return Ok::<_, DatabaseError>(Change::none(zone));
            }
            let sql = "INSERT INTO residents (subject, id, zone, recorded_at) VALUES (?, ?, ?, ?)";
            transaction.execute(sql, params![subject, Uuid::now_v7().to_string(), new, now])?;
            Ok(Change::none(new))
        })
        .await?;
    Ok(Home::of_name(&zone).unwrap_or(home))
}
