//! A resident's limits as they are kept.

use jiff::Timestamp;
use kit::{
    clock,
    database::{Change, DatabaseError},
    outbox::Event as News,
};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Store,
    alerts::{Evidence, Watch, heard, newest, of_resident},
    history,
    residents::ResidentError,
};
use crate::alerts::{
    Condition, Direction, Topic,
    limit::Limit,
    limits::{Expected, Limits, LimitsError},
    state::Event,
};

/// A resident has other limits.
pub const LIMITS_CHANGED: &str = "limits.changed";

const TABLE: &str = "limits";
pub const OF_RESIDENT: &str = "SELECT document, version FROM limits WHERE subject = ?";
const CHANGE: &str = "INSERT INTO limits (id, subject, document, recorded_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (subject) DO UPDATE SET document = excluded.document, version = version + 1 RETURNING version";
const NUMBER: &str = "SELECT compat_id FROM limits WHERE subject = ?";

/// Why limits stay as they are.
#[derive(Debug, thiserror::Error)]
pub enum ChangeLimitsError {
    #[error(transparent)]
    Limits(#[from] LimitsError),
    #[error("these limits are at version {0} by now: look at them, then send that version with If-Match")]
    Outdated(i64),
    #[error(transparent)]
    Resident(#[from] ResidentError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<rusqlite::Error> for ChangeLimitsError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Limits as clients have them.
pub fn whole(subject: i64, limits: &Limits, version: i64) -> Value {
    let view = |limit: &Limit| {
        let mut view = json!(limit);
        view["name"] = limit.name().into();
        view["unit"] = limit.kind.canonical_unit().into();
        view["changed"] = limits.limits.contains(limit).into();
        view
    };
    let off = limits.limits.iter().filter(|limit| limit.off);
    let (least, most) = limits.choices.glucose_targets.fasting();
    json!({
        "subject": subject,
        "choices": limits.choices,
        "limits": limits.effective().iter().chain(off).map(view).collect::<Vec<_>>(),
        "expected": limits.expected(),
        "blood_pressure_bands": limits.choices.blood_pressure.bands(),
        "fasting_glucose_target": {"least": least, "most": most, "unit": "mg/dL"},
        "version": version,
        "review": "Not medical advice. These limits need a clinician's review.",
    })
}

impl Store {
    /// A resident's limits, and their version; 0 while nobody changed the defaults.
    pub async fn limits(&self, subject: i64) -> Result<(Limits, i64), DatabaseError> {
        self.database.read(move |connection| Ok(of(connection, subject)?)).await
    }

    /// Other limits from now on. What was raised by one that is gone is over; what is measured is judged when it is next
    /// measured. `seen` is the version that whoever changes them has looked at, if they say so.
    pub async fn change_limits(
        &self,
        subject: i64,
        limits: Limits,
        seen: Option<i64>,
        now: Timestamp,
    ) -> Result<(Limits, i64), ChangeLimitsError> {
        limits.check()?;
        let home = self.home_of(subject).await?;
        self.database
            .write(move |transaction| {
                let (before, version) = of(transaction, subject)?;
                if before == limits {
                    return Ok(Change::none((limits, version)));
                }
                if seen.is_some_and(|seen| seen != version) {
                    return Err(ChangeLimitsError::Outdated(version));
                }
                let version = keep(transaction, subject, &limits, now)?;
                let mut watch = Watch::begin(transaction, subject, home, now)?;
                apply(&mut watch, &limits)?;
                let mut news = vec![News::new(LIMITS_CHANGED, whole(subject, &limits, version))];
                news.extend(watch.news());
                Ok(Change::several((limits, version), news))
            })
            .await
    }
}

/// A document that this version cannot read is the defaults: watched by those is better than by nothing.
pub fn of(connection: &Connection, subject: i64) -> rusqlite::Result<(Limits, i64)> {
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get(1)?));
    let Some((text, version)) = connection.prepare_cached(OF_RESIDENT)?.query_row([subject], row).optional()? else {
        return Ok((Limits::default(), 0));
    };
    let limits = serde_json::from_str(&text).unwrap_or_else(|error| {
        tracing::error!(subject, "limits cannot be understood, and the defaults are used: {error}");
        Limits::default()
    });
    Ok((limits, version))
}

fn keep(transaction: &Transaction<'_>, subject: i64, limits: &Limits, now: Timestamp) -> rusqlite::Result<i64> {
    let known: Option<i64> = transaction.prepare_cached(NUMBER)?.query_row([subject], |row| row.get(0)).optional()?;
    if let Some(compat_id) = known {
        history::keep(transaction, TABLE, compat_id, now)?;
    }
    let values = params![Uuid::now_v7().to_string(), subject, json!(limits).to_string(), clock::iso(now)];
    transaction.prepare_cached(CHANGE)?.query_row(values, |row| row.get(0))
}

fn apply(watch: &mut Watch<'_>, limits: &Limits) -> rusqlite::Result<()> {
    for condition in of_resident(watch.transaction, watch.subject)? {
        let Topic::Reading(kind) = condition.kind else { continue };
        if !limits.watches(kind, condition.direction) {
            watch.happens(condition, Event::Lifted, Evidence::default())?;
        }
    }
    for expected in limits.expected() {
        expect(watch, expected)?;
    }
    Ok(())
}

/// Nothing is expected of what was never measured.
fn expect(watch: &mut Watch<'_>, expected: Expected) -> rusqlite::Result<()> {
    let Some(newest) = newest(watch.transaction, watch.subject, expected.kind, watch.now)? else { return Ok(()) };
    let condition = Condition { kind: expected.kind.into(), direction: Direction::NoData };
    let event = heard(expected, newest.effective_at);
    watch.happens(condition, event, Evidence { reading: Some(&newest), ..Evidence::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plans::{assert_indexed, empty};

    #[test]
    fn limits_are_found_at_once() {
        let (_folder, connection) = empty();
        for sql in [OF_RESIDENT, NUMBER] {
            assert_indexed(&connection, sql);
        }
    }
}
