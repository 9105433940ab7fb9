//! What people say of doses.

use jiff::{Timestamp, tz::TimeZone};
use kit::{Home, database::Change, outbox::Event};
use rusqlite::Transaction;
use uuid::Uuid;

use super::{Cabinet, Dose, Medication, MedicationError, as_needed, doses};
use crate::{
    doses::{
        Key, Occurrence, Plan, Record,
        adherence::planned,
        compat::{self, SLOT},
        occurrence::on_date,
        prn,
        record::{Act, Command, Done, Resolution},
        state,
    },
    medication::week,
    store::{
        Store,
        alerts::{dose_not_taken, dose_settled},
    },
};

/// A dose was taken.
pub const DOSE_TAKEN: &str = "dose.taken";
/// A dose is not taken, on purpose.
pub const DOSE_SKIPPED: &str = "dose.skipped";
/// A dose was put off.
pub const DOSE_SNOOZED: &str = "dose.snoozed";
/// A dose was taken at another time than was said.
pub const DOSE_CORRECTED: &str = "dose.corrected";
/// Something was said about a dose.
pub const DOSE_NOTED: &str = "dose.noted";
/// What was said of a dose last was taken back.
pub const DOSE_UNDONE: &str = "dose.undone";

/// Who existing clients speak for: they do not say.
const SOMEBODY_AT_HOME: &str = "somebody at home";
/// Existing clients change what was said without asking.
const WITHOUT_ASKING: &str = "recorded anew";

/// What an existing client wants of a dose.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    Take { amount: Option<f64>, notes: Option<String> },
    Skip { reason: Option<String> },
}

impl Store {
    /// What an existing client says of today's dose of a row, or of one without a row. The newest that is said counts, and what
    /// was written about it stays unless something else is.
    pub async fn wish(
        &self,
        subject: i64,
        (medication, row): (i64, Option<i64>),
        wish: Wish,
        key: Option<String>,
        now: Timestamp,
    ) -> Result<(Medication, Dose), MedicationError> {
        let home = self.home_of(subject).await?;
        let today = home.date(now);
        self.database
            .write(move |transaction| {
                let cabinet = Cabinet::of(transaction, subject)?;
                let medication = cabinet.find(medication).ok_or(MedicationError::Unknown)?.clone();
                let plans = cabinet.plans();
                let known = doses::for_dates(transaction, subject, &plans, (today, today))?;
                let records: Vec<Record> = known.iter().map(|dose| dose.record.clone()).collect();
                let id = key.unwrap_or_else(|| Uuid::now_v7().to_string());
                if let Some(done) = prn::record_of(&records, &id) {
                    let dose = doses::by_key(transaction, subject, &done.key)?.ok_or(MedicationError::Unknown)?;
                    let same = dose.medication == medication.compat_id;
                    return if same {
                        Ok(Change::none((medication, dose)))
                    } else {
                        Err(MedicationError::KeyOfAnother)
                    };
                }
                let situation =
                    Situation { medication: &medication, plans: &plans, records: &records, zone: home.zone(), now };
                let mut record = match row {
                    Some(row) => situation.of_row(row)?,
                    None => situation.without_row(wish.amount()),
                };
                let Some(act) = wish.act(&record, now) else {
                    let dose = doses::by_key(transaction, subject, &record.key)?.ok_or(MedicationError::Unknown)?;
                    return Ok(Change::none((medication, dose)));
                };
                let command = Command {
                    id,
                    by: SOMEBODY_AT_HOME.into(),
                    act,
                    seen_version: None,
                    override_reason: Some(WITHOUT_ASKING.into()),
                };
                let dose = said(transaction, (&medication, home), &mut record, &command, now)?;
                Ok(dose.map(|dose| (medication, dose)))
            })
            .await
    }

