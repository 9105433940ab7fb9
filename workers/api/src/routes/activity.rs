//! What somebody does, with all that is known about it: days merged from their sources, the goals of a week, tests of
//! strength and balance.

use std::sync::Arc;

use http::StatusCode;
use jiff::{Timestamp, ToSpan, civil::Date};
use kit::{Area, Call, Home, Problem, Routes, Rule, number, reply};
use serde_json::{Map, Value, json};
use warp::reply::Response;

use super::{Hub, residents::asked_about, with};
use crate::{
    activity::{
        Figure, Figures,
        assessment::{self, EntryError},
        goals::{self, Session, Week},
        interval::{self, Interval, IntervalError},
        merge::Merged,
    },
    store::{
        activity::{Assessment, KeptDay, Workout, Workouts},
        entries::Kept,
    },
};

/// How many days are shown when nobody says.
const USUAL_DAYS: i32 = 7;
/// How many are shown at most.
const MOST_DAYS: i32 = 92;
/// How many days back results of tests are shown when nobody says: two years.
const USUAL_DAYS_OF_TESTS: i32 = 730;
/// How many workouts are looked at at most.
const MOST_WORKOUTS: u32 = 10_000;
/// In a statute mile.
const METRES_PER_MILE: f64 = 1_609.344;

pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    let (read, bring) = (Rule::Read(Area::Activity), Rule::Record(Area::Activity));
    routes
        .get("/api/v1/activity", read, with(hub, days))
        .post("/api/v1/activity", bring, with(hub, record_intervals))
        .everyday()
        .get("/api/v1/goals/activity", read, with(hub, week))
        .get("/api/v1/assessments", read, with(hub, assessments))
        .post("/api/v1/assessments", bring, with(hub, record_assessment))
        .everyday()
        .post("/api/v1/assessments/{id}/strike-out", Rule::Write(Area::Activity), with(hub, strike_assessment))
}

/// A day of somebody's: what was written of it, and what its intervals come to.
pub struct Day {
    pub date: Date,
    pub kept: Option<KeptDay>,
    intervals: Vec<Interval>,
    from: Timestamp,
    until: Timestamp,
}

impl Day {
    fn merged(&self) -> [Merged<'_>; 5] {
        interval::merged(&self.intervals, self.from, self.until)
    }

    /// The larger of each: a device that only knows the day cannot say when it counted, so nothing can be added to it.
    pub fn figures(&self) -> Figures {
        let kept = self.kept.as_ref().map(|kept| kept.figures).unwrap_or_default();
        interval::figures(&self.merged()).zip(kept, f64::max)
    }
}

/// These days of somebody's, both included, oldest first.
pub async fn days_of(hub: &Hub, subject: i64, home: &Home, first: Date, last: Date) -> Result<Vec<Day>, Problem> {
    let mut kept: std::collections::BTreeMap<_, _> =
        hub.store.days(subject, first, last).await?.into_iter().map(|day| (day.local_date.clone(), day)).collect();
    let begin = |date: Date| home.instant(&date.to_string()).unwrap_or(Timestamp::MAX);
    let dates: Vec<_> = first.series(1.day()).take_while(|date| *date <= last).collect();
    let span = |date: &Date| (begin(*date), date.tomorrow().map_or(Timestamp::MAX, begin));
    let spans: Vec<_> = dates.iter().map(span).collect();
    let intervals = hub.store.intervals(subject, spans.clone()).await?;
    let days = dates.into_iter().zip(spans).zip(intervals).map(|((date, (from, until)), intervals)| Day {
        date,
        kept: kept.remove(&date.to_string()),
        intervals,
        from,
        until,
    });
    Ok(days.collect())
}

async fn days(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (subject, now) = (asked_about(&call)?, Timestamp::now());
    let home = hub.store.home_of(subject).await?;
    let (first, last) = range(&call, home.date(now), USUAL_DAYS, MOST_DAYS)?;
    let days = days_of(&hub, subject, home, first, last).await?;
    let workouts = hub.store.workouts(subject, Workouts::OfDays(first, last), MOST_WORKOUTS).await?;
    let data = json!({
        "resident": subject,
        "zone": home.zone_at(now),
        "from": first.to_string(),
        "to": last.to_string(),
        "days": days.iter().map(|day| shown(day, &workouts)).collect::<Vec<_>>(),
    });
    Ok(reply::data(StatusCode::OK, &data))
}

