//! A zone in which it is about noon, so that a day's tests work at any hour, and no midnight comes while they run.
#![allow(dead_code, reason = "every test file uses another part")]

use std::sync::OnceLock;

use jiff::{
    SignedDuration, Timestamp,
    tz::{Offset, TimeZone},
};

/// Its name for `TZ`. The sign is the other way around there.
pub fn zone_name() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| match hours() {
        hours if hours < 0 => format!("Etc/GMT+{}", -hours),
        hours => format!("Etc/GMT-{hours}"),
    })
}

pub fn zone() -> TimeZone {
    let hours = zone_name()["Etc/GMT".len()..].parse::<i8>().expect("hours");
    TimeZone::fixed(Offset::constant(-hours))
}

/// `07:00`, so long before now.
pub fn minutes_ago(minutes: i64) -> String {
    let then = Timestamp::now() - SignedDuration::from_mins(minutes);
    zone().to_datetime(then).strftime("%H:%M").to_string()
}

fn hours() -> i8 {
    12 - TimeZone::UTC.to_datetime(Timestamp::now()).hour()
}
