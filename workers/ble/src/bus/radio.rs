//! How far we have come: from no message bus to hearing devices. And how long to wait before trying again.

use std::time::Duration;

use serde::Serialize;

/// What is there, each state reached through the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Radio {
    /// No D-Bus.
    NoBus,
    /// Nobody on the bus is called `org.bluez`.
    NoBluez,
    /// bluetoothd has no adapter that we can use.
    NoAdapter,
    /// There is one, and somebody has switched it off.
    Off,
    /// It is on, and is being told to scan.
    Starting,
    /// Devices are heard.
    Scanning,
}

impl Radio {
    /// For people, on a status line.
    pub fn words(self) -> &'static str {
        match self {
            Self::NoBus => "no adapter: this system has no D-Bus",
            Self::NoBluez => "no adapter: bluetoothd is not running",
            Self::NoAdapter => "no adapter",
            Self::Off => "the Bluetooth adapter is switched off",
            Self::Starting => "starting to scan",
            Self::Scanning => "scanning",
        }
    }
}

/// Pauses between attempts that come no further.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

/// When to try again.
#[derive(Debug, Default)]
pub struct Schedule {
    last: Option<Radio>,
    attempts: usize,
}

impl Schedule {
    /// How long to wait after an attempt that ended here. Ending elsewhere than last time is progress of a kind: the
    /// pauses start again.
    pub fn pause_after(&mut self, ended: Radio) -> Duration {
        if self.last != Some(ended) {
            *self = Self { last: Some(ended), attempts: 0 };
        }
        let pause = PAUSES[self.attempts.min(PAUSES.len() - 1)];
        self.attempts += 1;
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_half_a_minute_and_start_again_when_something_changes() {
        let mut schedule = Schedule::default();
        let pauses: Vec<u64> = (0..7).map(|_| schedule.pause_after(Radio::NoBus).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 5, 10, 30, 30, 30]);
        assert_eq!(schedule.pause_after(Radio::NoBluez).as_secs(), 1);
        assert_eq!(schedule.pause_after(Radio::NoBus).as_secs(), 1);
    }

    #[test]
    fn without_an_adapter_the_words_say_so_whatever_is_missing() {
        for radio in [Radio::NoBus, Radio::NoBluez, Radio::NoAdapter] {
            assert!(radio.words().starts_with("no adapter"), "{radio:?}");
        }
    }
}
