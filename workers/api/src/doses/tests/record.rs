//! What people say of a dose.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use proptest::prelude::*;

use super::*;
use crate::doses::{
    DoseState, Record,
    occurrence::within,
    record::{Done, EARLIEST_BEFORE, KEPT_FOR_SETTLING, MOST_ENTRIES, Refused, Resolution},
    state,
};

/// Due at eight, on time until half past, missed at noon.
fn dose() -> Occurrence {
    let (from, until) = (at("2031-01-06T00:00:00Z"), at("2031-01-07T00:00:00Z"));
    within(&[daily("a", &["08:00"])], &[], &TimeZone::UTC, from, until).remove(0)
}

fn clock_time(text: &str) -> Timestamp {
    at(&format!("2031-01-06T{text}:00Z"))
}

fn say(record: &mut Record, now: &str, id: &str, by: &str, act: Act) -> Result<Done, Refused> {
    record.apply(&command(id, by, act), clock_time(now))
}

fn taken(time: &str) -> Act {
    Act::Take { at: clock_time(time), amount: None, note: None }
}

fn because(reason: &str, command: Command) -> Command {
    Command { override_reason: Some(reason.into()), ..command }
}

#[test]
fn states_follow_each_other_by_the_clock() {
    let (dose, no_record) = (dose(), None);
    for (now, expected, late) in [
        ("00:00", DoseState::Upcoming, false),
        ("07:59", DoseState::Upcoming, false),
        ("08:00", DoseState::Due, false),
        ("08:29", DoseState::Due, false),
        ("08:30", DoseState::Due, true),
        ("11:59", DoseState::Due, true),
        ("12:00", DoseState::Missed, true),
    ] {
        let now = clock_time(now);
        assert_eq!(
            (state::of(&dose, no_record, now), state::is_late(&dose, no_record, now)),
            (expected, late),
            "{now}"
        );
        let record = Record::of(&dose);
        assert_eq!(state::of(&dose, Some(&record), now), expected, "an empty record says nothing");
        assert_eq!(serde_json::to_value(expected).unwrap(), expected.name());
    }
}

#[test]
fn taken_is_on_time_until_the_grace_is_over_and_late_for_ever_after() {
    for (time, expected) in [
        ("07:00", DoseState::Taken),
        ("08:30", DoseState::Taken),
        ("08:31", DoseState::TakenLate),
        ("15:00", DoseState::TakenLate),
    ] {
        let mut record = Record::of(&dose());
        assert_eq!(say(&mut record, time, "1", "anna", taken(time)), Ok(Done::Changed), "{time}");
        assert_eq!(state::of_record(&record, clock_time("20:00")), expected, "{time}");
    }
    let mut record = Record::of(&dose());
    record.notice_late(clock_time("08:30"));
    record.notice_late(clock_time("09:30"));
    record.notice_missed(clock_time("12:00"));
    record.notice_missed(clock_time("13:00"));
    say(&mut record, "09:00", "1", "anna", taken("09:00")).unwrap();
    let Some(Resolution::Taken { lateness_seconds, .. }) = record.resolution() else { panic!("it was taken") };
    assert_eq!(lateness_seconds, 3600);
    // It had been taken in time, but nobody knew.
    say(&mut record, "09:10", "2", "anna", Act::Correct { taken_at: clock_time("08:10") }).unwrap();
    assert_eq!(state::of_record(&record, clock_time("20:00")), DoseState::Taken);
    assert_eq!((record.late_at, record.missed_at), (Some(clock_time("08:30")), Some(clock_time("12:00"))));
    assert!(record.was_ever_late());
}

#[test]
fn a_second_person_is_told_who_and_when_and_may_insist_with_a_reason() {
    let mut record = Record::of(&dose());
    say(&mut record, "08:05", "1", "anna", taken("08:05")).unwrap();
    let refused = Refused::AlreadyTaken { by: "anna".into(), at: clock_time("08:05") };
    assert!(refused.may_be_overridden());
    let second = command("2", "bert", taken("08:20"));
    assert_eq!(record.apply(&second, clock_time("08:20")), Err(refused.clone()));
    assert_eq!(say(&mut record, "08:20", "3", "bert", Act::Skip { reason: None }), Err(refused));
    assert_eq!(record.version(), 1, "what is refused leaves no trace");
    record.apply(&because("the first one was spat out", second.clone()), clock_time("08:21")).unwrap();
    assert_eq!(record.takings().len(), 2);
    let Some(Resolution::Taken { by, amount, at, .. }) = record.resolution() else { panic!("it was taken") };
    assert_eq!((by.as_str(), amount, at), ("bert", 2.0, clock_time("08:20")));
    assert_eq!(record.apply(&second, clock_time("08:22")), Ok(Done::Already));
    say(&mut record, "08:30", "4", "bert", Act::Undo { of: Some("2".into()) }).unwrap();
    assert_eq!(record.takings().len(), 1, "one is left");
}

