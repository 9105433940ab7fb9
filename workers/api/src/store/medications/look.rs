//! What is to be announced of doses, and that it was: in one transaction, so that nothing is announced twice, whatever restarts
//! and whichever process looks.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date};
use kit::{Home, clock, database::Change, outbox::Event};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde_json::{Value, json};

use super::{Cabinet, MedicationError, doses};
use crate::{
    alerts::state::RAISES_WITHIN,
    doses::{
        DoseState, Record,
        compat::row_of_rule,
        occurrence::within,
        remind::{Announced, Announcement, LOOK_BACK_DAYS, Situation, What, next},
    },
    store::{
        Store,
        alerts::{dose_lifted, dose_not_taken, open_doses},
    },
};

/// A dose is due soon.
pub const DOSE_REMINDED: &str = "dose.reminded";
/// A dose is due, or due again after it was put off.
pub const DOSE_DUE: &str = "dose.due";
/// Nothing was said of a dose, and its grace is over.
pub const DOSE_LATE: &str = "dose.late";
/// Nothing was said of a dose, and it is too late to take it.
pub const DOSE_MISSED: &str = "dose.missed";
/// Several doses were late or missed while nobody looked, as after a night without power.
pub const DOSES_MISSED: &str = "doses.missed";

const ANNOUNCED: &str = "SELECT name FROM dose_announcements WHERE subject = ? AND local_date >= ?";
const LAST_LOOK: &str = "SELECT looked_at FROM dose_looks WHERE subject = ?";

impl Store {
    /// Announces what is to be announced of a resident's doses now, once; when to look again.
    pub async fn look_at_doses(&self, subject: i64, now: Timestamp) -> Result<Timestamp, MedicationError> {
        let home = self.home_of(subject).await?;
        self.database
            .write(move |transaction| {
                let look = Look::at(transaction, subject, home, now)?;
                let records: Vec<Record> = look.known.iter().map(|dose| dose.record.clone()).collect();
                let next = next(&Situation {
                    plans: &look.plans,
                    records: &records,
                    zone: home.zone(),
                    announced: &look.announced,
                    now,
                    last_looked_at: look.last_looked_at,
                });
                let told: Vec<_> = next.announce.iter().chain(&next.summary).collect();
                for announced in &next.keep {
                    look.notice(transaction, announced, &told, now)?;
                    keep(transaction, subject, announced, now)?;
                }
                looked(transaction, subject, now)?;
                let whole = |one: &Announcement| look.whole(transaction, one, now);
                let mut events = Vec::new();
                for one in &next.announce {
                    events.push(Event::new(kind(&one.what), whole(one)?));
                }
                if !next.summary.is_empty() {
                    let doses = next.summary.iter().map(whole).collect::<Result<Vec<_>, _>>()?;
                    events.push(Event::new(DOSES_MISSED, json!({"subject": subject, "doses": doses})));
                }
                events.extend(look.raise(transaction, &told, now)?);
                events.extend(look.lift(transaction, now)?);
                Ok(Change::several(next.wake_at, events))
            })
            .await
    }
}

/// What a look goes by.
struct Look {
    subject: i64,
    home: &'static Home,
    cabinet: Cabinet,
    plans: Vec<crate::doses::Plan>,
    known: Vec<doses::Dose>,
    announced: BTreeSet<Announced>,
    last_looked_at: Option<Timestamp>,
}

impl Look {
    fn at(connection: &Connection, subject: i64, home: &'static Home, now: Timestamp) -> rusqlite::Result<Self> {
        let cabinet = Cabinet::of(connection, subject)?;
        let plans = cabinet.plans();
        let (first, last) = span(home, now);
        Ok(Self {
            subject,
            home,
            known: doses::for_dates(connection, subject, &plans, (first, last))?,
            announced: announced(connection, subject, first)?,
            last_looked_at: last_look(connection, subject)?,
            cabinet,
            plans,
        })
    }

    /// That a dose was late or missed is a fact, which stays whatever follows.
    fn notice(
        &self,
        transaction: &Transaction<'_>,
        announced: &Announced,
        told: &[&Announcement],
        now: Timestamp,
    ) -> rusqlite::Result<()> {
        if !matches!(announced.what, What::Late | What::Missed) {
            return Ok(());
        }
        let Some(occurrence) = told.iter().map(|one| &one.occurrence).find(|one| one.key == announced.dose) else {
            return Ok(());
        };
        let Some(medication) = self.cabinet.of_plan(&occurrence.medication) else { return Ok(()) };
        let known = doses::by_key(transaction, self.subject, &occurrence.key)?;
        let mut record = known.map_or_else(|| Record::of(occurrence), |dose| dose.record);
        record.notice_late(now);
        if announced.what == What::Missed {
            record.notice_missed(now);
        }
        doses::keep(transaction, (self.subject, medication.compat_id), &record, now).map(drop)
    }

    /// Somebody else hears of a critical medicine whose dose is late or missed: of the newest of each at this look, and not of
    /// what is history, so that a day without power is no flood of calls.
    fn raise(
        &self,
        transaction: &Transaction<'_>,
        told: &[&Announcement],
        now: Timestamp,
    ) -> rusqlite::Result<Vec<Event>> {
        let recent = told.iter().filter(|one| {
            let Announcement { occurrence, .. } = one;
            let late_for = now.duration_since(occurrence.policy.late_at(occurrence.due_at));
            occurrence.policy.critical && matches!(one.what, What::Late | What::Missed) && late_for <= RAISES_WITHIN
        });
        let mut recent: Vec<_> = recent.collect();
        recent.sort_by_key(|one| one.occurrence.due_at);
        let newest: BTreeMap<_, _> = recent.into_iter().map(|one| (&one.occurrence.medication, one)).collect();
        let mut events = Vec::new();
        for (medication, one) in newest {
            let state = if one.what == What::Missed { DoseState::Missed } else { DoseState::Due };
            let dose = doses::by_key(transaction, self.subject, &one.occurrence.key)?;
            let Some(known) = self.cabinet.of_plan(medication).zip(dose) else { continue };
            events.extend(dose_not_taken(transaction, self.home, (known.0, &known.1), state, now)?);
        }
        Ok(events)
    }

