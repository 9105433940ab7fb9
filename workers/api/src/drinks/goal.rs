//! What is asked of a day: a target, and where fluids are restricted a maximum.
//!
//! Without a target that somebody set it is ESPEN's for older people: at least 1.6 L of drinks a day for women and 2.0 L for
//! men, unless a condition asks for another (Volkert et al. 2019 and 2022, PMC8470893). It needs a clinician's review.

use kit::{
    field::{self, FieldError},
    number,
};
use serde_json::{Value, json};

use super::{
    amount::{Amount, Unit, shown_ml},
    entry::{EntryError, read_amount},
    pace::{MINUTES_A_DAY, Waking},
};

/// What existing clients take for usual, in ounces.
const USUAL_TARGET_OZ: f64 = 64.0;
const ESPEN_WOMEN_ML: f64 = 1_600.0;
const ESPEN_MEN_ML: f64 = 2_000.0;
/// No day asks for more, in millilitres.
const LARGEST_GOAL_ML: f64 = 10_000.0;

/// The sex by which ESPEN tells its targets apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sex {
    Female,
    Male,
}

impl Sex {
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Female, Self::Male].into_iter().find(|sex| sex.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Female => "female",
            Self::Male => "male",
        }
    }
}

/// What was said of a resident's fluids.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Goal {
    /// Somebody set it.
    pub target: Option<Amount>,
    pub sex: Option<Sex>,
    pub maximum: Option<Amount>,
    pub waking: Waking,
}

/// Where a target comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Set,
    Espen,
    Usual,
}

impl Source {
    pub fn name(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Espen => "espen",
            Self::Usual => "usual",
        }
    }
}

