//! When the next copy is due, and what is told about copies. Pure: the clock is somebody else's.

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Time, tz::TimeZone};

use crate::state::State;

/// After a try that failed. The stick may be back by then.
pub const RETRY: SignedDuration = SignedDuration::from_hours(1);
/// A copy that is further in the future was made while the clock was wrong, and says nothing.
const MOST_AHEAD: SignedDuration = SignedDuration::from_hours(26);
/// With no copy for so long, that is said first: one night was missed.
const TOO_OLD: SignedDuration = SignedDuration::from_hours(36);

/// When the next copy is to be made: at that time of the home's day after the last one, at once if that is over, as after a night
/// without power, and an hour after a try that failed.
pub fn due(state: &State, now: Timestamp, at: Time, zone: &TimeZone) -> Timestamp {
    let last = state.last().map(|copy| copy.made_at).filter(|made| *made <= now + MOST_AHEAD);
    let due = last.map_or(now, |last| next(last, at, zone).unwrap_or(now));
    match &state.failure {
        Some(failure) if failure.at >= due || last.is_none() => (failure.at + RETRY).min(now + RETRY),
        _ => due,
    }
}

/// The first instant after `after` at which a clock in the zone shows that time.
fn next(after: Timestamp, at: Time, zone: &TimeZone) -> Option<Timestamp> {
    let day = zone.to_datetime(after).date();
    (0..3).find_map(|days| {
        let instant = zone.to_timestamp(day.checked_add(days.days()).ok()?.to_datetime(at)).ok()?;
        (instant > after).then_some(instant)
    })
}

/// One line for the family: how old the last copy is, and what keeps the next one from being made.
pub fn told(state: &State, has_key: bool, now: Timestamp, zone: &TimeZone) -> String {
    if !has_key {
        return "no copies are made yet: betti-ctl backup makes the first one, and shows the key that opens it".into();
    }
    let time = |at: Timestamp| zone.to_datetime(at).strftime("%a %-d %b %H:%M").to_string();
    let Some(last) = state.last() else {
        return match &state.failure {
            Some(failure) => format!("NO COPY YET: {}", failure.why),
            None => "the first copy is being made".into(),
        };
    };
    let (made, place) = (time(last.made_at), last.folder.display());
    match &state.failure {
        Some(failure) if now.duration_since(last.made_at) > TOO_OLD => {
            format!("NO COPY SINCE {made}: {}", failure.why)
        }
        Some(failure) => format!("last copy {made} in {place}; not since: {}", failure.why),
        None if last.same_disk => format!("last copy {made} in {place}, which is on this machine's own disk; tested"),
        None => format!("last copy {made} in {place}; tested"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Copy, Failure};

    const AT: Time = Time::constant(3, 10, 0, 0);

    fn vienna() -> TimeZone {
        TimeZone::get("Europe/Vienna").unwrap()
    }

    fn instant(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn state(last: Option<&str>, failed: Option<&str>) -> State {
        let copy = |made: &str| Copy {
            name: "n".into(),
            folder: "/media/usb/betti".into(),
            to: "/media/usb/betti".into(),
            same_disk: false,
            made_at: instant(made),
            size: 1,
            sha256: String::new(),
            files: 1,
            databases: Default::default(),
        };
        let failure =
            failed.map(|at| Failure { to: "/media/usb/betti".into(), at: instant(at), why: "no stick".into() });
        State { copies: last.map(copy).into_iter().collect(), failure, ..State::default() }
    }

    #[test]
    fn it_is_due_at_its_time_of_the_homes_day() {
        for (last, failed, now, expected) in [
            (Some("2031-01-31T02:10:05Z"), None, "2031-01-31T12:00:00Z", "2031-02-01T02:10:00Z"),
            // By hand in the evening: the night's own is made all the same.
            (Some("2031-01-31T20:00:00Z"), None, "2031-01-31T21:00:00Z", "2031-02-01T02:10:00Z"),
            // Off all night: at once.
            (Some("2031-01-31T02:10:05Z"), None, "2031-02-01T08:00:00Z", "2031-02-01T02:10:00Z"),
            (None, None, "2031-02-01T08:00:00Z", "2031-02-01T08:00:00Z"),
            // No stick: in an hour, and not before the night.
            (
                Some("2031-01-31T02:10:05Z"),
                Some("2031-02-01T02:10:00Z"),
                "2031-02-01T02:11:00Z",
                "2031-02-01T03:10:00Z",
            ),
            (
                Some("2031-01-31T02:10:05Z"),
                Some("2031-01-31T12:00:00Z"),
                "2031-01-31T12:01:00Z",
                "2031-02-01T02:10:00Z",
            ),
            (None, Some("2031-01-31T12:00:00Z"), "2031-01-31T12:01:00Z", "2031-01-31T13:00:00Z"),
            // There is no ten past three in the night in which two is followed by three, nor is a copy left out: summer time.
            (Some("2031-03-29T02:10:05Z"), None, "2031-03-29T12:00:00Z", "2031-03-30T01:10:00Z"),
            (Some("2031-10-25T01:10:05Z"), None, "2031-10-25T12:00:00Z", "2031-10-26T02:10:00Z"),
            // Made while the clock was years ahead.
            (Some("2040-01-01T02:10:00Z"), None, "2031-01-31T12:00:00Z", "2031-01-31T12:00:00Z"),
        ] {
            let found = due(&state(last, failed), instant(now), AT, &vienna());
            assert_eq!(found, instant(expected), "{last:?} {failed:?} {now}");
        }
    }

    #[test]
    fn a_family_is_told_what_matters_first() {
        let told = |last, failed, now| told(&state(last, failed), true, instant(now), &vienna());
        let last = Some("2031-01-31T02:10:00Z");
        assert_eq!(told(last, None, "2031-01-31T12:00:00Z"), "last copy Fri 31 Jan 03:10 in /media/usb/betti; tested");
        let failed = Some("2031-02-01T02:10:00Z");
        let soon = "last copy Fri 31 Jan 03:10 in /media/usb/betti; not since: no stick";
        assert_eq!(told(last, failed, "2031-02-01T02:20:00Z"), soon);
        assert_eq!(told(last, failed, "2031-02-02T02:20:00Z"), "NO COPY SINCE Fri 31 Jan 03:10: no stick");
        assert_eq!(told(None, failed, "2031-02-02T02:20:00Z"), "NO COPY YET: no stick");
        assert!(
            super::told(&State::default(), false, instant("2031-02-02T02:20:00Z"), &vienna())
                .contains("betti-ctl backup")
        );
    }
}
