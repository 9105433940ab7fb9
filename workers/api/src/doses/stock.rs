//! How much is left of a medicine, and how long it lasts if it is taken as planned.

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::{Plan, Record, adherence::listed, prn::Taking};

/// How far ahead a forecast looks; what lasts longer has no date.
pub const FORECAST_DAYS: i64 = 400;
/// Less than this of a dose missing is rounding.
const SAME_AMOUNT: f64 = 1e-6;

/// What happened to the box. Kept for ever, in any order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Movement {
    pub at: Timestamp,
    pub kind: MovementKind,
}

/// In units as they are bought (tablets, mL), not in the medicine's dosage unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MovementKind {
    /// Packs that came; with `refill`, from the prescription's refills.
    Dispensed { packs: u32, units_per_pack: f64, refill: bool },
    /// Somebody counted: so many units are there, whatever was computed.
    Counted { units: f64 },
    /// Lost, broken or given back.
    Lost { units: f64 },
    /// The prescriber allows so many refills from now on.
    Prescribed { refills: u32 },
}

/// How a medicine is kept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Keeping {
    /// How much of the dosage unit one unit of the box has: 5 for tablets of 5 mg and doses in mg, 1 for doses in tablets.
    pub amount_per_unit: f64,
    /// How many days before it runs out a refill is due.
    pub refill_days_before: u32,
    /// Units a day that are used as needed, beside the plan; see [`used_per_day`].
    pub as_needed_per_day: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Stock {
    /// Never below 0: what was taken from a box that nobody entered was there.
    pub units: f64,
    pub refills_left: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Forecast {
    pub stock: Stock,
    /// Dates, today included, on which every dose that is still to come is covered; none if it lasts beyond
    /// [`FORECAST_DAYS`].
    pub days_left: Option<u32>,
    /// The first date on which a dose is not covered.
    pub runs_out_on: Option<Date>,
    /// When to order: so many days before, today at the earliest.
    pub refill_due_on: Option<Date>,
}

impl Default for Keeping {
    fn default() -> Self {
        Self { amount_per_unit: 1.0, refill_days_before: 7, as_needed_per_day: 0.0 }
    }
}

/// What is left now: every movement and everything taken, in the order in which it happened.
pub fn stock(movements: &[Movement], takings: &[Taking], amount_per_unit: f64, now: Timestamp) -> Stock {
    let used = takings.iter().map(|taking| (taking.at, Happened::Used(taking.amount / amount_per_unit)));
    let moved = movements.iter().map(|movement| (movement.at, Happened::Moved(movement.kind)));
    let mut happened: Vec<_> = moved.chain(used).filter(|(at, _)| *at <= now).collect();
    happened.sort_by_key(|(at, _)| *at);
    let mut stock = Stock { units: 0.0, refills_left: 0 };
    for (_, what) in happened {
        match what {
            Happened::Used(units) | Happened::Moved(MovementKind::Lost { units }) => {
                stock.units = (stock.units - units).max(0.0)
            }
            Happened::Moved(MovementKind::Counted { units }) => stock.units = units,
            Happened::Moved(MovementKind::Prescribed { refills }) => stock.refills_left = refills,
            Happened::Moved(MovementKind::Dispensed { packs, units_per_pack, refill }) => {
                stock.units += f64::from(packs) * units_per_pack;
                stock.refills_left = stock.refills_left.saturating_sub(u32::from(refill));
            }
        }
    }
    stock
}

enum Happened {
    Moved(MovementKind),
    Used(f64),
}

/// How long it lasts if everything is taken as planned from now on, provisional doses too. `plan` is this medicine's; `plans` are
/// all, for what hangs on other medicines.
pub fn forecast(
    stock: Stock,
    keeping: &Keeping,
    (plan, plans): (&Plan, &[Plan]),
    records: &[Record],
    zone: &TimeZone,
    now: Timestamp,
) -> Forecast {
    let today = zone.to_datetime(now).date();
    let last = today.saturating_add(FORECAST_DAYS.days());
    // Yesterday's last dose may still be taken.
    let still_to_come = listed(plans, records, zone, today.saturating_sub(1.day()), last).into_iter().filter(|dose| {
        dose.occurrence.medication == plan.medication
            && dose.record.is_none_or(|record| record.resolution().is_none())
            && now < dose.occurrence.policy.missed_at(dose.occurrence.due_at)
    });
    let mut doses = still_to_come.map(|dose| (dose.occurrence.key.date, dose.occurrence.amount)).collect::<Vec<_>>();
    doses.sort_by_key(|(date, _)| *date);
    let mut doses = doses.into_iter().peekable();
    let mut left = stock.units;
    let runs_out_on = today.series(1.day()).take_while(|date| *date <= last).find(|date| {
        left -= keeping.as_needed_per_day;
        while let Some((_, amount)) = doses.next_if(|(on, _)| on <= date) {
            left -= amount / keeping.amount_per_unit;
        }
        left < -SAME_AMOUNT
    });
    let refill = |date: Date| date.saturating_sub(i64::from(keeping.refill_days_before).days()).max(today);
    Forecast {
        stock,
        days_left: runs_out_on.and_then(|date| u32::try_from(date.duration_since(today).as_hours() / 24).ok()),
        runs_out_on,
        refill_due_on: runs_out_on.map(refill),
    }
}

/// What was taken as needed on average over the last `days` days, in the box's units: for [`Keeping::as_needed_per_day`].
pub fn used_per_day(records: &[Record], medication: &str, amount_per_unit: f64, days: u32, now: Timestamp) -> f64 {
    let since = now.saturating_sub(jiff::SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(now);
    let as_needed = records.iter().filter(|record| record.as_needed && record.medication == medication);
    let takings = as_needed.flat_map(Record::takings).filter(|taking| since < taking.at && taking.at <= now);
    // Not `sum`: that of nothing is -0.
    takings.fold(0.0, |sum, taking| sum + taking.amount) / amount_per_unit / f64::from(days.max(1))
}
