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
    /// How often one of a series was changed by itself; 0 while it is as its series has it.
    pub version: i64,
}

impl Visit {
    /// An appointment at its own time; of a series, what it has in common.
    pub fn of_row(appointment: &Appointment, home: &Home) -> Self {
        Self {
            instance_date: None,
            starts_at: appointment.starts.at,
            ends_at: appointment.ends.as_ref().map(|end| end.at),
            date: home.date(appointment.starts.at),
            version: 0,
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
    let (date, version) = (home.date(starts_at), edit.map_or(0, |edit| edit.version));
    Some(Visit { appointment: visit, instance_date: Some(slot.date), starts_at, ends_at, date, version })
}

#[cfg(test)]
pub mod tests;