fn shown(day: &Day, workouts: &[Workout]) -> Value {
    let date = day.date.to_string();
    let (mut figures, merged) = (Map::new(), day.merged());
    day.figures().write(&mut figures);
    let metres = |miles: f64| number::json((miles * METRES_PER_MILE).round());
    let miles = figures.remove(Figure::Miles.name()).and_then(|miles| miles.as_f64());
    figures.insert("distance_m".into(), json!(miles.map(metres)));
    let by_source = Figure::ALL.into_iter().zip(&merged).filter(|(_, merged)| !merged.by_source.is_empty());
    let by_source = by_source.map(|(figure, merged)| (figure.name().to_owned(), json!(merged.by_source)));
    let of_day = workouts.iter().filter(|workout| workout.local_date == date);
    json!({
        "date": date,
        "figures": figures,
        "merged": by_source.collect::<Map<_, _>>(),
        "recorded": day.kept.as_ref().map(KeptDay::whole),
        "workouts": of_day.map(Workout::whole).collect::<Vec<_>>(),
    })
}

async fn record_intervals(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let subject = asked_about(&call)?;
    let intervals = interval::read(&call.json::<Value>()?, hub.store.home_of(subject).await?)?;
    let received = intervals.len();
    let changed = hub.store.record_intervals(subject, intervals, Timestamp::now()).await?;
    Ok(reply::data(StatusCode::CREATED, &json!({"received": received, "changed": changed})))
}

async fn week(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (subject, now) = (asked_about(&call)?, Timestamp::now());
    let home = hub.store.home_of(subject).await?;
    let (first, last) = goals::week_of(date(&call, "date")?.unwrap_or_else(|| home.date(now)));
    let days = days_of(&hub, subject, home, first, last).await?;
    let workouts = hub.store.workouts(subject, Workouts::OfDays(first, last), MOST_WORKOUTS).await?;
    let sessions = workouts.iter().filter_map(|workout| {
        Some(Session {
            date: workout.local_date.parse().ok()?,
            workout_type: &workout.entry.workout_type,
            intensity: &workout.entry.intensity,
            minutes: workout.entry.duration_min,
        })
    });
    let active: Vec<_> = days.iter().map(|day| (day.date, day.figures().0[1])).collect();
    let week = Week::of(&sessions.collect::<Vec<_>>(), &active);
    let data = json!({
        "resident": subject,
        "from": first.to_string(),
        "to": last.to_string(),
        "moderate_minutes": {
            "done": number::json(week.moderate_minutes.round()),
            "target": number::json(goals::MODERATE_MINUTES),
            "enough": number::json(goals::ENOUGH_MINUTES),
        },
        "strength_days": {"done": week.strength_days, "target": goals::STRENGTH_DAYS},
        "balance_days": {"done": week.balance_days, "target": goals::BALANCE_DAYS},
        "is_met": week.is_met(),
        "source": goals::SOURCE,
    });
    Ok(reply::data(StatusCode::OK, &data))
}

async fn assessments(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let subject = asked_about(&call)?;
    let today = hub.store.home_of(subject).await?.date(Timestamp::now());
    let (first, last) = range(&call, today, USUAL_DAYS_OF_TESTS, i32::MAX)?;
    let found = hub.store.assessments(subject, first, last).await?;
    Ok(reply::data(StatusCode::OK, &found.iter().map(Assessment::whole).collect::<Vec<_>>()))
}

async fn record_assessment(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (now, subject, key) = (Timestamp::now(), asked_about(&call)?, call.idempotency_key()?);
    let entry = assessment::Entry::read(&call.json::<Value>()?, now, hub.store.home_of(subject).await?)?;
    let kept = hub.store.record_assessment(subject, entry, key, now).await?;
    Ok(reply::data(StatusCode::CREATED, &kept.whole()))
}

async fn strike_assessment(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let id = call.parameter("id").to_owned();
    let struck =
        hub.store.strike_assessment(id.clone(), move |subject| call.about(subject).is_ok(), Timestamp::now()).await?;
    let struck = struck.ok_or_else(|| Problem::not_found(format!("there is no assessment {id:?}")))?;
    Ok(reply::data(StatusCode::OK, &struck.whole()))
}

/// `from` and `to`, both included; without them the usual days until today.
fn range(call: &Call, today: Date, usual: i32, most: i32) -> Result<(Date, Date), Problem> {
    let last = date(call, "to")?.unwrap_or(today);
    let first = match date(call, "from")? {
        Some(first) => first,
        None => last.checked_sub((usual - 1).days()).unwrap_or(Date::MIN),
    };
    if first > last {
        return Err(Problem::bad_request(format!("from {first} is after to {last}")));
    }
    if first.until(last).is_ok_and(|span| span.get_days() >= most) {
        return Err(Problem::bad_request(format!("from {first} to {last} are more than {most} days: ask for fewer")));
    }
    Ok((first, last))
}

fn date(call: &Call, name: &str) -> Result<Option<Date>, Problem> {
    let Some(text) = call.query(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    let wrong = |_| Problem::bad_request(format!("{name} {text:?} is not a date. Write it like 2031-01-31"));
    text.parse().map(Some).map_err(wrong)
}

impl From<IntervalError> for Problem {
    fn from(error: IntervalError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<EntryError> for Problem {
    fn from(error: EntryError) -> Self {
        Self::bad_request(error.to_string())
    }
}
