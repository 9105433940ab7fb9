//! What one reading says about one condition.

use jiff::{SignedDuration, Timestamp};

use super::{
    Direction, Severity,
    limit::{Limit, Part, Rule},
};
use crate::vitals::Kind;

/// Readings that are closer together count as one when something has to be repeated.
const REPEATED_APART: SignedDuration = SignedDuration::from_hours(1);

/// A reading in canonical units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Value {
    pub primary: f64,
    pub secondary: Option<f64>,
    pub at: Timestamp,
}

/// What has to be known beside the reading.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context {
    /// Readings of the same kind before this one, newest first, as far back as any limit looks.
    pub before: Vec<(Timestamp, f64)>,
    /// The usual value, if it is known.
    pub median: Option<f64>,
    /// Whether oxygen is given; unknown counts as air.
    pub on_oxygen: bool,
}

/// What a reading says about a condition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Finding {
    /// For each severity, whether a limit of it or a worse one is passed, and how many readings in a row that takes.
    pub passed: [Option<u32>; 4],
    /// The worst severity that is not over yet: once it has begun, it ends only some way inside its limit.
    pub holds: Option<Severity>,
    /// The worst limit that is passed.
    pub limit: Option<Limit>,
}

/// How far inside its limit a value has to be before that is over, in the canonical unit: about what two measurements of
/// the same thing differ by.
pub fn margin(kind: Kind) -> f64 {
    match kind {
        Kind::BloodPressure | Kind::HeartRate | Kind::Glucose => 5.0,
        Kind::Spo2 | Kind::RespiratoryRate => 1.0,
        Kind::Temperature | Kind::Weight => 0.2,
        // Steps and settings are exact.
        Kind::OxygenSupplement | Kind::Consciousness | Kind::Height => 0.0,
    }
}

/// `limits` are those of the reading's kind.
pub fn judge(limits: &[Limit], direction: Direction, value: &Value, context: &Context) -> Finding {
    let mut finding = Finding::default();
    for limit in limits.iter().filter(|limit| limit.direction == direction) {
        if is_passed(limit, value, context, 0.0) {
            take(&mut finding, limit);
        }
        if is_passed(limit, value, context, margin(limit.kind)) {
            finding.holds = finding.holds.max(Some(limit.severity));
        }
    }
    finding
}

fn take(finding: &mut Finding, limit: &Limit) {
    // Whoever passes a limit passes every milder one, however many readings that one asks for.
    for passed in &mut finding.passed[..=limit.severity.rank()] {
        *passed = Some(passed.map_or(limit.readings, |readings| readings.min(limit.readings)));
    }
    if finding.limit.as_ref().is_none_or(|worst| worst.severity < limit.severity) {
        finding.limit = Some(limit.clone());
    }
}

fn is_passed(limit: &Limit, value: &Value, context: &Context, margin: f64) -> bool {
    // Margins make passing easier; a value that is exactly the margin inside is inside.
    let above = |value: f64, bound: f64, inclusive: bool| {
        let bound = bound - margin;
        value > bound || (inclusive && margin == 0.0 && value >= bound)
    };
    let within = limit.rule.looks_back().unwrap_or_default();
    match &limit.rule {
        Rule::Beyond { on_oxygen: true, .. } if !context.on_oxygen => false,
        Rule::Beyond { part, value: bound, inclusive, .. } => {
            let measured = match part {
                Part::Primary => Some(value.primary),
                Part::Secondary => value.secondary,
            };
            measured.is_some_and(|measured| match limit.direction {
                Direction::Low => above(-measured, -bound, *inclusive),
                Direction::High | Direction::Gain | Direction::NoData | Direction::Late => {
                    above(measured, *bound, *inclusive)
                }
            })
        }
        Rule::Repeated { value: bound, times, .. } => {
            above(value.primary, *bound, false)
                && 1 + earlier(value, context, within, |earlier| earlier > *bound) >= *times
        }
        Rule::AboveBaseline { by } => {
            context.median.is_some_and(|median| above(value.primary, without_noise(median + by), false))
        }
        Rule::Gain { by, inclusive, .. } => {
            let lowest = recent(value, context, within).map(|(_, earlier)| earlier).min_by(f64::total_cmp);
            lowest.is_some_and(|lowest| above(value.primary, without_noise(lowest + by), *inclusive))
        }
    }
}

/// 80 kg and 2 kg are 82 kg, in whichever unit they were entered.
fn without_noise(value: f64) -> f64 {
    const STEPS: f64 = 1e9;
    (value * STEPS).round() / STEPS
}

fn recent(value: &Value, context: &Context, within: SignedDuration) -> impl Iterator<Item = (Timestamp, f64)> {
    let at = value.at;
    context.before.iter().copied().filter(move |(earlier, _)| *earlier < at && at.duration_since(*earlier) <= within)
}

