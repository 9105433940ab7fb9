//! What a source counted from when to when, as a client sends it.

use jiff::{SignedDuration, Timestamp};
use kit::{
    Home,
    field::{self, FieldError},
};
use serde_json::Value;

use super::{Figure, Figures, Sent, merge};

/// The longest interval: a day, also that of autumn on which the clock is put back.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(25);
/// How many intervals one request may have: a day by the minute.
const MOST_AT_ONCE: usize = 1_440;
/// How long the name of a source may be, in characters.
const LONGEST_SOURCE: usize = 200;

/// Some time, and what was counted in it. Unknown is not zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Interval {
    pub source: String,
    pub started_at: Timestamp,
    /// Not included.
    pub ended_at: Timestamp,
    pub sent: Sent,
}

/// Why intervals cannot be kept, for the one who sent them.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum IntervalError {
    #[error("intervals must be a list of 1 to {MOST_AT_ONCE}")]
    Count,
    #[error("source is longer than {LONGEST_SOURCE} characters")]
    LongSource,
    #[error("intervals[{0}] must end after it began, and at most {hours} hours later", hours = LONGEST.as_hours())]
    Length(usize),
    #[error("intervals[{0}] counts nothing: at least one figure is required")]
    Empty(usize),
    #[error("intervals[{0}]: {1}")]
    At(usize, FieldError),
    #[error(transparent)]
    Field(#[from] FieldError),
}

/// Reads a body: `{source, intervals: [{started_at, ended_at, steps, …}]}`.
pub fn read(body: &Value, home: &Home) -> Result<Vec<Interval>, IntervalError> {
    let source = field::text(body, "source")?.ok_or(FieldError::Missing("source"))?;
    if source.chars().count() > LONGEST_SOURCE {
        return Err(IntervalError::LongSource);
    }
    let given = body["intervals"].as_array().filter(|given| (1..=MOST_AT_ONCE).contains(&given.len()));
    let given = given.ok_or(IntervalError::Count)?.iter().enumerate();
    given.map(|(at, interval)| one(interval, at, &source, home)).collect()
}

fn one(body: &Value, at: usize, source: &str, home: &Home) -> Result<Interval, IntervalError> {
    let time = |name| {
        let found = field::time(body, name, home).and_then(|time| time.ok_or(FieldError::Missing(name)));
        let (at, _) = found.map_err(|error| IntervalError::At(at, error))?;
        Ok::<_, IntervalError>(at)
    };
    let (started_at, ended_at) = (time("started_at")?, time("ended_at")?);
    if ended_at.as_millisecond() <= started_at.as_millisecond() || ended_at.duration_since(started_at) > LONGEST {
        return Err(IntervalError::Length(at));
    }
    let sent = Sent::read(body).map_err(|error| IntervalError::At(at, error))?;
    if sent.is_empty() {
        return Err(IntervalError::Empty(at));
    }
    Ok(Interval { source: source.to_owned(), started_at, ended_at, sent })
}

/// What the intervals of several sources come to between two instants, figure by figure.
pub fn merged(intervals: &[Interval], from: Timestamp, until: Timestamp) -> [merge::Merged<'_>; 5] {
    std::array::from_fn(|place| {
        let counted = intervals.iter().filter_map(|interval| {
            Some(merge::Interval {
                source: &interval.source,
                from: interval.started_at.as_millisecond(),
                until: interval.ended_at.as_millisecond(),
                count: interval.sent.0[place]?,
            })
        });
        merge::merge(&counted.collect::<Vec<_>>(), from.as_millisecond(), until.as_millisecond())
    })
}

/// The same in whole numbers; distances to a thousandth.
pub fn figures(merged: &[merge::Merged<'_>; 5]) -> Figures {
    let mut figures = Figures::default();
    for ((place, merged), figure) in figures.0.iter_mut().zip(merged).zip(Figure::ALL) {
        let step = if figure == Figure::Miles { 1_000.0 } else { 1.0 };
        *place = (merged.total * step).round() / step;
    }
    figures
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use serde_json::json;

    use super::*;

    fn read_one(interval: Value) -> Result<Vec<Interval>, String> {
        let home = Home::in_zone(TimeZone::UTC);
        read(&json!({"source": "watch", "intervals": [interval]}), &home).map_err(|error| error.to_string())
    }

    #[test]
    fn an_interval_has_an_end_after_its_beginning_and_something_counted() {
        let whole = json!({"started_at": "2031-01-31T10:00", "ended_at": "2031-01-31T10:10", "steps": 600});
        assert_eq!(read_one(whole.clone()).unwrap()[0].sent.0[0], Some(600.0));
        let with = |name: &str, value: Value| {
            let mut body = whole.clone();
            body[name] = value;
            read_one(body).unwrap_err()
        };
        assert!(with("ended_at", json!("2031-01-31T10:00")).starts_with("intervals[0] must end after it began"));
        assert!(with("ended_at", json!("2031-02-01T11:01")).starts_with("intervals[0] must end after it began"));
        assert!(with("started_at", json!(null)).starts_with("intervals[0]: started_at is required"));
        assert!(with("steps", json!(-1)).starts_with("intervals[0]: steps cannot be -1"));
        assert!(with("steps", json!(null)).starts_with("intervals[0] counts nothing"));
        let home = Home::in_zone(TimeZone::UTC);
        assert_eq!(read(&json!({"source": "w", "intervals": []}), &home), Err(IntervalError::Count));
        assert!(read(&json!({"intervals": [whole]}), &home).is_err());
    }

    #[test]
    fn a_day_on_which_the_clock_is_put_back_is_one_interval() {
        let home = Home::in_zone(TimeZone::get("America/New_York").unwrap());
        let day = json!({"started_at": "2031-11-02T00:00", "ended_at": "2031-11-03T00:00", "steps": 4_000});
        let read = read(&json!({"source": "watch", "intervals": [day]}), &home).unwrap();
        assert_eq!(read[0].ended_at.duration_since(read[0].started_at), LONGEST);
    }

    #[test]
    fn each_figure_is_merged_by_itself() {
        let home = Home::in_zone(TimeZone::UTC);
        let at = |source: &str, from: &str, until: &str, more: Value| {
            let mut interval = more;
            interval["started_at"] = json!(format!("2031-01-31T{from}"));
            interval["ended_at"] = json!(format!("2031-01-31T{until}"));
            read(&json!({"source": source, "intervals": [interval]}), &home).unwrap()
        };
        let mut all = at("phone", "10:00", "11:00", json!({"steps": 600, "distance_miles": 0.3}));
        all.extend(at("watch", "10:30", "11:30", json!({"steps": 900, "calories_burned": 90})));
        let (from, until) = ("2031-01-31T00:00:00Z".parse().unwrap(), "2031-02-01T00:00:00Z".parse().unwrap());
        assert_eq!(figures(&merged(&all, from, until)).0, [1_200.0, 0.0, 90.0, 0.0, 0.3]);
    }
}
