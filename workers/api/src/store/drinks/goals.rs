//! What is asked of a resident's days, as it is kept.

use jiff::{Timestamp, civil::Date};
use kit::{
    clock,
    database::{Change, DatabaseError},
    outbox::Event,
};
use rusqlite::{Connection, OptionalExtension, Row, named_params};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    drinks::{
        Amount, Goal,
        amount::Unit,
        goal::{GoalError, Sex},
        pace::Waking,
    },
    store::{Store, history, parsed, residents::ResidentError, understood},
};

/// Another target, maximum or waking day.
const DRINK_GOAL_CHANGED: &str = "drink-goal.changed";

const TABLE: &str = "drink_goals";
const OF_RESIDENT: &str = "SELECT * FROM drink_goals WHERE subject = ?";
const MOVED_IN: &str = "SELECT recorded_at FROM residents WHERE subject = ?";
const PUT: &str =
    "INSERT INTO drink_goals (id, subject, target_entered, target_unit, sex, maximum_entered, maximum_unit,
        wakes_minute, sleeps_minute, effective_date, recorded_at)
    VALUES (:id, :subject, :target_entered, :target_unit, :sex, :maximum_entered, :maximum_unit, :wakes_minute,
        :sleeps_minute, :effective_date, :recorded_at)
    ON CONFLICT (subject) DO UPDATE SET target_entered = excluded.target_entered, target_unit = excluded.target_unit,
        sex = excluded.sex, maximum_entered = excluded.maximum_entered, maximum_unit = excluded.maximum_unit,
        wakes_minute = excluded.wakes_minute, sleeps_minute = excluded.sleeps_minute,
        effective_date = excluded.effective_date, version = version + 1";

/// What is asked of a resident's days.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptGoal {
    pub goal: Goal,
    /// Their day since which it holds: the one on which they came, if nobody ever said anything.
    pub effective_date: String,
    pub(super) row: Option<Identity>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Identity {
    compat_id: i64,
    id: String,
    version: i64,
}

/// Why a goal was not kept.
#[derive(Debug, thiserror::Error)]
pub enum PutGoalError {
    #[error(transparent)]
    Goal(#[from] GoalError),
    #[error(transparent)]
    Resident(#[from] ResidentError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<rusqlite::Error> for PutGoalError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

impl KeptGoal {
    /// As events and newer clients have it.
    pub fn whole(&self, subject: i64) -> Value {
        let mut whole = self.goal.whole();
        whole["subject"] = json!(subject);
        whole["effective_date"] = json!(self.effective_date);
        whole["id"] = json!(self.row.as_ref().map(|row| &row.id));
        whole["compat_id"] = json!(self.row.as_ref().map(|row| row.compat_id));
        whole["version"] = json!(self.row.as_ref().map(|row| row.version));
        whole
    }
}

impl Store {
    /// What is asked of a resident's days.
    pub async fn drink_goal(&self, subject: i64) -> Result<KeptGoal, ResidentError> {
        let home = self.home_of(subject).await?;
        let date = move |at| home.date(at);
        let read = move |connection: &Connection| Ok::<_, DatabaseError>(goal(connection, subject, date)?);
        Ok(self.database.read(read).await?)
    }

    /// Asks something else from now on. `change` is made to what is asked now.
    pub async fn put_drink_goal(
        &self,
        subject: i64,
        change: impl Fn(Goal) -> Result<Goal, GoalError> + Send + 'static,
        now: Timestamp,
    ) -> Result<KeptGoal, PutGoalError> {
        let home = self.home_of(subject).await?;
        let date = move |at| home.date(at);
        self.database
            .write(move |transaction| {
                let before = goal(transaction, subject, date)?;
                let wanted = change(before.goal)?;
                if wanted == before.goal && before.row.is_some() {
                    return Ok::<_, PutGoalError>(Change::none(before));
                }
                if let Some(row) = &before.row {
                    history::keep(transaction, TABLE, row.compat_id, now)?;
                }
                put(transaction, subject, &wanted, date(now), now)?;
                let kept = goal(transaction, subject, date)?;
                let event = Event::new(DRINK_GOAL_CHANGED, kept.whole(subject));
                Ok(Change::new(kept, event))
            })
            .await
    }
}

pub(super) fn goal(
    connection: &Connection,
    subject: i64,
    date: impl Fn(Timestamp) -> Date,
) -> rusqlite::Result<KeptGoal> {
    if let Some(kept) = connection.prepare_cached(OF_RESIDENT)?.query_row([subject], kept).optional()? {
        return Ok(kept);
    }
    let instant = |row: &Row<'_>| parsed(row, "recorded_at");
    let moved_in = connection.prepare_cached(MOVED_IN)?.query_row([subject], instant)?;
    Ok(KeptGoal { goal: Goal::default(), effective_date: date(moved_in).to_string(), row: None })
}

fn put(connection: &Connection, subject: i64, goal: &Goal, date: Date, now: Timestamp) -> rusqlite::Result<()> {
    let values = named_params! {
        ":id": Uuid::now_v7().to_string(),
        ":subject": subject,
        ":target_entered": goal.target.map(|target| target.value),
        ":target_unit": goal.target.map(|target| target.unit.ucum()),
        ":sex": goal.sex.map(Sex::name),
        ":maximum_entered": goal.maximum.map(|maximum| maximum.value),
        ":maximum_unit": goal.maximum.map(|maximum| maximum.unit.ucum()),
        ":wakes_minute": goal.waking.wakes,
        ":sleeps_minute": goal.waking.sleeps,
        ":effective_date": date.to_string(),
        ":recorded_at": clock::iso(now),
    };
    connection.prepare_cached(PUT)?.execute(values).map(drop)
}

fn kept(row: &Row<'_>) -> rusqlite::Result<KeptGoal> {
    let sex: Option<String> = row.get("sex")?;
    let goal = Goal {
        target: amount(row, "target_entered", "target_unit")?,
        sex: sex.and_then(|name| Sex::of_name(&name)),
        maximum: amount(row, "maximum_entered", "maximum_unit")?,
        waking: Waking { wakes: row.get("wakes_minute")?, sleeps: row.get("sleeps_minute")? },
    };
    let identity = Identity { compat_id: row.get("compat_id")?, id: row.get("id")?, version: row.get("version")? };
    Ok(KeptGoal { goal, effective_date: row.get("effective_date")?, row: Some(identity) })
}

fn amount(row: &Row<'_>, value: &str, unit: &str) -> rusqlite::Result<Option<Amount>> {
    let Some(value) = row.get::<_, Option<f64>>(value)? else { return Ok(None) };
    Ok(Some(Amount { value, unit: understood(row, unit, Unit::of_name)? }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plans::{assert_indexed, empty};

    #[test]
    fn a_goal_is_found_by_its_resident() {
        let (_folder, connection) = empty();
        for sql in [OF_RESIDENT, MOVED_IN, PUT] {
            assert_indexed(&connection, sql);
        }
    }
}
