//! Reminders in a world in which the power fails, clocks jump, workers restart and people do as they like.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use proptest::prelude::*;

use super::*;
use crate::doses::{
    DoseState, Record, local,
    occurrence::within,
    plan::Anchor,
    remind::{
        AWAY_AFTER, Announced, Announcement, LOOK_AT_LEAST_EVERY, LOOK_BACK_DAYS, MOST_SINGLE_ANNOUNCEMENTS, Next,
        Situation, What, next,
    },
    state,
};

/// A worker with what it keeps on disk. It has no memory beside, so that a restart changes nothing.
struct World {
    plans: Vec<Plan>,
    zone: TimeZone,
    now: Timestamp,
    records: Vec<Record>,
    announced: BTreeSet<Announced>,
    last_looked_at: Option<Timestamp>,
    wake_at: Timestamp,
    commands: u32,
}

/// What happens next.
#[derive(Clone, Debug)]
enum Happens {
    /// The worker's alarm rings.
    Alarm,
    /// Something else wakes it after so many minutes, or the clock is set: backwards too.
    Look { after_minutes: i64 },
    /// Nobody looks for so many minutes.
    NoPower { minutes: i64 },
    /// Somebody does something about one of the doses of these hours.
    Person { dose: usize, deed: u8 },
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        8 => Just(Happens::Alarm),
        3 => (1_i64..120).prop_map(|after_minutes| Happens::Look { after_minutes }),
        1 => (-2000_i64..2000).prop_map(|after_minutes| Happens::Look { after_minutes }),
        1 => (1_i64..3000).prop_map(|minutes| Happens::NoPower { minutes }),
        3 => (any::<usize>(), 0_u8..5).prop_map(|(dose, deed)| Happens::Person { dose, deed }),
    ]
}

impl World {
    fn new(plans: Vec<Plan>, zone: TimeZone, now: Timestamp) -> Self {
        let (records, announced) = (Vec::new(), BTreeSet::new());
        Self { plans, zone, now, records, announced, last_looked_at: Some(now), wake_at: now, commands: 0 }
    }

    fn decide(&self, now: Timestamp, last_looked_at: Option<Timestamp>) -> Next {
        let Self { plans, records, zone, announced, .. } = self;
        next(&Situation { plans, records, zone, announced, now, last_looked_at })
    }

    fn look(&mut self) -> Next {
        let decided = self.decide(self.now, self.last_looked_at);
        self.check(&decided);
        self.announced.extend(decided.keep.iter().cloned());
        self.last_looked_at = Some(self.now);
        self.wake_at = decided.wake_at;
        self.check_nothing_dropped();
        assert_eq!(self.decide(self.now, self.last_looked_at).keep, [], "a second look says nothing");
        let before = self.wake_at - SignedDuration::from_secs(1);
        assert!(
            before < self.now || self.decide(before, Some(self.now)).keep.is_empty(),
            "there was something before the alarm"
        );
        decided
    }

    fn check(&self, decided: &Next) {
        let kept: BTreeSet<_> = decided.keep.iter().cloned().collect();
        assert_eq!(kept.len(), decided.keep.len(), "something is announced twice at once");
        assert!(kept.is_disjoint(&self.announced), "something is announced a second time");
        assert!(self.now < decided.wake_at && decided.wake_at <= self.now + LOOK_AT_LEAST_EVERY);
        let all = || decided.announce.iter().chain(&decided.summary);
        for announcement in all() {
            let dose = &announcement.occurrence;
            let record = self.records.iter().find(|record| record.key == dose.key);
            assert!(record.is_none_or(|record| record.resolution().is_none()), "{dose:?} was settled");
            let (late_at, missed_at) = (dose.policy.late_at(dose.due_at), dose.policy.missed_at(dose.due_at));
            let until_due = dose.due_at.duration_since(self.now).as_secs();
            let snooze = record.and_then(Record::snooze);
            let put_off = |what_comes: Timestamp| snooze.is_some_and(|(_, until)| what_comes < until);
            let holds = match &announcement.what {
                What::Reminder => {
                    (1..=5 * 60).contains(&until_due) && !put_off(dose.due_at - SignedDuration::from_mins(5))
                }
                What::Due => until_due <= 0 && self.now < late_at && !put_off(dose.due_at),
                What::Late => late_at <= self.now && self.now < missed_at,
                What::Missed => missed_at <= self.now,
                What::SnoozeOver(id) => snooze.is_some_and(|(command, until)| command == id && until <= self.now),
            };
            assert!(holds, "{:?} of {dose:?} at {}", announcement.what, self.now);
            assert!(kept.contains(&Announced { dose: dose.key.clone(), what: announcement.what.clone() }));
        }
        let gone = all().filter(|one| matches!(one.what, What::Late | What::Missed)).count();
        if decided.summary.is_empty() {
            assert!(gone <= MOST_SINGLE_ANNOUNCEMENTS);
            let belated = decided.announce.iter().filter(|one| self.came_unseen(one)).count();
            assert!(belated <= 1, "{belated} at once, after a time without a look");
        } else {
            assert_eq!(decided.summary.len(), gone);
            let away = self.last_looked_at.is_none_or(|last| self.now.duration_since(last) > AWAY_AFTER);
            assert!(gone > MOST_SINGLE_ANNOUNCEMENTS || (away && gone > 1));
        }
    }