    /// Does what a person asks of one dose, once, unless somebody else was there before. A command whose id nobody chose
    /// (`is_named` is false) is known by what it comes to.
    pub async fn tell(
        &self,
        subject: i64,
        key: Key,
        (command, is_named): (Command, bool),
        now: Timestamp,
    ) -> Result<(Medication, Dose), MedicationError> {
        let home = self.home_of(subject).await?;
        self.database
            .write(move |transaction| {
                let cabinet = Cabinet::of(transaction, subject)?;
                let unknown = || MedicationError::UnknownDose(key.to_string());
                let (owner, mut record) = match doses::by_key(transaction, subject, &key)? {
                    Some(dose) => (dose.medication, dose.record),
                    None => {
                        let plans = cabinet.plans();
                        let known = doses::for_dates(transaction, subject, &plans, (key.date, key.date))?;
                        let records: Vec<Record> = known.into_iter().map(|dose| dose.record).collect();
                        let asked = on_date(&plans, &records, home.zone(), key.date);
                        let found = asked.into_iter().find(|occurrence| occurrence.key == key).ok_or_else(unknown)?;
                        let owner = cabinet.of_plan(&found.medication).ok_or_else(unknown)?.compat_id;
                        (owner, Record::of(&found))
                    }
                };
                let medication = cabinet.find(owner).ok_or_else(unknown)?.clone();
                if !is_named
                    && repeats(&record, &command)
                    && let Some(dose) = doses::by_key(transaction, subject, &key)?
                {
                    return Ok(Change::none((medication, dose)));
                }
                let dose = said(transaction, (&medication, home), &mut record, &command, now)?;
                Ok(dose.map(|dose| (medication, dose)))
            })
            .await
    }
}

/// Whether the same person asks for what holds already. What takes something back has no such thing: it needs a name.
fn repeats(record: &Record, command: &Command) -> bool {
    let plain = command.override_reason.is_none() && command.seen_version.is_none();
    let same = match (&command.act, record.resolution()) {
        (Act::Take { .. }, Some(Resolution::Taken { by, .. }))
        | (Act::Skip { .. }, Some(Resolution::Skipped { by, .. })) => by == command.by,
        (Act::Snooze { .. } | Act::Correct { .. } | Act::Note { .. }, _) => record.said_last(command),
        _ => false,
    };
    plain && same
}

/// Applies a command and keeps what it comes to.
pub(super) fn said(
    transaction: &Transaction<'_>,
    (medication, home): (&Medication, &Home),
    record: &mut Record,
    command: &Command,
    now: Timestamp,
) -> Result<Told, MedicationError> {
    let done = record.apply(command, now)?;
    if done == Done::Already {
        let known = doses::by_key(transaction, medication.subject, &record.key)?;
        return known.map(|dose| Told(dose, Vec::new())).ok_or(MedicationError::Unknown);
    }
    let dose = doses::keep(transaction, (medication.subject, medication.compat_id), record, now)?;
    let mut events = vec![Event::new(kind(&command.act), dose.whole(medication, now))];
    let occurrence = planned(record);
    if record.resolution().is_some() {
        events.extend(dose_settled(transaction, (medication.subject, home), dose.compat_id, &command.by, now)?);
    } else if matches!(command.act, Act::Undo { .. })
        && record.policy.critical
        && state::is_late(&occurrence, Some(record), now)
    {
        // That it was late was announced before; that it is so again is not.
        let state = state::of_record(record, now);
        events.extend(dose_not_taken(transaction, home, (medication, &dose), state, now)?);
    }
    Ok(Told(dose, events))
}

/// A dose, and what became true of it, if anything.
pub(super) struct Told(Dose, Vec<Event>);

impl Told {
    pub(super) fn map<T>(self, value: impl FnOnce(Dose) -> T) -> Change<T> {
        Change::several(value(self.0), self.1)
    }
}

