use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::alerts::judge::Finding;

fn now() -> Timestamp {
    "2031-01-31T17:00:00Z".parse().unwrap()
}

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

fn home() -> Home {
    Home::in_zone(TimeZone::get("America/New_York").unwrap())
}

fn ladder() -> Ladder {
    let text = json!({
        "steps": [
            {"after": 0, "who": "anna", "channel": "push"},
            {"after": 10, "who": "ben", "channel": "sms"},
            {"after": 30, "who": "carla", "channel": "call", "until_ack": true},
        ],
        "no_data": [{"after": 0, "who": "dora", "channel": "email"}],
        "quiet": {"from": "22:00", "until": "07:00"},
    });
    serde_json::from_value(text).unwrap()
}

/// Readings as bad as this; each severity takes as many in a row.
fn finding(severity: Option<Severity>, readings: u32) -> Finding {
    let mut finding = Finding { holds: severity, ..Finding::default() };
    for passed in severity.iter().flat_map(|worst| 0..=worst.rank()) {
        finding.passed[passed] = Some(readings);
    }
    finding
}

fn judged(severity: Option<Severity>, readings: u32, at: Timestamp) -> Event {
    Event::Judged { finding: finding(severity, readings), at, symptom: false }
}

/// A condition with its ladder, and the clock of its home.
struct World {
    state: State,
    ladder: Ladder,
    home: Home,
    direction: Direction,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        Self { state: State::default(), ladder: ladder(), home: home(), direction: Direction::High, now: now() }
    }

    fn policy(&self) -> Policy<'_> {
        Policy { ladder: &self.ladder, direction: self.direction, home: &self.home }
    }

    fn tell(&mut self, event: Event) -> Vec<Action> {
        let (state, actions) = self.state.clone().step(event, &self.policy(), self.now);
        self.state = state;
        actions
    }

    fn read(&mut self, severity: Option<Severity>, readings: u32) -> Vec<Action> {
        self.tell(judged(severity, readings, self.now))
    }

    fn wait(&mut self, minutes_later: i64) -> Vec<Action> {
        self.now += minutes(minutes_later);
        self.tell(Event::Time)
    }

    /// Waits for the deadlines one by one; what happened, and when.
    fn until(&mut self, end: Timestamp) -> Vec<(i64, Action)> {
        let begin = self.now;
        let mut happened = Vec::new();
        while let Some(due) = self.state.deadline(&self.policy()).filter(|due| *due <= end) {
            assert!(due >= self.now, "a deadline that is over would be looked at for ever");
            self.now = due;
            let actions = self.tell(Event::Time);
            happened.extend(actions.into_iter().map(|action| (due.duration_since(begin).as_mins(), action)));
        }
        self.now = end;
        happened
    }
}

fn words(actions: &[Action]) -> Vec<String> {
    let word = |action: &Action| match action {
        Action::AskRepeat { severity, .. } => format!("repeat {}", severity.name()),
        Action::Open { severity, cause, .. } => format!("open {} {}", severity.name(), cause.name()),
        Action::Ease { severity } => format!("ease {}", severity.name()),
        Action::Escalate { step } => format!("tell {}", step.who),
        Action::Acknowledge => "acknowledge".into(),
        Action::Snooze { .. } => "snooze".into(),
        Action::Clear { because } => format!("clear {}", because.name()),
    };
    actions.iter().map(word).collect()
}

use Severity::{Critical, Info, Urgent, Warn};