    /// Late or missed while nobody looked, and not put off.
    fn came_unseen(&self, one: &Announcement) -> bool {
        let dose = &one.occurrence;
        let came = match one.what {
            What::Late => dose.policy.late_at(dose.due_at),
            What::Missed => dose.policy.missed_at(dose.due_at),
            What::Reminder | What::Due | What::SnoozeOver(_) => return false,
        };
        let put_off = self.records.iter().any(|record| record.key == dose.key && record.snooze().is_some());
        !put_off && self.now.duration_since(came) > AWAY_AFTER && self.last_looked_at.is_none_or(|last| last < came)
    }

    fn check_nothing_dropped(&self) {
        let from = self.now - SignedDuration::from_hours(24 * LOOK_BACK_DAYS - 1);
        let until = self.now + SignedDuration::from_secs(1);
        let firm =
            within(&self.plans, &self.records, &self.zone, from, until).into_iter().filter(|dose| !dose.provisional);
        for dose in firm {
            let record = self.records.iter().find(|record| record.key == dose.key);
            let told = |what: What| self.announced.contains(&Announced { dose: dose.key.clone(), what });
            let snoozed = record.and_then(Record::snooze);
            let over = snoozed.is_some_and(|(id, _)| told(What::SnoozeOver(id.into())));
            let over_last = snoozed.is_some_and(|(_, until)| dose.policy.late_at(dose.due_at) <= until);
            match state::of(&dose, record, self.now) {
                DoseState::Due if over_last => assert!(over, "nobody heard that {dose:?} is due again"),
                DoseState::Missed => assert!(told(What::Missed), "nobody heard that {dose:?} is missed"),
                DoseState::Due if state::is_late(&dose, record, self.now) => {
                    assert!(told(What::Late) || over, "nobody heard that {dose:?} is late")
                }
                DoseState::Due => assert!(told(What::Due) || over, "nobody heard that {dose:?} is due"),
                DoseState::Upcoming
                | DoseState::Snoozed
                | DoseState::Taken
                | DoseState::TakenLate
                | DoseState::Skipped => {}
            }
        }
    }

    fn person(&mut self, dose: usize, deed: u8) {
        let (from, until) = (self.now - SignedDuration::from_hours(8), self.now + SignedDuration::from_hours(1));
        let near = within(&self.plans, &self.records, &self.zone, from, until);
        let Some(dose) = near.get(dose % near.len().max(1)) else { return };
        self.commands += 1;
        let act = match deed {
            0 | 1 => Act::Take { at: self.now, amount: None, note: None },
            2 => Act::Skip { reason: None },
            3 => Act::Snooze { until: self.now + SignedDuration::from_mins(10 + 7 * i64::from(self.commands % 9)) },
            _ => Act::Undo { of: None },
        };
        let index = self.records.iter().position(|record| record.key == dose.key).unwrap_or_else(|| {
            self.records.push(Record::of(dose));
            self.records.len() - 1
        });
        // A refusal is fine: people try.
        let _ = self.records[index].apply(&command(&format!("c{}", self.commands), "anna", act), self.now);
    }

