//! From rows to visits: a series becomes the visits that its rule gives, each as it was edited.

use std::collections::HashMap;

use jiff::{Timestamp, civil::Date};
use kit::Home;

use super::{
    Appointment, Edit,
    moment::Moment,
    recurrence::{Series, Slot},
};

/// From when to when a visit begins, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub from: Timestamp,
    pub until: Timestamp,
}

impl Window {
    pub fn has(self, at: Timestamp) -> bool {
        (self.from..=self.until).contains(&at)
    }
}

/// One visit: an appointment of its own, or one of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Visit {
    /// The appointment, with what is different about this visit.
    pub appointment: Appointment,
    /// Of a series, the date that the rule gives it, which is its name.
    pub instance_date: Option<Date>,
    pub starts_at: Timestamp,
    pub ends_at: Option<Timestamp>,
    /// The resident's day.
    pub date: Date,
}

impl Visit {
    /// An appointment at its own time; of a series, what it has in common.
    pub fn of_row(appointment: &Appointment, home: &Home) -> Self {
        Self {
            instance_date: None,
            starts_at: appointment.starts.at,
            ends_at: appointment.ends.as_ref().map(|end| end.at),
            date: home.date(appointment.starts.at),
            appointment: appointment.clone(),
        }
    }
}

/// The visits that begin in the window: of each appointment in its place, and of a series in their order, at most
/// so many of each.
pub fn visits(appointments: &[Appointment], edits: &[Edit], home: &Home, window: Window, most: usize) -> Vec<Visit> {
    let mut by_series: HashMap<i64, Vec<&Edit>> = HashMap::new();
    for edit in edits {
        by_series.entry(edit.appointment).or_default().push(edit);
    }
    let of = |appointment: &Appointment| {
        let edits = by_series.get(&appointment.compat_id).map_or(&[][..], Vec::as_slice);
        match appointment.series(edits, home) {
            Some(series) => of_series(appointment, &series, edits, home, window, most),
            None => {
                Some(Visit::of_row(appointment, home)).filter(|visit| window.has(visit.starts_at)).into_iter().collect()
            }
        }
    };
    appointments.iter().flat_map(of).collect()
}

/// The visit of a series that the rule gives this date, if it does.
pub fn visit_on(appointment: &Appointment, edit: Option<&Edit>, date: Date, home: &Home) -> Option<Visit> {
    let series = appointment.series(&[], home)?;
    of_slot(appointment, &series, series.slot(date)?, edit, home)
}

fn of_series(
    appointment: &Appointment,
    series: &Series,
    edits: &[&Edit],
    home: &Home,
    window: Window,
    most: usize,
) -> Vec<Visit> {
    let slots = series.slots(window.from, window.until, most);
    let edit_of = |date: Date| edits.iter().find(|edit| edit.date == date).copied();
    // One that was moved into the window comes from a date outside of it.
    let moved =
        edits.iter().filter(|edit| edit.moved_to().is_some() && slots.iter().all(|slot| slot.date != edit.date));
    let moved: Vec<_> = moved.filter_map(|edit| series.slot(edit.date)).collect();
    let all = slots.iter().chain(&moved);
    let visits = all.filter_map(|slot| of_slot(appointment, series, *slot, edit_of(slot.date), home));
    let mut visits: Vec<_> = visits.filter(|visit| window.has(visit.starts_at)).collect();
    visits.sort_by_key(|visit| visit.starts_at);
    visits.truncate(most);
    visits
}