/// Why a goal cannot be taken, for the one who sent it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GoalError {
    /// As existing clients know it.
    #[error("Valid daily_goal_oz is required")]
    Ounces,
    #[error("sex {0:?} is not known. Must be female or male, or null: ESPEN's targets know these two")]
    Sex(String),
    #[error("{field} {text:?} is not a time of the day. Write it like 07:00")]
    Clock { field: &'static str, text: String },
    #[error("wakes_at must be an hour at least before sleeps_at, on the same day")]
    ShortDay,
    #[error(transparent)]
    Amount(#[from] EntryError),
    #[error(transparent)]
    Field(#[from] FieldError),
}

impl Goal {
    /// What a day is to come to, and where that comes from. Never more than the maximum.
    pub fn target(&self) -> (Amount, Source) {
        let (target, source) = match (self.target, self.sex) {
            (Some(target), _) => (target, Source::Set),
            (None, Some(Sex::Female)) => (Amount::of_ml(ESPEN_WOMEN_ML), Source::Espen),
            (None, Some(Sex::Male)) => (Amount::of_ml(ESPEN_MEN_ML), Source::Espen),
            (None, None) => (Amount { value: USUAL_TARGET_OZ, unit: Unit::FluidOunce }, Source::Usual),
        };
        match self.maximum {
            Some(maximum) if maximum.ml() < target.ml() => (maximum, source),
            Some(_) | None => (target, source),
        }
    }

    /// With the target that an existing client sends, in ounces.
    pub fn with_ounces(self, body: &Value) -> Result<Self, GoalError> {
        let value = field::number(body, "daily_goal_oz").ok().flatten().filter(|ounces| *ounces > 0.0);
        let target = Amount { value: value.ok_or(GoalError::Ounces)?, unit: Unit::FluidOunce };
        Ok(Self { target: Some(target.check("daily_goal_oz", LARGEST_GOAL_ML)?), ..self })
    }

    /// With what a newer client sends. What it does not name stays; `null` takes it away.
    pub fn with(self, body: &Value) -> Result<Self, GoalError> {
        let mut goal = self;
        if body.get("target").is_some() {
            goal.target = amount(body, "target", "target_unit")?;
        }
        if body.get("maximum").is_some() {
            goal.maximum = amount(body, "maximum", "maximum_unit")?;
        }
        if body.get("sex").is_some() {
            let name = field::text(body, "sex")?;
            goal.sex = name.map(|name| Sex::of_name(&name).ok_or(GoalError::Sex(name))).transpose()?;
        }
        let wakes = minute(body, "wakes_at")?.unwrap_or(goal.waking.wakes);
        let sleeps = minute(body, "sleeps_at")?.unwrap_or(goal.waking.sleeps);
        goal.waking = Waking::new(wakes, sleeps).ok_or(GoalError::ShortDay)?;
        Ok(goal)
    }

    /// As events and newer clients have it.
    pub fn whole(&self) -> Value {
        let (target, source) = self.target();
        json!({
            "target_ml": number::json(shown_ml(target.ml())),
            "target_source": source.name(),
            "target": self.target.map(entered),
            "sex": self.sex.map(Sex::name),
            "maximum_ml": self.maximum.map(|maximum| number::json(shown_ml(maximum.ml()))),
            "maximum": self.maximum.map(entered),
            "wakes_at": clock(self.waking.wakes),
            "sleeps_at": clock(self.waking.sleeps),
        })
    }
}

fn entered(amount: Amount) -> Value {
    json!({"value": number::json(amount.value), "unit": amount.unit.ucum()})
}

fn amount(body: &Value, value: &'static str, unit: &'static str) -> Result<Option<Amount>, GoalError> {
    let amount = read_amount(body, value, unit)?;
    Ok(amount.map(|amount| amount.check(value, LARGEST_GOAL_ML)).transpose()?)
}

fn minute(body: &Value, field: &'static str) -> Result<Option<u16>, GoalError> {
    let Some(text) = field::text(body, field)? else { return Ok(None) };
    if text == "24:00" {
        return Ok(Some(MINUTES_A_DAY));
    }
    let wrong = || GoalError::Clock { field, text: text.clone() };
    let time: jiff::civil::Time = text.parse().map_err(|_| wrong())?;
    let minute = i32::from(time.hour()) * 60 + i32::from(time.minute());
    u16::try_from(minute).map(Some).map_err(|_| wrong())
}

/// `07:00`
fn clock(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_what_was_set_or_the_persons_or_the_usual_and_never_above_the_maximum() {
        let target = |body: Value| {
            let (target, source) = Goal::default().with(&body).unwrap().target();
            (shown_ml(target.ml()), source)
        };
        assert_eq!(target(json!({})), (1_893.0, Source::Usual));
        assert_eq!(target(json!({"sex": "female"})), (1_600.0, Source::Espen));
        assert_eq!(target(json!({"sex": "male"})), (2_000.0, Source::Espen));
        assert_eq!(target(json!({"sex": "male", "target": 1.2, "target_unit": "L"})), (1_200.0, Source::Set));
        assert_eq!(target(json!({"sex": "male", "maximum": 1_500})), (1_500.0, Source::Espen));
        assert_eq!(target(json!({"target": 1_000, "maximum": 1_500})), (1_000.0, Source::Set));
    }

    #[test]
    fn what_is_not_named_stays_and_null_takes_away() {
        let goal = Goal::default().with(&json!({"maximum": 1_500, "wakes_at": "06:30", "sleeps_at": "24:00"})).unwrap();
        let goal = goal.with(&json!({"target": 1_200})).unwrap();
        assert_eq!((goal.maximum.map(Amount::ml), goal.waking.wakes, goal.waking.sleeps), (Some(1_500.0), 390, 1_440));
        let goal = goal.with(&json!({"target": null, "maximum": null})).unwrap();
        assert_eq!((goal.target, goal.maximum, goal.whole()["sleeps_at"].as_str()), (None, None, Some("24:00")));
    }

    #[test]
    fn what_no_day_can_ask_is_refused() {
        let refused = |body: Value| Goal::default().with(&body).unwrap_err().to_string();
        assert_eq!(
            refused(json!({"maximum": 99, "maximum_unit": "L"})),
            "maximum cannot be 99: it is at least 0.01 and at most 10"
        );
        assert!(refused(json!({"sex": "x"})).starts_with(r#"sex "x" is not known"#));
        assert!(refused(json!({"wakes_at": "noon"})).starts_with(r#"wakes_at "noon" is not a time"#));
        assert_eq!(refused(json!({"wakes_at": "22:30", "sleeps_at": "22:00"})), GoalError::ShortDay.to_string());
        for goal in [json!(0), json!(-1), json!("abc"), json!(null)] {
            let error = Goal::default().with_ounces(&json!({"daily_goal_oz": goal})).unwrap_err();
            assert_eq!(error, GoalError::Ounces, "{goal}");
        }
    }
}
