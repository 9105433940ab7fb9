//! A week's doses of one medicine, and the same in words, as existing clients show them.

use jiff::{ToSpan, civil::Date, tz::TimeZone};
use kit::number;
use serde_json::{Map, Value, json};

use crate::doses::{
    Plan,
    compat::{row_of_rule, weekday_name},
    local,
    occurrence::on_dates,
};

/// A dose of the week.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    /// `07:00`
    pub time: String,
    pub dose: f64,
    /// The row that asks for it, if it is a row.
    pub schedule_id: Option<i64>,
}

/// Monday to Sunday.
pub type Week = [Vec<Slot>; 7];

const SHORT: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// What these plans ask for in the week in which this date is. An interval falls on other days of another week.
pub fn of(plans: &[Plan], zone: &TimeZone, date: Date) -> Week {
    let monday = date.saturating_sub(i64::from(date.weekday().to_monday_zero_offset()).days());
    let mut week = Week::default();
    for dose in on_dates(plans, &[], zone, monday, monday.saturating_add(6.days())) {
        let place = usize::from(dose.key.date.weekday().to_monday_zero_offset().unsigned_abs());
        let time = zone.to_datetime(dose.due_at).strftime("%H:%M").to_string();
        week[place].push(Slot { time, dose: dose.amount, schedule_id: row_of_rule(&dose.key.rule) });
    }
    week
}

/// As [`of`], as if nothing had a beginning or an end: what existing clients show of rows.
pub fn of_rows(mut plan: Plan, zone: &TimeZone, date: Date) -> Week {
    for phase in &mut plan.phases {
        (phase.from, phase.until) = (None, None);
        phase.rules.retain(|rule| rule.retired_at.is_none());
        phase.rules.iter_mut().for_each(|rule| rule.followed_from = None);
    }
    of(&[plan], zone, date)
}

/// `{mon: [{time, dose, schedule_id}], …}`
pub fn shown(week: &Week) -> Value {
    let slot =
        |slot: &Slot| json!({"time": slot.time, "dose": number::json(slot.dose), "schedule_id": slot.schedule_id});
    let day = |(place, slots): (usize, &Vec<Slot>)| {
        (SHORT[place].to_ascii_lowercase(), slots.iter().map(slot).collect::<Value>())
    };
    Value::Object(week.iter().enumerate().map(day).collect::<Map<_, _>>())
}

/// Whether every day is like every other.
pub fn is_daily(week: &Week) -> bool {
    let same = |day: &Vec<Slot>| {
        day.len() == week[0].len()
            && day.iter().zip(&week[0]).all(|(one, other)| (&one.time, one.dose) == (&other.time, other.dose))
    };
    week.iter().all(same)
}

/// `Daily at 8:00 AM, 8:30 PM`, or `25mg Tue, Wed; 50mg weekends`.
pub fn in_words(week: &Week, unit: &str) -> String {
    if week.iter().all(Vec::is_empty) {
        return "No schedule".into();
    }
    if is_daily(week) {
        let times: Vec<_> = week[0].iter().map(|slot| clock_time(&slot.time)).collect();
        return format!("Daily at {}", times.join(", "));
    }
    let groups = by_doses(week);
    let words = groups.iter().map(|(doses, days)| format!("{doses}{unit} {}", days_in_words(days)));
    words.collect::<Vec<_>>().join("; ")
}

/// `7:20 AM` of `07:20`.
pub fn clock_time(time: &str) -> String {
    crate::doses::compat::time(time).map_or_else(|_| time.into(), |time| time.strftime("%-I:%M %p").to_string())
}

/// `mon`
pub fn day_name(date: Date) -> &'static str {
    weekday_name(date.weekday())
}

/// When a time of a day is, as text on the resident's clock.
pub fn due_at(zone: &TimeZone, date: Date, time: &str) -> Option<jiff::Timestamp> {
    Some(local::instant(zone, date, crate::doses::compat::time(time).ok()?))
}

/// Days that are alike, whole doses first, from small to large: the order in which existing clients list them.
fn by_doses(week: &Week) -> Vec<(String, Vec<usize>)> {
    let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
    for (place, slots) in week.iter().enumerate().filter(|(_, slots)| !slots.is_empty()) {
        let doses: Vec<_> = slots.iter().map(|slot| number::json(slot.dose).to_string()).collect();
        let doses = doses.join("+");
        match groups.iter_mut().find(|(known, _)| *known == doses) {
            Some((_, days)) => days.push(place),
            None => groups.push((doses, vec![place])),
        }
    }
    groups.sort_by_key(|(doses, _)| doses.parse::<u64>().unwrap_or(u64::MAX));
    groups
}

fn days_in_words(days: &[usize]) -> String {
    match days {
        [0, 1, 2, 3, 4] => "weekdays".into(),
        [5, 6] => "weekends".into(),
        days => days.iter().map(|day| SHORT[*day]).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Doses = &'static [(&'static str, f64)];

    fn week(days: [Doses; 7]) -> Week {
        let slot = |(time, dose): &(&str, f64)| Slot { time: (*time).into(), dose: *dose, schedule_id: None };
        days.map(|slots| slots.iter().map(slot).collect())
    }

    #[test]
    fn a_week_is_put_into_words_as_clients_know_them() {
        let (one, two, none): (Doses, Doses, Doses) = (&[("08:00", 1.0)], &[("08:00", 2.0)], &[]);
        let five: Doses = &[("23:50", 5.0)];
        let both: Doses = &[("07:00", 25.0), ("18:00", 500.0)];
        let (quarter, half): (Doses, Doses) = (&[("07:00", 25.0)], &[("07:00", 50.0)]);
        for (days, unit, words) in [
            ([none; 7], "mg", "No schedule"),
            ([&[("08:00", 1.0), ("20:30", 1.0)]; 7], "mg", "Daily at 8:00 AM, 8:30 PM"),
            ([five, none, five, none, five, none, none], "mg", "5mg Mon, Wed, Fri"),
            ([one, one, one, one, one, two, two], "tablet", "1tablet weekdays; 2tablet weekends"),
            (
                [both, quarter, quarter, quarter, quarter, half, half],
                "mg",
                "25mg Tue, Wed, Thu, Fri; 50mg weekends; 25+500mg Mon",
            ),
        ] {
            assert_eq!(in_words(&week(days), unit), words);
        }
    }
}
