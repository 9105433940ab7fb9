//! Existing clients' schedules.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::*;
use crate::doses::{
    check::{self, RuleProblem},
    compat::{Medication, Row, RowError, plan, policy, row_of_rule, rule, rule_of_row, time, weekday_name, weekdays},
    occurrence::{on_date, on_dates},
};

const ENTERED: &str = "2031-01-06";

fn row(compat_id: i64, time: &'static str) -> Row<'static> {
    Row {
        compat_id,
        schedule_time: time,
        dosage_amount: 1.0,
        frequency_type: "daily",
        days_of_week: Some("daily"),
        day_of_week: None,
        interval_days: None,
        interval_start: None,
        entered_on: date(ENTERED),
        followed_from: Timestamp::MIN,
        retired_at: None,
    }
}

fn medication<'a>(rows: &'a [Row<'a>]) -> Medication<'a> {
    Medication {
        compat_id: 5,
        start_date: None,
        end_date: None,
        stopped_at: None,
        is_prn: false,
        prn_max_daily: None,
        rows,
    }
}

/// The dates of two weeks from the sixth of January, a Monday, on which something is due.
fn days(medication: &Medication<'_>) -> Vec<i8> {
    let (plan, mistakes) = plan(medication, policy());
    assert_eq!(mistakes, []);
    assert_eq!(check::check(&plan), []);
    let doses = on_dates(&[plan], &[], &zone("America/New_York"), date("2031-01-06"), date("2031-01-19"));
    doses.iter().map(|dose| dose.key.date.day()).collect()
}

#[test]
fn rows_fall_on_the_residents_days() {
    let all: Vec<i8> = (6..=19).collect();
    let start = |text: &str| Some(date(text));
    let cases: [(Row<'_>, &[i8]); 8] = [
        (row(1, "08:00"), &all),
        (
            Row { frequency_type: "specific_days", days_of_week: Some("mon,wed, Fri"), ..row(1, "23:50") },
            &[6, 8, 10, 13, 15, 17],
        ),
        (Row { frequency_type: "specific_days", ..row(1, "08:00") }, &all),
        // Counted in dates, also late in the evening, when it is the next day in UTC.
        (
            Row {
                frequency_type: "interval",
                interval_days: Some(3),
                interval_start: start("2031-01-01"),
                ..row(1, "23:51")
            },
            &[7, 10, 13, 16, 19],
        ),
        (Row { frequency_type: "interval", interval_days: Some(2), ..row(1, "08:00") }, &[6, 8, 10, 12, 14, 16, 18]),
        (
            Row {
                frequency_type: "interval",
                interval_days: Some(5),
                interval_start: start("2031-01-10"),
                ..row(1, "08:00")
            },
            &[10, 15],
        ),
        // A row for a day falls on that day only, whatever else it says.
        (Row { day_of_week: Some("sun"), ..row(1, "07:00") }, &[12, 19]),
        (Row { frequency_type: "prn", ..row(1, "07:00") }, &[]),
    ];
    for (row, expected) in cases {
        assert_eq!(days(&medication(std::slice::from_ref(&row))), expected, "{row:?}");
    }
}

#[test]
fn dates_of_the_medication_hold_and_as_needed_asks_for_nothing() {
    let rows = [row(1, "08:00")];
    let some =
        Medication { start_date: Some(date("2031-01-08")), end_date: Some(date("2031-01-10")), ..medication(&rows) };
    assert_eq!(days(&some), [8, 9, 10]);
    // Without a start of its own, an interval begins with the medication.
    let every_other = [Row { frequency_type: "interval", interval_days: Some(2), ..row(1, "08:00") }];
    let from_the_ninth = Medication { start_date: Some(date("2031-01-09")), ..medication(&every_other) };
    assert_eq!(days(&from_the_ninth), [9, 11, 13, 15, 17, 19]);
    let as_needed = Medication { is_prn: true, prn_max_daily: Some(2), ..medication(&rows) };
    assert!(days(&as_needed).is_empty());
    let (as_needed, _) = plan(&as_needed, policy());
    let (rule, prn) = as_needed.prn_on(date("2031-01-08")).unwrap();
    assert_eq!((rule.id.0.as_str(), prn.most_doses), ("medication-5", Some(2)));
    // Ten minutes after it was due nobody is to take the eighth's any more.
    let stopped = Medication { stopped_at: Some(at("2031-01-08T13:10:00Z")), ..medication(&rows) };
    assert_eq!(days(&stopped), [6, 7]);
    let replaced_before = [Row { retired_at: Some(at("2031-01-07T12:00:00Z")), ..row(1, "08:00") }];
    assert_eq!(days(&Medication { rows: &replaced_before, ..stopped }), [6]);
}

#[test]
fn seven_rows_of_one_time_are_one_dose_a_day() {
    let amounts =
        [("mon", 25.0), ("tue", 25.0), ("wed", 25.0), ("thu", 25.0), ("fri", 25.0), ("sat", 50.0), ("sun", 50.0)];
    let rows: Vec<Row<'_>> = (1..)
        .zip(amounts)
        .map(|(id, (day, dosage_amount))| Row { day_of_week: Some(day), dosage_amount, ..row(id, "07:00") })
        .collect();
    assert_eq!(days(&medication(&rows)), (6..=19).collect::<Vec<i8>>());
    let (plan, _) = plan(&medication(&rows), policy());
    let saturday = on_date(&[plan], &[], &TimeZone::UTC, date("2031-01-11"));
    assert_eq!(
        saturday.iter().map(|dose| (dose.amount, row_of_rule(&dose.key.rule))).collect::<Vec<_>>(),
        [(50.0, Some(6))]
    );
}

#[test]
fn a_replaced_row_gives_way_at_the_instant() {
    let changed = at("2031-01-08T15:00:00Z");
    let rows =
        [Row { retired_at: Some(changed), ..row(1, "03:00") }, Row { followed_from: changed, ..row(2, "03:00") }];
    assert_eq!(days(&medication(&rows)), (6..=19).collect::<Vec<i8>>(), "one a day");
    let (plan, _) = plan(&medication(&rows), policy());
    let rule_on = |day: &str| {
        row_of_rule(&on_date(std::slice::from_ref(&plan), &[], &zone("America/New_York"), date(day))[0].key.rule)
    };
    assert_eq!((rule_on("2031-01-08"), rule_on("2031-01-09")), (Some(1), Some(2)));
}

#[test]
fn what_cannot_be_followed_is_said_and_left_out() {
    let cases: [(Row<'_>, RowError); 8] = [
        (row(1, "25:00"), RowError::Time("25:00".into())),
        (row(1, ""), RowError::Time(String::new())),
        (Row { frequency_type: "hourly", ..row(1, "08:00") }, RowError::Frequency("hourly".into())),
        (
            Row { frequency_type: "specific_days", days_of_week: Some("mon,xyz"), ..row(1, "08:00") },
            RowError::Days("mon,xyz".into()),
        ),
        (
            Row { frequency_type: "specific_days", days_of_week: Some(""), ..row(1, "08:00") },
            RowError::Days(String::new()),
        ),
        (Row { frequency_type: "interval", ..row(1, "08:00") }, RowError::NoInterval),
        (
            Row { frequency_type: "interval", interval_days: Some(0), ..row(1, "08:00") },
            RuleProblem::DaysBetween(0).into(),
        ),
        (Row { dosage_amount: -1.0, ..row(1, "08:00") }, RuleProblem::Amount(-1.0).into()),
    ];
    for (row, error) in cases {
        assert_eq!(rule(&row, None), Err(error.clone()), "{row:?}");
        let rows = [row, Row { compat_id: 2, ..self::row(2, "09:00") }];
        let (plan, mistakes) = plan(&medication(&rows), policy());
        assert_eq!(mistakes, [(1, error)]);
        assert_eq!(on_date(&[plan], &[], &TimeZone::UTC, date(ENTERED)).len(), 1, "the other row is followed");
    }
}

#[test]
fn words_and_ids_are_read_as_they_are_written() {
    for (text, expected) in [("07:00", "07:00"), ("7:05", "07:05"), ("23:59:30", "23:59"), (" 00:00 ", "00:00")] {
        assert_eq!(time(text).map(|time| time.strftime("%H:%M").to_string()), Ok(expected.to_owned()));
    }
    for text in ["7", "24:00", "07:60", "+7:00", "07:0x", "007:00", "07:"] {
        assert!(time(text).is_err(), "{text}");
    }
    for day in Date::constant(2031, 1, 6).series(jiff::Span::new().days(1)).take(7).map(Date::weekday) {
        assert_eq!(weekdays(weekday_name(day)), Ok(Weekdays::of([day])));
    }
    assert_eq!(weekdays("daily"), Ok(Weekdays::ALL));
    assert_eq!(weekdays("MONDAY,thurs"), Ok(Weekdays(0b1001)));
    assert_eq!(row_of_rule(&rule_of_row(17)), Some(17));
    assert_eq!(row_of_rule(&"medication-17".into()), None);
}
