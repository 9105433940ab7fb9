//! A series that ends, and one that goes on from there, in one transaction.

use jiff::{Timestamp, civil::Date};
use kit::{Home, database::Change, outbox::Event};
use rusqlite::Transaction;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    APPOINTMENT_CHANGED, APPOINTMENT_CREATED, TABLE, VisitError, ask::by_compat_id, check_seen, edits, moment, row,
};
use crate::{
    appointments::{Appointment, change, moment::Moment, split::split},
    store::{Store, history},
};

impl Store {
    /// Ends a series before the visit that the rule gives this date, and makes a new one, which goes on from there with these
    /// fields changed. Visits that were edited go with it. Returns the new one.
    ///
    /// `seen` is the version of the series that whoever splits it has looked at, if they say so.
    pub async fn split_series(
        &self,
        appointment: i64,
        from: Date,
        said: Map<String, Value>,
        seen: Option<i64>,
        now: Timestamp,
    ) -> Result<Appointment, VisitError> {
        let homes = self.homes.clone();
        self.database
            .write(move |transaction| {
                let series = by_compat_id(transaction, appointment)?.ok_or(VisitError::NoAppointment)?;
                let home = homes.of(series.subject).unwrap_or_else(|| homes.new_home());
                let halves = split(&series, from, home).map_err(|error| VisitError::Split(from, error))?;
                check_seen(&series, seen)?;
                let mut earlier = series.clone();
                earlier.content = series.content.with(&halves.earlier)?;
                (earlier.version, earlier.updated_at) = (series.version + 1, now);
                history::keep(transaction, TABLE, appointment, now)?;
                row::update(transaction, &earlier, home)?;
                let later = later(transaction, &series, halves.later, &said, home, now)?;
                edits::hand_over(transaction, appointment, later.compat_id, from, now)?;
                let events = vec![
                    Event::new(APPOINTMENT_CHANGED, row::payload(&earlier, None)),
                    Event::new(APPOINTMENT_CREATED, row::payload(&later, None)),
                ];
                Ok(Change::several(later, events))
            })
            .await
    }
}

fn later(
    transaction: &Transaction<'_>,
    series: &Appointment,
    mut changes: Map<String, Value>,
    said: &Map<String, Value>,
    home: &Home,
    now: Timestamp,
) -> Result<Appointment, VisitError> {
    changes.extend(said.clone());
    if said.contains_key("starts_at") && !said.contains_key("ends_at") {
        changes.insert("ends_at".into(), as_long_from(series, &changes, home).into());
    }
    let unchanged = series.content.with(&changes)?;
    // A driver's word was for the series as it was, which goes on unless somebody changes who drives or when.
    let mut goes_on = series.content.clone();
    if !said.contains_key("starts_at") {
        goes_on.starts_at = unchanged.starts_at;
    }
    series.content.settle(&mut changes, &goes_on, &goes_on, said, now)?;
    let content = series.content.with(&changes)?;
    let zone = if said.contains_key("starts_at") { home.zone_at(now) } else { series.zone.clone() };
    let clock = Home::of_name(&zone).unwrap_or_else(|| home.clone());
    let mut later = Appointment {
        compat_id: 0,
        id: Uuid::now_v7().to_string(),
        subject: series.subject,
        starts: moment(&content.starts_at, content.all_day, &clock)?,
        ends: content.ends_at.as_deref().map(|end| moment(end, content.all_day, &clock)).transpose()?,
        zone,
        content,
        version: 1,
        recorded_at: now,
        updated_at: now,
    };
    change::check_times(later.starts.at, later.ends.as_ref().map(|end| end.at))?;
    later.compat_id = row::insert(transaction, &later, home)?;
    Ok(later)
}

/// The end, for what begins at another time and is as long as before.
fn as_long_from(series: &Appointment, changes: &Map<String, Value>, home: &Home) -> Option<String> {
    let (all_day, zone) = (series.content.all_day, series.zone(home));
    let length = series.ends.as_ref()?.on_the_clock(all_day, &zone) - series.starts.on_the_clock(all_day, &zone);
    let begins = Moment::of(changes["starts_at"].as_str()?, all_day, home)?;
    Some(begins.on_the_clock(all_day, home.zone()).checked_add(length).ok()?.to_string())
}
