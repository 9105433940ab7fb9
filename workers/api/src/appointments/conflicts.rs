//! What collides: two visits at once, or one during the time that another takes before it: getting ready, and the way.

use std::ops::Range;

use jiff::{SignedDuration, Timestamp};

use super::agenda::Visit;

/// How long a visit takes when nobody says.
const USUAL_LENGTH: SignedDuration = SignedDuration::from_hours(1);

/// How two visits collide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Both take place at once.
    Overlap,
    /// One has to be prepared for or driven to while the other takes place, or also has to be.
    LeaveBy,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Overlap => "overlap",
            Self::LeaveBy => "leave_by",
        }
    }
}

/// One of two that collide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The other one's place in the list.
    pub with: usize,
    pub kind: Kind,
}

impl Visit {
    /// When to leave; `None` if there is no way.
    pub fn leave_by(&self) -> Option<Timestamp> {
        let content = &self.appointment.content;
        (content.travel_min > 0).then(|| self.starts_at.checked_sub(content.travel()).ok())?
    }

    /// When to begin to get ready; `None` if that takes no time.
    pub fn prepare_from(&self) -> Option<Timestamp> {
        let content = &self.appointment.content;
        let leave = self.leave_by().unwrap_or(self.starts_at);
        (content.preparation_min > 0).then(|| leave.checked_sub(content.preparation()).ok())?
    }

    /// When it is over, as far as is known.
    pub fn over_at(&self) -> Timestamp {
        let usual = || self.starts_at.checked_add(USUAL_LENGTH).unwrap_or(Timestamp::MAX);
        self.ends_at.filter(|end| *end > self.starts_at).unwrap_or_else(usual)
    }

    /// From the first thing to do for it until it is over.
    fn busy(&self) -> Range<Timestamp> {
        self.prepare_from().or(self.leave_by()).unwrap_or(self.starts_at)..self.over_at()
    }

    /// Whole days are for remembering; what is cancelled takes no time.
    fn takes_time(&self) -> bool {
        !self.appointment.content.all_day && self.appointment.content.status.takes_place()
    }
}

/// For each visit, those that it collides with, in the order of the list.
pub fn conflicts(visits: &[Visit]) -> Vec<Vec<Conflict>> {
    let mut found = vec![Vec::new(); visits.len()];
    let busy = visits.iter().enumerate().filter(|(_, visit)| visit.takes_time());
    let mut busy: Vec<_> = busy.map(|(place, visit)| (visit.busy(), place)).collect();
    busy.sort_by_key(|(span, _)| span.start);
    for (later, (span, place)) in busy.iter().enumerate() {
        for (_, other) in busy.iter().skip(later + 1).take_while(|(next, _)| next.start < span.end) {
            let kind = if at_once(&visits[*place], &visits[*other]) { Kind::Overlap } else { Kind::LeaveBy };
            found[*place].push(Conflict { with: *other, kind });
            found[*other].push(Conflict { with: *place, kind });
        }
    }
    for conflicts in &mut found {
        conflicts.sort_by_key(|conflict| conflict.with);
    }
    found
}

