//! Whether a plan can be: every mistake, before it is kept.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::{
    Plan, RuleId,
    plan::{Cycle, Days, Phase, Prn, Rule, Schedule, Slot, Weekdays},
};

/// Most phases of a plan: a taper by the day over two months.
pub const MOST_PHASES: usize = 64;
/// Most rules of a phase, and most times of day of a rule.
pub const MOST_RULES: usize = 64;
pub const MOST_SLOTS: usize = 48;
/// Longest distance between two doses of a rule.
pub const MOST_DAYS_BETWEEN: u32 = 366;
pub const MOST_HOURS_BETWEEN: u32 = 24 * MOST_DAYS_BETWEEN;
/// Longest distance to the dose that another one follows.
pub const MOST_LINK_MINUTES: u32 = 24 * 60;
/// Most of the dosage unit at once; insulin in units and powders in mg come to some thousands.
pub const MOST_AMOUNT: f64 = 100_000.0;
/// Longest early window, grace or time until a dose is missed.
pub const MOST_POLICY_MINUTES: u32 = 7 * 24 * 60;
/// Longest id of a rule, in bytes.
pub const MOST_ID_BYTES: usize = 100;

/// A mistake in a plan, for the one who wrote it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PlanError {
    #[error("a plan has 1 to {MOST_PHASES} phases, not {0}")]
    Phases(usize),
    #[error("phase {number} ends ({until}) before it begins ({from})")]
    Backwards { number: usize, from: Date, until: Date },
    #[error("phase {number} must begin after phase {} ended: phases are in order and share no date", .number - 1)]
    Overlap { number: usize },
    #[error("a phase has at most {MOST_RULES} rules, not {0}")]
    Rules(usize),
    #[error("rule {0:?} is there twice: each rule has its own id")]
    SameRule(String),
    #[error("{0:?} cannot be a rule's id: it has 1 to {MOST_ID_BYTES} bytes, no slash and no space")]
    Id(String),
    #[error("rule {rule}: {problem}")]
    Rule { rule: String, problem: RuleProblem },
    #[error("{name} must be at most {MOST_POLICY_MINUTES} minutes, not {minutes}")]
    Policy { name: &'static str, minutes: u32 },
    #[error(
        "missed_after_minutes ({missed}) must not be below grace_minutes ({grace}): what is missed was late before"
    )]
    MissedBeforeLate { missed: u32, grace: u32 },
}

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RuleProblem {
    #[error("it needs 1 to {MOST_SLOTS} times of day, not {0}")]
    Slots(usize),
    #[error("two of its times have the number {0}: each has its own")]
    SameSlot(u32),
    #[error("two of its doses are at {0}: give their sum at one")]
    SameTime(String),
    #[error("an amount must be above 0 and at most {MOST_AMOUNT}, not {0}")]
    Amount(f64),
    #[error("it needs at least one day of the week")]
    NoWeekday,
    #[error("days of the month are 1 to 31, at least one; not {0:?}")]
    MonthDays(Vec<u8>),
    #[error("days between doses are 1 to {MOST_DAYS_BETWEEN}, not {0}")]
    DaysBetween(u32),
    #[error("a cycle has 1 to {MOST_DAYS_BETWEEN} days on and at most as many off, not {on} and {off}")]
    Cycle { on: u32, off: u32 },
    #[error("hours between doses are 1 to {MOST_HOURS_BETWEEN}, not {0}")]
    HoursBetween(u32),
    #[error("it may follow another dose by 0 to {MOST_LINK_MINUTES} minutes, not {0}")]
    LinkMinutes(u32),
    #[error("it follows {0:?}, which follows another one itself: name the dose that both follow")]
    LinkedToLinked(String),
    #[error("the minimum gap is at most {MOST_POLICY_MINUTES} minutes, not {0}")]
    Gap(u32),
}

/// Every mistake of a plan; none if it can be kept.
pub fn check(plan: &Plan) -> Vec<PlanError> {
    let mut errors = Vec::new();
    if !(1..=MOST_PHASES).contains(&plan.phases.len()) {
        errors.push(PlanError::Phases(plan.phases.len()));
    }
    check_phases(&plan.phases, &mut errors);
    check_ids(plan, &mut errors);
    for rule in plan.rules() {
        let problems = problems(&rule.schedule, plan);
        errors.extend(problems.into_iter().map(|problem| PlanError::Rule { rule: rule.id.0.clone(), problem }));
    }
    let policy = &plan.policy;
    for (name, minutes) in [
        ("early_minutes", policy.early_minutes),
        ("grace_minutes", policy.grace_minutes),
        ("missed_after_minutes", policy.missed_after_minutes),
    ] {
        if minutes > MOST_POLICY_MINUTES {
            errors.push(PlanError::Policy { name, minutes });
        }
    }
    if policy.missed_after_minutes < policy.grace_minutes {
        errors.push(PlanError::MissedBeforeLate { missed: policy.missed_after_minutes, grace: policy.grace_minutes });
    }
    errors
}

