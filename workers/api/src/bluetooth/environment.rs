//! What sensors said of the rooms that they are in. The newest of each, and in memory only: a room has no history here, and
//! how warm it is becomes nobody's reading.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::devices::Address;

/// What was said this long ago says nothing of a room any more.
const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// Of how many sensors something is known: a home, not a shop.
const MOST_ROOMS: usize = 64;

/// A value and when it was sensed. Of no value the sensor said that it does not know it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct At<T> {
    pub value: Option<T>,
    pub at: Timestamp,
}

/// What one sensor sensed; nothing where it said nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Room {
    /// °C
    pub temperature: Option<At<f64>>,
    /// Percent.
    pub humidity: Option<At<f64>>,
    /// Whether it is down.
    pub button: Option<At<bool>>,
    pub pressed_at: Option<Timestamp>,
}

/// What is new of a sensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    pub room: Room,
    /// When the newest of it was sensed, if that is what is new.
    pub sensed_at: Option<Timestamp>,
    /// When its button was pressed, if it was.
    pub pressed_at: Option<Timestamp>,
}

/// All that is known, by sensor.
#[derive(Debug)]
pub struct Rooms {
    rooms: BTreeMap<Address, Room>,
    /// A button that was pressed before this was not pressed for those who listen now.
    since: Timestamp,
}

impl Rooms {
    pub fn new(since: Timestamp) -> Self {
        Self { rooms: BTreeMap::new(), since }
    }

    /// Takes what a sensor of this home is reported to have said; what is new in it.
    pub fn take(&mut self, sensor: Address, said: Room) -> Option<Change> {
        let known = self.rooms.get(&sensor).copied();
        let room = said.over(known.unwrap_or_default());
        room.newest()?;
        self.rooms.insert(sensor, room);
        self.forget_one_too_many();
        let is_press = match known {
            Some(known) => said.pressed_at != known.pressed_at,
            None => said.pressed_at >= Some(self.since),
        };
        let pressed_at = said.pressed_at.filter(|_| is_press);
        let sensed_at = room.newest().filter(|_| Some(room.sensed()) != known.map(|known| known.sensed()));
        (sensed_at.is_some() || pressed_at.is_some()).then_some(Change { room, sensed_at, pressed_at })
    }

    /// A sensor is not of this home any more.
    pub fn forget(&mut self, sensor: Address) {
        self.rooms.remove(&sensor);
    }

    /// The newest of each sensor, without what is too old.
    pub fn newest(&mut self, now: Timestamp) -> Vec<(Address, Room)> {
        self.rooms.values_mut().for_each(|room| *room = room.without_what_is_old(now));
        let known = self.rooms.iter().filter(|(_, room)| room.newest().is_some());
        known.map(|(sensor, room)| (*sensor, *room)).collect()
    }

    fn forget_one_too_many(&mut self) {
        if self.rooms.len() <= MOST_ROOMS {
            return;
        }
        let oldest = self.rooms.iter().min_by_key(|(_, room)| room.newest()).map(|(sensor, _)| *sensor);
        if let Some(oldest) = oldest {
            self.rooms.remove(&oldest);
        }
    }
}

impl Room {
    /// As betti-ble writes it. What cannot be read is as good as not said.
    pub fn read(written: &Value) -> Self {
        let at = |written: &Value| written.as_str()?.parse::<Timestamp>().ok();
        let number = |field: &str| Some(At { value: written[field]["value"].as_f64(), at: at(&written[field]["at"])? });
        let button = &written["button"];
        Self {
            temperature: number("temperature"),
            humidity: number("humidity"),
            button: at(&button["at"]).map(|at| At { value: button["value"].as_bool(), at }),
            pressed_at: at(&written["pressedAt"]),
        }
    }

    /// As it is answered, each with its age in seconds.
    pub fn shown(&self, now: Timestamp) -> Value {
        let measure = |measured: Option<At<f64>>, unit: &str| {
            measured.map(|At { value, at }| {
                json!({"value": value, "unit": unit, "measured_at": kit::clock::iso(at), "age_s": age(at, now).as_secs()})
            })
        };
        json!({
            "temperature": measure(self.temperature, "Cel"),
            "humidity": measure(self.humidity, "%"),
            "button": self.button.map(|button| json!({
                "down": button.value,
                "at": kit::clock::iso(button.at),
                "pressed_at": self.pressed_at.map(kit::clock::iso),
            })),
            "age_s": self.newest().map(|at| age(at, now).as_secs()),
        })
    }

    /// Whoever started anew has not said everything yet: what was known is not less known for that.
    fn over(self, known: Self) -> Self {
        Self {
            temperature: self.temperature.or(known.temperature),
            humidity: self.humidity.or(known.humidity),
            button: self.button.or(known.button),
            pressed_at: self.pressed_at.or(known.pressed_at),
        }
    }

    /// Without the presses.
    fn sensed(&self) -> Self {
        Self { pressed_at: None, ..*self }
    }

    /// When the newest of it was sensed.
    fn newest(&self) -> Option<Timestamp> {
        let (temperature, humidity) = (self.temperature.map(|at| at.at), self.humidity.map(|at| at.at));
        temperature.max(humidity).max(self.button.map(|at| at.at))
    }

    fn without_what_is_old(self, now: Timestamp) -> Self {
        let is_new = |at: Timestamp| age(at, now).as_secs() <= KEPT_FOR.as_secs().cast_signed();
        Self {
            temperature: self.temperature.filter(|measured| is_new(measured.at)),
            humidity: self.humidity.filter(|measured| is_new(measured.at)),
            button: self.button.filter(|button| is_new(button.at)),
            // Told once: it must be known not to be a new one.
            pressed_at: self.pressed_at,
        }
    }
}

