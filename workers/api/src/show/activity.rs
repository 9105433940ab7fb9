//! Workouts, days and devices as existing clients know them.

use jiff::civil::Date;
use kit::{clock, number};
use serde_json::{Map, Value, json};

use crate::{
    activity::Figures,
    store::activity::{FitnessDevice, KeptDay, Workout},
};

/// A workout as it is answered when it was kept.
pub fn new_workout(workout: &Workout) -> Value {
    let entry = &workout.entry;
    json!({
        "id": workout.compat_id,
        "user_id": workout.subject,
        "workout_type": entry.workout_type,
        "duration_min": number::json(entry.duration_min),
        "calories_burned": number::json(entry.calories_burned),
        "distance_miles": entry.distance_miles.map(number::json),
        "steps": entry.steps.map(number::json),
        "heart_rate_avg": entry.heart_rate_avg.map(number::json),
        "intensity": entry.intensity,
        "video_id": entry.video_id,
        "notes": entry.notes,
        "started_at": clock::iso(entry.started_at),
        "ended_at": entry.ended_at.map(clock::iso),
    })
}

/// The row as it is.
pub fn workout(workout: &Workout) -> Value {
    let mut row = new_workout(workout);
    row["heart_rate_max"] = json!(workout.entry.heart_rate_max.map(number::json));
    row["created_at"] = json!(clock::sql(workout.recorded_at));
    row
}

/// A day's row.
pub fn day(day: &KeptDay) -> Value {
    let mut row = Map::new();
    row.insert("id".into(), json!(day.compat_id));
    row.insert("user_id".into(), json!(day.subject));
    row.insert("activity_date".into(), json!(day.local_date));
    day.figures.write(&mut row);
    row.insert("source".into(), json!(day.source));
    row.insert("created_at".into(), json!(clock::sql(day.recorded_at)));
    row.insert("updated_at".into(), json!(clock::sql(day.changed_at)));
    Value::Object(row)
}

pub fn device(device: &FitnessDevice) -> Value {
    json!({
        "address": device.address,
        "name": device.name,
        "type": device.kind,
        "userId": device.subject,
        "registeredAt": device.registered_at,
        "lastSeen": device.last_seen_at,
    })
}

/// What of a day is known: its figures, its workouts.
#[derive(Clone, Debug, Default)]
pub struct Known<'a> {
    pub figures: Figures,
    pub workouts: Vec<&'a Workout>,
}

impl Known<'_> {
    /// A figure of the day that is not 0 wins over the sum of its workouts.
    pub fn figures(&self) -> Figures {
        let sum = self.workouts.iter().fold(Figures::default(), |sum, workout| sum.plus(workout.figures()));
        self.figures.or(sum)
    }
}

/// A day with its workouts.
pub fn today(date: Date, known: &Known<'_>) -> Value {
    let mut row = summary(date, known);
    row.insert("workouts".into(), known.workouts.iter().map(|each| workout(each)).collect());
    Value::Object(row)
}

/// Days in their order, what they come to, and what that is a day.
pub fn week(days: &[(Date, Known<'_>)]) -> Value {
    let (mut totals, mut averages) = (Map::new(), Map::new());
    let sum = days.iter().fold(Figures::default(), |sum, (_, known)| sum.plus(known.figures()));
    sum.write(&mut totals);
    totals.insert("workouts_count".into(), json!(days.iter().map(|(_, known)| known.workouts.len()).sum::<usize>()));
    sum.average(f64::from(u32::try_from(days.len().max(1)).unwrap_or(u32::MAX))).write(&mut averages);
    json!({
        "start_date": days.first().map(|(date, _)| date.to_string()),
        "end_date": days.last().map(|(date, _)| date.to_string()),
        "days": days.iter().map(|(date, known)| summary(*date, known)).collect::<Vec<_>>(),
        "totals": totals,
        "averages": averages,
    })
}

fn summary(date: Date, known: &Known<'_>) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("date".into(), json!(date.to_string()));
    known.figures().write(&mut row);
    row.insert("workouts_count".into(), json!(known.workouts.len()));
    row
}
