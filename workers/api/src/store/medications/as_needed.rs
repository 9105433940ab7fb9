//! What is taken as needed: nobody asked for it, so the bounds are looked at when it is said, in the transaction that keeps it.

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date};
use kit::{clock, database::Change};
use uuid::Uuid;

use super::{Cabinet, Dose, Medication, MedicationError, act, doses};
use crate::{
    doses::{
        Plan, Record, compat,
        plan::{Prn, Rule, Schedule},
        prn::{self, Taking, Unsafe},
        record::{Act, CLOCKS_AGREE_WITHIN_SECONDS, Command},
    },
    store::Store,
};

/// How long ago what is said now may have been taken. Within it, a repeated wish is known again.
pub const MOST_DAYS_AGO: i64 = 31;

/// Somebody took a medicine as needed.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// Chosen by whoever asks; the same id again is the same dose.
    pub id: Option<String>,
    pub by: String,
    /// Now, if nobody says.
    pub taken_at: Option<Timestamp>,
    /// In the medicine's own unit.
    pub amount: f64,
    pub note: Option<String>,
    /// Why it was taken although it was not safe. Kept.
    pub override_reason: Option<String>,
}

impl Medication {
    /// The bounds for taking it as needed on a date, with what they belong to; none if it is not to be taken as needed.
    pub fn as_needed_on(&self, date: Date) -> Option<(Plan, Rule, Prn)> {
        let is_own =
            |plan: &Plan| self.own_plan().is_some_and(|own| own.prn_on(date).is_some() && own.phases == plan.phases);
        let plans = self.plans();
        let found = plans.iter().rev().filter(|plan| self.entry.is_prn || is_own(plan)).find_map(|plan| {
            let (rule, bounds) = plan.prn_on(date)?;
            Some((plan.clone(), rule.clone(), *bounds))
        });
        found.filter(|_| self.is_active())
    }
}

/// What a dose belongs to that no plan allows.
pub(super) fn without_bounds(medication: i64) -> (Plan, Rule) {
    let schedule = Schedule::Prn(Prn::default());
    let id = compat::rule_of_medication(medication);
    let plan = Plan { medication: medication.to_string(), phases: Vec::new(), policy: compat::policy() };
    (plan, Rule { id, followed_from: None, retired_at: None, schedule })
}

impl Store {
    /// Keeps that it was taken, once; refused if that is not safe and nobody says why it was.
    pub async fn take_as_needed(
        &self,
        subject: i64,
        compat_id: i64,
        taken: Taken,
        now: Timestamp,
    ) -> Result<(Medication, Dose), MedicationError> {
        let home = self.home_of(subject).await?;
        let at = taken.taken_at.unwrap_or(now);
        within_reach(at, now)?;
        self.database
            .write(move |transaction| {
                let cabinet = Cabinet::of(transaction, subject)?;
                let medication = cabinet.find(compat_id).ok_or(MedicationError::Unknown)?.clone();
                let today = home.date(now);
                let range = (today.saturating_sub((MOST_DAYS_AGO + 1).days()), today.saturating_add(1.day()));
                let known = doses::for_dates(transaction, subject, &cabinet.plans(), range)?;
                let records: Vec<Record> = known.iter().map(|dose| dose.record.clone()).collect();
                if let Some(done) = taken.done_before(&records, compat_id) {
                    let dose = doses::by_key(transaction, subject, &done.key)?.ok_or(MedicationError::Unknown)?;
                    let same = dose.medication == compat_id && done.as_needed;
                    return if same {
                        Ok(Change::none((medication, dose)))
                    } else {
                        Err(MedicationError::KeyOfAnother)
                    };
                }
                let bounds = medication.as_needed_on(home.date(at));
                if taken.override_reason.is_none() {
                    let takings = prn::takings(&records, &compat_id.to_string());
                    taken.is_safe(bounds.as_ref().map(|(_, _, bounds)| bounds), &takings, (at, now))?;
                }
                let (plan, rule) = bounds.map_or_else(|| without_bounds(compat_id), |(plan, rule, _)| (plan, rule));
                let occurrence = prn::occurrence(&plan, &rule, &records, home.zone(), at, taken.amount);
                let mut record = prn::record(&occurrence);
                let dose = act::said(transaction, (&medication, home), &mut record, &taken.command(at), now)?;
                Ok(dose.map(|dose| (medication, dose)))
            })
            .await
    }
}

impl Taken {
    /// The record of the same wish: under the same id, or, without one, of the same person at the same instant.
    fn done_before<'a>(&self, records: &'a [Record], medication: i64) -> Option<&'a Record> {
        if let Some(id) = &self.id {
            return prn::record_of(records, id);
        }
        let (at, name) = (self.taken_at?, medication.to_string());
        let says_so = |record: &&Record| {
            record.takings() == [Taking { at, amount: self.amount }]
                && record.entries.iter().all(|entry| entry.command.by == self.by)
        };
        records.iter().filter(|record| record.as_needed && record.medication == name).find(says_so)
    }

    fn is_safe(
        &self,
        bounds: Option<&Prn>,
        takings: &[Taking],
        (at, now): (Timestamp, Timestamp),
    ) -> Result<(), Unsafe> {
        let bounds = bounds.ok_or(Unsafe::NotAsNeeded)?;
        prn::check(bounds, takings, self.amount, at, now)
    }

    fn command(self, at: Timestamp) -> Command {
        Command {
            id: self.id.unwrap_or_else(|| Uuid::now_v7().to_string()),
            by: self.by,
            act: Act::Take { at, amount: Some(self.amount), note: self.note },
            seen_version: None,
            override_reason: self.override_reason,
        }
    }
}

fn within_reach(at: Timestamp, now: Timestamp) -> Result<(), MedicationError> {
    let earliest = now.saturating_sub(SignedDuration::from_hours(24 * MOST_DAYS_AGO)).unwrap_or(Timestamp::MIN);
    let latest = now.saturating_add(SignedDuration::from_secs(CLOCKS_AGREE_WITHIN_SECONDS)).unwrap_or(now);
    if earliest <= at && at <= latest {
        return Ok(());
    }
    let [at, earliest, latest] = [at, earliest, latest].map(clock::iso);
    Err(MedicationError::TakenAt { at, earliest, latest })
}
