//! What a day's drinks come to beside what is asked of it. Everything is counted from the drinks; nothing of it is kept.

use super::{
    Goal,
    amount::{shown_ml, shown_ounces},
    pace::{Moment, Pace, pace},
};

/// A day's fluids, in millilitres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Day {
    pub drunk: f64,
    pub target: f64,
    pub maximum: Option<f64>,
    pub pace: Pace,
}

impl Day {
    pub fn new(drunk: f64, goal: &Goal, moment: Moment) -> Self {
        let target = goal.target().0.ml();
        let maximum = goal.maximum.map(super::Amount::ml);
        Self { drunk, target, maximum, pace: pace(drunk, target, goal.waking, moment) }
    }

    /// How much of the target is left.
    pub fn remaining(&self) -> f64 {
        (self.target - self.drunk).max(0.0)
    }

    /// By how much the maximum was passed.
    pub fn above_maximum(&self) -> Option<f64> {
        // Rounded as it is shown, so that nobody is warned of 0 mL.
        let above = shown_ml(self.drunk) - shown_ml(self.maximum?);
        (above > 0.0).then_some(above)
    }

    /// What whoever hands out drinks should know. Nothing is refused: what was drunk was drunk.
    pub fn warning(&self) -> Option<String> {
        let (above, maximum) = (self.above_maximum()?, self.maximum?);
        Some(format!(
            "{above} mL above the maximum of {} mL for the day: ask a clinician before giving more",
            shown_ml(maximum)
        ))
    }
}

/// The part of a target that was drunk, in whole percent as existing clients show it: 100 at most.
pub fn percentage(drunk: f64, target: f64) -> f64 {
    // Of ounces as exact as they were entered, so that the half that they round up is one.
    ((drunk / target * 100.0) + 1e-9).round().min(100.0)
}

/// What is left of a target, in ounces as existing clients show it.
pub fn remaining_ounces(drunk: f64, target: f64) -> f64 {
    shown_ounces((target - drunk).max(0.0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::drinks::pace::State;

    #[test]
    fn a_maximum_warns_once_it_is_passed_and_pulls_the_target_down() {
        let goal = Goal::default().with(&json!({"target": 2, "target_unit": "L", "maximum": 1_500})).unwrap();
        let day = |drunk| Day::new(drunk, &goal, Moment::Now(14 * 60));
        assert_eq!((day(1_500.0).target, day(1_500.0).warning(), day(1_500.4).warning()), (1_500.0, None, None));
        assert_eq!((day(1_500.0).pace.state, day(1_500.0).remaining()), (State::Reached, 0.0));
        let text = "200 mL above the maximum of 1500 mL for the day: ask a clinician before giving more";
        assert_eq!((day(1_700.0).warning().as_deref(), day(1_700.0).remaining()), (Some(text), 0.0));
        assert_eq!(Day::new(9_000.0, &Goal::default(), Moment::Over).warning(), None, "no maximum, no warning");
    }

    #[test]
    fn existing_clients_see_whole_percents_and_tenths_of_ounces() {
        let ml = |ounces: f64| ounces * 29.573_529_562_5;
        assert_eq!((percentage(ml(20.75), ml(64.0)), remaining_ounces(ml(20.75), ml(64.0))), (32.0, 43.3));
        assert_eq!((percentage(ml(20.75), ml(40.0)), remaining_ounces(ml(20.75), ml(40.0))), (52.0, 19.3));
        assert_eq!((percentage(ml(68.5), ml(40.0)), remaining_ounces(ml(68.5), ml(40.0))), (100.0, 0.0));
        assert_eq!(percentage(0.0, ml(64.0)), 0.0);
    }
}
