//! Linked rules: so long after another dose was taken.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::{
    Record, RuleId,
    occurrence::{Asked, Dose},
    plan::{Phase, Rule, Schedule},
};

/// The doses within the range: one for each dose of the other rule that was taken, and a provisional one for each that
/// may still be. One that was skipped is followed by nothing.
///
/// What was said of one stays where it was due when that was said first, also if the dose that it follows is corrected.
pub(super) fn doses(
    asked: &Asked<'_>,
    (phase, rule): (&Phase, &RuleId),
    after: &RuleId,
    minutes: u32,
    amount: f64,
) -> Vec<Dose> {
    let link = SignedDuration::from_mins(i64::from(minutes));
    let settled: Vec<&Record> =
        asked.records.iter().filter(|record| record.key.rule == *after && record.resolution().is_some()).collect();
    let mut doses: Vec<Dose> = settled.iter().filter_map(|record| followed(record, link, amount)).collect();
    let keys: BTreeSet<_> = settled.iter().map(|record| (record.key.date, record.key.slot)).collect();
    doses.extend(expected(asked, after, link).into_iter().filter(|dose| !keys.contains(&(dose.date, dose.slot))).map(
        |dose| Dose {
            due_at: dose.due_at.saturating_add(link).unwrap_or(dose.due_at),
            amount,
            provisional: true,
            ..dose
        },
    ));
    for known in asked.records.iter().filter(|record| record.key.rule == *rule) {
        let is_it = |dose: &&mut Dose| !dose.provisional && (dose.date, dose.slot) == (known.key.date, known.key.slot);
        doses.iter_mut().filter(is_it).for_each(|dose| dose.due_at = known.due_at);
    }
    doses.retain(|dose| asked.contains(dose.due_at) && phase.contains(dose.date));
    doses
}

fn followed(record: &Record, link: SignedDuration, amount: f64) -> Option<Dose> {
    let due_at = record.taken_at()?.saturating_add(link).ok()?;
    Some(Dose { date: record.key.date, slot: record.key.slot, due_at, amount, provisional: false })
}

/// The doses that the other rule asks for, so long before the range.
fn expected(asked: &Asked<'_>, after: &RuleId, link: SignedDuration) -> Vec<Dose> {
    let earlier = Asked {
        from: asked.from.saturating_sub(link).unwrap_or(asked.from),
        until: asked.until.saturating_sub(link).unwrap_or(asked.until),
        ..*asked
    };
    let phases = asked.plans.iter().flat_map(|plan| plan.phases.iter().map(move |phase| (plan, phase)));
    let rules = phases.flat_map(|(plan, phase)| phase.rules.iter().map(move |rule| (plan, phase, rule)));
    let followed = rules.filter(|(_, _, rule)| rule.id == *after && !is_linked(rule));
    followed.flat_map(|(plan, phase, rule)| earlier.of_rule(plan, phase, rule)).collect()
}

fn is_linked(rule: &Rule) -> bool {
    matches!(rule.schedule, Schedule::Linked { .. })
}