/// A clock that was put back makes nothing younger than now.
fn age(at: Timestamp, now: Timestamp) -> SignedDuration {
    now.duration_since(at).max(SignedDuration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn sensor() -> Address {
        "AA:BB:CC:00:00:05".parse().unwrap()
    }

    fn warm(value: f64, second: i64) -> Room {
        Room { temperature: Some(At { value: Some(value), at: at(second) }), ..Room::default() }
    }

    #[test]
    fn what_is_written_is_read_and_what_cannot_be_read_is_nothing() {
        let written = json!({
            "temperature": {"value": 21.5, "at": "1970-01-01T00:00:01Z"},
            "humidity": {"value": null, "at": "1970-01-01T00:00:02Z"},
            "button": {"value": true, "at": "1970-01-01T00:00:03Z"}, "pressedAt": "1970-01-01T00:00:03Z", "light": 7,
        });
        let expected = Room {
            temperature: Some(At { value: Some(21.5), at: at(1) }),
            humidity: Some(At { value: None, at: at(2) }),
            button: Some(At { value: Some(true), at: at(3) }),
            pressed_at: Some(at(3)),
        };
        assert_eq!(Room::read(&written), expected);
        let nonsense = json!({"temperature": 21.5, "humidity": {"value": 40}, "button": [], "pressedAt": "now"});
        for written in [nonsense, json!(null), json!("warm")] {
            assert_eq!(Room::read(&written), Room::default(), "{written}");
        }
    }

    #[test]
    fn only_what_was_sensed_anew_is_new_and_what_was_known_stays() {
        let mut rooms = Rooms::new(at(0));
        assert_eq!(rooms.take(sensor(), Room::default()), None, "it has said nothing");
        let change = rooms.take(sensor(), warm(21.0, 1)).unwrap();
        assert_eq!((change.room, change.sensed_at), (warm(21.0, 1), Some(at(1))));
        assert_eq!(rooms.take(sensor(), warm(21.0, 1)), None, "said again");
        assert_eq!(rooms.take(sensor(), Room::default()), None, "betti-ble has started anew");
        let humid = Room { humidity: Some(At { value: Some(40.0), at: at(2) }), ..Room::default() };
        let both = Room { humidity: humid.humidity, ..warm(21.0, 1) };
        assert_eq!(rooms.take(sensor(), humid).unwrap().room, both);
        assert_eq!(rooms.newest(at(3)), [(sensor(), both)]);
        rooms.forget(sensor());
        assert_eq!(rooms.newest(at(3)), []);
    }

    #[test]
    fn a_press_is_told_once_and_not_by_a_worker_that_began_after_it() {
        let pressed = |second| Room {
            button: Some(At { value: Some(false), at: at(5) }),
            pressed_at: Some(at(second)),
            ..Room::default()
        };
        let mut rooms = Rooms::new(at(10));
        assert_eq!(rooms.take(sensor(), pressed(9)).unwrap().pressed_at, None);
        let change = rooms.take(sensor(), pressed(11)).unwrap();
        assert_eq!((change.pressed_at, change.sensed_at), (Some(at(11)), None), "down and up between two reports");
        assert_eq!(rooms.take(sensor(), pressed(11)), None);
        // The clock was put back.
        assert_eq!(rooms.take(sensor(), pressed(8)).unwrap().pressed_at, Some(at(8)));
        let mut rooms = Rooms::new(at(10));
        assert_eq!(rooms.take(sensor(), pressed(10)).unwrap().pressed_at, Some(at(10)));
    }

    #[test]
    fn what_is_a_day_old_is_not_known_any_more() {
        let mut rooms = Rooms::new(at(0));
        rooms.take(sensor(), warm(21.0, 60));
        let day = 24 * 60 * 60;
        let [(_, room)] = rooms.newest(at(60 + day))[..] else { panic!("must be known") };
        let shown = room.shown(at(60 + day));
        assert_eq!((&shown["temperature"]["age_s"], &shown["age_s"]), (&json!(day), &json!(day)));
        assert_eq!(room.shown(at(0))["age_s"], 0, "the clock was put back");
        assert_eq!(rooms.newest(at(61 + day)), []);
        assert_eq!(rooms.take(sensor(), warm(20.0, 61 + day)).unwrap().room, warm(20.0, 61 + day));
        let pressed = Room { pressed_at: Some(at(61 + day)), ..warm(20.0, 61 + day) };
        assert!(rooms.take(sensor(), pressed).unwrap().pressed_at.is_some());
        assert_eq!(rooms.newest(at(62 + 2 * day)), []);
        let back = Room { pressed_at: pressed.pressed_at, ..warm(19.0, 63 + 2 * day) };
        assert_eq!(rooms.take(sensor(), back).unwrap().pressed_at, None, "told before");
    }

    #[test]
    fn of_a_crowd_of_sensors_the_newest_are_remembered() {
        let mut rooms = Rooms::new(at(0));
        let address = |number: i64| format!("AA:BB:CC:00:00:{number:02X}").parse::<Address>().unwrap();
        for number in 0..100 {
            rooms.take(address(number), warm(21.0, number));
        }
        let known: Vec<_> = rooms.newest(at(100)).into_iter().map(|(sensor, _)| sensor).collect();
        assert_eq!(known, (36..100).map(address).collect::<Vec<_>>());
    }
}
