//! Local times as instants, in a zone whose clocks may jump.

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time},
    tz::{AmbiguousOffset, Offset, TimeZone},
};

/// The instant of a local time: the first of two if clocks go back over it, the first valid minute if they go forward over
/// it. Dates beyond what instants can be end at the last instant.
pub fn instant(zone: &TimeZone, date: Date, time: Time) -> Timestamp {
    let local = DateTime::from_parts(date, time);
    match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => at(offset, local),
        AmbiguousOffset::Gap { before, after } => end_of_gap(zone, local, before, after),
    }
}

/// When a local date begins: at midnight, or at the first minute that it has.
pub fn start_of_day(zone: &TimeZone, date: Date) -> Timestamp {
    instant(zone, date, Time::midnight())
}

/// Whether the zone ever had this date: some skipped one when they moved across the date line.
pub fn exists(zone: &TimeZone, date: Date) -> bool {
    zone.to_datetime(start_of_day(zone, date)).date() == date
}

/// The instant at which the clocks go forward over this local time.
fn end_of_gap(zone: &TimeZone, local: DateTime, before: Offset, after: Offset) -> Timestamp {
    // With the new offset the local time would be before the change, with the old one after it.
    let too_early = at(after, local);
    let changes = zone.following(too_early).map(|change| (change.timestamp(), change.offset()));
    changes
        .take_while(|(when, _)| *when <= at(before, local))
        .find(|(_, offset)| *offset == after)
        .map_or_else(|| at(before, local), |(when, _)| when)
}

fn at(offset: Offset, local: DateTime) -> Timestamp {
    offset.to_timestamp(local).unwrap_or(if local.year() > 0 { Timestamp::MAX } else { Timestamp::MIN })
}
