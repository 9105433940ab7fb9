//! Plans that can be, and those that cannot.

use proptest::prelude::*;

use super::*;
use crate::doses::{
    check::{self, PlanError, RuleProblem},
    plan::{Anchor, Prn, Window},
};

/// The one mistake of a rule.
fn problem(schedule: Schedule) -> Option<RuleProblem> {
    match check::check(&plan(vec![rule("a", schedule)])).as_slice() {
        [] => None,
        [PlanError::Rule { problem, .. }] => Some(problem.clone()),
        other => panic!("{other:?}"),
    }
}

fn elapsed(every_hours: u32, amount: f64) -> Schedule {
    Schedule::Elapsed {
        every_hours,
        first: at("2031-01-06T08:00:00Z"),
        anchor: Anchor::LastTaken,
        window: None,
        amount,
    }
}

fn slots(slots: &[(u32, &str, f64)]) -> Schedule {
    let slots = slots.iter().map(|(number, time, amount)| Slot {
        number: *number,
        time: time.parse().unwrap(),
        amount: *amount,
    });
    Schedule::Clock { days: every_day(), cycle: None, slots: slots.collect() }
}

#[test]
fn every_mistake_of_a_rule_is_named() {
    let every = |days| clock(Days::Every { days, anchor: date("2031-01-06") }, &["08:00"]);
    let month = |days: &[u8]| clock(Days::Month { days: days.into() }, &["08:00"]);
    let cycle = |on, off| {
        let cycle = Some(Cycle { on, off, anchor: date("2031-01-06") });
        Schedule::Clock {
            days: every_day(),
            cycle,
            slots: vec![Slot { number: 0, time: "08:00".parse().unwrap(), amount: 1.0 }],
        }
    };
    let linked = |minutes| Schedule::Linked { after: "x".into(), minutes, amount: 1.0 };
    let prn =
        |minimum_gap_minutes, most_amount| Schedule::Prn(Prn { minimum_gap_minutes, most_doses: None, most_amount });
    for (schedule, expected) in [
        (slots(&[(0, "08:00", 1.0), (1, "20:00", 0.25)]), None),
        (slots(&[]), Some(RuleProblem::Slots(0))),
        (slots(&[(0, "08:00", 1.0), (0, "20:00", 1.0)]), Some(RuleProblem::SameSlot(0))),
        (slots(&[(0, "08:00", 1.0), (1, "08:00", 1.0)]), Some(RuleProblem::SameTime("08:00".into()))),
        (slots(&[(0, "08:00", 0.0)]), Some(RuleProblem::Amount(0.0))),
        (slots(&[(0, "08:00", 100_001.0)]), Some(RuleProblem::Amount(100_001.0))),
        (clock(Days::Weekdays { weekdays: Weekdays(0) }, &["08:00"]), Some(RuleProblem::NoWeekday)),
        (clock(Days::Weekdays { weekdays: Weekdays(128) }, &["08:00"]), Some(RuleProblem::NoWeekday)),
        (every(366), None),
        (every(0), Some(RuleProblem::DaysBetween(0))),
        (every(367), Some(RuleProblem::DaysBetween(367))),
        (month(&[1, 31]), None),
        (month(&[]), Some(RuleProblem::MonthDays(vec![]))),
        (month(&[0]), Some(RuleProblem::MonthDays(vec![0]))),
        (month(&[32]), Some(RuleProblem::MonthDays(vec![32]))),
        (cycle(21, 7), None),
        (cycle(0, 7), Some(RuleProblem::Cycle { on: 0, off: 7 })),
        (elapsed(6, 1.0), None),
        (elapsed(0, 1.0), Some(RuleProblem::HoursBetween(0))),
        (elapsed(6, f64::NAN.max(-1.0)), Some(RuleProblem::Amount(-1.0))),
        (linked(45), None),
        (linked(1441), Some(RuleProblem::LinkMinutes(1441))),
        (prn(240, Some(4.0)), None),
        (prn(20_000, None), Some(RuleProblem::Gap(20_000))),
        (prn(0, Some(0.0)), Some(RuleProblem::Amount(0.0))),
    ] {
        assert_eq!(problem(schedule.clone()), expected, "{schedule:?}");
    }
    assert!(matches!(problem(elapsed(6, f64::NAN)), Some(RuleProblem::Amount(_))));
    let chain = plan(vec![
        rule("x", clock(every_day(), &["07:00"])),
        rule("y", Schedule::Linked { after: "x".into(), minutes: 30, amount: 1.0 }),
        rule("z", Schedule::Linked { after: "y".into(), minutes: 30, amount: 1.0 }),
    ]);
    let problem = RuleProblem::LinkedToLinked("y".into());
    assert_eq!(check::check(&chain), [PlanError::Rule { rule: "z".into(), problem }]);
}

