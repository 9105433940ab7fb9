//! Visits of a series that are not as the series has them.

use jiff::{Timestamp, ToSpan, civil::Date};
use kit::{
    Home, clock,
    database::{Change, DatabaseError},
    outbox::Event,
};
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{APPOINTMENT_CANCELLED, AppointmentError, ask::by_compat_id, row, what_happened};
use crate::{
    appointments::{
        Appointment, Edit,
        agenda::{Visit, Window, visit_on},
        change::{self, ChangeError},
        moment::Moment,
        split::SplitError,
    },
    store::{Store, history, parsed, understood},
};

const TABLE: &str = "appointment_edits";

/// What is to become of one visit of a series.
#[derive(Clone, Debug, PartialEq)]
pub enum VisitChange {
    /// These fields, beside what was different already.
    Also(Map<String, Value>),
    /// These fields, and nothing else is different from the series.
    Only(Map<String, Value>),
    /// Taken out of the series, as if the rule did not have it.
    Remove,
}

/// Why a visit was not changed.
#[derive(Debug, thiserror::Error)]
pub enum VisitError {
    #[error("Appointment not found")]
    NoAppointment,
    #[error("This appointment has no visit on {0}: it does not recur, or its rule has another date")]
    NoVisit(Date),
    #[error("This appointment cannot be split on {0}: {1}")]
    Split(Date, SplitError),
    #[error("this visit is at visit_version {0} by now: look at it, then send that with If-Match")]
    Outdated(i64),
    #[error(transparent)]
    Change(#[from] ChangeError),
    #[error(transparent)]
    Appointment(#[from] AppointmentError),
    /// Fields are checked before; this is our mistake.
    #[error("a visit has a field of another type: {0}")]
    Field(#[from] serde_json::Error),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<rusqlite::Error> for VisitError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

impl Store {
    /// Changes one visit of a series, which the date names that the rule gives it. What is the same already stays so, without
    /// a trace. Returns it as it is now; `None` if it was taken out.
    ///
    /// `seen` is the version of the visit that whoever changes it has looked at, if they say so: 0 of one that is as its series
    /// has it.
    pub async fn change_visit(
        &self,
        appointment: i64,
        date: Date,
        change: VisitChange,
        seen: Option<i64>,
        now: Timestamp,
    ) -> Result<Option<Visit>, VisitError> {
        let homes = self.homes.clone();
        self.database
            .write(move |transaction| {
                let series = by_compat_id(transaction, appointment)?.ok_or(VisitError::NoAppointment)?;
                let home = homes.of(series.subject).unwrap_or_else(|| homes.new_home());
                visit_on(&series, None, date, home).ok_or(VisitError::NoVisit(date))?;
                let before = of_visit(transaction, appointment, date)?;
                let is_all_said = matches!(change, VisitChange::Only(_));
                let after = edited(&series, before.as_ref(), date, change, now)?;
                let shown = |edit| visit_on(&series, edit, date, home).filter(|_| !after.removed);
                let is_new = before.is_none() && (after.removed || !after.changes.is_empty());
                let is_same = before.as_ref().is_none_or(|before| is_same(before, &after));
                if is_same && !is_new {
                    return Ok(Change::none(shown(before.as_ref())));
                }
                let version = before.as_ref().map_or(0, |before| before.version);
                if seen.is_some_and(|seen| seen != version) {
                    return Err(VisitError::Outdated(version));
                }
                if let (true, Some(visit)) = (is_all_said, shown(Some(&after))) {
                    change::check_times(visit.starts_at, visit.ends_at)?;
                }
                let event = event(&series, before.as_ref(), &after, home)?;
                keep(transaction, &series, before.is_some(), &after, home, now)?;
                Ok(Change::new(shown(Some(&after)), event))
            })
            .await
    }
}

fn is_same(one: &Edit, other: &Edit) -> bool {
    (&one.changes, one.removed) == (&other.changes, other.removed)
}

/// The visit's difference from its series after the change.
fn edited(
    series: &Appointment,
    before: Option<&Edit>,
    date: Date,
    change: VisitChange,
    now: Timestamp,
) -> serde_json::Result<Edit> {
    let known = before.map(|edit| edit.changes.clone()).unwrap_or_default();
    let shown = series.content.with(&known)?;
    let settled = |mut changes: Map<String, Value>, spoken, said: &Map<String, Value>| {
        series.content.settle(&mut changes, &shown, spoken, said, now)?;
        series.content.different(changes)
    };
    let (changes, removed) = match change {
        VisitChange::Also(said) => {
            let mut changes = known;
            changes.extend(said.clone());
            (settled(changes, &shown, &said)?, false)
        }
        VisitChange::Only(said) => (settled(said.clone(), &series.content, &said)?, false),
        VisitChange::Remove => (known, true),
    };
    Ok(Edit {
        compat_id: before.map_or(0, |edit| edit.compat_id),
        id: before.map_or_else(|| Uuid::now_v7().to_string(), |edit| edit.id.clone()),
        appointment: series.compat_id,
        date,
        changes,
        removed,
        version: before.map_or(1, |edit| edit.version + 1),
    })
}

fn event(series: &Appointment, before: Option<&Edit>, after: &Edit, home: &Home) -> Result<Event, VisitError> {
    let visit = visit_on(series, Some(after), after.date, home).ok_or(VisitError::NoVisit(after.date))?;
    let was = before.map_or(Ok(series.content.clone()), |edit| series.content.with(&edit.changes))?;
    let kind = match after.removed {
        true => APPOINTMENT_CANCELLED,
        false => what_happened(was.status, visit.appointment.content.status),
    };
    let mut payload = row::payload(&visit.appointment, visit.instance_date);
    payload["starts_at"] = clock::iso(visit.starts_at).into();
    payload["ends_at"] = visit.ends_at.map(clock::iso).into();
    payload["removed"] = after.removed.into();
    payload["visit_version"] = after.version.into();
    Ok(Event::new(kind, payload))
}

fn keep(
    transaction: &rusqlite::Transaction<'_>,
    series: &Appointment,
    is_known: bool,
    edit: &Edit,
    home: &Home,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let clock = Home::in_zone(series.zone(home));
    let moved = edit.moved_to().and_then(|written| Moment::of(written, series.content.all_day, &clock));
    let moved = moved.map(|moment| clock::iso(moment.at));
    let status = if edit.removed { "entered-in-error" } else { "final" };
    let (changes, now_text) = (Value::Object(edit.changes.clone()).to_string(), clock::iso(now));
    if is_known {
        history::keep(transaction, TABLE, edit.compat_id, now)?;
        let sql = "UPDATE appointment_edits SET changes = ?, starts_at = ?, status = ?, version = ?, updated_at = ?
             WHERE compat_id = ?";
        let values = params![changes, moved, status, edit.version, now_text, edit.compat_id];
        return transaction.prepare_cached(sql)?.execute(values).map(drop);
    }
    let sql = "INSERT INTO appointment_edits
         (id, subject, appointment, instance_date, changes, starts_at, status, recorded_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let date = edit.date.to_string();
    let values = params![edit.id, series.subject, edit.appointment, date, changes, moved, status, now_text, now_text];
    transaction.prepare_cached(sql)?.execute(values).map(drop)
}

/// Those whose own date or new time is in the window, a day more on both sides.
pub fn in_window(connection: &Connection, subject: i64, window: Window, home: &Home) -> rusqlite::Result<Vec<Edit>> {
    let day = |at: Timestamp, days: i32| home.date(at).saturating_add(days.days()).to_string();
    let values = named_params! {
        ":subject": subject,
        ":first": day(window.from, -1),
        ":last": day(window.until, 1),
        ":from": clock::iso(window.from),
        ":until": clock::iso(window.until),
    };
    connection.prepare_cached(IN_WINDOW)?.query_map(values, read)?.collect()
}

pub const IN_WINDOW: &str =
    "SELECT * FROM appointment_edits WHERE subject = :subject AND instance_date BETWEEN :first AND :last
    UNION SELECT * FROM appointment_edits WHERE subject = :subject AND starts_at BETWEEN :from AND :until";

pub const NUMBERS: &str = "SELECT compat_id FROM appointment_edits WHERE appointment = ? ORDER BY instance_date";

pub const FROM_DATE: &str = "SELECT compat_id FROM appointment_edits WHERE appointment = ? AND instance_date >= ?";
pub const HAND_OVER: &str =
    "UPDATE appointment_edits SET appointment = ?, version = version + 1, updated_at = ? WHERE compat_id = ?";

pub const OF_VISIT: &str = "SELECT * FROM appointment_edits WHERE appointment = ? AND instance_date = ?";

/// Gives the visits from a date on to another series.
pub fn hand_over(
    transaction: &rusqlite::Transaction<'_>,
    from: i64,
    to: i64,
    first: Date,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let mut found = transaction.prepare_cached(FROM_DATE)?;
    let numbers: Vec<i64> =
        found.query_map(params![from, first.to_string()], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for number in numbers {
        history::keep(transaction, TABLE, number, now)?;
        transaction.prepare_cached(HAND_OVER)?.execute(params![to, clock::iso(now), number])?;
    }
    Ok(())
}

/// How edited visits were before each of their changes.
pub fn versions(connection: &Connection, appointment: i64) -> rusqlite::Result<Vec<Value>> {
    let numbers: Vec<i64> = connection
        .prepare_cached(NUMBERS)?
        .query_map([appointment], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let versions: rusqlite::Result<Vec<_>> =
        numbers.into_iter().map(|number| history::versions(connection, TABLE, number)).collect();
    Ok(versions?.into_iter().flatten().collect())
}

fn of_visit(connection: &Connection, appointment: i64, date: Date) -> rusqlite::Result<Option<Edit>> {
    connection.prepare_cached(OF_VISIT)?.query_row(params![appointment, date.to_string()], read).optional()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Edit> {
    Ok(Edit {
        compat_id: row.get("compat_id")?,
        id: row.get("id")?,
        appointment: row.get("appointment")?,
        date: parsed(row, "instance_date")?,
        changes: understood(row, "changes", |text| serde_json::from_str(text).ok())?,
        removed: row.get::<_, String>("status")? == "entered-in-error",
        version: row.get("version")?,
    })
}
