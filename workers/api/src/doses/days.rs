//! Clock rules: on which local dates they fall, and when that is.

use jiff::{ToSpan, civil::Date};

use super::{
    local,
    occurrence::{Asked, Dose},
    plan::{Cycle, Days, Phase, Slot},
};

/// Which dates a rule falls on.
pub(super) struct Falls<'a> {
    days: &'a Days,
    cycle: Option<Cycle>,
}

impl<'a> Falls<'a> {
    pub fn new(days: &'a Days, cycle: Option<Cycle>) -> Self {
        Self { days, cycle }
    }

    pub fn on(&self, date: Date) -> bool {
        self.cycle.is_none_or(|cycle| is_on(cycle, date)) && falls_on(self.days, date)
    }
}

fn falls_on(days: &Days, date: Date) -> bool {
    match days {
        Days::Weekdays { weekdays } => weekdays.contains(date.weekday()),
        Days::Every { days, anchor } => {
            days_since(*anchor, date).is_some_and(|since| since % i64::from((*days).max(1)) == 0)
        }
        Days::Month { days } => days.iter().any(|day| {
            let day = i8::try_from(*day).unwrap_or(i8::MAX);
            date.day() == day.min(date.days_in_month())
        }),
    }
}

fn is_on(cycle: Cycle, date: Date) -> bool {
    let whole = i64::from(cycle.on) + i64::from(cycle.off);
    days_since(cycle.anchor, date).is_some_and(|since| since % whole.max(1) < i64::from(cycle.on))
}

/// None before the anchor.
fn days_since(anchor: Date, date: Date) -> Option<i64> {
    let days = date.duration_since(anchor).as_hours() / 24;
    (days >= 0).then_some(days)
}

/// The doses within the range.
pub(super) fn doses(asked: &Asked<'_>, phase: &Phase, falls: &Falls<'_>, slots: &[Slot]) -> Vec<Dose> {
    let mut doses = Vec::new();
    // What is planned for an hour, or a whole date, that the zone lacks is due on a later date than its own.
    let first = asked.zone.to_datetime(asked.from).date().saturating_sub(2.days());
    let last = asked.zone.to_datetime(asked.until).date();
    let first = phase.from.map_or(first, |from| from.max(first));
    let last = phase.until.map_or(last, |until| until.min(last));
    for date in first.series(1.day()).take_while(|date| *date <= last).filter(|date| falls.on(*date)) {
        let Some(due_on) = due_on(asked, phase, falls, date) else { continue };
        for slot in slots {
            let due_at = local::instant(asked.zone, due_on, slot.time);
            if asked.contains(due_at) {
                doses.push(Dose { date, slot: slot.number, due_at, amount: slot.amount, provisional: false });
            }
        }
    }
    doses
}

/// The date on which the doses of a date are due: itself. A date that the zone skipped leaves its doses to the next one,
/// unless that one has the same doses anyway: Friday's weekly tablet is not lost, a daily one is not doubled.
fn due_on(asked: &Asked<'_>, phase: &Phase, falls: &Falls<'_>, date: Date) -> Option<Date> {
    if local::exists(asked.zone, date) {
        return Some(date);
    }
    let next = asked.zone.to_datetime(local::start_of_day(asked.zone, date)).date();
    (!(falls.on(next) && phase.contains(next))).then_some(next)
}