#[test]
fn a_dose_that_nobody_took_climbs_the_ladder_at_night_too_and_worsens_when_it_is_missed() {
    let mut world = World { direction: Direction::Late, now: "2031-01-31T04:00:00Z".parse().unwrap(), ..World::new() };
    let late = Event::NotTaken { severity: Severity::Urgent };
    let opened = world.tell(late.clone());
    let Action::Open { severity, cause, .. } = opened[0] else { panic!("{opened:?}") };
    assert_eq!((severity, cause, opened.len()), (Severity::Urgent, Cause::NotTaken, 2), "and somebody is told");
    assert_eq!(world.tell(late), [], "once");
    assert_eq!(world.tell(Event::Acknowledged), [Action::Acknowledge]);
    let missed = Event::NotTaken { severity: Severity::Critical };
    let worse = world.tell(missed.clone());
    assert_eq!(worse[0], Action::Clear { because: Because::Worsened });
    assert!(matches!(worse[1..], [Action::Open { severity: Severity::Critical, .. }, Action::Escalate { .. }]));
    assert_eq!(world.tell(missed), []);
    world.now += minutes(10);
    assert!(matches!(world.tell(Event::Time)[..], [Action::Escalate { .. }]));
    assert_eq!(world.tell(Event::Settled), [Action::Clear { because: Because::Over }]);
    assert_eq!((world.tell(Event::Settled), world.state.deadline(&world.policy())), (Vec::new(), None));
}

#[test]
fn a_severe_first_reading_asks_for_rest_and_a_repeat_and_the_second_one_alarms() {
    let mut world = World::new();
    assert_eq!(words(&world.read(Some(Critical), 2)), ["repeat critical"]);
    assert!(world.state.open.is_none());
    world.now += SignedDuration::from_secs(59);
    assert!(world.read(Some(Critical), 2).is_empty(), "too soon to count");
    world.now += SignedDuration::from_secs(1);
    assert_eq!(words(&world.read(Some(Critical), 2)), ["open critical limit", "tell anna"]);
}

#[test]
fn a_repeat_that_is_well_ends_it_and_a_symptom_does_not_wait() {
    let mut world = World::new();
    world.read(Some(Critical), 2);
    world.now += minutes(3);
    assert!(world.read(None, 0).is_empty());
    assert!(world.until(now() + minutes(60)).is_empty());

    world.read(Some(Urgent), 2);
    world.now += minutes(2);
    assert_eq!(words(&world.tell(Event::Symptom)), ["open urgent symptom", "tell anna"]);
    assert!(world.tell(Event::Symptom).is_empty(), "there is nothing more to say");

    let mut world = World::new();
    let severe = Event::Judged { finding: finding(Some(Critical), 2), at: now(), symptom: true };
    assert_eq!(words(&world.tell(severe)), ["open critical symptom", "tell anna"]);
}

#[test]
fn a_severe_reading_that_nobody_repeats_makes_somebody_look() {
    let mut world = World::new();
    world.read(Some(Critical), 2);
    assert_eq!(world.state.deadline(&world.policy()), Some(now() + REPEAT_WITHIN));
    assert!(world.wait(4).is_empty());
    assert_eq!(words(&world.wait(1)), ["open warn unrepeated", "tell anna"]);
    world.now += minutes(60);
    assert_eq!(words(&world.read(Some(Critical), 2)), ["clear worsened", "open critical limit", "tell anna"]);
}

#[test]
fn a_severe_reading_that_is_not_repeated_is_news_to_whoever_knew_of_something_milder() {
    let mut world = World::new();
    world.read(Some(Warn), 1);
    world.tell(Event::Acknowledged);
    world.now += minutes(60);
    let severe = Finding { passed: [Some(1), Some(1), Some(2), None], ..finding(Some(Urgent), 2) };
    let event = Event::Judged { finding: severe.clone(), at: world.now, symptom: false };
    assert_eq!(words(&world.tell(event)), ["repeat urgent"]);
    assert_eq!(words(&world.wait(5)), ["clear worsened", "open warn unrepeated", "tell anna"]);

    let mut world = World::new();
    world.read(Some(Warn), 1);
    let until = world.now + minutes(24 * 60);
    world.tell(Event::Snoozed { until });
    world.now += minutes(60);
    let event = Event::Judged { finding: severe, at: world.now, symptom: false };
    assert_eq!(words(&world.tell(event)), ["repeat urgent"]);
    assert_eq!(words(&world.wait(5)), ["clear worsened", "open warn unrepeated", "tell anna"], "snoozed was the other");
}

