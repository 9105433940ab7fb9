//! Plans that rows cannot say: tapers, cycles, hours that pass, doses that follow others.

use jiff::{SignedDuration, Timestamp};
use kit::{clock, database::Change, outbox::Event};
use rusqlite::{Transaction, params};
use uuid::Uuid;

use super::{Cabinet, MEDICATION_CHANGED, Medication, MedicationError, write};
use crate::{
    doses::{
        Plan, RuleId, check,
        compat::{self, row_of_rule},
        plan::{Anchor, Rule, Schedule},
    },
    store::{Store, history},
};

/// How long ago the first dose of a new rule that counts from the last taken may be: everything since is gone through, dose by
/// dose, whenever somebody asks.
pub const MOST_DAYS_SINCE_FIRST: i64 = 366;

impl Store {
    /// Replaces what asks for a medicine from now on. A rule that stays the same under its id goes on; one that is not there any
    /// more is retired with what was due under it; one that means something else needs another id.
    pub async fn plan_medication(
        &self,
        subject: i64,
        compat_id: i64,
        mut plan: Plan,
        now: Timestamp,
    ) -> Result<Medication, MedicationError> {
        plan.medication = compat_id.to_string();
        let mistakes = check::check(&plan);
        if !mistakes.is_empty() {
            return Err(MedicationError::Plan(mistakes));
        }
        self.database
            .write(move |transaction| {
                let cabinet = Cabinet::of(transaction, subject)?;
                let before = cabinet.find(compat_id).ok_or(MedicationError::Unknown)?.clone();
                let going_on = going_on(&cabinet, &before, &plan)?;
                for rule in plan.rules().filter(|rule| going_on.iter().all(|known| known.id != rule.id)) {
                    can_come(&cabinet, &plan, rule, now)?;
                }
                for rule in plan.phases.iter_mut().flat_map(|phase| &mut phase.rules) {
                    let known = going_on.iter().find(|known| known.id == rule.id);
                    rule.followed_from = known.map_or(Some(now), |known| known.followed_from);
                    rule.retired_at = None;
                }
                if before.own_plan() == Some(&plan) {
                    return Ok(Change::none(before));
                }
                history::keep(transaction, "medications", compat_id, now)?;
                write::retire_rows(transaction, &before, now)?;
                retire_but(transaction, &before, &plan, now)?;
                insert(transaction, &before, &plan, now)?;
                let sql = "UPDATE medications SET updated_at = ?2, version = version + 1 WHERE compat_id = ?1";
                transaction.prepare_cached(sql)?.execute(params![compat_id, clock::iso(now)])?;
                let medication = write::one(transaction, subject, compat_id)?;
                let event = Event::new(MEDICATION_CHANGED, medication.whole());
                Ok(Change::new(medication, event))
            })
            .await
    }
}

/// Its own plan asks for nothing new any more.
pub(super) fn retire(transaction: &Transaction<'_>, medication: &Medication, now: Timestamp) -> rusqlite::Result<()> {
    let nothing =
        Plan { medication: medication.compat_id.to_string(), phases: Vec::new(), policy: medication.policy() };
    retire_but(transaction, medication, &nothing, now)
}

/// The rules of the plan that holds which the new one has too. Fails if an id is another medicine's, or was another rule's.
fn going_on(cabinet: &Cabinet, medication: &Medication, plan: &Plan) -> Result<Vec<Rule>, MedicationError> {
    let mut going_on = Vec::new();
    for rule in plan.rules() {
        let of_another = || MedicationError::RuleOfAnother(rule.id.0.clone());
        if is_reserved(&rule.id, medication.compat_id) {
            return Err(of_another());
        }
        for (owner, kept) in
            cabinet.medications.iter().flat_map(|owner| owner.plans.iter().map(move |kept| (owner, kept)))
        {
            let Some(known) = kept.plan.rules().find(|known| known.id == rule.id) else { continue };
            let same = owner.compat_id == medication.compat_id && kept.is_active && known.schedule == rule.schedule;
            if !same {
                return Err(of_another());
            }
            going_on.push(known.clone());
        }
    }
    Ok(going_on)
}

/// Fails if the doses of a new rule would never come, or could not be found in time.
fn can_come(cabinet: &Cabinet, plan: &Plan, rule: &Rule, now: Timestamp) -> Result<(), MedicationError> {
    match &rule.schedule {
        Schedule::Elapsed { first, anchor: Anchor::LastTaken, .. }
            if now.duration_since(*first) > SignedDuration::from_hours(24 * MOST_DAYS_SINCE_FIRST) =>
        {
            Err(MedicationError::FirstLongAgo { rule: rule.id.0.clone(), first: *first })
        }
        Schedule::Linked { after, .. } => {
            let known = |plan: &Plan| plan.rules().any(|rule| rule.id == *after);
            if known(plan) || cabinet.plans().iter().any(known) {
                return Ok(());
            }
            Err(MedicationError::FollowsNothing { rule: rule.id.0.clone(), after: after.0.clone() })
        }
        Schedule::Elapsed { .. } | Schedule::Clock { .. } | Schedule::Prn(_) => Ok(()),
    }
}

/// Rows have ids of their own, and so has what is taken as needed.
fn is_reserved(id: &RuleId, medication: i64) -> bool {
    row_of_rule(id).is_some() || (id.0.starts_with("medication-") && *id != compat::rule_of_medication(medication))
}

/// Retires the plan that holds; what goes on in the new one is taken out of it, or each of its doses would be asked twice.
fn retire_but(
    transaction: &Transaction<'_>,
    medication: &Medication,
    new: &Plan,
    now: Timestamp,
) -> rusqlite::Result<()> {
    for kept in medication.plans.iter().filter(|kept| kept.is_active) {
        let mut plan = kept.plan.clone();
        for phase in &mut plan.phases {
            phase.rules.retain(|rule| new.rules().all(|other| other.id != rule.id));
            phase.rules.iter_mut().for_each(|rule| rule.retired_at = rule.retired_at.or(Some(now)));
        }
        history::keep(transaction, "medication_plans", kept.compat_id, now)?;
        let sql =
            "UPDATE medication_plans SET plan = ?2, status = 'retired', version = version + 1 WHERE compat_id = ?1";
        transaction.prepare_cached(sql)?.execute(params![kept.compat_id, as_text(&plan)?])?;
    }
    Ok(())
}

fn insert(transaction: &Transaction<'_>, medication: &Medication, plan: &Plan, now: Timestamp) -> rusqlite::Result<()> {
    let sql = "INSERT INTO medication_plans (id, subject, medication, plan, recorded_at) VALUES (?, ?, ?, ?, ?)";
    let id = Uuid::now_v7().to_string();
    let values = params![id, medication.subject, medication.compat_id, as_text(plan)?, clock::iso(now)];
    transaction.prepare_cached(sql)?.execute(values).map(drop)
}

fn as_text(plan: &Plan) -> rusqlite::Result<String> {
    serde_json::to_string(plan).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}
