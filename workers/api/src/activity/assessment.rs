//! Tests of strength and balance, and what is known about their results. Information for whoever cares for somebody, not a
//! diagnosis; the cut-offs need a clinician's review.

use jiff::Timestamp;
use kit::{
    Home, clock,
    field::{self, FieldError},
};
use serde_json::Value;

/// The shortest and longest result that is taken, in seconds.
const SECONDS: (f64, f64) = (1.0, 300.0);

/// Which test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Rising from a chair and sitting down five times, arms crossed.
    FiveTimesSitToStand,
    /// Rising, walking three metres, turning, walking back, sitting down.
    TimedUpAndGo,
}

/// From which result on something is known of people.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CutOff {
    pub seconds: f64,
    /// Whether exactly so many are meant as well.
    pub includes: bool,
    pub means: &'static str,
    pub source: &'static str,
}

// "Secondary": the number was read where the source is quoted, not in the source itself.
const OF_FIVE_TIMES_SIT_TO_STAND: [CutOff; 2] = [
    CutOff {
        seconds: 15.0,
        includes: false,
        means: "falls more often (in people of 65 and more, with a sensitivity of 55 % and a specificity of 65 %)",
        source: "Buatois et al., J Am Geriatr Soc 2008;56:1575-1577 (secondary)",
    },
    CutOff {
        seconds: 15.0,
        includes: false,
        means: "low muscle strength",
        source: "EWGSOP2: Cruz-Jentoft et al., Age and Ageing 2019;48:16-31, table 3 (secondary)",
    },
];
const OF_TIMED_UP_AND_GO: [CutOff; 2] = [
    CutOff {
        seconds: 12.0,
        includes: true,
        means: "at risk for falling; by itself the test foretells falls poorly (Barry et al., BMC Geriatrics 2014;14:14)",
        source: "CDC STEADI, Timed Up & Go, https://www.cdc.gov/steadi/media/pdfs/STEADI-Assessment-TUG-508.pdf (secondary)",
    },
    CutOff {
        seconds: 20.0,
        includes: true,
        means: "low physical performance",
        source: "EWGSOP2: Cruz-Jentoft et al., Age and Ageing 2019;48:16-31, table 3 (secondary)",
    },
];

impl Kind {
    pub const ALL: [Self; 2] = [Self::FiveTimesSitToStand, Self::TimedUpAndGo];

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::FiveTimesSitToStand => "five_times_sit_to_stand",
            Self::TimedUpAndGo => "timed_up_and_go",
        }
    }

    pub fn cut_offs(self) -> &'static [CutOff] {
        match self {
            Self::FiveTimesSitToStand => &OF_FIVE_TIMES_SIT_TO_STAND,
            Self::TimedUpAndGo => &OF_TIMED_UP_AND_GO,
        }
    }
}

impl CutOff {
    /// Whether a result is one of those that are meant; who could not do it is slower than anybody.
    pub fn is_reached(&self, seconds: Option<f64>) -> bool {
        seconds.is_none_or(|seconds| seconds > self.seconds || (self.includes && seconds == self.seconds))
    }
}

/// A result that can be kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub kind: Kind,
    /// `None`: they could not do it.
    pub seconds: Option<f64>,
    pub notes: Option<String>,
    pub performed_at: Timestamp,
    /// As it was written.
    pub performed_at_text: String,
}

/// Why a result cannot be kept, for the one who sent it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EntryError {
    #[error("kind {0:?} is not known. Must be one of: five_times_sit_to_stand, timed_up_and_go")]
    Kind(String),
    #[error("seconds is required, or unable: true if they could not do it, but not both")]
    Result,
    #[error(transparent)]
    Field(#[from] FieldError),
}

impl Entry {
    /// Reads a body: `kind`, `seconds` or `unable`, `performed_at`, `notes`. Without a time it is of now.
    pub fn read(body: &Value, now: Timestamp, home: &Home) -> Result<Self, EntryError> {
        let name = field::text(body, "kind")?.ok_or(FieldError::Missing("kind"))?;
        let kind = Kind::of_name(&name).ok_or(EntryError::Kind(name))?;
        let seconds = field::number_within(body, "seconds", SECONDS.0, SECONDS.1)?;
        let unable = field::flag(body, "unable")?.unwrap_or(false);
        if seconds.is_some() == unable {
            return Err(EntryError::Result);
        }
        let (performed_at, performed_at_text) =
            field::time(body, "performed_at", home)?.unwrap_or_else(|| (now, clock::iso(now)));
        Ok(Self { kind, seconds, notes: field::text(body, "notes")?, performed_at, performed_at_text })
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_result_means_begins_where_its_source_says() {
        let reached =
            |kind: Kind, seconds| kind.cut_offs().iter().map(|cut_off| cut_off.is_reached(seconds)).collect::<Vec<_>>();
        assert_eq!(reached(Kind::FiveTimesSitToStand, Some(15.0)), [false, false]);
        assert_eq!(reached(Kind::FiveTimesSitToStand, Some(15.1)), [true, true]);
        assert_eq!(reached(Kind::TimedUpAndGo, Some(11.9)), [false, false]);
        assert_eq!(reached(Kind::TimedUpAndGo, Some(12.0)), [true, false]);
        assert_eq!(reached(Kind::TimedUpAndGo, Some(20.0)), [true, true]);
        assert_eq!(reached(Kind::TimedUpAndGo, None), [true, true]);
    }

    #[test]
    fn a_result_is_seconds_or_that_there_are_none() {
        let now = "2031-01-31T12:00:00Z".parse().unwrap();
        let read =
            |body: Value| Entry::read(&body, now, &Home::in_zone(TimeZone::UTC)).map_err(|error| error.to_string());
        let entry = read(json!({"kind": "timed_up_and_go", "seconds": "11.2"})).unwrap();
        assert_eq!((entry.seconds, entry.performed_at), (Some(11.2), now));
        assert_eq!(read(json!({"kind": "timed_up_and_go", "unable": true})).unwrap().seconds, None);
        for (body, text) in [
            (json!({}), "kind is required"),
            (json!({"kind": "chair"}), r#"kind "chair" is not known"#),
            (json!({"kind": "timed_up_and_go"}), "seconds is required"),
            (json!({"kind": "timed_up_and_go", "seconds": 9, "unable": true}), "seconds is required"),
            (json!({"kind": "timed_up_and_go", "seconds": 0}), "seconds cannot be 0: it is at least 1"),
            (json!({"kind": "timed_up_and_go", "seconds": 9, "performed_at": "noon"}), "performed_at \"noon\""),
        ] {
            let error = read(body).unwrap_err();
            assert!(error.starts_with(text), "{error}");
        }
    }
}