#[test]
fn who_skipped_may_think_better_of_it_and_somebody_else_asks_first() {
    let mut record = Record::of(&dose());
    say(&mut record, "08:05", "1", "anna", Act::Skip { reason: Some("felt sick".into()) }).unwrap();
    assert_eq!(state::of_record(&record, clock_time("08:10")), DoseState::Skipped);
    let refused = Refused::AlreadySkipped { by: "anna".into(), at: clock_time("08:05") };
    assert_eq!(say(&mut record, "08:10", "2", "bert", taken("08:10")), Err(refused));
    say(&mut record, "08:12", "3", "anna", taken("08:12")).unwrap();
    assert_eq!(state::of_record(&record, clock_time("08:15")), DoseState::Taken);
    assert_eq!(record.note(), Some("felt sick"), "what was said stays");
    say(&mut record, "08:13", "4", "anna", Act::Note { text: "better now".into() }).unwrap();
    assert_eq!(record.note(), Some("better now"));
    let skip = command("5", "bert", Act::Skip { reason: None });
    record.apply(&because("it was the wrong tablet", skip), clock_time("08:20")).unwrap();
    assert_eq!((state::of_record(&record, clock_time("08:20")), record.takings()), (DoseState::Skipped, vec![]));
}

#[test]
fn what_cannot_be_is_refused_with_what_could() {
    let mut record = Record::of(&dose());
    let latest = clock_time("12:00");
    let snooze = |until: &str| Act::Snooze { until: clock_time(until) };
    let no_snooze = Refused::Snooze { due_at: clock_time("08:00"), latest };
    let cases: [(&str, Act, Refused); 8] = [
        ("06:59", taken("06:59"), Refused::TooEarly { due_at: clock_time("08:00"), earliest: clock_time("07:00") }),
        ("08:00", taken("08:06"), Refused::InTheFuture { at: clock_time("08:06") }),
        (
            "08:00",
            Act::Take { at: clock_time("08:00"), amount: Some(0.0), note: None },
            Refused::Amount { amount: 0.0 },
        ),
        ("08:10", snooze("08:10"), no_snooze.clone()),
        ("08:10", snooze("12:00"), no_snooze),
        ("08:10", Act::Correct { taken_at: clock_time("08:00") }, Refused::NotTaken),
        ("08:10", Act::Undo { of: None }, Refused::NothingToUndo),
        ("08:10", Act::Undo { of: Some("x".into()) }, Refused::NothingToUndo),
    ];
    for (now, act, refused) in cases {
        assert_eq!(say(&mut record, now, "1", "anna", act.clone()), Err(refused), "{act:?}");
    }
    let early = because("on a journey", command("1", "anna", taken("05:00")));
    assert_eq!(record.apply(&early, clock_time("05:00")), Ok(Done::Changed));
    let other = command("1", "anna", Act::Skip { reason: None });
    assert_eq!(record.apply(&other, clock_time("05:01")), Err(Refused::IdUsed));
    let stale = Command { seen_version: Some(0), ..command("2", "bert", Act::Undo { of: None }) };
    assert_eq!(
        record.apply(&stale, clock_time("05:02")),
        Err(Refused::Changed { by: "anna".into(), at: clock_time("05:00") })
    );
    let somebody_elses = command("3", "bert", Act::Undo { of: Some("0".into()) });
    assert!(matches!(record.apply(&somebody_elses, clock_time("05:02")), Err(Refused::Changed { .. })));
}

#[test]
fn a_dose_is_not_recorded_as_taken_long_before_it_was_due() {
    let mut record = Record::of(&dose());
    let long_before = record.due_at - EARLIEST_BEFORE - jiff::SignedDuration::from_secs(1);
    let taken = |at| Act::Take { at, amount: None, note: None };
    let insist = |id: &str, act| because("I insist", command(id, "anna", act));
    let refused = Err(Refused::LongBefore { due_at: record.due_at, at: long_before });
    let now = record.due_at;
    assert_eq!(record.apply(&insist("1", taken(long_before)), now), refused);
    assert_eq!(record.apply(&insist("2", taken(record.due_at - EARLIEST_BEFORE)), now), Ok(Done::Changed));
    assert_eq!(record.apply(&insist("3", Act::Correct { taken_at: long_before }), now), refused);
}

