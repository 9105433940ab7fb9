//! Medicines, their schedules and doses, as they are kept.

mod act;
mod as_needed;
mod doses;
mod look;
mod plan;
mod stock;
mod write;

use jiff::{Timestamp, civil::Date};
use kit::{clock, database::DatabaseError};
use rusqlite::{Connection, Row as SqlRow, types::FromSql};
use serde_json::{Value, json};

pub use self::{
    act::{DOSE_CORRECTED, DOSE_NOTED, DOSE_SKIPPED, DOSE_SNOOZED, DOSE_TAKEN, DOSE_UNDONE, Wish},
    as_needed::{MOST_DAYS_AGO, Taken},
    doses::Dose,
    look::{DOSE_DUE, DOSE_LATE, DOSE_REMINDED},
    plan::MOST_DAYS_SINCE_FIRST,
    write::{MEDICATION_ADDED, MEDICATION_CHANGED, MEDICATION_STOPPED},
};
use super::{Store, parsed, residents::ResidentError, understood};
use crate::{
    doses::{Plan, Policy, check::PlanError, compat, prn::Unsafe, record::Refused, stock::Keeping},
    medication::{
        entry::{Entry, EntryError},
        rows::{RowEntry, RowsError},
    },
};

const MEDICATIONS: &str = "SELECT * FROM medications WHERE subject = ? ORDER BY name COLLATE NOCASE, compat_id";
const ROWS: &str = "SELECT * FROM medication_rows WHERE subject = ? ORDER BY medication, schedule_time, compat_id";
const PLANS: &str = "SELECT * FROM medication_plans WHERE subject = ? ORDER BY medication, compat_id";

