//! What one sensor last sensed in its room. Of now or of nothing: it is told, and not kept on disk.

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use tokio::time::{Duration, Instant};

use crate::gatt::{Digital, Sensed};

/// Some sensors speak every second, and no room changes that fast.
const TOLD_EVERY: Duration = Duration::from_secs(5);

/// A value, and when it came.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct At<T> {
    pub value: T,
    #[serde(serialize_with = "iso")]
    pub at: Timestamp,
}

/// All of it, as betti-backend is told.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Room {
    /// In °C; a value of `None` is what the sensor does not know.
    temperature: Option<At<Option<f64>>>,
    /// In percent; likewise.
    humidity: Option<At<Option<f64>>>,
    /// Whether it is down.
    button: Option<At<bool>>,
    #[serde(serialize_with = "iso_if_any")]
    pressed_at: Option<Timestamp>,
    /// `None` until this connection has told how the button is.
    #[serde(skip)]
    signals: Option<Digital>,
    #[serde(skip)]
    told_at: Option<Instant>,
}

impl Room {
    /// A connection is new. Where the button will be read, that says how it is now, and is no press; where not, it is taken
    /// to be up.
    pub fn begin(&mut self, is_button_read: bool) {
        self.signals = (!is_button_read).then(Digital::default);
    }

    pub fn take(&mut self, sensed: Sensed, at: Timestamp, now: Instant) {
        let is_news = match sensed {
            Sensed::Temperature(value) => self.temperature.replace(At { value, at }).is_none(),
            Sensed::Humidity(value) => self.humidity.replace(At { value, at }).is_none(),
            Sensed::Digital(signals) => self.take_signals(signals, at),
        };
        if is_news || self.told_at.is_none_or(|told_at| now.duration_since(told_at) >= TOLD_EVERY) {
            self.told_at = Some(now);
        }
    }

    /// Another one whenever there is something to be told at once.
    pub fn edition(&self) -> Option<Instant> {
        self.told_at
    }

    fn take_signals(&mut self, signals: Digital, at: Timestamp) -> bool {
        let is_press = self.signals.is_some_and(|before| signals.is_press_after(before));
        if is_press {
            self.pressed_at = Some(at);
        }
        let signals = signals.after(self.signals.unwrap_or_default());
        self.signals = Some(signals);
        let value = signals.is_active();
        let before = self.button.replace(At { value, at });
        is_press || before.is_none_or(|before| before.value != value)
    }
}

fn iso<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    kit::clock::iso(*at).serialize(serializer)
}

fn iso_if_any<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(kit::clock::iso).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::gatt::Ambient;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn signals(byte: u8) -> Sensed {
        Ambient::Digital.decode(&[byte]).unwrap()
    }

    #[test]
    fn it_is_told_in_words_of_its_own() {
        let mut room = Room::default();
        room.take(Sensed::Temperature(Some(21.53)), at(0), Instant::now());
        room.take(Sensed::Humidity(None), at(1), Instant::now());
        assert_eq!(
            serde_json::to_value(&room).unwrap(),
            json!({
                "temperature": {"value": 21.53, "at": "1970-01-01T00:00:00.000Z"},
                "humidity": {"value": null, "at": "1970-01-01T00:00:01.000Z"},
                "button": null, "pressedAt": null,
            })
        );
    }

    #[test]
    fn what_is_new_is_told_at_once_and_what_changes_now_and_then() {
        let (mut room, start) = (Room::default(), Instant::now());
        let mut is_told = |sensed, after| {
            let before = room.edition();
            room.take(sensed, at(0), start + after);
            room.edition() != before
        };
        let second = Duration::from_secs(1);
        assert!(is_told(Sensed::Temperature(Some(21.0)), Duration::ZERO), "the first");
        assert!(!is_told(Sensed::Temperature(Some(21.1)), second));
        assert!(is_told(Sensed::Humidity(Some(40.0)), second * 2), "the first of its kind");
        assert!(is_told(signals(0), second * 3), "the first of its kind");
        assert!(is_told(signals(1), second * 4), "a press");
        assert!(!is_told(signals(1), second * 5));
        assert!(is_told(signals(0), second * 6), "its end");
        assert!(!is_told(Sensed::Humidity(Some(41.0)), second * 7));
        assert!(is_told(Sensed::Temperature(Some(21.2)), second * 6 + TOLD_EVERY));
    }

    #[test]
    fn a_button_that_is_down_when_it_is_read_first_was_not_pressed() {
        let mut room = Room::default();
        let mut pressed = |is_button_read: Option<bool>, byte, second| {
            if let Some(is_button_read) = is_button_read {
                room.begin(is_button_read);
            }
            room.take(signals(byte), at(second), Instant::now());
            room.pressed_at
        };
        assert_eq!(pressed(Some(true), 1, 1), None, "how it is");
        assert_eq!(pressed(None, 0, 2), None);
        assert_eq!(pressed(None, 1, 3), Some(at(3)));
        assert_eq!(pressed(Some(true), 1, 4), Some(at(3)), "connected anew, and still down");
        assert_eq!(pressed(Some(false), 1, 5), Some(at(5)), "it cannot be read: what it says is news");
    }
}