#[test]
fn a_snooze_holds_until_it_is_over_or_something_else_is_said() {
    let mut record = Record::of(&dose());
    say(&mut record, "08:05", "1", "anna", Act::Snooze { until: clock_time("08:45") }).unwrap();
    say(&mut record, "08:06", "2", "anna", Act::Note { text: "at table".into() }).unwrap();
    assert_eq!(record.snoozed_until(), Some(clock_time("08:45")));
    assert_eq!(state::of_record(&record, clock_time("08:44")), DoseState::Snoozed);
    assert_eq!(state::of_record(&record, clock_time("08:45")), DoseState::Due);
    say(&mut record, "08:40", "3", "anna", taken("08:40")).unwrap();
    assert_eq!(record.snoozed_until(), None);
    say(&mut record, "08:41", "4", "anna", Act::Undo { of: Some("3".into()) }).unwrap();
    assert_eq!(record.snoozed_until(), Some(clock_time("08:45")), "as it was before");
}

#[test]
fn a_record_is_read_as_it_is_written_and_never_grows_without_end() {
    let mut record = Record::of(&dose());
    let note = || Act::Note { text: "x".into() };
    let noted = MOST_ENTRIES - KEPT_FOR_SETTLING;
    for number in 0..noted {
        say(&mut record, "08:05", &format!("{number}"), "anna", note()).unwrap();
    }
    let refused = Err(Refused::TooOften { most: noted, left: KEPT_FOR_SETTLING });
    assert_eq!(say(&mut record, "08:05", "more", "anna", note()), refused);
    for number in noted..MOST_ENTRIES {
        let act = if number % 2 == 0 { taken("08:05") } else { Act::Undo { of: None } };
        say(&mut record, "08:05", &format!("{number}"), "anna", act).unwrap();
    }
    let refused = Err(Refused::TooOften { most: MOST_ENTRIES, left: 0 });
    assert_eq!(say(&mut record, "08:05", "more", "anna", taken("08:05")), refused);
    assert_eq!(say(&mut record, "08:05", "0", "anna", Act::Note { text: "x".into() }), Ok(Done::Already));
    let text = serde_json::to_string(&record).unwrap();
    assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
    assert!(text.contains(r#""key":"a/2031-01-06/0""#), "{text}");
}

fn an_act() -> impl Strategy<Value = Act> {
    let minute = |minute: i64| clock_time("07:30") + SignedDuration::from_mins(minute);
    prop_oneof![
        (0_i64..300, prop::option::of(0.5_f64..3.0)).prop_map(move |(at, amount)| Act::Take {
            at: minute(at),
            amount,
            note: None
        }),
        Just(Act::Skip { reason: Some("no".into()) }),
        (0_i64..300).prop_map(move |until| Act::Snooze { until: minute(until) }),
        (0_i64..300).prop_map(move |at| Act::Correct { taken_at: minute(at) }),
        Just(Act::Note { text: "so".into() }),
        Just(Act::Undo { of: None }),
    ]
}

/// What can be seen of a record, beside its history.
fn seen(record: &Record) -> (Option<Resolution>, Option<Timestamp>, Option<String>) {
    (record.resolution(), record.snoozed_until(), record.note().map(str::to_owned))
}

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn whatever_people_say_each_is_done_once_and_undo_restores(
        said in prop::collection::vec((an_act(), prop::sample::select(vec!["anna", "bert"]), any::<bool>(), any::<bool>()), 1..40),
    ) {
        let mut record = Record::of(&dose());
        let mut before: Vec<_> = Vec::new();
        for (number, (act, by, insists, twice)) in (0_i64..).zip(said) {
            let now = clock_time("07:30") + SignedDuration::from_mins(5 * number);
            let mut wish = command(&number.to_string(), by, act);
            wish.override_reason = insists.then(|| "really".into());
            let (old, old_seen) = (record.clone(), seen(&record));
            match record.apply(&wish, now) {
                Ok(Done::Changed) => {
                    prop_assert_eq!(record.version(), old.version() + 1);
                    prop_assert_eq!(&record.entries[..old.version()], &old.entries[..], "history is kept");
                    if matches!(wish.act, Act::Undo { .. }) {
                        prop_assert_eq!(Some(seen(&record)), before.pop(), "as it was before");
                    } else {
                        before.push(old_seen);
                    }
                }
                Ok(Done::Already) => prop_assert!(false, "it was never done"),
                Err(refused) => {
                    prop_assert_eq!(&record, &old, "{}", refused);
                    prop_assert!(!insists || !refused.may_be_overridden() || matches!(wish.act, Act::Snooze { .. }), "{}", refused);
                }
            }
            if twice && record.entry(&wish.id).is_some() {
                let once = record.clone();
                prop_assert_eq!(record.apply(&wish, now), Ok(Done::Already));
                prop_assert_eq!(&record, &once);
            }
            // Nothing is taken twice without a reason.
            let insisted = record.entries.iter().filter(|entry| entry.command.override_reason.is_some()).count();
            prop_assert!(record.takings().len() <= 1 + insisted);
        }
    }
}