#[test]
fn a_symptom_that_is_ticked_after_the_time_for_a_repeat_alarms_too() {
    let mut world = World::new();
    world.read(Some(Critical), 2);
    assert_eq!(words(&world.wait(5)), ["open warn unrepeated", "tell anna"]);
    world.now += minutes(3);
    assert!(world.state.waits_for_symptom());
    assert_eq!(words(&world.tell(Event::Symptom)), ["clear worsened", "open critical symptom", "tell anna"]);
    assert!(world.tell(Event::Symptom).is_empty() && !world.state.waits_for_symptom());

    for (later, severity) in [(24 * 60, Some(Critical)), (60, None)] {
        let mut world = World::new();
        world.read(Some(Critical), 2);
        world.wait(5);
        world.tell(Event::Acknowledged);
        world.now += minutes(later);
        if severity.is_none() {
            world.read(severity, 1);
        }
        assert!(world.tell(Event::Symptom).is_empty(), "it is history, or something better was measured");
    }
}

#[test]
fn a_device_whose_clock_runs_ahead_hides_nothing_that_is_measured_after_it() {
    let mut world = World::new();
    world.tell(judged(None, 1, world.now + minutes(4)));
    world.now += minutes(1);
    assert_eq!(words(&world.read(Some(Warn), 1)), ["open warn limit", "tell anna"]);
}

#[test]
fn what_asks_for_several_readings_waits_for_them_in_a_row() {
    let mut world = World::new();
    for severity in [Some(Warn), Some(Warn), None, Some(Warn), Some(Warn)] {
        assert!(world.read(severity, 3).is_empty());
        world.now += minutes(60);
    }
    assert_eq!(words(&world.read(Some(Warn), 3)), ["open warn limit", "tell anna"]);
    let mut world = World::new();
    for _ in 0..50 {
        assert!(world.read(Some(Warn), 2).is_empty(), "a sensor that repeats itself is one reading");
        world.now += SignedDuration::from_secs(1);
    }
    world.now += minutes(1);
    assert_eq!(words(&world.read(Some(Warn), 2)), ["open warn limit", "tell anna"]);
}

#[test]
fn an_alert_opens_again_only_after_it_was_over_or_got_worse() {
    let mut world = World::new();
    assert_eq!(words(&world.read(Some(Warn), 1)), ["open warn limit", "tell anna"]);
    world.tell(Event::Acknowledged);
    for _ in 0..5 {
        world.now += minutes(60);
        assert!(world.read(Some(Warn), 1).is_empty());
    }
    world.now += minutes(60);
    let inside = Finding { holds: Some(Warn), ..Finding::default() };
    assert!(world.tell(Event::Judged { finding: inside, at: world.now, symptom: false }).is_empty(), "not well inside");
    world.now += minutes(60);
    assert_eq!(words(&world.read(Some(Urgent), 1)), ["clear worsened", "open urgent limit", "tell anna"]);
    world.now += minutes(60);
    assert_eq!(words(&world.read(Some(Warn), 1))[..1], ["ease warn"]);
    world.tell(Event::Acknowledged);
    world.now += minutes(60);
    assert_eq!(words(&world.read(Some(Urgent), 1)), ["clear worsened", "open urgent limit", "tell anna"]);
    world.now += minutes(60);
    assert_eq!(words(&world.read(None, 1)), ["clear over"]);
    world.now += minutes(60);
    assert_eq!(words(&world.read(Some(Warn), 1)), ["open warn limit", "tell anna"]);
}

#[test]
fn the_ladder_is_climbed_until_somebody_acknowledges() {
    let mut world = World::new();
    world.read(Some(Urgent), 1);
    let happened = world.until(now() + minutes(61));
    let told: Vec<_> =
        happened.iter().map(|(at, action)| (*at, words(std::slice::from_ref(action)).concat())).collect();
    let told: Vec<_> = told.iter().map(|(at, word)| (*at, word.as_str())).collect();
    assert_eq!(told, [(10, "tell ben"), (30, "tell carla"), (45, "tell carla"), (60, "tell carla")]);
    assert_eq!(words(&world.tell(Event::Acknowledged)), ["acknowledge"]);
    assert!(world.tell(Event::Acknowledged).is_empty(), "once is enough");
    assert_eq!(world.state.deadline(&world.policy()), None);
    assert!(world.wait(10_000).is_empty());
}

