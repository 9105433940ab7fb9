//! What the World Health Organization asks of people of 65 and more, week by week: 150 to 300 minutes of moderate aerobic
//! activity, of which a vigorous minute counts twice; strength on 2 days at least; balance on 3 days at least, all of it at
//! moderate intensity or above (WHO guidelines on physical activity and sedentary behaviour, 2020; Bull et al., British
//! Journal of Sports Medicine 2020;54:1451). It needs a clinician's review for whoever it is shown to.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

pub const SOURCE: &str = "WHO guidelines on physical activity and sedentary behaviour, 2020 (65 years and above)";
/// Minutes a week, a vigorous one counted twice.
pub const MODERATE_MINUTES: f64 = 150.0;
/// More than so many bring little more.
pub const ENOUGH_MINUTES: f64 = 300.0;
pub const STRENGTH_DAYS: usize = 2;
pub const BALANCE_DAYS: usize = 3;

/// What a kind of workout trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Training {
    aerobic: bool,
    strength: bool,
    balance: bool,
}

const AEROBIC: Training = Training { aerobic: true, strength: false, balance: false };
const STRENGTH: Training = Training { aerobic: false, strength: true, balance: false };
const BALANCE: Training = Training { aerobic: false, strength: false, balance: true };
const BOTH: Training = Training { aerobic: false, strength: true, balance: true };
const NEITHER: Training = Training { aerobic: false, strength: false, balance: false };

/// By words in the name of a workout, the first that fits; what has none of them is aerobic.
const BY_WORD: [(&str, Training); 15] = [
    ("multicomponent", Training { aerobic: true, ..BOTH }),
    ("otago", BOTH),
    ("functional", BOTH),
    ("pilates", BOTH),
    ("strength", STRENGTH),
    ("resistance", STRENGTH),
    ("weight", STRENGTH),
    ("muscle", STRENGTH),
    ("balance", BALANCE),
    ("tai chi", BALANCE),
    ("taichi", BALANCE),
    ("yoga", BALANCE),
    ("danc", Training { aerobic: true, ..BALANCE }),
    ("stretch", NEITHER),
    ("breathing", NEITHER),
];

/// A workout, as far as it counts here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Session<'a> {
    pub date: Date,
    pub workout_type: &'a str,
    pub intensity: &'a str,
    pub minutes: f64,
}

/// What a week came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Week {
    /// Vigorous ones counted twice.
    pub moderate_minutes: f64,
    pub strength_days: usize,
    pub balance_days: usize,
}

impl Week {
    /// Of workouts, and of the minutes that devices or people counted as active in a day. They may have counted a workout
    /// too, so of each day the larger one counts.
    pub fn of(sessions: &[Session<'_>], active: &[(Date, f64)]) -> Self {
        let mut minutes: BTreeMap<Date, f64> = BTreeMap::new();
        let (mut strength, mut balance) = (BTreeSet::new(), BTreeSet::new());
        for session in sessions.iter().filter(|session| weight(session.intensity) > 0.0) {
            let training = training(session.workout_type);
            if training.aerobic {
                *minutes.entry(session.date).or_default() += session.minutes * weight(session.intensity);
            }
            if training.strength {
                strength.insert(session.date);
            }
            if training.balance {
                balance.insert(session.date);
            }
        }
        for (date, counted) in active {
            let known = minutes.entry(*date).or_default();
            *known = known.max(*counted);
        }
        Self { moderate_minutes: minutes.values().sum(), strength_days: strength.len(), balance_days: balance.len() }
    }

    pub fn is_met(&self) -> bool {
        self.moderate_minutes >= MODERATE_MINUTES
            && self.strength_days >= STRENGTH_DAYS
            && self.balance_days >= BALANCE_DAYS
    }
}

/// Monday to Sunday.
pub fn week_of(date: Date) -> (Date, Date) {
    let since_monday = i64::from(date.weekday().to_monday_zero_offset());
    let first = date.saturating_sub(jiff::Span::new().days(since_monday));
    (first, first.saturating_add(jiff::Span::new().days(6)))
}

fn training(workout_type: &str) -> Training {
    let name = workout_type.to_lowercase().replace(['_', '-'], " ");
    BY_WORD.into_iter().find(|(word, _)| name.contains(word)).map_or(AEROBIC, |(_, training)| training)
}

/// How often a minute of it counts.
fn weight(intensity: &str) -> f64 {
    match intensity.to_lowercase().as_str() {
        "light" | "low" | "easy" => 0.0,
        "vigorous" | "high" | "hard" | "intense" => 2.0,
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(date: &str, workout_type: &'static str, intensity: &'static str, minutes: f64) -> Session<'static> {
        Session { date: date.parse().unwrap(), workout_type, intensity, minutes }
    }

    #[test]
    fn a_vigorous_minute_counts_twice_and_a_light_one_not_at_all() {
        let minutes = |intensity| Week::of(&[session("2031-01-27", "walking", intensity, 30.0)], &[]).moderate_minutes;
        let each = ["light", "moderate", "Vigorous", "high", "whatever"].map(minutes);
        assert_eq!(each, [0.0, 30.0, 60.0, 60.0, 30.0]);
    }

    #[test]
    fn days_of_strength_and_balance_are_days_whatever_was_done_in_them() {
        let week = Week::of(
            &[
                session("2031-01-27", "Strength training", "moderate", 20.0),
                session("2031-01-27", "resistance_band", "moderate", 20.0),
                session("2031-01-28", "Tai-Chi", "moderate", 40.0),
                session("2031-01-29", "dancing", "moderate", 40.0),
                session("2031-01-30", "Otago", "moderate", 40.0),
                session("2031-01-31", "weights", "light", 40.0),
            ],
            &[],
        );
        assert_eq!((week.moderate_minutes, week.strength_days, week.balance_days), (40.0, 2, 3));
        assert!(!week.is_met());
    }

    #[test]
    fn a_walk_that_a_watch_counted_too_counts_once() {
        let walk = session("2031-01-27", "walking", "moderate", 30.0);
        let counted = |minutes| Week::of(&[walk], &[(walk.date, minutes)]).moderate_minutes;
        assert_eq!((counted(20.0), counted(45.0)), (30.0, 45.0));
        assert_eq!(Week::of(&[walk], &[("2031-01-28".parse().unwrap(), 45.0)]).moderate_minutes, 75.0);
    }

    #[test]
    fn a_week_begins_on_monday() {
        let week = |date: &str| {
            let (first, last) = week_of(date.parse().unwrap());
            format!("{first} {last}")
        };
        assert_eq!(week("2031-01-27"), "2031-01-27 2031-02-02");
        assert_eq!(week("2031-02-02"), "2031-01-27 2031-02-02");
        assert_eq!(week("2031-02-03"), "2031-02-03 2031-02-09");
    }

    #[test]
    fn a_week_is_met_when_all_of_it_is() {
        let met = Week { moderate_minutes: 150.0, strength_days: 2, balance_days: 3 };
        assert!(met.is_met());
        assert!(!Week { balance_days: 2, ..met }.is_met() && !Week { moderate_minutes: 149.0, ..met }.is_met());
    }
}
