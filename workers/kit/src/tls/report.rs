//! What is said about a certificate: to whoever supervises the worker, and to everybody.

use certificates::{Standing, Validity};
use jiff::Timestamp;
use serde::Serialize;

pub(super) const KEPT: &str = "the new certificate cannot be used, the one before is kept";
pub(super) const GONE: &str =
    "the certificate's files are gone, so the one before is kept until this is restarted: there are none in";
pub(super) const BROKEN: &str = "the certificate cannot be used, so only this machine is answered";

/// How a certificate fares. As JSON it is for everybody, and names no file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// In one word.
    pub state: Word,
    /// When it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Whole days until then; negative afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_left: Option<i64>,
    /// Whether there is another one in the folder that cannot be used.
    pub kept: bool,
    #[serde(skip)]
    trouble: Option<String>,
}

/// How a certificate fares, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// There is none.
    None,
    /// It is good.
    Good,
    /// It ends soon.
    Ending,
    /// It has ended.
    Ended,
    /// It is not good yet.
    NotYet,
    /// What is there cannot be used.
    Broken,
}

impl Report {
    pub(super) fn new(validity: Option<Validity>, trouble: Option<&str>, now: i64) -> Self {
        let state = match validity.map(|validity| validity.at(now)) {
            None if trouble.is_some() => Word::Broken,
            None => Word::None,
            Some(Standing::Good) => Word::Good,
            Some(Standing::Ending { .. }) => Word::Ending,
            Some(Standing::Ended) => Word::Ended,
            Some(Standing::NotYet) => Word::NotYet,
        };
        Self {
            state,
            until: validity.and_then(|validity| Timestamp::from_second(validity.until).ok()),
            days_left: validity.map(|validity| validity.until.saturating_sub(now).div_euclid(DAY_SECONDS)),
            kept: validity.is_some() && trouble.is_some(),
            trouble: trouble.map(str::to_owned),
        }
    }

    /// One line for people who look after the hub; `None` while all is well.
    #[must_use]
    pub fn words(&self) -> Option<String> {
        let standing = words(self.state, self.days_left, self.until);
        match (self.trouble.clone(), standing) {
            (Some(trouble), Some(standing)) => Some(format!("{standing}; {trouble}")),
            (trouble, standing) => trouble.or(standing),
        }
    }
}

/// What is wrong with how long a certificate is good; `None` if nothing is.
pub(super) fn standing(validity: Validity, now: i64) -> Option<String> {
    let report = Report::new(Some(validity), None, now);
    words(report.state, report.days_left, report.until)
}

fn words(state: Word, days_left: Option<i64>, until: Option<Timestamp>) -> Option<String> {
    match (state, days_left, until) {
        (Word::Ending, Some(days), _) => Some(match days {
            ..=0 => "the certificate ends today: betti-ctl certs renews the hub's own".to_owned(),
            1 => "the certificate ends tomorrow: betti-ctl certs renews the hub's own".to_owned(),
            days => format!("the certificate ends in {days} days: betti-ctl certs renews the hub's own"),
        }),
        (Word::Ended, _, Some(until)) => {
            Some(format!("the certificate ended at {until}: betti-ctl certs renews the hub's own"))
        }
        (Word::NotYet, ..) => Some("the certificate is not good yet: is this machine's clock right?".to_owned()),
        _ => None,
    }
}

const DAY_SECONDS: i64 = 24 * 60 * 60;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    /// What is there, what is wrong with another one, on which day; in a word, and in words.
    type Row = (Option<Validity>, Option<&'static str>, i64, Word, &'static str);

    const GOOD: Validity = Validity { from: 0, until: 100 * DAY_SECONDS };

    #[test]
    fn what_is_said_is_what_somebody_can_do_something_about() {
        let table: [Row; 9] = [
            (None, None, 0, Word::None, ""),
            (Some(GOOD), None, 1, Word::Good, ""),
            (Some(GOOD), None, 88, Word::Ending, "ends in 12 days: betti-ctl certs"),
            (Some(GOOD), None, 99, Word::Ending, "ends tomorrow"),
            (Some(GOOD), None, 100, Word::Ending, "ends today"),
            (Some(GOOD), None, 101, Word::Ended, "ended at 1970-04-11T00:00:00Z"),
            (Some(GOOD), None, -1, Word::NotYet, "clock"),
            (None, Some("broken: key.pem: no"), 1, Word::Broken, "broken: key.pem: no"),
            (Some(GOOD), Some("kept: key.pem: no"), 1, Word::Good, "kept: key.pem: no"),
        ];
        for (validity, trouble, day, state, words) in table {
            let report = Report::new(validity, trouble, day * DAY_SECONDS);
            assert_eq!(report.state, state);
            let said = report.words().unwrap_or_default();
            assert!(if words.is_empty() { said.is_empty() } else { said.contains(words) }, "{words}: {said}");
        }
        let both = Report::new(Some(GOOD), Some("key.pem: no"), 101 * DAY_SECONDS).words().unwrap();
        assert!(both.contains("ended at") && both.contains("key.pem: no"), "{both}");
    }

    #[test]
    fn everybody_may_know_when_it_ends_and_not_where_it_is() {
        let report = Report::new(Some(GOOD), Some("/srv/key.pem: no"), 88 * DAY_SECONDS);
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(json, r#"{"state":"ending","until":"1970-04-11T00:00:00Z","daysLeft":12,"kept":true}"#);
        let none = serde_json::to_string(&Report::new(None, None, 0)).unwrap();
        assert_eq!(none, r#"{"state":"none","kept":false}"#);
    }
}