    /// Nobody is told any more of a dose that no plan asks for, or that is history.
    fn lift(&self, transaction: &Transaction<'_>, now: Timestamp) -> rusqlite::Result<Vec<Event>> {
        let open = open_doses(transaction, self.subject)?;
        if open.is_empty() {
            return Ok(Vec::new());
        }
        let records: Vec<Record> = self.known.iter().map(|dose| dose.record.clone()).collect();
        let from = now.saturating_sub(SignedDuration::from_hours(24 * LOOK_BACK_DAYS)).unwrap_or(Timestamp::MIN);
        let asked = within(&self.plans, &records, self.home.zone(), from, now);
        let mut events = Vec::new();
        for number in open {
            let dose = doses::by_number(transaction, number)?;
            if dose.is_none_or(|dose| asked.iter().all(|occurrence| occurrence.key != dose.record.key)) {
                events.extend(dose_lifted(transaction, (self.subject, self.home), number, now)?);
            }
        }
        Ok(events)
    }

    /// An announcement with all that whoever hears it needs.
    fn whole(&self, connection: &Connection, one: &Announcement, now: Timestamp) -> rusqlite::Result<Value> {
        let occurrence = &one.occurrence;
        let medication = self.cabinet.of_plan(&occurrence.medication);
        let row = row_of_rule(&occurrence.key.rule);
        let time =
            medication.zip(row).and_then(|(medication, row)| Some(medication.row(row)?.entry.schedule_time.clone()));
        let due_here = || self.home.local(occurrence.due_at).strftime("%H:%M").to_string();
        let name = String::from(Announced { dose: occurrence.key.clone(), what: one.what.clone() });
        Ok(json!({
            "compat_id": number(connection, self.subject, &name)?,
            "subject": self.subject,
            "occurrence": occurrence.key,
            "medication": medication.map(|medication| json!({
                "id": medication.id,
                "compat_id": medication.compat_id,
                "name": medication.entry.name,
                "dosage": medication.entry.dosage,
                "dosage_unit": medication.entry.dosage_unit,
                "instructions": medication.entry.instructions,
            })),
            "schedule": row,
            "scheduled_time": time.unwrap_or_else(due_here),
            "due_at": clock::iso(occurrence.due_at),
            "amount": occurrence.amount,
            "minutes_until": one.minutes_until,
            "critical": occurrence.policy.critical,
            "if_missed": occurrence.policy.if_missed,
            "announced_at": clock::iso(now),
        }))
    }
}

fn kind(what: &What) -> &'static str {
    match what {
        What::Reminder => DOSE_REMINDED,
        What::Due | What::SnoozeOver(_) => DOSE_DUE,
        What::Late => DOSE_LATE,
        What::Missed => DOSE_MISSED,
    }
}

/// The dates whose doses may be announced, with a day more at both ends, because a dose may be due on another date than its own.
fn span(home: &Home, now: Timestamp) -> (Date, Date) {
    let early = now.saturating_sub(SignedDuration::from_hours(24 * LOOK_BACK_DAYS)).unwrap_or(Timestamp::MIN);
    (home.date(early).saturating_sub(1.day()), home.date(now).saturating_add(2.days()))
}

fn announced(connection: &Connection, subject: i64, since: Date) -> rusqlite::Result<BTreeSet<Announced>> {
    // Those of doses that follow others by some days belong to earlier dates.
    let since = since.saturating_sub(LOOK_BACK_DAYS.days());
    let mut statement = connection.prepare_cached(ANNOUNCED)?;
    let names = statement.query_map(params![subject, since.to_string()], |row| super::parsed(row, "name"))?;
    names.collect()
}

fn last_look(connection: &Connection, subject: i64) -> rusqlite::Result<Option<Timestamp>> {
    let looked_at = |row: &rusqlite::Row<'_>| super::parsed(row, "looked_at");
    connection.prepare_cached(LAST_LOOK)?.query_row([subject], looked_at).optional()
}

fn keep(transaction: &Transaction<'_>, subject: i64, announced: &Announced, now: Timestamp) -> rusqlite::Result<()> {
    let sql = "INSERT OR IGNORE INTO dose_announcements (subject, name, local_date, announced_at) VALUES (?, ?, ?, ?)";
    let values = params![subject, String::from(announced.clone()), announced.dose.date.to_string(), clock::iso(now)];
    transaction.prepare_cached(sql)?.execute(values).map(drop)
}

fn number(connection: &Connection, subject: i64, name: &str) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT compat_id FROM dose_announcements WHERE subject = ? AND name = ?";
    connection.prepare_cached(sql)?.query_row(params![subject, name], |row| row.get(0)).optional()
}

fn looked(transaction: &Transaction<'_>, subject: i64, now: Timestamp) -> rusqlite::Result<()> {
    let sql = "INSERT INTO dose_looks (subject, looked_at) VALUES (?, ?)
               ON CONFLICT (subject) DO UPDATE SET looked_at = excluded.looked_at";
    transaction.prepare_cached(sql)?.execute(params![subject, clock::iso(now)]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plans::{assert_indexed, empty};

    #[test]
    fn what_was_announced_is_found_at_once() {
        let (_folder, connection) = empty();
        for sql in [ANNOUNCED, LAST_LOOK] {
            assert_indexed(&connection, sql);
        }
    }
}
