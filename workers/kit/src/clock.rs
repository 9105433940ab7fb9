//! Times as they appear on the wire and in tables.

use jiff::Timestamp;

/// `2031-01-31T12:00:00.000Z`
#[must_use]
pub fn iso(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Now, as [`iso`].
#[must_use]
pub fn iso_now() -> String {
    iso(Timestamp::now())
}

/// `2031-01-31 12:00:00`, in UTC: SQLite's own text.
#[must_use]
pub fn sql(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_widths_that_clients_expect() {
        let at = Timestamp::from_millisecond(1_925_812_800_007).unwrap();
        assert_eq!(iso(at), "2031-01-10T12:00:00.007Z");
        assert_eq!(sql(at), "2031-01-10 12:00:00");
    }
}