fn at_once(one: &Visit, other: &Visit) -> bool {
    one.starts_at < other.over_at() && other.starts_at < one.over_at()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::appointments::{
        agenda::{
            tests::{appointment, edit, home, series, window},
            visits,
        },
        status::Status,
    };

    fn visit(compat_id: i64, starts_at: &str, ends_at: Option<&str>, travel_min: i64, preparation_min: i64) -> Visit {
        let mut appointment =
            appointment(compat_id, &json!({"title": "x", "starts_at": starts_at, "ends_at": ends_at}));
        appointment.content.travel_min = travel_min;
        appointment.content.preparation_min = preparation_min;
        visits(&[appointment], &[], &home(), window("2031-01-01T00:00Z", "2032-01-01T00:00Z"), 365).remove(0)
    }

    fn kinds(visits: &[Visit]) -> Vec<Vec<(usize, &'static str)>> {
        let name = |conflict: Conflict| (conflict.with, conflict.kind.name());
        conflicts(visits).into_iter().map(|list| list.into_iter().map(name).collect()).collect()
    }

    #[test]
    fn one_has_to_get_ready_and_leave_before_it_begins() {
        let visit = visit(1, "2031-05-07T09:30", None, 25, 20);
        assert_eq!(visit.leave_by().unwrap().to_string(), "2031-05-07T13:05:00Z");
        assert_eq!(visit.prepare_from().unwrap().to_string(), "2031-05-07T12:45:00Z");
        assert_eq!(visit.over_at().to_string(), "2031-05-07T14:30:00Z");
    }

    #[test]
    fn what_is_at_once_or_on_the_way_collides_and_what_follows_does_not() {
        let first = || visit(1, "2031-05-07T09:30", Some("2031-05-07T10:15"), 0, 0);
        let with = |other: Visit| kinds(&[first(), other]).remove(0);
        assert_eq!(with(visit(2, "2031-05-07T10:00", None, 0, 0)), [(1, "overlap")]);
        assert_eq!(with(visit(2, "2031-05-07T10:15", None, 0, 0)), []);
        assert_eq!(with(visit(2, "2031-05-07T10:30", None, 20, 0)), [(1, "leave_by")]);
        assert_eq!(with(visit(2, "2031-05-07T10:30", None, 15, 0)), []);
        assert_eq!(with(visit(2, "2031-05-07T10:30", None, 15, 5)), [(1, "leave_by")], "getting ready takes time too");
        assert_eq!(with(visit(2, "2031-05-07T08:30", Some("2031-05-07T09:30"), 0, 0)), []);
        assert_eq!(with(visit(2, "2031-05-07T09:30", Some("2031-05-07T09:30"), 0, 0)), [(1, "overlap")], "no length");
    }

    #[test]
    fn what_does_not_take_place_and_whole_days_collide_with_nothing() {
        let mut cancelled = visit(2, "2031-05-07T09:30", None, 0, 0);
        cancelled.appointment.content.status = Status::Cancelled;
        let mut whole_day = visit(3, "2031-05-07", None, 0, 0);
        whole_day.appointment.content.all_day = true;
        assert_eq!(kinds(&[visit(1, "2031-05-07T09:30", None, 0, 0), cancelled, whole_day]), [[], [], []]);
    }

    #[test]
    fn a_visit_of_a_series_collides_on_its_day_only_and_also_with_its_own_series() {
        let weekly = series("FREQ=WEEKLY;COUNT=4", "2031-05-07T09:30", "2031-05-07T10:15");
        let lab = appointment(2, &json!({"title": "Lab", "starts_at": "2031-05-21T10:00"}));
        let moved = [edit("2031-05-07", &json!({"starts_at": "2031-05-14T10:00"}))];
        let list = visits(&[weekly, lab], &moved, &home(), window("2031-05-01T00:00Z", "2031-06-01T00:00Z"), 365);
        let expected = [vec![(1, "overlap")], vec![(0, "overlap")], vec![(4, "overlap")], vec![], vec![(2, "overlap")]];
        assert_eq!(kinds(&list), expected);
    }

    proptest! {
        #[test]
        fn whoever_collides_does_so_with_each_other(spans in prop::collection::vec((0..48_i64, 1..5_i64, 0..3_i64), 0..12)) {
            let begin: Timestamp = "2031-05-07T00:00Z".parse().unwrap();
            let hour = |hours: i64| begin + SignedDuration::from_hours(hours);
            let list: Vec<_> = spans.iter().enumerate().map(|(place, (start, length, way))| {
                let (starts, ends) = (hour(*start).to_string(), hour(start + length).to_string());
                visit(i64::try_from(place).unwrap(), &starts, Some(&ends), way * 60, 0)
            }).collect();
            let found = conflicts(&list);
            for (one, conflicts) in found.iter().enumerate() {
                for other in 0..list.len() {
                    let collide = one != other && list[one].busy().start < list[other].busy().end
                        && list[other].busy().start < list[one].busy().end;
                    let says = conflicts.iter().filter(|conflict| conflict.with == other).count();
                    prop_assert_eq!(says, usize::from(collide), "{} and {}", one, other);
                }
            }
        }
    }
}
