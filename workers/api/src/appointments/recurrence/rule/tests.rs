use proptest::prelude::*;

use super::*;

/// Any rule there can be, ending around 2031.
pub fn any_rule() -> impl Strategy<Value = Rule> {
    let frequency = prop::sample::select(&Frequency::ALL[..]);
    let days = prop::sample::subsequence((0..7).collect::<Vec<i8>>(), 0..=4);
    let end = prop_oneof![
        Just(End::Never),
        (1..400_u32).prop_map(End::After),
        (1_900_000_000..1_990_000_000_i64).prop_map(|second| End::On(Timestamp::from_second(second).unwrap())),
    ];
    (frequency, 1..5_u16, days, end).prop_map(|(frequency, interval, days, end)| {
        let days = days.into_iter().map(|day| Weekday::from_monday_zero_offset(day).unwrap());
        let days = if frequency == Frequency::Weekly { days.collect() } else { Vec::new() };
        Rule { frequency, interval, days, end }
    })
}

proptest! {
    #[test]
    fn both_forms_say_the_same(rule in any_rule()) {
        prop_assert_eq!(Rule::read(&rule.json().to_string()), Ok(rule.clone()));
        prop_assert_eq!(Rule::read(&rule.rrule(false)), Ok(rule.clone()));
        prop_assert_eq!(Rule::read(&format!("RRULE:{}", rule.rrule(false))), Ok(rule));
    }

    #[test]
    fn whatever_is_written_is_read_or_refused(text in "\\PC{0,60}", parts in "[A-Z]{4,8}=[A-Z0-9,]{0,9}(;[A-Z]{4,8}=[0-9TZ]{0,16}){0,2}") {
        let _ = (Rule::read(&text), Rule::read(&parts), Rule::read(&format!("FREQ=DAILY;{parts}")));
    }
}

#[test]
fn what_existing_clients_send_is_said_as_calendars_say_it() {
    for (json, rrule) in [
        (r#"{"frequency":"daily","interval":3,"endType":"never"}"#, "FREQ=DAILY;INTERVAL=3"),
        (r#"{"frequency":"daily","interval":10,"endType":"after_count","count":2}"#, "FREQ=DAILY;INTERVAL=10;COUNT=2"),
        (
            r#"{"frequency":"daily","interval":5,"endType":"on_date","endDate":"2032-02-12"}"#,
            "FREQ=DAILY;INTERVAL=5;UNTIL=20320212T000000Z",
        ),
        (r#"{"frequency":"weekly","interval":1,"daysOfWeek":[4,1],"endType":"never"}"#, "FREQ=WEEKLY;BYDAY=MO,TH"),
        (r#"{"frequency":"weekly","interval":"2","daysOfWeek":["0"]}"#, "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU"),
        (r#"{"frequency":"weekly"}"#, "FREQ=WEEKLY"),
        (r#"{"frequency":"weekly","daysOfWeek":[]}"#, "FREQ=WEEKLY"),
        (r#"{"frequency":"monthly","interval":0,"daysOfWeek":[2],"endType":"on_date"}"#, "FREQ=MONTHLY"),
        (r#"{"frequency":"yearly","endType":"after_count"}"#, "FREQ=YEARLY"),
    ] {
        assert_eq!(Rule::read(json).map(|rule| rule.rrule(false)), Ok(rrule.into()), "{json}");
    }
    let whole_days = Rule::read(r#"{"frequency":"daily","endType":"on_date","endDate":"2032-02-12"}"#).unwrap();
    assert_eq!(whole_days.rrule(true), "FREQ=DAILY;UNTIL=20320212");
    assert_eq!(Rule::read("FREQ=DAILY;UNTIL=20320212"), Ok(whole_days));
    assert!(Rule::read("FREQ=WEEKLY;WKST=SU;BYDAY=MO,WE").is_ok(), "of every week it does not matter");
}

#[test]
fn what_cannot_be_read_is_refused_by_name() {
    for (text, part) in [
        ("every other week", "neither JSON nor an RRULE"),
        ("", "neither JSON nor an RRULE"),
        ("{broken", "neither JSON nor an RRULE"),
        (r#"{"frequency":"hourly"}"#, "frequency must be one of"),
        (r#"{"frequency":"daily","interval":-1}"#, "interval cannot be -1: it is at least 0 and at most 999"),
        (r#"{"frequency":"daily","interval":1.5}"#, "interval must be a whole number"),
        (r#"{"frequency":"weekly","daysOfWeek":[7]}"#, "daysOfWeek"),
        (r#"{"frequency":"weekly","daysOfWeek":"mon"}"#, "daysOfWeek"),
        (r#"{"frequency":"daily","endType":"after_count","count":0}"#, "count cannot be 0"),
        (r#"{"frequency":"daily","endType":"on_date","endDate":"soon"}"#, "is not a time"),
        ("FREQ=HOURLY", "frequency must be one of"),
        ("FREQ=MONTHLY;BYDAY=2TU", "BYDAY=2TU in a monthly rule cannot be taken"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "BYMONTHDAY cannot be taken"),
        ("FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU,MO", "WKST"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20320212T000000Z", "UNTIL beside COUNT"),
        ("FREQ=DAILY;UNTIL=soon", "UNTIL=soon cannot be taken"),
    ] {
        let error = Rule::read(text).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}
