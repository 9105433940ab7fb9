//! From when to when a certificate is good, and what that means now.

use crate::{
    WARNED_BEFORE,
    der::{GENERALIZED_TIME, Reader, SEQUENCE, UTC_TIME, VERSION},
};

const DAY_SECONDS: i64 = crate::DAY_SECONDS as i64;

/// Both ends belong to it, in seconds since 1970 (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Not before.
    pub from: i64,
    /// Not after.
    pub until: i64,
}

/// What a validity means at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Good for longer than [`WARNED_BEFORE`].
    Good,
    /// Good for so many whole days and no longer.
    Ending {
        /// 0 on the last day.
        days: i64,
    },
    /// No longer good: nobody who checks connects.
    Ended,
    /// Not good yet, by this machine's clock.
    NotYet,
}

impl Validity {
    /// Of a certificate as DER (RFC 5280, 4.1); `None` if it is none.
    #[must_use]
    pub fn of_certificate(certificate: &[u8]) -> Option<Self> {
        let mut to_be_signed = Reader(certificate).expect(SEQUENCE)?.expect(SEQUENCE)?;
        to_be_signed.skip_if(VERSION);
        let (_serial, _algorithm, _issuer) = (to_be_signed.any()?, to_be_signed.any()?, to_be_signed.any()?);
        let mut validity = to_be_signed.expect(SEQUENCE)?;
        Some(Self { from: time(validity.any()?)?, until: time(validity.any()?)? })
    }

    /// What it means at this moment, in seconds since 1970.
    #[must_use]
    pub fn at(&self, now: i64) -> Standing {
        let left = self.until.saturating_sub(now);
        match left {
            _ if now < self.from => Standing::NotYet,
            ..0 => Standing::Ended,
            0.. if left <= WARNED_BEFORE.as_secs().cast_signed() => Standing::Ending { days: left / DAY_SECONDS },
            0.. => Standing::Good,
        }
    }
}

/// A time as certificates have it: `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`.
fn time((tag, value): (u8, &[u8])) -> Option<i64> {
    let digits = value.strip_suffix(b"Z").filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    let number = |digits: &[u8]| digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'));
    let (year, rest) = match (tag, digits.len()) {
        (UTC_TIME, 12) => {
            let year = number(&digits[..2]);
            // RFC 5280: 50 is 1950, 49 is 2049.
            (if year < 50 { 2000 + year } else { 1900 + year }, &digits[2..])
        }
        (GENERALIZED_TIME, 14) => (number(&digits[..4]), &digits[4..]),
        _ => return None,
    };
    let [month, day, hour, minute, second] = [0, 2, 4, 6, 8].map(|at| number(&rest[at..at + 2]));
    let is_sound = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    is_sound.then(|| days_since_1970(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar. The year is taken to begin in March, so that the day that some
/// years have more is the last one.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - DAYS_UNTIL_1970
}

/// From the first of March of the year 0 to 1970-01-01.
const DAYS_UNTIL_1970: i64 = 719_468;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_read_as_certificates_write_them() {
        for (tag, text, seconds) in [
            (UTC_TIME, "700101000000Z", Some(0)),
            (UTC_TIME, "261126022054Z", Some(1_795_659_654)),
            (UTC_TIME, "000229120000Z", Some(951_825_600)),
            (UTC_TIME, "500101000000Z", Some(-631_152_000)),
            (GENERALIZED_TIME, "20500101000000Z", Some(2_524_608_000)),
            (GENERALIZED_TIME, "99991231235959Z", Some(253_402_300_799)),
            (GENERALIZED_TIME, "261126022054Z", None),
            (UTC_TIME, "2611260220Z", None),
            (UTC_TIME, "261326022054Z", None),
            (UTC_TIME, "26112602205aZ", None),
            (UTC_TIME, "261126022054+0100", None),
            (SEQUENCE, "261126022054Z", None),
        ] {
            assert_eq!(time((tag, text.as_bytes())), seconds, "{text}");
        }
    }

    #[test]
    fn a_validity_is_warned_of_before_it_ends() {
        let validity = Validity { from: 0, until: 100 * DAY_SECONDS };
        for (now, standing) in [
            (-1, Standing::NotYet),
            (0, Standing::Good),
            (70 * DAY_SECONDS - 1, Standing::Good),
            (70 * DAY_SECONDS, Standing::Ending { days: 30 }),
            (99 * DAY_SECONDS + 1, Standing::Ending { days: 0 }),
            (100 * DAY_SECONDS, Standing::Ending { days: 0 }),
            (100 * DAY_SECONDS + 1, Standing::Ended),
            (i64::MAX, Standing::Ended),
        ] {
            assert_eq!(validity.at(now), standing, "{now}");
        }
    }

    fn certificate(from: (i32, u8, u8), until: (i32, u8, u8)) -> Vec<u8> {
        let mut parameters = rcgen::CertificateParams::new(vec!["hub".to_owned()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(from.0, from.1, from.2);
        parameters.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
        let key = rcgen::KeyPair::generate().unwrap();
        parameters.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn what_is_cut_off_has_no_validity_and_is_no_danger() {
        let whole = certificate((2026, 11, 26), (2060, 1, 2));
        let good = Validity::of_certificate(&whole).unwrap();
        assert_eq!(good, Validity { from: 1_795_651_200, until: 2_840_227_200 });
        for length in 0..whole.len() {
            let _ = Validity::of_certificate(&whole[..length]);
        }
        assert_eq!(Validity::of_certificate(&whole[..whole.len() - 1]), None);
    }

    proptest! {
        #[test]
        fn a_certificate_says_what_was_written_into_it(
            year in 1951..2100_i32, month in 1..=12_u8, day in 1..=28_u8, years in 1..40_i32,
        ) {
            let validity = Validity::of_certificate(&certificate((year, month, day), (year + years, month, day))).unwrap();
            let expected = |year| rcgen::date_time_ymd(year, month, day).unix_timestamp();
            prop_assert_eq!(validity, Validity { from: expected(year), until: expected(year + years) });
        }

        #[test]
        fn bytes_that_nobody_would_write_are_no_danger(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Validity::of_certificate(&bytes);
        }
    }
}
