//! How long a box lasts.

use jiff::{SignedDuration, ToSpan, tz::TimeZone};
use proptest::prelude::*;

use super::*;
use crate::doses::{
    Record,
    occurrence::on_date,
    plan::Prn,
    prn::{self, Taking},
    stock::{FORECAST_DAYS, Forecast, Keeping, Movement, MovementKind, Stock, forecast, stock, used_per_day},
};

fn moved(day: &str, kind: MovementKind) -> Movement {
    Movement { at: at(&format!("2031-01-{day}T12:00:00Z")), kind }
}

fn ahead(units: f64, keeping: &Keeping, plan: &Plan, records: &[Record], now: &str) -> Forecast {
    let stock = Stock { units, refills_left: 1 };
    forecast(stock, keeping, (plan, std::slice::from_ref(plan)), records, &TimeZone::UTC, at(now))
}

#[test]
fn what_is_left_follows_from_what_happened_in_its_order() {
    let movements = [
        moved("08", MovementKind::Counted { units: 25.0 }),
        moved("02", MovementKind::Dispensed { packs: 2, units_per_pack: 14.0, refill: true }),
        moved("01", MovementKind::Prescribed { refills: 3 }),
        moved("09", MovementKind::Lost { units: 2.0 }),
        moved("20", MovementKind::Dispensed { packs: 1, units_per_pack: 28.0, refill: true }),
    ];
    // Ten milligrams a time, of tablets of five.
    let takings: Vec<Taking> =
        (3..=10).map(|day| Taking { at: at(&format!("2031-01-{day:02}T08:00:00Z")), amount: 10.0 }).collect();
    let on = |day: &str| stock(&movements, &takings, 5.0, at(&format!("2031-01-{day}T23:00:00Z")));
    assert_eq!(on("01"), Stock { units: 0.0, refills_left: 3 });
    assert_eq!(on("02"), Stock { units: 28.0, refills_left: 2 });
    assert_eq!(on("07"), Stock { units: 18.0, refills_left: 2 });
    assert_eq!(on("08"), Stock { units: 25.0, refills_left: 2 }, "who counts is right");
    assert_eq!(on("10"), Stock { units: 19.0, refills_left: 2 });
    assert_eq!(on("21"), Stock { units: 47.0, refills_left: 1 });
    assert_eq!(stock(&[], &takings, 5.0, at("2031-01-21T00:00:00Z")).units, 0.0, "never below nothing");
}

#[test]
fn a_box_lasts_as_long_as_the_plan_says() {
    let plan = daily("a", &["08:00", "20:00"]);
    let keeping = Keeping { refill_days_before: 3, ..Keeping::default() };
    let morning = ahead(10.0, &keeping, &plan, &[], "2031-01-06T07:00:00Z");
    assert_eq!((morning.days_left, morning.runs_out_on), (Some(5), Some(date("2031-01-11"))));
    assert_eq!(morning.refill_due_on, Some(date("2031-01-08")));
    // Today's first one was taken, the second one is to come.
    let dose = on_date(std::slice::from_ref(&plan), &[], &TimeZone::UTC, date("2031-01-06")).remove(0);
    let mut record = Record::of(&dose);
    record.apply(&take("1", at("2031-01-06T08:00:00Z")), at("2031-01-06T08:00:00Z")).unwrap();
    let noon = ahead(9.0, &keeping, &plan, &[record], "2031-01-06T09:00:00Z");
    assert_eq!((noon.days_left, noon.runs_out_on), (Some(5), Some(date("2031-01-11"))));
    let little = ahead(1.0, &keeping, &plan, &[], "2031-01-06T13:00:00Z");
    assert_eq!((little.days_left, little.refill_due_on), (Some(1), Some(date("2031-01-06"))), "order today");
    // Ten minutes after midnight yesterday's last one may still be taken.
    let late = ahead(1.0, &keeping, &daily("a", &["23:30"]), &[], "2031-01-06T00:10:00Z");
    assert_eq!(late.runs_out_on, Some(date("2031-01-06")));
    let none = ahead(0.0, &keeping, &plan, &[], "2031-01-06T07:00:00Z");
    assert_eq!((none.days_left, none.runs_out_on), (Some(0), Some(date("2031-01-06"))));
}

#[test]
fn what_ends_before_the_box_does_never_runs_out() {
    let mut plan = daily("a", &["08:00"]);
    plan.phases[0].until = Some(date("2031-01-20"));
    let enough = ahead(15.0, &Keeping::default(), &plan, &[], "2031-01-06T07:00:00Z");
    assert_eq!((enough.days_left, enough.runs_out_on, enough.refill_due_on), (None, None, None));
    assert_eq!(
        ahead(14.0, &Keeping::default(), &plan, &[], "2031-01-06T07:00:00Z").runs_out_on,
        Some(date("2031-01-20"))
    );
    let long =
        ahead(FORECAST_DAYS as f64 + 1.0, &Keeping::default(), &daily("a", &["08:00"]), &[], "2031-01-06T07:00:00Z");
    assert_eq!(long.runs_out_on, None);
}

#[test]
fn what_is_taken_as_needed_shortens_it() {
    let plan = plan(vec![rule("p", Schedule::Prn(Prn::default()))]);
    let now = at("2031-01-31T00:00:00Z");
    let mut records: Vec<Record> = Vec::new();
    for day in 0..15 {
        let when = now - SignedDuration::from_hours(48 * day + 12);
        let mut record =
            prn::record(&prn::occurrence(&plan, &plan.phases[0].rules[0], &records, &TimeZone::UTC, when, 1.0));
        record.apply(&take(&format!("{day}"), when), when).unwrap();
        records.push(record);
    }
    let per_day = used_per_day(&records, "1", 1.0, 30, now);
    assert_eq!(per_day, 0.5);
    let keeping = Keeping { as_needed_per_day: per_day, ..Keeping::default() };
    assert_eq!(ahead(10.0, &keeping, &plan, &records, "2031-01-31T00:00:00Z").days_left, Some(20));
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn the_day_of_running_out_is_the_first_that_is_not_covered(
        ((zone, year), days, slots) in a_zone().prop_flat_map(|(zone, year)| (Just((zone, year)), some_days(year), some_slots())),
        units in 0_u32..120,
        hour in 0_i64..24 * 60,
    ) {
        let plan = plan(vec![rule("r", Schedule::Clock { days, cycle: None, slots })]);
        let plans = std::slice::from_ref(&plan);
        let now = crate::doses::local::start_of_day(&zone, date(&format!("{year}-02-20"))) + SignedDuration::from_hours(hour);
        let stock = Stock { units: f64::from(units), refills_left: 0 };
        let found = forecast(stock, &Keeping::default(), (&plan, plans), &[], &zone, now);
        let today = zone.to_datetime(now).date();
        let open = |day: Date| {
            let doses = on_date(plans, &[], &zone, day).into_iter();
            doses.filter(|dose| now < dose.policy.missed_at(dose.due_at)).map(|dose| dose.amount).sum::<f64>()
        };
        let mut left = stock.units - open(today.yesterday().unwrap());
        let expected = today.series(1.day()).take(FORECAST_DAYS as usize + 1).find(|day| {
            left -= open(*day);
            left < 0.0
        });
        prop_assert_eq!(found.runs_out_on, expected);
        prop_assert_eq!(found.days_left.map(i64::from), expected.map(|day| day.duration_since(today).as_hours() / 24));
    }
}
