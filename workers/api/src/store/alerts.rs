//! Alerts, and where the conditions stand that raise them. The rules are in `crate::alerts`; here their state is read, taken
//! on, and kept with what follows, in the transaction of what caused it.

mod answer;
mod caused;
mod conditions;
mod doses;
mod told;
mod waiting;

use kit::database::DatabaseError;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Value, json};

pub use self::{
    answer::AnswerError,
    caused::{after_correction, after_reading},
    waiting::Repeat,
};
pub(super) use self::{
    caused::{heard, newest, usual},
    conditions::{Evidence, Watch},
    doses::{dose_lifted, dose_not_taken, dose_settled, open_doses},
    waiting::of_resident,
};
use super::{Store, understood};
use crate::alerts::{Direction, Severity, Topic};

/// Somebody should know.
pub const ALERT_OPENED: &str = "alert.opened";
/// Somebody is to be told, and how.
pub const ALERT_ESCALATED: &str = "alert.escalated";
/// It is less bad, and not over.
pub const ALERT_EASED: &str = "alert.eased";
/// Somebody knows.
pub const ALERT_ACKNOWLEDGED: &str = "alert.acknowledged";
/// Nobody is told for a while.
pub const ALERT_SNOOZED: &str = "alert.snoozed";
/// It is over.
pub const ALERT_CLEARED: &str = "alert.cleared";
/// A severe reading is to be repeated after some rest.
pub const REPEAT_ASKED: &str = "repeat.asked";

const TABLE: &str = "alerts";
const BY_COMPAT_ID: &str = "SELECT * FROM alerts WHERE compat_id = ?";
const BY_ID: &str = "SELECT * FROM alerts WHERE id = ?";
const OPEN: &str = "SELECT * FROM alerts WHERE subject = ? AND status <> 'cleared' ORDER BY kind, direction";
const ALL: &str = "SELECT * FROM alerts WHERE subject = ? ORDER BY compat_id DESC LIMIT ?";
const OPEN_OF_CONDITION: &str =
    "SELECT * FROM alerts WHERE subject = ? AND kind = ? AND direction = ? AND status <> 'cleared'";
const ATTEMPTS: &str = "SELECT * FROM alert_attempts WHERE alert_id = ? ORDER BY compat_id";

/// An alert as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    pub compat_id: i64,
    pub id: String,
    pub subject: i64,
    pub kind: Topic,
    pub direction: Direction,
    pub severity: Severity,
    pub opened_as: Severity,
    pub cause: String,
    pub reading_id: Option<String>,
    pub value: Option<String>,
    pub unit: Option<String>,
    /// The limit that was passed; of a dose, its occurrence.
    pub limit_name: Option<String>,
    pub limit_source: Option<String>,
    pub opened_at: String,
    pub acknowledged_at: Option<String>,
    pub acknowledged_by: Option<String>,
    pub snoozed_until: Option<String>,
    pub snoozed_by: Option<String>,
    pub cleared_at: Option<String>,
    pub cleared_because: Option<String>,
    pub status: String,
    pub version: i64,
    pub recorded_at: String,
}

impl Alert {
    /// As events and clients have it.
    pub fn whole(&self) -> Value {
        let (limit, occurrence) = match self.kind {
            Topic::Reading(_) => (&self.limit_name, &None),
            Topic::Dose(_) => (&None, &self.limit_name),
        };
        json!({
            "id": self.id,
            "compat_id": self.compat_id,
            "subject": self.subject,
            "kind": self.kind.kind_name(),
            "direction": self.direction.name(),
            "severity": self.severity.name(),
            "opened_as": self.opened_as.name(),
            "cause": self.cause,
            "reading_id": self.reading_id,
            "value": self.value,
            "unit": self.unit,
            "limit": limit,
            "occurrence": occurrence,
            "source": self.limit_source,
            "status": self.status,
            "opened_at": self.opened_at,
            "acknowledged_at": self.acknowledged_at,
            "acknowledged_by": self.acknowledged_by,
            "snoozed_until": self.snoozed_until,
            "snoozed_by": self.snoozed_by,
            "cleared_at": self.cleared_at,
            "cleared_because": self.cleared_because,
            "version": self.version,
            "recorded_at": self.recorded_at,
        })
    }
}