/// Why nothing was changed, or nothing is known.
#[derive(Debug, thiserror::Error)]
pub enum MedicationError {
    #[error("Medication not found")]
    Unknown,
    #[error("Schedule not found: it belongs to another medication, or there is none with this id")]
    UnknownRow,
    #[error("no plan asks for the dose {0:?}, and nothing was said of it")]
    UnknownDose(String),
    #[error("this Idempotency-Key was sent with something else before: something new needs a new key")]
    KeyOfAnother,
    #[error(
        "rule {0:?} cannot be used: another medicine has it, or it meant something else before. A new rule needs a new id"
    )]
    RuleOfAnother(String),
    #[error(
        "rule {rule}: first ({first}) is more than {MOST_DAYS_SINCE_FIRST} days ago. Say when the next dose is due; those after it follow"
    )]
    FirstLongAgo { rule: String, first: Timestamp },
    #[error("rule {rule}: it follows {after:?}, and there is no such rule. Its doses would never come")]
    FollowsNothing { rule: String, after: String },
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Plan(Vec<PlanError>),
    #[error("taken_at must be from {earliest} ({MOST_DAYS_AGO} days ago) to {latest}, not {at}")]
    TakenAt { at: String, earliest: String, latest: String },
    #[error(transparent)]
    Unsafe(#[from] Unsafe),
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Entry(#[from] EntryError),
    #[error(transparent)]
    Rows(#[from] RowsError),
    #[error(transparent)]
    Resident(#[from] ResidentError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<rusqlite::Error> for MedicationError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

/// All of a resident's medicines, by name.
#[derive(Clone, Debug, Default)]
pub struct Cabinet {
    pub medications: Vec<Medication>,
}

/// A medicine with everything that asks for it.
#[derive(Clone, Debug)]
pub struct Medication {
    pub compat_id: i64,
    pub id: String,
    pub subject: i64,
    pub entry: Entry,
    pub keeping: Keeping,
    pub stopped_at: Option<Timestamp>,
    pub version: i64,
    pub recorded_at: Timestamp,
    pub updated_at: Timestamp,
    /// By time; retired ones too.
    pub rows: Vec<Row>,
    /// In the order in which they were made; retired ones too.
    pub plans: Vec<KeptPlan>,
}

/// A row of its schedule.
#[derive(Clone, Debug)]
pub struct Row {
    pub compat_id: i64,
    pub entry: RowEntry,
    pub entered_on: Date,
    pub followed_from: Timestamp,
    pub retired_at: Option<Timestamp>,
    pub recorded_at: Timestamp,
}

/// A plan that rows cannot say.
#[derive(Clone, Debug)]
pub struct KeptPlan {
    pub compat_id: i64,
    pub plan: Plan,
    pub is_active: bool,
}

impl Store {
    /// All of a resident's medicines.
    pub async fn cabinet(&self, subject: i64) -> Result<Cabinet, DatabaseError> {
        self.database.read(move |connection| Ok(Cabinet::of(connection, subject)?)).await
    }
}

impl Cabinet {
    fn of(connection: &Connection, subject: i64) -> rusqlite::Result<Self> {
        let found =
            connection.prepare_cached(MEDICATIONS)?.query_map([subject], medication)?.collect::<Result<_, _>>()?;
        let mut cabinet = Self { medications: found };
        for found in connection.prepare_cached(ROWS)?.query_map([subject], row)? {
            let (owner, row) = found?;
            cabinet.find_mut(owner).into_iter().for_each(|medication| medication.rows.push(row.clone()));
        }
        for found in connection.prepare_cached(PLANS)?.query_map([subject], kept_plan)? {
            let (owner, plan) = found?;
            cabinet.find_mut(owner).into_iter().for_each(|medication| medication.plans.push(plan.clone()));
        }
        Ok(cabinet)
    }

    fn find_mut(&mut self, compat_id: i64) -> Option<&mut Medication> {
        self.medications.iter_mut().find(|medication| medication.compat_id == compat_id)
    }

    pub fn find(&self, compat_id: i64) -> Option<&Medication> {
        self.medications.iter().find(|medication| medication.compat_id == compat_id)
    }

    /// By either id, as newer clients name it.
    pub fn named(&self, id: &str) -> Option<&Medication> {
        self.medications.iter().find(|medication| medication.id == id || medication.compat_id.to_string() == id)
    }

    /// Everything that is or was asked of the resident.
    pub fn plans(&self) -> Vec<Plan> {
        self.medications.iter().flat_map(Medication::plans).collect()
    }

    /// The medicine of a plan's.
    pub fn of_plan(&self, medication: &str) -> Option<&Medication> {
        medication.parse().ok().and_then(|compat_id| self.find(compat_id))
    }
}

impl Medication {
    pub fn is_active(&self) -> bool {
        self.stopped_at.is_none()
    }

    /// The rows that are followed.
    pub fn active_rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.retired_at.is_none())
    }

    pub fn row(&self, compat_id: i64) -> Option<&Row> {
        self.rows.iter().find(|row| row.compat_id == compat_id)
    }

    /// Whether it is to be taken on that date, as far as its own dates go.
    pub fn is_taken_on(&self, date: Date) -> bool {
        self.is_active()
            && self.entry.start_date.is_none_or(|start| start <= date)
            && self.entry.end_date.is_none_or(|end| date <= end)
    }

    /// What its rows ask for.
    pub fn plan_of_rows(&self) -> Plan {
        let rows: Vec<_> = self.rows.iter().map(Row::as_row).collect();
        let medication = compat::Medication {
            compat_id: self.compat_id,
            start_date: self.entry.start_date,
            end_date: self.entry.end_date,
            stopped_at: self.stopped_at,
            is_prn: self.entry.is_prn,
            prn_max_daily: self.entry.prn_max_daily.and_then(|most| u32::try_from(most).ok()),
            rows: &rows,
        };
        let (plan, mistakes) = compat::plan(&medication, compat::policy());
        for (row, mistake) in mistakes {
            tracing::error!(row, "a schedule cannot be followed: {mistake}");
        }
        plan
    }

    /// Its own plan that holds, if it has one beside its rows.
    pub fn own_plan(&self) -> Option<&Plan> {
        self.plans.iter().rev().find(|kept| kept.is_active).map(|kept| &kept.plan)
    }

    /// Everything that asks or asked for it.
    pub fn plans(&self) -> Vec<Plan> {
        let mut plans = vec![self.plan_of_rows()];
        plans.extend(self.plans.iter().map(|kept| {
            let mut plan = kept.plan.clone();
            for rule in plan.phases.iter_mut().flat_map(|phase| &mut phase.rules) {
                rule.retired_at = [rule.retired_at, self.stopped_at].into_iter().flatten().min();
            }
            plan
        }));
        plans
    }

    /// How its doses are judged.
    pub fn policy(&self) -> Policy {
        self.own_plan().map_or_else(compat::policy, |plan| plan.policy.clone())
    }

    /// As events and newer clients have it.
    pub fn whole(&self) -> Value {
        json!({
            "id": self.id,
            "compat_id": self.compat_id,
            "subject": self.subject,
            "name": self.entry.name,
            "dosage": self.entry.dosage,
            "dosage_unit": self.entry.dosage_unit,
            "instructions": self.entry.instructions,
            "prescriber": self.entry.prescriber,
            "pharmacy": self.entry.pharmacy,
            "rx_number": self.entry.rx_number,
            "refills_left": self.entry.refills_left,
            "start_date": self.entry.start_date,
            "end_date": self.entry.end_date,
            "is_prn": self.entry.is_prn,
            "prn_max_daily": self.entry.prn_max_daily,
            "notes": self.entry.notes,
            "plan": self.own_plan().cloned().unwrap_or_else(|| self.plan_of_rows()),
            "keeping": self.keeping,
            "status": if self.is_active() { "active" } else { "stopped" },
            "stopped_at": self.stopped_at.map(clock::iso),
            "version": self.version,
            "recorded_at": clock::iso(self.recorded_at),
        })
    }
}

impl Row {
    fn as_row(&self) -> compat::Row<'_> {
        let row = self.entry.as_row(self.compat_id, self.entered_on, self.followed_from);
        compat::Row { retired_at: self.retired_at, ..row }
    }
}

fn medication(row: &SqlRow<'_>) -> rusqlite::Result<Medication> {
    Ok(Medication {
        compat_id: row.get("compat_id")?,
        id: row.get("id")?,
        subject: row.get("subject")?,
        entry: Entry {
            name: row.get("name")?,
            dosage: row.get("dosage")?,
            dosage_unit: row.get("dosage_unit")?,
            instructions: row.get("instructions")?,
            prescriber: row.get("prescriber")?,
            pharmacy: row.get("pharmacy")?,
            rx_number: row.get("rx_number")?,
            refills_left: row.get("refills_left")?,
            start_date: maybe(row, "start_date", |text| text.parse().ok())?,
            end_date: maybe(row, "end_date", |text| text.parse().ok())?,
            is_prn: row.get("is_prn")?,
            prn_max_daily: row.get("prn_max_daily")?,
            notes: row.get("notes")?,
        },
        keeping: maybe(row, "keeping", |text| serde_json::from_str(text).ok())?.unwrap_or_default(),
        stopped_at: maybe(row, "stopped_at", |text| text.parse().ok())?,
        version: row.get("version")?,
        recorded_at: parsed(row, "recorded_at")?,
        updated_at: parsed(row, "updated_at")?,
        rows: Vec::new(),
        plans: Vec::new(),
    })
}

fn row(row: &SqlRow<'_>) -> rusqlite::Result<(i64, Row)> {
    let found = Row {
        compat_id: row.get("compat_id")?,
        entry: RowEntry {
            schedule_time: row.get("schedule_time")?,
            dosage_amount: row.get("dosage_amount")?,
            frequency_type: row.get("frequency_type")?,
            days_of_week: row.get("days_of_week")?,
            day_of_week: row.get("day_of_week")?,
            interval_days: row.get("interval_days")?,
            interval_start: maybe(row, "interval_start", |text| text.parse().ok())?,
        },
        entered_on: parsed(row, "entered_on")?,
        followed_from: parsed(row, "followed_from")?,
        retired_at: maybe(row, "retired_at", |text| text.parse().ok())?,
        recorded_at: parsed(row, "recorded_at")?,
    };
    Ok((row.get("medication")?, found))
}

fn kept_plan(row: &SqlRow<'_>) -> rusqlite::Result<(i64, KeptPlan)> {
    let plan = understood(row, "plan", |text| serde_json::from_str(text).ok())?;
    let is_active = row.get::<_, String>("status")? == "active";
    Ok((row.get("medication")?, KeptPlan { compat_id: row.get("compat_id")?, plan, is_active }))
}

/// A text that may be missing, as what it stands for.
fn maybe<T>(row: &SqlRow<'_>, column: &str, meaning: impl Fn(&str) -> Option<T>) -> rusqlite::Result<Option<T>> {
    match Option::<String>::column_result(row.get_ref(column)?)? {
        None => Ok(None),
        Some(_) => understood(row, column, meaning).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plans::{assert_indexed, empty};

    #[test]
    fn a_residents_medicines_are_found_at_once_and_in_order() {
        let (_folder, connection) = empty();
        for sql in [MEDICATIONS, ROWS, PLANS] {
            assert_indexed(&connection, sql);
        }
    }
}