#[test]
fn after_a_night_without_power_one_step_follows_the_other() {
    let mut world = World::new();
    world.read(Some(Urgent), 1);
    assert_eq!(words(&world.wait(8 * 60)), ["tell ben"], "and not everybody at once");
    assert!(world.wait(19).is_empty());
    assert_eq!(words(&world.wait(1)), ["tell carla"]);
}

#[test]
fn a_snooze_ends_by_itself_or_with_anything_worse() {
    let mut world = World::new();
    world.read(Some(Urgent), 1);
    let until = world.now + minutes(120);
    assert_eq!(words(&world.tell(Event::Snoozed { until })), ["snooze"]);
    assert!(world.wait(119).is_empty());
    assert_eq!(words(&world.wait(1)), ["tell ben"]);
    let until = world.now + minutes(600);
    world.tell(Event::Snoozed { until });
    world.now += minutes(5);
    assert_eq!(words(&world.read(None, 1)), ["clear over"]);
    world.now += minutes(5);
    assert_eq!(words(&world.read(Some(Urgent), 1)), ["open urgent limit"], "it is there, and nobody is told yet");
    world.now += minutes(5);
    assert_eq!(words(&world.read(Some(Critical), 1)), ["clear worsened", "open critical limit", "tell anna"]);
}

#[test]
fn nothing_measured_for_too_long_is_told_once_with_its_own_ladder() {
    let mut world = World { direction: Direction::NoData, ..World::new() };
    let heard = |at| Event::Heard { at, within: minutes(48 * 60), severity: Info };
    assert!(world.tell(heard(now())).is_empty());
    world.tell(Event::Started { grace: minutes(60) });
    assert_eq!(world.state.deadline(&world.policy()), Some(now() + minutes(48 * 60)));
    assert_eq!(words(&world.wait(48 * 60)), ["open info no_data", "tell dora"]);
    assert!(world.wait(100_000).is_empty() && world.state.deadline(&world.policy()).is_none());
    assert!(world.tell(heard(now() + minutes(60))).is_empty(), "a reading of days ago is no news");
    let at = world.now;
    assert_eq!(words(&world.tell(heard(at))), ["clear over"]);
}

#[test]
fn a_hub_that_was_off_waits_for_what_could_not_reach_it() {
    let mut world = World { direction: Direction::NoData, ..World::new() };
    world.tell(Event::Heard { at: now(), within: minutes(60), severity: Info });
    world.now += minutes(600);
    assert!(world.tell(Event::Started { grace: minutes(60) }).is_empty());
    assert!(world.wait(59).is_empty());
    assert_eq!(words(&world.wait(1))[..1], ["open info no_data"]);
}

#[test]
fn quiet_hours_mute_what_can_wait_and_nothing_else() {
    let night: Timestamp = "2031-02-01T04:00:00Z".parse().unwrap();
    let mut world = World { direction: Direction::NoData, now: night, ..World::new() };
    world.tell(Event::Heard { at: night - minutes(60), within: minutes(60), severity: Info });
    assert!(world.state.open.is_some_and(|open| open.taken == 0), "it is there, and nobody is told");
    let morning: Timestamp = "2031-02-01T12:00:00Z".parse().unwrap();
    assert_eq!(world.until(morning).len(), 1);
    let mut world = World { now: night, ..World::new() };
    assert_eq!(words(&world.read(Some(Critical), 1)), ["open critical limit", "tell anna"]);
}

#[test]
fn history_raises_nothing() {
    let mut world = World::new();
    let old = world.now - RAISES_WITHIN - SignedDuration::from_secs(1);
    assert!(world.tell(judged(Some(Critical), 1, old)).is_empty());
    assert!(world.read(None, 1).is_empty());
    assert!(world.tell(judged(Some(Critical), 1, world.now - minutes(1))).is_empty(), "a newer one was judged");
}