fn kind(act: &Act) -> &'static str {
    match act {
        Act::Take { .. } => DOSE_TAKEN,
        Act::Skip { .. } => DOSE_SKIPPED,
        Act::Snooze { .. } => DOSE_SNOOZED,
        Act::Correct { .. } => DOSE_CORRECTED,
        Act::Note { .. } => DOSE_NOTED,
        Act::Undo { .. } => DOSE_UNDONE,
    }
}

impl Wish {
    fn amount(&self) -> Option<f64> {
        match self {
            Self::Take { amount, .. } => *amount,
            Self::Skip { .. } => None,
        }
    }

    /// What there is to say of a dose so that it is as wished; nothing if it is.
    fn act(self, record: &Record, now: Timestamp) -> Option<Act> {
        match (self, record.resolution()) {
            (Self::Take { notes, .. }, Some(Resolution::Taken { .. }))
            | (Self::Skip { reason: notes }, Some(Resolution::Skipped { .. })) => {
                notes.filter(|text| record.note() != Some(text)).map(|text| Act::Note { text })
            }
            (Self::Take { amount, notes }, _) => Some(Act::Take { at: now, amount, note: notes }),
            (Self::Skip { reason }, _) => Some(Act::Skip { reason }),
        }
    }
}

/// What is known when an existing client says something.
struct Situation<'a> {
    medication: &'a Medication,
    plans: &'a [Plan],
    records: &'a [Record],
    zone: &'a TimeZone,
    now: Timestamp,
}

impl Situation<'_> {
    /// The record of a row's dose of today. Whoever says it was taken is believed, even on a day on which the row asks for none.
    fn of_row(&self, row: i64) -> Result<Record, MedicationError> {
        let row = self.medication.row(row).ok_or(MedicationError::UnknownRow)?;
        let date = self.zone.to_datetime(self.now).date();
        let key = Key { rule: compat::rule_of_row(row.compat_id), date, slot: SLOT };
        if let Some(known) = self.records.iter().find(|record| record.key == key) {
            return Ok(known.clone());
        }
        let asked =
            on_date(self.plans, self.records, self.zone, date).into_iter().find(|occurrence| occurrence.key == key);
        let occurrence = asked.unwrap_or_else(|| Occurrence {
            key,
            medication: self.medication.compat_id.to_string(),
            due_at: week::due_at(self.zone, date, &row.entry.schedule_time).unwrap_or(self.now),
            amount: row.entry.dosage_amount,
            policy: compat::policy(),
            provisional: false,
        });
        Ok(Record::of(&occurrence))
    }

    /// The record of a dose without a row: today's first open one of the medicine's own plan, else one that nobody asked for.
    fn without_row(&self, amount: Option<f64>) -> Record {
        let date = self.zone.to_datetime(self.now).date();
        let medication = self.medication.compat_id.to_string();
        if self.medication.own_plan().is_some() {
            let open = |occurrence: &Occurrence| {
                let known = self.records.iter().find(|record| record.key == occurrence.key);
                let settled = known.is_some_and(|record| record.resolution().is_some());
                occurrence.medication == medication
                    && !settled
                    && !occurrence.provisional
                    && occurrence.policy.earliest(occurrence.due_at) <= self.now
            };
            if let Some(open) = on_date(self.plans, self.records, self.zone, date).into_iter().find(open) {
                let known = self.records.iter().find(|record| record.key == open.key);
                return known.cloned().unwrap_or_else(|| Record::of(&open));
            }
        }
        let by_plan = self.plans.iter().filter(|plan| plan.medication == medication);
        let bounds = by_plan.clone().find_map(|plan| Some((plan, plan.prn_on(date)?.0)));
        let unbounded = as_needed::without_bounds(self.medication.compat_id);
        let (plan, rule) = bounds.unwrap_or((&unbounded.0, &unbounded.1));
        let amount = amount.unwrap_or(1.0);
        prn::record(&prn::occurrence(plan, rule, self.records, self.zone, self.now, amount))
    }
}