    fn happen(&mut self, happens: &Happens) {
        match happens {
            Happens::Alarm => self.now = self.wake_at.max(self.now),
            Happens::Look { after_minutes: minutes } | Happens::NoPower { minutes } => {
                self.now += SignedDuration::from_mins(*minutes);
            }
            Happens::Person { dose, deed } => self.person(*dose, *deed),
        }
        self.look();
    }
}

/// Rules of every kind that asks for doses: by the clock, by hours that pass, and after another dose.
fn some_rules(year: i16) -> impl Strategy<Value = Vec<Rule>> {
    let first = at(&format!("{year}-01-10T05:00:00Z"));
    let elapsed =
        move |every_hours, anchor| Schedule::Elapsed { every_hours, first, anchor, window: None, amount: 1.0 };
    let by_clock = |slots| rule("r", Schedule::Clock { days: every_day(), cycle: None, slots });
    let follows = |minutes| rule("l", Schedule::Linked { after: RuleId::from("r"), minutes, amount: 1.0 });
    prop_oneof![
        3 => some_slots().prop_map(move |slots| vec![by_clock(slots)]),
        1 => (1_u32..30).prop_map(move |hours| vec![rule("r", elapsed(hours, Anchor::Fixed))]),
        1 => (3_u32..30).prop_map(move |hours| vec![rule("r", elapsed(hours, Anchor::LastTaken))]),
        1 => (some_slots(), 0_u32..24 * 60).prop_map(move |(slots, minutes)| vec![by_clock(slots), follows(minutes)]),
    ]
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn nothing_is_announced_twice_and_nothing_is_dropped(
        ((zone, year), rules) in a_zone().prop_flat_map(|(zone, year)| (Just((zone, year)), some_rules(year))),
        critical in any::<bool>(),
        hour in 0_i64..24 * 300,
        happened in prop::collection::vec(happens(), 1..80),
    ) {
        let mut plan = plan(rules);
        plan.policy.critical = critical;
        let start = local::start_of_day(&zone, date(&format!("{year}-01-10"))) + SignedDuration::from_hours(hour);
        let mut world = World::new(vec![plan], zone, start);
        world.look();
        for happens in &happened {
            world.happen(happens);
        }
    }

    /// Whoever sleeps until the alarm announces everything at its second, through a year's jumps of the clocks.
    #[test]
    fn each_announcement_comes_at_its_second((zone, year) in a_zone(), slots in some_slots(), jump in 0_usize..4) {
        let first = local::start_of_day(&zone, date(&format!("{year}-01-01")));
        let jumps: Vec<_> = zone.following(first).take(4).map(|jump| jump.timestamp()).collect();
        let about = jumps.get(jump % jumps.len().max(1)).copied().filter(|at| at.duration_since(first) < SignedDuration::from_hours(24 * 366));
        let start = about.unwrap_or(first) - SignedDuration::from_hours(60);
        let mut plan = plan(vec![rule("r", Schedule::Clock { days: every_day(), cycle: None, slots })]);
        plan.phases[0].rules[0].followed_from = Some(start);
        let mut world = World::new(vec![plan.clone()], zone.clone(), start);
        let mut heard: BTreeMap<Key, Vec<(What, i64)>> = BTreeMap::new();
        let end = start + SignedDuration::from_hours(24 * 6);
        while world.now < end {
            let decided = world.look();
            prop_assert_eq!(&decided.summary, &[]);
            for announcement in decided.announce {
                let after_due = world.now.duration_since(announcement.occurrence.due_at).as_secs();
                prop_assert_eq!(announcement.minutes_until, -after_due / 60);
                heard.entry(announcement.occurrence.key).or_default().push((announcement.what, after_due / 60));
            }
            world.now = world.wake_at;
        }
        let (from, until) = (start + SignedDuration::from_hours(1), end - SignedDuration::from_hours(5));
        let doses = within(&[plan], &[], &zone, from, until);
        prop_assert!(!doses.is_empty());
        for dose in doses {
            let whole = [(What::Reminder, -5), (What::Due, 0), (What::Late, 30), (What::Missed, 240)];
            prop_assert_eq!(heard.get(&dose.key).map(Vec::as_slice), Some(&whole[..]), "{:?}", dose);
        }
    }
}