#[test]
fn every_mistake_of_a_plan_is_named() {
    let phase = |from: Option<&str>, until: Option<&str>, id: &str| Phase {
        from: from.map(date),
        until: until.map(date),
        rules: vec![rule(id, clock(every_day(), &["08:00"]))],
    };
    let phases = |phases: Vec<Phase>| check::check(&Plan { phases, ..plan(vec![]) });
    let (new_year, second, third) = (Some("2031-01-01"), Some("2031-01-02"), Some("2031-01-03"));
    assert_eq!(phases(vec![phase(None, second, "a"), phase(third, None, "b")]), []);
    assert_eq!(phases(vec![]), [PlanError::Phases(0)]);
    assert_eq!(phases(vec![phase(None, second, "a"), phase(second, None, "b")]), [PlanError::Overlap { number: 2 }]);
    assert_eq!(phases(vec![phase(None, None, "a"), phase(third, None, "b")]), [PlanError::Overlap { number: 2 }]);
    let backwards = PlanError::Backwards { number: 1, from: date("2031-01-02"), until: date("2031-01-01") };
    assert_eq!(phases(vec![phase(second, new_year, "a")]), [backwards]);
    assert_eq!(phases(vec![phase(None, second, "a"), phase(third, None, "a")]), [PlanError::SameRule("a".into())]);
    for id in ["", "a/b", "a b", "ü".repeat(51).as_str()] {
        assert_eq!(phases(vec![phase(None, None, id)]), [PlanError::Id(id.into())]);
    }
    let with = |policy: Policy| check::check(&Plan { policy, ..daily("a", &["08:00"]) });
    let policy = Policy { grace_minutes: 60, missed_after_minutes: 59, ..Policy::default() };
    assert_eq!(with(policy), [PlanError::MissedBeforeLate { missed: 59, grace: 60 }]);
    let policy = Policy { early_minutes: 10_081, ..Policy::default() };
    assert_eq!(with(policy), [PlanError::Policy { name: "early_minutes", minutes: 10_081 }]);
}

#[test]
fn a_plan_is_written_in_the_words_of_its_field() {
    let window = Some(Window { opens: "08:00".parse().unwrap(), closes: "20:00".parse().unwrap() });
    let every = Schedule::Elapsed {
        every_hours: 4,
        first: at("2031-01-06T08:00:00Z"),
        anchor: Anchor::LastTaken,
        window,
        amount: 2.0,
    };
    let written = serde_json::to_value(&plan(vec![rule("a", every)]).phases[0].rules[0]).unwrap();
    assert_eq!(written["schedule"]["kind"], "elapsed");
    assert_eq!(written["schedule"]["anchor"], "last_taken");
    assert_eq!(written["schedule"]["window"]["opens"], "08:00:00");
    let least = r#"{"medication":"1","phases":[{"rules":[{"id":"a","schedule":{"kind":"prn","most_doses":4}}]}]}"#;
    let least: Plan = serde_json::from_str(least).unwrap();
    assert_eq!((check::check(&least), least.policy), (vec![], Policy::default()));
    let misspelt = r#"{"medication":"1","phases":[],"polcy":{}}"#;
    assert!(serde_json::from_str::<Plan>(misspelt).is_err());
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn a_plan_is_read_as_it_is_written(
        (days, cycle) in (some_days(2031), some_cycle(2031)),
        slots in some_slots(),
        hours in 1_u32..100,
        gap in 0_u32..600,
    ) {
        let plan = plan(vec![
            rule("c", Schedule::Clock { days, cycle, slots }),
            rule("e", elapsed(hours, 0.1)),
            rule("l", Schedule::Linked { after: "c".into(), minutes: gap, amount: 1.5 }),
            rule("p", Schedule::Prn(Prn { minimum_gap_minutes: gap, most_doses: Some(hours), most_amount: None })),
        ]);
        prop_assert_eq!(check::check(&plan), vec![]);
        let text = serde_json::to_string(&plan).unwrap();
        prop_assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
    }
}