fn of_slot(appointment: &Appointment, series: &Series, slot: Slot, edit: Option<&Edit>, home: &Home) -> Option<Visit> {
    let mut visit = appointment.clone();
    let clock = Home::in_zone(series.zone.clone());
    let mut starts_at = slot.starts_at;
    let mut begins = slot.date.to_datetime(series.clock.time());
    let mut end = None;
    if let Some(edit) = edit {
        visit.content = appointment.content.with(&edit.changes).ok()?;
        if let Some(moved) = edit.moved_to().and_then(|written| Moment::of(written, series.all_day, &clock)) {
            begins = moved.on_the_clock(series.all_day, &series.zone);
            starts_at = moved.at;
        }
        if let Some(written) = edit.changes.get("ends_at") {
            end = Some(
                written.as_str().and_then(|written| Moment::of(written, series.all_day, &clock)).map(|end| end.at),
            );
        }
    }
    let ends_at = end.unwrap_or_else(|| {
        let last = appointment.ends.as_ref()?;
        let length = last.on_the_clock(series.all_day, &series.zone) - series.clock;
        let end = clock.instant(&begins.checked_add(length).ok()?.to_string())?;
        // The change to or from daylight saving must not end it before it begins.
        let plain = starts_at.checked_add(last.at.duration_since(appointment.starts.at)).ok()?;
        Some(if end >= starts_at { end } else { plain })
    });
    let date = home.date(starts_at);
    Some(Visit { appointment: visit, instance_date: Some(slot.date), starts_at, ends_at, date })
}

