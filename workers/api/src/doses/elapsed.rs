//! Elapsed rules: every so many hours that really pass.

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::TimeZone};

use super::{
    Record, local,
    occurrence::{Asked, Dose},
    plan::{Anchor, Phase, Rule, Window},
};

const MINUTE: i64 = 60;
/// How many doses in a row a chain with a window is followed beyond the last that was recorded: every four hours of
/// the day, for more than ten years. What would come after that nobody has to know, and who asks must not be kept waiting.
const MOST_STEPS: u32 = 20_000;

/// An elapsed schedule.
pub(super) struct Every {
    every: SignedDuration,
    first: Timestamp,
    anchor: Anchor,
    window: Option<Window>,
    amount: f64,
}

impl Every {
    pub fn new(every_hours: u32, first: Timestamp, anchor: Anchor, window: Option<Window>, amount: f64) -> Self {
        Self { every: SignedDuration::from_hours(i64::from(every_hours.max(1))), first, anchor, window, amount }
    }

    /// The last dose of an unbroken chain that is due no later than `from`, at once, however long ago `due` was. A window breaks
    /// the chain every night.
    fn leap(&self, due: Timestamp, from: Timestamp) -> Timestamp {
        let steps = from.duration_since(due).as_secs() / self.every.as_secs();
        let leap = SignedDuration::from_secs(steps * self.every.as_secs());
        if self.window.is_none() && steps > 0 { due.saturating_add(leap).unwrap_or(due) } else { due }
    }
}

/// The doses within the range.
pub(super) fn doses(asked: &Asked<'_>, phase: &Phase, rule: &Rule, every: &Every) -> Vec<Dose> {
    let dues = match (every.anchor, every.window) {
        (Anchor::LastTaken, _) => return after_the_last(asked, phase, rule, every),
        (Anchor::Fixed, None) => fixed(asked, every),
        (Anchor::Fixed, Some(window)) => fixed_in(asked, every, window),
    };
    let doses = dues.into_iter().filter(|due| asked.contains(*due)).map(|due| dose(asked.zone, due, every.amount));
    doses.filter(|dose| phase.contains(dose.date)).collect()
}

/// A dose that is due then, under the key that this instant has.
fn dose(zone: &TimeZone, due_at: Timestamp, amount: f64) -> Dose {
    let date = zone.to_datetime(due_at).date();
    // Minutes that passed, not the clock's: an hour that comes twice has two names.
    let minutes = due_at.duration_since(local::start_of_day(zone, date)).as_secs() / MINUTE;
    Dose { date, slot: u32::try_from(minutes).unwrap_or(0), due_at, amount, provisional: false }
}

fn fixed(asked: &Asked<'_>, every: &Every) -> Vec<Timestamp> {
    let late = asked.from.duration_since(every.first).as_secs();
    let gone = (late.max(0)) / every.every.as_secs();
    let start = every.first + SignedDuration::from_secs(gone * every.every.as_secs());
    steps(start, every.every, asked.until).collect()
}

fn fixed_in(asked: &Asked<'_>, every: &Every, window: Window) -> Vec<Timestamp> {
    let first = asked.zone.to_datetime(asked.from).date().saturating_sub(1.day());
    let last = asked.zone.to_datetime(asked.until).date();
    let openings =
        first.series(1.day()).take_while(|date| *date <= last).filter_map(|date| opening(asked.zone, date, window));
    let dues = openings.flat_map(|(opens, closes)| {
        steps(opens, every.every, asked.until).take_while(move |due| *due <= closes).collect::<Vec<_>>()
    });
    dues.filter(|due| every.first <= *due).collect()
}

/// From the start, in steps, before the end.
fn steps(start: Timestamp, step: SignedDuration, until: Timestamp) -> impl Iterator<Item = Timestamp> {
    let next = move |at: &Timestamp| at.checked_add(step).ok();
    std::iter::successors(Some(start), next).take_while(move |at| *at < until)
}

/// When the window of a date opens and closes; nothing on a date that the zone skipped.
fn opening(zone: &TimeZone, date: Date, window: Window) -> Option<(Timestamp, Timestamp)> {
    let closes_on = if window.closes <= window.opens { date.saturating_add(1.day()) } else { date };
    let bounds = (local::instant(zone, date, window.opens), local::instant(zone, closes_on, window.closes));
    local::exists(zone, date).then_some(bounds)
}

/// The doses that follow each other: each is due so long after the one before was taken, or was due if it was not.
///
/// What was recorded stays where it was due when it was recorded, also if the dose before it is corrected or undone
/// afterwards. What is computed keeps half an interval away from it, so that no dose is asked for twice.
fn after_the_last(asked: &Asked<'_>, phase: &Phase, rule: &Rule, every: &Every) -> Vec<Dose> {
    let mut records: Vec<&Record> = asked.records.iter().filter(|record| record.key.rule == rule.id).collect();
    records.sort_by_key(|record| record.due_at);
    // What a dose follows is the one before it: nothing earlier matters.
    let newest_before = records.partition_point(|record| record.due_at < asked.from).checked_sub(1);
    let mut due = newest_before.map_or_else(|| first_due(asked.zone, phase, every), |newest| records[newest].due_at);
    let mut records = records.into_iter().skip(newest_before.unwrap_or(0)).peekable();
    let mut doses = Vec::new();
    let mut steps_left = MOST_STEPS;
    loop {
        if records.peek().is_none() {
            due = every.leap(due, asked.from);
        }
        let recorded = records.next_if(|record| record.due_at <= due.saturating_add(every.every / 2).unwrap_or(due));
        let found = match recorded {
            Some(record) => {
                due = next_due(asked.zone, every, record.taken_at().unwrap_or(record.due_at));
                Dose {
                    date: record.key.date,
                    slot: record.key.slot,
                    due_at: record.due_at,
                    amount: record.amount,
                    provisional: false,
                }
            }
            None if due < asked.until && steps_left > 0 => {
                let this = due;
                due = next_due(asked.zone, every, this);
                steps_left -= 1;
                if !asked.contains(this) {
                    continue;
                }
                dose(asked.zone, this, every.amount)
            }
            None => break,
        };
        if asked.contains(found.due_at) && phase.contains(found.date) {
            doses.push(found);
        }
    }
    doses
}

fn first_due(zone: &TimeZone, phase: &Phase, every: &Every) -> Timestamp {
    let from = phase.from.map_or(Timestamp::MIN, |from| local::start_of_day(zone, from));
    in_window(zone, every, every.first.max(from))
}

fn next_due(zone: &TimeZone, every: &Every, after: Timestamp) -> Timestamp {
    in_window(zone, every, after.saturating_add(every.every).unwrap_or(Timestamp::MAX))
}

/// The first whole minute at or after it that is within the daily window.
fn in_window(zone: &TimeZone, every: &Every, at: Timestamp) -> Timestamp {
    let beyond = at.as_second().rem_euclid(MINUTE);
    let whole = beyond == 0 && at.subsec_nanosecond() == 0;
    let at = if whole { at } else { Timestamp::from_second(at.as_second() - beyond + MINUTE).unwrap_or(at) };
    let Some(window) = every.window else { return at };
    let yesterday = zone.to_datetime(at).date().saturating_sub(1.day());
    // Over a date that the zone skipped, the next opening is the day after tomorrow's.
    let openings = yesterday.series(1.day()).take(4).filter_map(|date| opening(zone, date, window));
    openings.filter(|(_, closes)| at <= *closes).map(|(opens, _)| opens.max(at)).min().unwrap_or(at)
}