#[test]
fn a_reading_that_was_a_slip_of_the_pen_takes_its_alert_along() {
    let mut world = World::new();
    world.read(None, 1);
    let before = world.now;
    world.now += minutes(60);
    world.read(Some(Urgent), 1);
    let corrected = |touched_at, newest| Event::Corrected { touched_at, newest, looks_back: false };
    assert!(world.tell(corrected(before - minutes(1), None)).is_empty(), "it was not the one that counts");
    let touched_at = world.now;
    let well = Some((finding(None, 1), before));
    assert_eq!(words(&world.tell(corrected(touched_at, well))), ["clear over"]);
    world.now += minutes(60);
    world.read(None, 1);
    let severe = Some((finding(Some(Critical), 2), world.now));
    let touched_at = world.now;
    assert_eq!(words(&world.tell(corrected(touched_at, severe))), ["repeat critical"], "and a new one is new");
    assert!(world.tell(corrected(touched_at, None)).is_empty() && world.state.repeat.is_none());
}

#[test]
fn what_is_compared_with_an_earlier_reading_is_compared_anew_when_that_one_was_a_slip_of_the_pen() {
    let mut world = World::new();
    let before = world.now - minutes(60);
    world.read(Some(Warn), 1);
    let at = world.now;
    let corrected = |severity, looks_back| {
        let newest = Some((finding(severity, 1), at));
        Event::Corrected { touched_at: before, newest, looks_back }
    };
    assert!(world.tell(corrected(None, false)).is_empty(), "nothing was compared");
    assert_eq!(words(&world.tell(corrected(None, true))), ["clear over"]);
    assert_eq!(words(&world.tell(corrected(Some(Warn), true))), ["open warn limit", "tell anna"]);
    assert!(world.tell(corrected(Some(Warn), true)).is_empty(), "as before");
}

#[test]
fn what_lost_its_limit_is_over() {
    let mut world = World::new();
    world.read(Some(Warn), 1);
    assert_eq!(words(&world.tell(Event::Lifted)), ["clear limits_changed"]);
    assert_eq!(world.state.deadline(&world.policy()), None);
}

#[test]
fn a_clock_that_is_set_back_a_year_delays_no_step_by_a_year() {
    let mut world = World::new();
    world.read(Some(Urgent), 1);
    world.wait(4);
    world.now -= minutes(365 * 24 * 60);
    assert!(world.tell(Event::Time).is_empty());
    assert_eq!(words(&world.wait(6)), ["tell ben"]);
    assert_eq!(words(&world.read(None, 1)), ["clear over"], "readings of the corrected time count");
}

#[test]
fn a_state_is_read_as_it_was_written() {
    let mut world = World::new();
    world.read(Some(Critical), 2);
    world.now += minutes(1);
    world.read(Some(Critical), 2);
    let until = world.now + minutes(10);
    world.tell(Event::Snoozed { until });
    let text = serde_json::to_string(&world.state).unwrap();
    assert_eq!(serde_json::from_str::<State>(&text).unwrap(), world.state);
}

/// Anything that can happen, and how far the clock goes (or is set) before it does, in seconds.
fn anything() -> impl Strategy<Value = (i64, Event)> {
    let severity = prop::option::of(prop::sample::select(Severity::ALL.to_vec()));
    let event = prop_oneof![
        6 => (severity, 1_u32..4, any::<bool>(), 0_i64..3600).prop_map(|(severity, readings, symptom, ago)| {
            // The age is put on the clock where it is told.
            let at = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(ago);
            Event::Judged { finding: finding(severity, readings), at, symptom }
        }),
        1 => Just(Event::Symptom),
        1 => Just(Event::Acknowledged),
        1 => (1_i64..300).prop_map(|long| Event::Snoozed { until: Timestamp::UNIX_EPOCH + minutes(long) }),
        1 => Just(Event::Lifted),
        4 => Just(Event::Time),
    ];
    let passes = prop_oneof![8 => 0_i64..3600, 1 => -400_000_000_i64..400_000_000];
    (passes, event)
}

fn on_the_clock(event: Event, now: Timestamp) -> Event {
    match event {
        Event::Judged { finding, at, symptom } => {
            Event::Judged { finding, at: now - at.duration_since(Timestamp::UNIX_EPOCH), symptom }
        }
        Event::Snoozed { until } => Event::Snoozed { until: now + until.duration_since(Timestamp::UNIX_EPOCH) },
        other => other,
    }
}

