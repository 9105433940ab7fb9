//! What copies are called: `betti-1a2b3c4d-20310131T030000Z.tar.gz.age`. The first part is the hub's, so that two homes may share a
//! stick; the second the time in UTC, so that names sort by it. No file system, not even a stick's, minds these characters.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

const PREFIX: &str = "betti-";
const ENDING: &str = ".tar.gz.age";
/// What a copy is called until it is whole and tested.
const UNFINISHED: &str = ".part";
const TIME: &str = "%Y%m%dT%H%M%SZ";

/// The name of a hub's copy of that time.
pub fn name(hub: &str, at: Timestamp) -> String {
    format!("{PREFIX}{hub}-{}{ENDING}", at.strftime(TIME))
}

/// What it is called while it is being written.
pub fn unfinished(name: &str) -> String {
    format!("{name}{UNFINISHED}")
}

/// When a hub's copy of this name was made; `None` if it is something else.
pub fn made_at(hub: &str, name: &str) -> Option<Timestamp> {
    let time = name.strip_prefix(PREFIX)?.strip_prefix(hub)?.strip_prefix('-')?.strip_suffix(ENDING)?;
    let time = DateTime::strptime(TIME, time).ok()?;
    TimeZone::UTC.to_timestamp(time).ok()
}

/// Whether that is what is left of a hub's copy that was cut off.
pub fn is_left_over(hub: &str, name: &str) -> bool {
    name.strip_suffix(UNFINISHED).is_some_and(|name| made_at(hub, name).is_some())
}

/// The list, beside the copies, of who was erased.
pub fn erased(hub: &str) -> String {
    format!("{PREFIX}{hub}-erased.json")
}

/// Whether that is some hub's list of who was erased.
pub fn is_erased_list(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with("-erased.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_whose_copy_it_is_and_when_it_was_made() {
        let at: Timestamp = "2031-01-31T03:00:07Z".parse().unwrap();
        let copy = name("1a2b3c4d", at);
        assert_eq!(copy, "betti-1a2b3c4d-20310131T030007Z.tar.gz.age");
        assert_eq!(made_at("1a2b3c4d", &copy), Some(at));
        assert_eq!(made_at("1a2b3c4e", &copy), None, "another hub's");
        assert!(is_left_over("1a2b3c4d", &unfinished(&copy)) && !is_left_over("1a2b3c4d", &copy));
        assert!(!is_left_over("1a2b3c4e", &unfinished(&copy)), "another hub may be writing it");
        for other in
            ["", "betti-", "betti-1a2b3c4d-.tar.gz.age", "betti-1a2b3c4d-20311331T030007Z.tar.gz.age", "notes.txt"]
        {
            assert_eq!(made_at("1a2b3c4d", other), None, "{other}");
        }
        assert!(is_erased_list(&erased("1a2b3c4d")) && !is_erased_list(&copy));
    }
}
