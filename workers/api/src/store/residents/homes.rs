//! Where everybody lives, at hand without asking the database.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError, RwLock},
};

use jiff::Timestamp;
use kit::Home;

/// Every zone that was ever lived in, by name. Its homes stay for as long as the program runs, so that whoever asks may keep
/// one: there are never more of them than zones.
static BY_NAME: LazyLock<Mutex<HashMap<String, &'static Home>>> = LazyLock::new(Mutex::default);

/// The home in the zone of this name.
pub fn named(zone: &str) -> Option<&'static Home> {
    let mut homes = BY_NAME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(home) = homes.get(zone) {
        return Some(home);
    }
    let home: &'static Home = Box::leak(Box::new(Home::of_name(zone)?));
    homes.insert(zone.to_owned(), home);
    Some(home)
}

/// Who lives where, by the resident's number. Cheap to clone; every clone sees the same.
#[derive(Clone)]
pub struct Homes {
    of: Arc<RwLock<HashMap<i64, Known>>>,
    new_home: &'static Home,
}

/// Where somebody lives, as of a version of theirs.
#[derive(Clone, Copy)]
struct Known {
    version: i64,
    home: &'static Home,
}

impl Homes {
    /// Nobody yet. `new_home` is where somebody lives of whom nothing else is known.
    pub fn new(new_home: Home) -> Self {
        let known = named(&new_home.zone_at(Timestamp::now()));
        Self { of: Arc::default(), new_home: known.unwrap_or_else(|| Box::leak(Box::new(new_home))) }
    }

    pub fn new_home(&self) -> &'static Home {
        self.new_home
    }

    pub fn of(&self, subject: i64) -> Option<&'static Home> {
        self.of.read().unwrap_or_else(PoisonError::into_inner).get(&subject).map(|known| known.home)
    }

    /// A zone that this machine does not know, as an older one may not, is the new home's. Whoever learns late, of an older
    /// version, changes nothing: somebody who moves twice at once lives where the table says.
    pub fn learn(&self, subject: i64, zone: &str, version: i64) {
        let home = named(zone).unwrap_or_else(|| {
            tracing::warn!(subject, zone, "this machine does not know the resident's zone, and uses its own");
            self.new_home
        });
        let mut of = self.of.write().unwrap_or_else(PoisonError::into_inner);
        if of.get(&subject).is_none_or(|known| known.version <= version) {
            of.insert(subject, Known { version, home });
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn whoever_moves_has_another_home_and_who_is_unknown_has_none() {
        let homes = Homes::new(Home::in_zone(TimeZone::UTC));
        homes.learn(1, "America/New_York", 1);
        homes.learn(2, "Nowhere/At_All", 1);
        let seen = homes.clone();
        let before = seen.of(1).unwrap();
        homes.learn(1, "Asia/Kolkata", 3);
        homes.learn(1, "Europe/Berlin", 2);
        let zone = |home: &Home| home.zone_at(Timestamp::UNIX_EPOCH);
        assert_eq!((zone(before), zone(seen.of(1).unwrap())), ("America/New_York".into(), "Asia/Kolkata".into()));
        assert_eq!(zone(seen.of(2).unwrap()), "UTC");
        assert!(seen.of(3).is_none());
        assert!(std::ptr::eq(named("Asia/Kolkata").unwrap(), seen.of(1).unwrap()), "one home for one zone");
    }
}
