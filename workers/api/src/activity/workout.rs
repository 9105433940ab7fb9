//! A new workout, as a client sends it.

use jiff::Timestamp;
use kit::{
    Home,
    field::{self, FieldError},
};
use serde_json::Value;

use super::Figure;

/// What a minute burns when nobody says, in kcal.
const USUAL_CALORIES_A_MINUTE: f64 = 8.0;
const USUAL_INTENSITY: &str = "moderate";
/// The shortest workout, in minutes: a second.
const SHORTEST: f64 = 1.0 / 60.0;
/// The longest, in minutes: a day.
const LONGEST: f64 = 1_440.0;
/// What a heart can do, a minute.
const HEART_RATES: (f64, f64) = (20.0, 300.0);
/// How long a type, an intensity or a video's name may be, in characters.
const LONGEST_WORD: usize = 200;

/// A workout that can be kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub workout_type: String,
    pub duration_min: f64,
    pub calories_burned: f64,
    pub distance_miles: Option<f64>,
    pub steps: Option<f64>,
    pub heart_rate_avg: Option<f64>,
    pub heart_rate_max: Option<f64>,
    pub intensity: String,
    pub video_id: Option<String>,
    pub notes: Option<String>,
    pub started_at: Timestamp,
    /// As it was written.
    pub started_at_text: String,
    pub ended_at: Option<Timestamp>,
}

/// Why a workout cannot be kept, for the one who sent it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EntryError {
    #[error("Missing required fields: workout_type, duration_min, and started_at are required")]
    Incomplete,
    #[error("ended_at must not be before started_at")]
    EndsBefore,
    #[error("{0} is longer than {LONGEST_WORD} characters")]
    Long(&'static str),
    #[error(transparent)]
    Field(#[from] FieldError),
}

impl Entry {
    pub fn read(body: &Value, home: &Home) -> Result<Self, EntryError> {
        let duration = field::number(body, "duration_min");
        let is_missing =
            ["workout_type", "duration_min", "started_at"].iter().any(|name| field::is_missing(body, name));
        if is_missing || duration == Ok(Some(0.0)) {
            return Err(EntryError::Incomplete);
        }
        let within = |name, least, most| field::number_within(body, name, least, most);
        let of_day = |name, figure: Figure| within(name, 0.0, figure.most());
        let duration_min = within("duration_min", SHORTEST, LONGEST)?.ok_or(EntryError::Incomplete)?;
        let (started_at, started_at_text) = field::time(body, "started_at", home)?.ok_or(EntryError::Incomplete)?;
        let started_at = kept(started_at);
        let ended_at = field::time(body, "ended_at", home)?.map(|(at, _)| kept(at));
        if ended_at.is_some_and(|ended_at| ended_at < started_at) {
            return Err(EntryError::EndsBefore);
        }
        let calories = of_day("calories_burned", Figure::Calories)?.filter(|calories| *calories > 0.0);
        Ok(Self {
            workout_type: word(body, "workout_type")?.ok_or(EntryError::Incomplete)?,
            duration_min,
            calories_burned: calories.unwrap_or(duration_min * USUAL_CALORIES_A_MINUTE),
            distance_miles: of_day("distance_miles", Figure::Miles)?,
            steps: of_day("steps", Figure::Steps)?,
            heart_rate_avg: within("heart_rate_avg", HEART_RATES.0, HEART_RATES.1)?,
            heart_rate_max: within("heart_rate_max", HEART_RATES.0, HEART_RATES.1)?,
            intensity: word(body, "intensity")?.unwrap_or_else(|| USUAL_INTENSITY.into()),
            video_id: word(body, "video_id")?,
            notes: field::text(body, "notes")?,
            started_at,
            started_at_text,
            ended_at,
        })
    }
}

/// As it is kept, to the millisecond: what comes again is to be known again.
fn kept(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

fn word(body: &Value, name: &'static str) -> Result<Option<String>, EntryError> {
    let word = field::text(body, name)?;
    if word.as_ref().is_some_and(|word| word.chars().count() > LONGEST_WORD) {
        return Err(EntryError::Long(name));
    }
    Ok(word)
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use serde_json::json;

    use super::*;

    fn read(more: &[(&str, Value)]) -> Result<Entry, String> {
        let mut body = json!({"workout_type": "walking", "duration_min": 30, "started_at": "2031-01-31T10:00"});
        for (name, value) in more {
            body[name] = value.clone();
        }
        let home = Home::in_zone(TimeZone::get("America/New_York").unwrap());
        Entry::read(&body, &home).map_err(|error| error.to_string())
    }

    #[test]
    fn a_minimal_workout_is_moderate_and_burns_eight_a_minute() {
        let entry = read(&[("calories_burned", json!(0))]).unwrap();
        assert_eq!((entry.calories_burned, entry.intensity.as_str()), (240.0, "moderate"));
        assert_eq!(entry.started_at.to_string(), "2031-01-31T15:00:00Z", "on the resident's clock");
        assert_eq!((entry.steps, entry.distance_miles, entry.ended_at), (None, None, None), "unknown is not zero");
    }

    #[test]
    fn what_no_workout_can_be_is_refused() {
        for (name, value, text) in [
            ("duration_min", json!(0), "Missing required fields"),
            ("workout_type", json!(""), "Missing required fields"),
            ("started_at", json!(null), "Missing required fields"),
            ("started_at", json!("yesterday"), r#"started_at "yesterday" is not a time"#),
            ("duration_min", json!("abc"), "duration_min must be a number"),
            ("duration_min", json!(-5), "duration_min cannot be -5"),
            ("duration_min", json!(1_441), "duration_min cannot be 1441"),
            ("heart_rate_avg", json!(0), "heart_rate_avg cannot be 0: it is at least 20 and at most 300"),
            ("steps", json!([]), "steps must be a number"),
            ("ended_at", json!("2031-01-31T09:00"), "ended_at must not be before started_at"),
            ("intensity", json!(7), "intensity must be text"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert!(error.starts_with(text), "{error}");
        }
    }
}