#[cfg(test)]
pub mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::appointments::{change, content::Content};

    pub fn home() -> Home {
        Home::of_name("America/New_York").unwrap()
    }

    pub fn appointment(compat_id: i64, body: &Value) -> Appointment {
        let changes = change::create(body, change::Scope::Compat, &home()).unwrap();
        let content: Content = serde_json::from_value(Value::Object(changes)).unwrap();
        let moment = |written: &str| Moment::of(written, content.all_day, &home()).unwrap();
        Appointment {
            compat_id,
            id: compat_id.to_string(),
            subject: 1,
            starts: moment(&content.starts_at),
            ends: content.ends_at.as_deref().map(moment),
            content,
            zone: "America/New_York".into(),
            version: 1,
            recorded_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    pub fn series(rule: &str, starts_at: &str, ends_at: &str) -> Appointment {
        let body = json!({"title": "Physio", "starts_at": starts_at, "ends_at": ends_at, "is_recurring": 1,
            "recurrence_rule": rule});
        appointment(7, &body)
    }

    pub fn edit(date: &str, changes: &Value) -> Edit {
        let (date, changes) = (date.parse().unwrap(), changes.as_object().unwrap().clone());
        Edit { compat_id: 1, id: "1".into(), appointment: 7, date, changes, removed: false, version: 1 }
    }

    pub fn window(from: &str, until: &str) -> Window {
        Window { from: from.parse().unwrap(), until: until.parse().unwrap() }
    }

    fn shown(appointment: &Appointment, edits: &[Edit], window: Window) -> Vec<String> {
        let line = |visit: &Visit| {
            let end = visit.ends_at.map_or_else(String::new, |end| end.strftime("-%H:%M").to_string());
            let status = visit.appointment.content.status.name();
            format!("{} {}{end} {status}", visit.date, visit.starts_at.strftime("%H:%M"))
        };
        visits(std::slice::from_ref(appointment), edits, &home(), window, 365).iter().map(line).collect()
    }

    #[test]
    fn visits_are_edited_one_by_one() {
        let series = series("FREQ=WEEKLY", "2032-02-02T10:00", "2032-02-02T10:45");
        let month = window("2032-02-01T05:00Z", "2032-03-01T04:59Z");
        let mut removed = edit("2032-02-23", &json!({}));
        removed.removed = true;
        let edits = [
            edit("2032-02-02", &json!({"status": "completed"})),
            edit("2032-02-09", &json!({"starts_at": "2032-02-10T14:00"})),
            edit("2032-02-16", &json!({"status": "cancelled", "ends_at": null})),
            removed,
            edit("2032-02-24", &json!({"starts_at": "2032-02-25T14:00"})), // No such visit: its rule changed.
        ];
        let expected =
            ["2032-02-02 15:00-15:45 completed", "2032-02-10 19:00-19:45 scheduled", "2032-02-16 15:00 cancelled"];
        assert_eq!(shown(&series, &edits, month), expected);
    }

    #[test]
    fn a_visit_is_where_it_was_moved_to_and_nowhere_else() {
        let series = series("FREQ=WEEKLY;COUNT=5", "2032-02-02T10:00", "2032-02-02T10:45");
        let moved = [edit("2032-02-16", &json!({"starts_at": "2032-03-03T08:00", "ends_at": "2032-03-03T09:30"}))];
        let around = |from: &str, until: &str| shown(&series, &moved, window(from, until));
        assert_eq!(around("2032-02-16T00:00Z", "2032-02-17T00:00Z"), Vec::<String>::new());
        assert_eq!(around("2032-03-02T00:00Z", "2032-03-04T00:00Z"), ["2032-03-03 13:00-14:30 scheduled"]);
        let before = [edit("2032-02-02", &json!({"starts_at": "2032-01-30T10:00"}))];
        let january = window("2032-01-01T00:00Z", "2032-02-01T00:00Z");
        assert_eq!(shown(&series, &before, january), ["2032-01-30 15:00-15:45 scheduled"], "before the series itself");
    }

    #[test]
    fn each_visit_has_the_status_of_its_series_unless_it_has_its_own() {
        let mut series = series("FREQ=WEEKLY", "2032-02-02T10:00", "2032-02-02T10:45");
        series.content.status = super::super::content::Status::Cancelled;
        let edits = [edit("2032-02-02", &json!({"status": "completed"}))];
        let expected = ["2032-02-02 15:00-15:45 completed", "2032-02-09 15:00-15:45 cancelled"];
        assert_eq!(shown(&series, &edits, window("2032-02-01T00:00Z", "2032-02-10T00:00Z")), expected);
    }

    #[test]
    fn an_evening_is_on_the_residents_day_and_ends_on_the_clock() {
        let evening = series("FREQ=DAILY", "2031-03-07T21:30", "2031-03-08T07:00");
        let days = window("2031-03-08T02:00Z", "2031-03-10T12:00Z");
        let expected = [
            "2031-03-07 02:30-12:00 scheduled",
            "2031-03-08 02:30-11:00 scheduled",
            "2031-03-09 01:30-11:00 scheduled",
        ];
        assert_eq!(shown(&evening, &[], days), expected);
        let across = series("FREQ=DAILY", "2031-03-08T01:30", "2031-03-08T02:30");
        let expected = ["2031-03-09 06:30-07:30 scheduled"];
        assert_eq!(
            shown(&across, &[], window("2031-03-09T06:00Z", "2031-03-09T12:00Z")),
            expected,
            "half past two is half past three"
        );
    }

    #[test]
    fn a_rule_that_cannot_be_read_is_one_visit_at_its_own_time() {
        for rule in ["every other week", "", "FREQ=HOURLY", "{}"] {
            let unreadable = series(rule, "2032-02-02T10:00", "2032-02-02T10:45");
            assert_eq!(shown(&unreadable, &[], window("2032-02-01T00:00Z", "2032-02-28T00:00Z")).len(), 1, "{rule}");
            assert_eq!(shown(&unreadable, &[], window("2032-03-01T00:00Z", "2032-03-28T00:00Z")).len(), 0, "{rule}");
        }
    }

    #[test]
    fn whole_days_stay_on_their_dates() {
        let body = json!({"title": "Fast", "starts_at": "2031-03-08T00:00:00.000Z", "all_day": 1, "is_recurring": 1,
            "recurrence_rule": "FREQ=DAILY;UNTIL=20310310"});
        let shown = shown(&appointment(7, &body), &[], window("2031-03-01T00:00Z", "2031-04-01T00:00Z"));
        assert_eq!(shown, ["2031-03-08 05:00 scheduled", "2031-03-09 05:00 scheduled", "2031-03-10 04:00 scheduled"]);
    }
}