/// How many earlier readings were so, each an hour apart from the next.
fn earlier(value: &Value, context: &Context, within: SignedDuration, is_so: impl Fn(f64) -> bool) -> u32 {
    let (mut count, mut next) = (0, value.at);
    for (at, _) in recent(value, context, within).filter(|(_, value)| is_so(*value)) {
        if next.duration_since(at) >= REPEATED_APART {
            (count, next) = (count + 1, at);
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::{
            defaults::{Choices, WeightGain, limits},
            limits::Limits,
            news2::Scale,
        },
        *,
    };

    fn now() -> Timestamp {
        "2031-01-31T12:00:00Z".parse().unwrap()
    }

    fn value(primary: f64) -> Value {
        Value { primary, secondary: None, at: now() }
    }

    fn worst(
        choices: &Choices,
        kind: Kind,
        direction: Direction,
        value: &Value,
        context: &Context,
    ) -> Option<Severity> {
        let limits: Vec<_> = limits(choices).into_iter().filter(|limit| limit.kind == kind).collect();
        judge(&limits, direction, value, context).limit.map(|limit| limit.severity)
    }

    #[test]
    fn defaults_are_passed_exactly_where_their_sources_say() {
        use Direction::{High, Low};
        use Severity::{Critical, Info, Urgent, Warn};
        for (kind, direction, steps) in [
            (Kind::BloodPressure, Low, &[(90.0, Some(Urgent)), (91.0, None)][..]),
            (
                Kind::BloodPressure,
                High,
                &[
                    (129.0, None),
                    (130.0, Some(Info)),
                    (140.0, Some(Warn)),
                    (180.0, Some(Warn)),
                    (181.0, Some(Critical)),
                ],
            ),
            (Kind::HeartRate, Low, &[(40.0, Some(Urgent)), (41.0, None)]),
            (Kind::HeartRate, High, &[(110.0, None), (111.0, Some(Warn)), (130.0, Some(Warn)), (131.0, Some(Urgent))]),
            (Kind::Spo2, Low, &[(92.0, None), (91.9, Some(Warn)), (88.0, Some(Warn)), (87.9, Some(Urgent))]),
            (Kind::Temperature, Low, &[(35.0, Some(Urgent)), (35.1, None)]),
            (Kind::Temperature, High, &[(37.8, None), (37.9, Some(Warn)), (39.0, Some(Warn)), (39.1, Some(Urgent))]),
            (Kind::Glucose, Low, &[(70.0, None), (69.0, Some(Warn)), (54.0, Some(Warn)), (53.0, Some(Critical))]),
            (Kind::Glucose, High, &[(150.0, None), (151.0, Some(Info)), (250.0, Some(Info)), (251.0, Some(Warn))]),
            (Kind::RespiratoryRate, Low, &[(8.0, Some(Urgent)), (9.0, None)]),
            (
                Kind::RespiratoryRate,
                High,
                &[(20.0, None), (21.0, Some(Warn)), (24.0, Some(Warn)), (25.0, Some(Urgent))],
            ),
            (Kind::Consciousness, High, &[(0.0, None), (1.0, Some(Urgent))]),
        ] {
            for (primary, expected) in steps {
                let found = worst(&Choices::default(), kind, direction, &value(*primary), &Context::default());
                assert_eq!(found, *expected, "{kind:?} {direction:?} {primary}");
            }
        }
        let diastolic = Value { secondary: Some(121.0), ..value(150.0) };
        let high = |value| worst(&Choices::default(), Kind::BloodPressure, High, &value, &Context::default());
        assert_eq!(high(diastolic), Some(Critical), "the worse of the two decides");
    }

    #[test]
    fn residents_of_scale_2_have_another_target_and_too_much_oxygen_is_too_much() {
        let choices = Choices { spo2_scale: Scale::Two, ..Choices::default() };
        let found = |primary, direction, on_oxygen| {
            let context = Context { on_oxygen, ..Context::default() };
            worst(&choices, Kind::Spo2, direction, &value(primary), &context)
        };
        assert_eq!(found(88.0, Direction::Low, false), None);
        assert_eq!(found(87.0, Direction::Low, false), Some(Severity::Warn));
        assert_eq!(found(83.0, Direction::Low, false), Some(Severity::Urgent));
        assert_eq!(found(98.0, Direction::High, false), None);
        assert_eq!(found(93.0, Direction::High, true), Some(Severity::Warn));
        assert_eq!(found(97.0, Direction::High, true), Some(Severity::Urgent));
    }

    #[test]
    fn a_fever_is_also_a_repeated_one_or_one_above_what_is_usual() {
        let found = |primary, hours: &[i64], median| {
            let before = hours.iter().map(|hours| (now() - SignedDuration::from_hours(*hours), 37.3)).collect();
            let context = Context { before, median, ..Context::default() };
            worst(&Choices::default(), Kind::Temperature, Direction::High, &value(primary), &context)
        };
        assert_eq!(found(37.3, &[], None), None);
        assert_eq!(found(37.3, &[0], None), None, "the same moment");
        assert_eq!(found(37.3, &[6], None), Some(Severity::Warn));
        assert_eq!(found(37.2, &[6], None), None);
        assert_eq!(found(37.3, &[49], None), None, "too long ago");
        assert_eq!(found(37.2, &[], Some(36.0)), Some(Severity::Warn));
        assert_eq!(found(37.1, &[], Some(36.0)), None);
    }

    #[test]
    fn a_gain_is_measured_from_the_lowest_of_the_days_before() {
        let found = |gain, primary, before: &[(i64, f64)]| {
            let choices = Choices { weight_gain: gain, ..Choices::default() };
            let before = before.iter().map(|(hours, kg)| (now() - SignedDuration::from_hours(*hours), *kg)).collect();
            let context = Context { before, ..Context::default() };
            worst(&choices, Kind::Weight, Direction::Gain, &value(primary), &context)
        };
        assert_eq!(found(WeightGain::Esc, 82.0, &[(24, 81.0), (83, 80.0)]), None, "more than 2 kg");
        assert_eq!(found(WeightGain::Esc, 82.1, &[(24, 81.0), (83, 80.0)]), Some(Severity::Warn));
        assert_eq!(found(WeightGain::Esc, 82.1, &[(85, 80.0)]), None, "in 3 days");
        assert_eq!(found(WeightGain::Us, 80.907_184_74, &[(24, 80.0)]), Some(Severity::Warn), "2 lb in a day");
        assert_eq!(found(WeightGain::Us, 80.9, &[(24, 80.0)]), None);
        assert_eq!(found(WeightGain::Us, 81.4, &[(100, 80.0)]), Some(Severity::Info), "3 lb in a week");
        assert_eq!(found(WeightGain::Us, 82.3, &[(100, 80.0)]), Some(Severity::Warn), "5 lb in a week");
        assert_eq!(found(WeightGain::Off, 99.0, &[(24, 80.0)]), None);
    }

    #[test]
    fn what_has_begun_is_over_only_some_way_inside_the_limit() {
        let limits = Limits::default().of_kind(Kind::Spo2);
        let holds = |primary| judge(&limits, Direction::Low, &value(primary), &Context::default()).holds;
        assert_eq!(holds(87.0), Some(Severity::Urgent));
        assert_eq!(holds(88.5), Some(Severity::Urgent));
        assert_eq!(holds(89.0), Some(Severity::Warn));
        assert_eq!(holds(92.9), Some(Severity::Warn));
        assert_eq!(holds(93.0), None);
    }

    #[test]
    fn whoever_passes_a_limit_passes_every_milder_one() {
        let limits = Limits::default().of_kind(Kind::BloodPressure);
        let found = judge(&limits, Direction::High, &value(190.0), &Context::default());
        assert_eq!(found.passed, [Some(2), Some(2), Some(2), Some(2)]);
        let found = judge(&limits, Direction::High, &value(135.0), &Context::default());
        assert_eq!(found.passed, [Some(3), None, None, None]);
    }

    proptest! {
        #[test]
        fn what_is_further_out_is_never_better_and_what_is_passed_holds(
            kind in prop::sample::select(Kind::ALL.to_vec()), from in 0.0_f64..1.0, further in 0.0_f64..1.0,
            on_oxygen: bool, two: bool,
        ) {
            let choices = Choices { spo2_scale: if two { Scale::Two } else { Scale::One }, ..Choices::default() };
            let limits: Vec<_> = limits(&choices).into_iter().filter(|limit| limit.kind == kind).collect();
            let (least, most) = (*kind.possible().start(), *kind.possible().end());
            let value = |share: f64| Value { secondary: None, ..value(least + share * (most - least)) };
            let context = Context { on_oxygen, ..Context::default() };
            for (direction, outward) in [(Direction::Low, from * (1.0 - further)), (Direction::High, from + further * (1.0 - from))] {
                let [near, far] = [from, outward].map(|share| judge(&limits, direction, &value(share), &context));
                let severity = |finding: &Finding| finding.limit.as_ref().map(|limit| limit.severity);
                prop_assert!(severity(&far) >= severity(&near), "{near:?} {far:?}");
                prop_assert!(far.holds >= severity(&far) && far.holds >= near.holds);
            }
        }
    }
}