/// Somebody who was to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    pub id: String,
    pub person_id: String,
    pub person_name: String,
    pub channel: String,
    pub outcome: String,
    pub attempted_at: String,
}

impl Attempt {
    /// As events and clients have it.
    pub fn whole(&self) -> Value {
        json!({
            "id": self.id,
            "person_id": self.person_id,
            "person_name": self.person_name,
            "channel": self.channel,
            "outcome": self.outcome,
            "attempted_at": self.attempted_at,
        })
    }
}

impl Store {
    /// What a resident should be looked after for now.
    pub async fn open_alerts(&self, subject: i64) -> Result<Vec<Alert>, DatabaseError> {
        self.database.read(move |connection| Ok(several(connection, OPEN, params![subject])?)).await
    }

    /// At most so many of a resident's alerts, the newest first, also those that are over.
    pub async fn all_alerts(&self, subject: i64, most: u32) -> Result<Vec<Alert>, DatabaseError> {
        self.database.read(move |connection| Ok(several(connection, ALL, params![subject, most])?)).await
    }

    /// One alert by its id or number, with everybody who was to be told.
    pub async fn find_alert(&self, id: String) -> Result<Option<(Alert, Vec<Attempt>)>, DatabaseError> {
        self.database
            .read(move |connection| {
                let Some(alert) = find(connection, &id)? else { return Ok(None) };
                let attempts: rusqlite::Result<Vec<_>> =
                    connection.prepare_cached(ATTEMPTS)?.query_map([&alert.id], attempt)?.collect();
                Ok(Some((alert, attempts?)))
            })
            .await
    }
}

fn find(connection: &Connection, id: &str) -> rusqlite::Result<Option<Alert>> {
    match id.parse::<i64>() {
        Ok(compat_id) => connection.prepare_cached(BY_COMPAT_ID)?.query_row([compat_id], alert).optional(),
        Err(_) => connection.prepare_cached(BY_ID)?.query_row([id], alert).optional(),
    }
}

fn several(connection: &Connection, sql: &str, values: impl rusqlite::Params) -> rusqlite::Result<Vec<Alert>> {
    connection.prepare_cached(sql)?.query_map(values, alert)?.collect()
}

fn alert(row: &Row<'_>) -> rusqlite::Result<Alert> {
    Ok(Alert {
        compat_id: row.get("compat_id")?,
        id: row.get("id")?,
        subject: row.get("subject")?,
        kind: understood(row, "kind", Topic::of_name)?,
        direction: understood(row, "direction", Direction::of_name)?,
        severity: understood(row, "severity", Severity::of_name)?,
        opened_as: understood(row, "opened_as", Severity::of_name)?,
        cause: row.get("cause")?,
        reading_id: row.get("reading_id")?,
        value: row.get("value")?,
        unit: row.get("unit")?,
        limit_name: row.get("limit_name")?,
        limit_source: row.get("limit_source")?,
        opened_at: row.get("opened_at")?,
        acknowledged_at: row.get("acknowledged_at")?,
        acknowledged_by: row.get("acknowledged_by")?,
        snoozed_until: row.get("snoozed_until")?,
        snoozed_by: row.get("snoozed_by")?,
        cleared_at: row.get("cleared_at")?,
        cleared_because: row.get("cleared_because")?,
        status: row.get("status")?,
        version: row.get("version")?,
        recorded_at: row.get("recorded_at")?,
    })
}

fn attempt(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    Ok(Attempt {
        id: row.get("id")?,
        person_id: row.get("person_id")?,
        person_name: row.get("person_name")?,
        channel: row.get("channel")?,
        outcome: row.get("outcome")?,
        attempted_at: row.get("attempted_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plans::{assert_indexed, assert_indexed_but, empty};

    #[test]
    fn alerts_are_found_at_once() {
        let (_folder, connection) = empty();
        for sql in [BY_COMPAT_ID, BY_ID, ALL, OPEN, OPEN_OF_CONDITION, ATTEMPTS] {
            assert_indexed(&connection, sql);
        }
        assert_indexed_but(&connection, waiting::EVERYTHING, &["SCAN conditions"]);
        for sql in [waiting::NEXT, waiting::DUE, waiting::OF_RESIDENT, conditions::STATE, caused::BEFORE] {
            assert_indexed(&connection, sql);
        }
        for sql in [caused::NEWEST, caused::USUAL] {
            assert_indexed(&connection, sql);
        }
    }
}
