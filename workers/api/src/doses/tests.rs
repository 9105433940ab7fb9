//! Rules of doses, tried by tables and by properties over whole years in zones whose clocks jump in every known way.

mod adherence;
mod check;
mod clock;
mod compat;
mod elapsed;
mod linked;
mod prn;
mod record;
mod remind;
mod stock;
mod walk;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use proptest::prelude::*;

use super::{
    Key, Occurrence, Plan, Policy,
    plan::{Cycle, Days, Phase, Rule, RuleId, Schedule, Slot, Weekdays},
    record::{Act, Command},
};

/// Zones and years that are worth a look: an hour at night, half an hour, at midnight (also back, into the same date or the one
/// before), a date that never was, a whole day more, none.
const YEARS: [(&str, i16); 12] = [
    ("America/New_York", 2031),
    ("Europe/Berlin", 2026),
    ("Australia/Lord_Howe", 2026),
    ("America/Santiago", 2024),
    ("Asia/Beirut", 2024),
    ("Africa/Cairo", 2024),
    ("America/Havana", 2025),
    ("Pacific/Apia", 2011),
    ("Pacific/Kwajalein", 1993),
    ("Africa/Casablanca", 2024),
    ("Asia/Kolkata", 2026),
    ("UTC", 2026),
];

/// As many loops as a run without `BETTI_LOOPS` stands for: a tenth of a soak's.
const USUAL_LOOPS: u32 = 20;

/// How many cases a property is tried with: so many in a usual run, more as `BETTI_LOOPS` says.
fn cases(usual: u32) -> ProptestConfig {
    let loops = std::env::var("BETTI_LOOPS").ok().and_then(|loops| loops.parse::<u32>().ok());
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(loops.map_or(usual, |loops| usual * loops / USUAL_LOOPS))
    }
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

/// A plan of one phase without an end.
fn plan(rules: Vec<Rule>) -> Plan {
    Plan { medication: "1".into(), phases: vec![Phase { from: None, until: None, rules }], policy: Policy::default() }
}

fn rule(id: &str, schedule: Schedule) -> Rule {
    Rule { id: RuleId::from(id), followed_from: None, retired_at: None, schedule }
}

fn every_day() -> Days {
    Days::Weekdays { weekdays: Weekdays::ALL }
}

/// At these times, one unit each.
fn clock(days: Days, times: &[&str]) -> Schedule {
    let slots = (0..).zip(times).map(|(number, time)| Slot { number, time: time.parse().unwrap(), amount: 1.0 });
    Schedule::Clock { days, cycle: None, slots: slots.collect() }
}

fn daily(id: &str, times: &[&str]) -> Plan {
    plan(vec![rule(id, clock(every_day(), times))])
}

fn command(id: &str, by: &str, act: Act) -> Command {
    Command { id: id.into(), by: by.into(), act, seen_version: None, override_reason: None }
}

fn take(id: &str, when: Timestamp) -> Command {
    command(id, "anna", Act::Take { at: when, amount: None, note: None })
}

/// `key due_at`, each.
fn shown(occurrences: &[Occurrence]) -> Vec<String> {
    occurrences.iter().map(|occurrence| format!("{} {}", occurrence.key, occurrence.due_at)).collect()
}

fn a_zone() -> impl Strategy<Value = (TimeZone, i16)> {
    prop::sample::select(&YEARS[..]).prop_map(|(name, year)| (zone(name), year))
}

/// Days of a clock rule, anchored around a year.
fn some_days(year: i16) -> impl Strategy<Value = Days> {
    let anchor = move |day: i64| date(&format!("{year}-01-01")).saturating_add(jiff::Span::new().days(day - 40));
    prop_oneof![
        2 => Just(every_day()),
        1 => (1_u8..128).prop_map(|mask| Days::Weekdays { weekdays: Weekdays(mask) }),
        1 => (1_u32..40, 0_i64..80).prop_map(move |(days, day)| Days::Every { days, anchor: anchor(day) }),
        1 => prop::collection::vec(1_u8..=31, 1..4).prop_map(|days| Days::Month { days }),
    ]
}

fn some_cycle(year: i16) -> impl Strategy<Value = Option<Cycle>> {
    let anchor = date(&format!("{year}-01-01"));
    prop::option::weighted(0.3, (1_u32..30, 0_u32..10).prop_map(move |(on, off)| Cycle { on, off, anchor }))
}

/// Times of day, more of them in the hours in which clocks jump.
fn some_slots() -> impl Strategy<Value = Vec<Slot>> {
    let minute = prop_oneof![3 => 0_i16..3 * 60, 1 => 23 * 60_i16..24 * 60, 1 => 0_i16..24 * 60];
    prop::collection::btree_set(minute, 1..6).prop_map(|minutes| {
        let time = |minute: i16| jiff::civil::time((minute / 60) as i8, (minute % 60) as i8, 0, 0);
        (0..).zip(minutes).map(|(number, minute)| Slot { number, time: time(minute), amount: 1.0 }).collect()
    })
}
