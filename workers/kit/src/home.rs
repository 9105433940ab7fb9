//! The resident's own time: days begin at midnight where they live, not in UTC.

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    fmt::temporal::DateTimeParser,
    tz::TimeZone,
};

/// `TZ` names no zone.
#[derive(Debug, thiserror::Error)]
#[error("TZ={value} is not a time zone: set it to a name like America/New_York, or unset it to take the system's zone")]
pub struct NotAZone {
    value: String,
}

/// Where the resident lives, as far as clocks are concerned.
#[derive(Clone, Debug)]
pub struct Home {
    zone: TimeZone,
}

impl Home {
    /// The zone that `TZ` names, else the system's. If the system's is not known, days are UTC's and the log says so.
    ///
    /// # Errors
    /// If `TZ` says something that is no zone: medicines would be due at wrong hours.
    pub fn from_environment() -> Result<Self, NotAZone> {
        let zone = TimeZone::system();
        if zone.is_unknown() {
            if let Some(value) = std::env::var_os("TZ").filter(|value| !value.is_empty()) {
                return Err(NotAZone { value: value.to_string_lossy().into_owned() });
            }
            tracing::warn!("the time zone is not known, days begin at midnight UTC: set the system's zone, or TZ");
        }
        Ok(Self { zone })
    }

    /// A home in this zone.
    #[must_use]
    pub fn in_zone(zone: TimeZone) -> Self {
        Self { zone }
    }

    /// A home in the zone of this name, as [`Self::zone_at`] writes it.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        DateTimeParser::new().parse_time_zone(name).ok().map(Self::in_zone)
    }

    /// The zone itself.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The zone's name; where it has none, its offset at that instant, which is still true.
    #[must_use]
    pub fn zone_at(&self, at: Timestamp) -> String {
        self.zone.iana_name().map_or_else(|| self.zone.to_offset(at).to_string(), str::to_owned)
    }

    /// The resident's date and time at an instant.
    #[must_use]
    pub fn local(&self, at: Timestamp) -> DateTime {
        self.zone.to_datetime(at)
    }

    /// The resident's date at an instant.
    #[must_use]
    pub fn date(&self, at: Timestamp) -> Date {
        self.local(at).date()
    }

    /// A time as a client wrote it: with an offset or `Z`, else on the resident's clock. A date alone is its midnight.
    #[must_use]
    pub fn instant(&self, text: &str) -> Option<Timestamp> {
        let text = text.trim();
        text.parse().ok().or_else(|| {
            // A zone without an offset, `[Europe/Berlin]`, would be left out: that is another time than the one that is meant.
            if text.contains('[') {
                return None;
            }
            let on_the_clock: DateTime = text.parse().ok()?;
            // In the gap of spring as if the clock had not been put forward yet, in the overlap of autumn the first of the two.
            Some(self.zone.to_zoned_datetime(on_the_clock).ok()?.timestamp())
        })
    }

    /// `9:05 AM`, on the resident's clock.
    #[must_use]
    pub fn clock_time(&self, at: Timestamp) -> String {
        self.local(at).strftime("%-I:%M %p").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new_york() -> Home {
        Home::in_zone(TimeZone::get("America/New_York").unwrap())
    }

    fn instant(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_is_the_residents() {
        let late = instant("2031-01-11T03:30:00Z");
        assert_eq!(new_york().date(late).to_string(), "2031-01-10");
        assert_eq!(new_york().clock_time(late), "10:30 PM");
        assert_eq!(new_york().clock_time(instant("2031-01-11T05:05:00Z")), "12:05 AM");
        assert_eq!(new_york().zone_at(late), "America/New_York");
        let nameless = Home::in_zone(TimeZone::fixed(jiff::tz::offset(2)));
        assert_eq!(nameless.zone_at(late), "+02");
        for name in ["America/New_York", "+02", "-03:30"] {
            assert_eq!(Home::of_name(name).map(|home| home.zone_at(late)).as_deref(), Some(name));
        }
        assert!(Home::of_name("Nowhere/At_All").is_none());
    }

    #[test]
    fn a_clients_time_is_taken_as_it_was_meant() {
        let home = new_york();
        for (text, meant) in [
            ("2031-01-10T12:00:00.000Z", "2031-01-10T12:00:00Z"),
            ("2031-01-10T12:00:00+02:00", "2031-01-10T10:00:00Z"),
            ("2031-07-10T09:30", "2031-07-10T13:30:00Z"),
            ("2031-01-10 09:30:00", "2031-01-10T14:30:00Z"),
            ("2031-01-10", "2031-01-10T05:00:00Z"),
            ("2031-01-10T12:00+01:00[Europe/Berlin]", "2031-01-10T11:00:00Z"),
            ("2031-03-09T02:30", "2031-03-09T07:30:00Z"), // There is no half past two that night.
            ("2031-11-02T01:30", "2031-11-02T05:30:00Z"), // There are two; the first is meant.
        ] {
            assert_eq!(home.instant(text), Some(instant(meant)), "{text}");
        }
        for text in ["", "yesterday", "2031-13-01", "12:30", "1925812800007", "2031-01-10T12:00[Europe/Berlin]"] {
            assert_eq!(home.instant(text), None, "{text}");
        }
    }
}
