//! A screen that hangs where anybody can touch it: what it may do without the PIN. Pure: told the time.

use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};

use crate::{Problem, Rule};

/// For how long a kiosk is unlocked by the PIN. It is not made longer by use: whoever comes after is somebody else.
pub const UNLOCKED_FOR: SignedDuration = SignedDuration::from_mins(5);

/// What is at stake when a route is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stakes {
    /// Seeing, and what is done every day: readings, doses, drinks, meals, answers to alerts.
    Everyday,
    /// Treatment, or who may see what.
    Treatment,
}

impl Stakes {
    /// Of a route of which nobody says: what only reads, and what no kiosk is known at, is everyday.
    #[must_use]
    pub fn at_first(method: &Method, rule: Rule) -> Self {
        if method == Method::GET || rule == Rule::Public { Self::Everyday } else { Self::Treatment }
    }

    /// Whether it may be done: by whoever is no kiosk (`None`), and by a kiosk as it is locked.
    ///
    /// # Errors
    /// What is needed first.
    pub fn admits(self, lock: Option<Lock>) -> Result<(), Needs> {
        match (self, lock) {
            (Self::Everyday, _) | (Self::Treatment, None | Some(Lock::Unlocked { .. })) => Ok(()),
            (Self::Treatment, Some(Lock::Locked)) => Err(Needs::Pin),
            (Self::Treatment, Some(Lock::NoPin)) => Err(Needs::PinToBeSet),
        }
    }
}

/// How a kiosk is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// The resident has no PIN.
    NoPin,
    /// The PIN was not typed there, or too long ago.
    Locked,
    /// It was typed.
    Unlocked {
        /// Until then.
        until: Timestamp,
    },
}

impl Lock {
    /// Of a kiosk of which nothing is known.
    pub(super) const UNKNOWN: Self = Self::Locked;

    /// Of a kiosk where the PIN was last typed at `unlocked_at`. A clock that was set back opens nothing for longer.
    #[must_use]
    pub fn of(has_pin: bool, unlocked_at: Option<Timestamp>, now: Timestamp) -> Self {
        if !has_pin {
            return Self::NoPin;
        }
        let until = unlocked_at.filter(|at| *at <= now).and_then(|at| at.checked_add(UNLOCKED_FOR).ok());
        until.filter(|until| now < *until).map_or(Self::Locked, |until| Self::Unlocked { until })
    }
}

/// What a kiosk needs before it does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// The PIN.
    Pin,
    /// A PIN, which nobody has set yet.
    PinToBeSet,
}

impl From<Needs> for Problem {
    fn from(needs: Needs) -> Self {
        let (text, pin) = match needs {
            Needs::Pin => ("This changes treatment, or who may see what. Type the PIN first.", "set"),
            Needs::PinToBeSet => (
                "This changes treatment, or who may see what. A PIN must be set first, by another device of the resident or by \
                 betti-api pin on the hub.",
                "unset",
            ),
        };
        Self::new(StatusCode::FORBIDDEN, text).with_field("needs", "pin").with_field("pin", pin)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Area;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_925_000_000 + second).unwrap()
    }

    #[test]
    fn what_a_kiosk_may_is_this_table_and_nobody_else_is_held_back() {
        let unlocked = Lock::Unlocked { until: at(0) };
        let table = [
            (Stakes::Everyday, None, Ok(())),
            (Stakes::Everyday, Some(Lock::NoPin), Ok(())),
            (Stakes::Everyday, Some(Lock::Locked), Ok(())),
            (Stakes::Everyday, Some(unlocked), Ok(())),
            (Stakes::Treatment, None, Ok(())),
            (Stakes::Treatment, Some(Lock::NoPin), Err(Needs::PinToBeSet)),
            (Stakes::Treatment, Some(Lock::Locked), Err(Needs::Pin)),
            (Stakes::Treatment, Some(unlocked), Ok(())),
        ];
        for (stakes, lock, expected) in table {
            assert_eq!(stakes.admits(lock), expected, "{stakes:?} {lock:?}");
        }
    }

    #[test]
    fn what_nobody_decided_about_needs_the_pin_unless_it_only_reads() {
        let write = Rule::Write(Area::Vitals);
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            for rule in [write, Rule::Record(Area::Vitals), Rule::Known, Rule::Household, Rule::Read(Area::Vitals)] {
                assert_eq!(Stakes::at_first(&method, rule), Stakes::Treatment, "{method} {rule:?}");
            }
            assert_eq!(Stakes::at_first(&method, Rule::Public), Stakes::Everyday);
        }
        assert_eq!(Stakes::at_first(&Method::GET, write), Stakes::Everyday);
    }

    proptest! {
        #[test]
        fn a_kiosk_is_open_from_the_pin_on_for_five_minutes_and_at_no_other_time(typed in -1000_i64..1000, now in -1000_i64..1000) {
            let is_open = matches!(Lock::of(true, Some(at(typed)), at(now)), Lock::Unlocked { until } if until == at(typed + 300));
            prop_assert_eq!(is_open, (0..300).contains(&(now - typed)));
            prop_assert_eq!(Lock::of(false, Some(at(typed)), at(now)), Lock::NoPin);
            prop_assert_eq!(Lock::of(true, None, at(now)), Lock::Locked);
        }
    }
}