proptest! {
    #[test]
    fn whatever_happens_there_is_one_alert_and_an_acknowledged_one_is_told_to_nobody(
        history in prop::collection::vec(anything(), 1..60),
    ) {
        let mut world = World::new();
        let (mut open, mut acknowledged, mut taken) = (None, false, 0);
        let steps = ["anna", "ben", "carla"];
        for (passes, event) in history {
            world.now = world.now.checked_add(SignedDuration::from_secs(passes)).unwrap().clamp(
                "1990-01-01T00:00:00Z".parse().unwrap(), "2100-01-01T00:00:00Z".parse().unwrap());
            let event = on_the_clock(event, world.now);
            for action in world.tell(event) {
                match action {
                    Action::Open { severity, .. } => {
                        prop_assert!(open.is_none(), "a second one opened");
                        (open, acknowledged, taken) = (Some(severity), false, 0);
                    }
                    Action::Clear { .. } => prop_assert!(open.take().is_some()),
                    Action::Ease { severity } => {
                        prop_assert!(open > Some(severity));
                        open = Some(severity);
                    }
                    Action::Acknowledge => {
                        prop_assert!(open.is_some() && !acknowledged);
                        acknowledged = true;
                    }
                    Action::Escalate { step } => {
                        prop_assert!(open.is_some() && !acknowledged);
                        prop_assert_eq!(step.who, steps[taken.min(2)], "each once, in their order, the last one again");
                        taken += 1;
                    }
                    Action::Snooze { .. } | Action::AskRepeat { .. } => {}
                }
            }
            prop_assert_eq!(world.state.open.map(|open| open.severity), open);
            let deadline = world.state.deadline(&world.policy());
            prop_assert!(deadline.is_none_or(|deadline| deadline > world.now));
        }
    }

    #[test]
    fn however_the_clock_is_set_every_step_is_taken_once_and_in_order(
        jumps in prop::collection::vec((-100_000_000_i64..100_000_000, any::<bool>()), 0..20),
    ) {
        let mut world = World::new();
        let mut told = words(&world.read(Some(Critical), 1));
        for (seconds, is_set) in jumps {
            if is_set {
                world.now += SignedDuration::from_secs(seconds);
                told.extend(words(&world.tell(Event::Time)));
            } else {
                told.extend(words(&world.wait(1)));
            }
        }
        // From here on the clock is well, and nothing takes longer than the ladder itself.
        let end = world.now + minutes(31);
        told.extend(world.until(end).into_iter().flat_map(|(_, action)| words(&[action])));
        let told: Vec<_> = told.iter().map(String::as_str).collect();
        prop_assert_eq!(&told[..4], &["open critical limit", "tell anna", "tell ben", "tell carla"]);
        prop_assert!(told[4..].iter().all(|told| *told == "tell carla"));
    }

    #[test]
    fn a_snooze_hides_neither_what_is_worse_nor_the_other_direction(
        first in 0_usize..3, worse in 1_usize..4, readings in prop::collection::vec((0_i64..600, 0_usize..5), 0..20),
    ) {
        let worse = (first + worse).min(3);
        let [first, worse] = [first, worse].map(|rank| Severity::ALL[rank]);
        let mut high = World::new();
        high.read(Some(first), 1);
        let until = high.now + minutes(100_000);
        high.tell(Event::Snoozed { until });
        // The other direction has a state of its own: whatever it reads, it does what it did without the snooze.
        let (mut low, mut alone) = (World::new(), World::new());
        for (wait, rank) in readings {
            for world in [&mut low, &mut alone] {
                world.now += minutes(wait);
            }
            let severity = Severity::ALL.get(rank).copied();
            high.now = low.now;
            prop_assert_eq!(low.read(severity, 1), alone.read(severity, 1));
            if severity.is_none_or(|severity| severity <= first) {
                prop_assert!(!words(&high.read(severity, 1)).iter().any(|word| word.starts_with("tell")));
            }
        }
        high.now += minutes(1);
        let told = words(&high.read(Some(worse), 1));
        prop_assert!(told.contains(&format!("open {} limit", worse.name())), "{told:?}");
        prop_assert!(worse < Warn || told.contains(&"tell anna".into()), "{told:?}");
    }
}
