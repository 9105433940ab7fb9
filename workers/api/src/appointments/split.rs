//! "This and all that follow": a series ends before one of its visits, and another goes on from there.

use jiff::{SignedDuration, civil::Date, civil::DateTime, civil::Time, tz::TimeZone};
use kit::Home;
use serde_json::{Map, Value};

use super::{
    Appointment,
    recurrence::{Rule, rule::End},
};

/// What becomes of the two halves, as changes of the series that there was.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    pub earlier: Map<String, Value>,
    pub later: Map<String, Value>,
}

/// Why a series cannot be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    #[error("it does not recur, or its rule has another date")]
    NoVisit,
    #[error("this is its first visit: change all of it")]
    First,
}

/// Splits before the visit that the rule gives this date.
pub fn split(appointment: &Appointment, from: Date, home: &Home) -> Result<Split, SplitError> {
    let series = appointment.series(&[], home).ok_or(SplitError::NoVisit)?;
    let slot = series.slot(from).ok_or(SplitError::NoVisit)?;
    let before = series.count_before(from);
    if before == 0 {
        return Err(SplitError::First);
    }
    let last = if series.all_day {
        let day =
            from.yesterday().ok().and_then(|day| TimeZone::UTC.to_timestamp(day.to_datetime(Time::midnight())).ok());
        day.ok_or(SplitError::NoVisit)?
    } else {
        slot.starts_at - SignedDuration::from_secs(1)
    };
    let end = match series.rule.end {
        End::After(count) => End::After(count.saturating_sub(before)),
        End::Never | End::On(_) => series.rule.end,
    };
    let rule = |end: End| Value::from(Rule { end, ..series.rule.clone() }.json().to_string());
    let begins = from.to_datetime(series.clock.time());
    let ends = appointment.ends.as_ref().and_then(|end| {
        let length = end.on_the_clock(series.all_day, &series.zone) - series.clock;
        begins.checked_add(length).ok()
    });
    let written = |at: DateTime| if series.all_day { at.date().to_string() } else { at.to_string() };
    Ok(Split {
        earlier: Map::from_iter([("recurrence_rule".to_owned(), rule(End::On(last)))]),
        later: Map::from_iter([
            ("recurrence_rule".to_owned(), rule(end)),
            ("starts_at".to_owned(), written(begins).into()),
            ("ends_at".to_owned(), ends.map(written).into()),
        ]),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::appointments::{
        agenda::{
            tests::{home, series, window},
            visits,
        },
        moment::Moment,
        recurrence::rule::tests::any_rule,
    };

    fn changed(appointment: &Appointment, changes: &Map<String, Value>) -> Appointment {
        let content = appointment.content.with(changes).unwrap();
        let moment = |written: &str| Moment::of(written, content.all_day, &home()).unwrap();
        let (starts, ends) = (moment(&content.starts_at), content.ends_at.as_deref().map(moment));
        Appointment { content, starts, ends, ..appointment.clone() }
    }

    #[test]
    fn the_first_visit_and_what_is_none_cannot_be_split_off() {
        let weekly = series("FREQ=WEEKLY;COUNT=3", "2032-02-02T10:00", "2032-02-02T10:45");
        let at = |date: &str| split(&weekly, date.parse().unwrap(), &home());
        assert_eq!(at("2032-02-02"), Err(SplitError::First));
        assert_eq!(at("2032-02-10"), Err(SplitError::NoVisit));
        let halves = at("2032-02-09").unwrap();
        assert!(halves.later["recurrence_rule"].as_str().unwrap().contains(r#""count":2"#));
        assert_eq!(
            (&halves.later["starts_at"], &halves.later["ends_at"]),
            (&"2032-02-09T10:00:00".into(), &"2032-02-09T10:45:00".into())
        );
    }

    proptest! {
        #[test]
        fn both_halves_together_are_what_there_was(rule in any_rule(), place in 0..30_usize, evening in any::<bool>()) {
            let (starts, ends) = if evening { ("2029-03-08T22:30", "2029-03-09T01:00") } else { ("2029-03-08T02:30", "2029-03-08T04:00") };
            let whole = series(&rule.rrule(false), starts, ends);
            let times = |appointment: &Appointment| {
                let span = window("2029-01-01T00:00Z", "2033-01-01T00:00Z");
                let visits = visits(std::slice::from_ref(appointment), &[], &home(), span, 2_000);
                visits.into_iter().map(|visit| (visit.instance_date, visit.starts_at, visit.ends_at)).collect::<Vec<_>>()
            };
            let all = times(&whole);
            let Some((Some(date), ..)) = all.get(place).copied() else { return Ok(()) };
            match split(&whole, date, &home()) {
                Err(error) => prop_assert_eq!((error, place), (SplitError::First, 0)),
                Ok(halves) => {
                    let mut both = times(&changed(&whole, &halves.earlier));
                    prop_assert_eq!(both.len(), place);
                    both.extend(times(&changed(&whole, &halves.later)));
                    prop_assert_eq!(both, all);
                }
            }
        }
    }
}
