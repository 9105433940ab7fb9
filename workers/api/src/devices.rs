//! Devices of this home: how they are addressed, what they are, and when being seen is worth keeping. Pure: no clock, no
//! database.

pub mod address;

use jiff::{SignedDuration, Timestamp};

pub use self::address::Address;
use crate::vitals::Kind;

/// What a device is that is paired without saying so: what existing clients mean.
pub const USUAL_KIND: &str = "blood_pressure";
/// What a device is of which nothing was read yet.
pub const UNKNOWN_KIND: &str = "unknown";

/// How many devices are kept: a home, not a shop.
pub const MOST_DEVICES: i64 = 200;
/// How long a name may be, in characters.
pub const LONGEST_NAME: usize = 200;
/// How long a kind may be, in characters.
pub const LONGEST_KIND: usize = 100;
/// How far what is kept of a device's presence may be behind. A strap is seen every few seconds, and each change is a write
/// that the storage card has to bear.
pub const SEEN_KEPT_EVERY: SignedDuration = SignedDuration::from_mins(15);

/// How a device showed itself, or how that is kept: its name, and when and how it was seen last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub at: Option<Timestamp>,
    pub name: Option<String>,
    /// dBm
    pub rssi: Option<i64>,
    /// Percent.
    pub battery: Option<i64>,
}

impl Seen {
    /// What is to be kept now, if that is worth a write: a name where there was none, another charge, or a presence that
    /// is much later than the one that is known. A name that somebody gave stays.
    pub fn after(&self, sighting: &Seen) -> Option<Self> {
        let later = |at: &Timestamp| self.at.is_none_or(|known| at.duration_since(known) >= SEEN_KEPT_EVERY);
        let is_worth_it = sighting.at.as_ref().is_some_and(later)
            || (self.name.is_none() && sighting.name.is_some())
            || sighting.battery.is_some_and(|battery| self.battery != Some(battery));
        is_worth_it.then(|| Self {
            at: self.at.max(sighting.at),
            name: self.name.clone().or_else(|| sighting.name.clone()),
            rssi: sighting.rssi.or(self.rssi),
            battery: sighting.battery.or(self.battery),
        })
    }
}

/// What a device that measures this is called, in the words that clients pair with.
pub fn kind_that_measures(kind: Kind) -> &'static str {
    match kind {
        Kind::Weight => "scale",
        Kind::Temperature => "thermometer",
        other => other.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute)
    }

    #[test]
    fn being_seen_is_kept_when_it_says_something_new() {
        let known = Seen { at: Some(at(60)), name: Some("Mum's cuff".into()), rssi: Some(-60), battery: Some(80) };
        let seen = |sighting: Seen| known.after(&sighting);
        assert_eq!(seen(Seen::default()), None);
        assert_eq!(seen(Seen { at: Some(at(74)), rssi: Some(-50), ..Seen::default() }), None);
        let late = seen(Seen { at: Some(at(75)), rssi: Some(-50), ..Seen::default() }).unwrap();
        assert_eq!(late, Seen { at: Some(at(75)), rssi: Some(-50), ..known.clone() });
        assert_eq!(seen(Seen { at: Some(at(10)), ..Seen::default() }), None, "what came late is no presence");
        let charge = seen(Seen { battery: Some(79), at: Some(at(61)), ..Seen::default() }).unwrap();
        assert_eq!((charge.battery, charge.at), (Some(79), Some(at(61))));
        let named = Seen { name: Some("BP-7".into()), ..Seen::default() };
        assert_eq!(seen(named.clone()), None, "a name that somebody gave stays");
        assert_eq!(Seen::default().after(&named).unwrap().name.as_deref(), Some("BP-7"));
    }
}