fn check_phases(phases: &[Phase], errors: &mut Vec<PlanError>) {
    for (index, phase) in phases.iter().enumerate() {
        if phase.rules.len() > MOST_RULES {
            errors.push(PlanError::Rules(phase.rules.len()));
        }
        if let (Some(from), Some(until)) = (phase.from, phase.until)
            && until < from
        {
            errors.push(PlanError::Backwards { number: index + 1, from, until });
        }
    }
    for (index, pair) in phases.windows(2).enumerate() {
        let in_order = matches!((pair[0].until, pair[1].from), (Some(until), Some(from)) if until < from);
        if !in_order {
            errors.push(PlanError::Overlap { number: index + 2 });
        }
    }
}

fn check_ids(plan: &Plan, errors: &mut Vec<PlanError>) {
    let mut seen = BTreeSet::new();
    for Rule { id, .. } in plan.rules() {
        if !(1..=MOST_ID_BYTES).contains(&id.0.len()) || id.0.contains('/') || id.0.contains(char::is_whitespace) {
            errors.push(PlanError::Id(id.0.clone()));
        }
        if !seen.insert(id) {
            errors.push(PlanError::SameRule(id.0.clone()));
        }
    }
}

fn problems(schedule: &Schedule, plan: &Plan) -> Vec<RuleProblem> {
    let mut problems = schedule_problems(schedule);
    if let Schedule::Linked { after, .. } = schedule
        && is_linked(plan, after)
    {
        problems.push(RuleProblem::LinkedToLinked(after.0.clone()));
    }
    problems
}

/// Every mistake of a schedule by itself.
pub fn schedule_problems(schedule: &Schedule) -> Vec<RuleProblem> {
    match schedule {
        Schedule::Clock { days, cycle, slots } => {
            days_problem(days).into_iter().chain(cycle.and_then(cycle_problem)).chain(slot_problems(slots)).collect()
        }
        Schedule::Elapsed { every_hours, amount, .. } => {
            let hours =
                (!(1..=MOST_HOURS_BETWEEN).contains(every_hours)).then_some(RuleProblem::HoursBetween(*every_hours));
            hours.into_iter().chain(amount_problem(*amount)).collect()
        }
        Schedule::Linked { minutes, amount, .. } => {
            let far = (*minutes > MOST_LINK_MINUTES).then_some(RuleProblem::LinkMinutes(*minutes));
            far.into_iter().chain(amount_problem(*amount)).collect()
        }
        Schedule::Prn(Prn { minimum_gap_minutes, most_amount, .. }) => {
            let gap = (*minimum_gap_minutes > MOST_POLICY_MINUTES).then_some(RuleProblem::Gap(*minimum_gap_minutes));
            gap.into_iter().chain(most_amount.and_then(amount_problem)).collect()
        }
    }
}

fn is_linked(plan: &Plan, id: &RuleId) -> bool {
    plan.rules().any(|rule| rule.id == *id && matches!(rule.schedule, Schedule::Linked { .. }))
}

fn days_problem(days: &Days) -> Option<RuleProblem> {
    match days {
        Days::Weekdays { weekdays } => (weekdays.0 & Weekdays::ALL.0 == 0).then_some(RuleProblem::NoWeekday),
        Days::Every { days, .. } => {
            (!(1..=MOST_DAYS_BETWEEN).contains(days)).then_some(RuleProblem::DaysBetween(*days))
        }
        Days::Month { days } => {
            let possible = !days.is_empty() && days.iter().all(|day| (1..=31).contains(day));
            (!possible).then(|| RuleProblem::MonthDays(days.clone()))
        }
    }
}

fn cycle_problem(Cycle { on, off, .. }: Cycle) -> Option<RuleProblem> {
    let possible = (1..=MOST_DAYS_BETWEEN).contains(&on) && off <= MOST_DAYS_BETWEEN;
    (!possible).then_some(RuleProblem::Cycle { on, off })
}

fn slot_problems(slots: &[Slot]) -> Vec<RuleProblem> {
    let mut problems = Vec::new();
    if !(1..=MOST_SLOTS).contains(&slots.len()) {
        problems.push(RuleProblem::Slots(slots.len()));
    }
    let (mut numbers, mut times) = (BTreeSet::new(), BTreeSet::new());
    for slot in slots {
        if !numbers.insert(slot.number) {
            problems.push(RuleProblem::SameSlot(slot.number));
        }
        if !times.insert(slot.time) {
            problems.push(RuleProblem::SameTime(slot.time.strftime("%H:%M").to_string()));
        }
        problems.extend(amount_problem(slot.amount));
    }
    problems
}

fn amount_problem(amount: f64) -> Option<RuleProblem> {
    let possible = amount > 0.0 && amount <= MOST_AMOUNT;
    (!possible).then_some(RuleProblem::Amount(amount))
}
