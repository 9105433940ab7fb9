//! What a sensor of a room says: Temperature (2A6E), Humidity (2A6F) and, of its button, Digital (2A56).

use uuid::Uuid;

use super::bytes::Bytes;
use super::{Refused, assigned};

/// "Value is not known", as the specification writes it.
const UNKNOWN_TEMPERATURE: i16 = i16::MIN;
const UNKNOWN_HUMIDITY: u16 = u16::MAX;
/// Absolute zero, in hundredths of a degree.
const LEAST_HUNDREDTHS_CELSIUS: i16 = -27_315;
/// All of it is water.
const MOST_HUNDREDTHS_PERCENT: u16 = 10_000;
/// Signals of a Digital value that are looked at: nobody has more buttons on one sensor.
const MOST_SIGNALS: u32 = 32;
const BITS_OF_A_SIGNAL: u32 = 2;
const SIGNALS_IN_A_BYTE: u32 = 4;
const INACTIVE: u8 = 0b00;
const ACTIVE: u8 = 0b01;
const STATE_UNKNOWN: u8 = 0b11;

/// A characteristic that holds what is so in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ambient {
    /// 2A6E
    Temperature,
    /// 2A6F
    Humidity,
    /// 2A56, which a button is.
    Digital,
}

/// What a sensor of a room has sensed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sensed {
    /// In °C; `None` if the sensor does not know.
    Temperature(Option<f64>),
    /// In percent; `None` if the sensor does not know.
    Humidity(Option<f64>),
    Digital(Digital),
}

/// Signals that are on or off, a bit each, the first one lowest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digital {
    active: u32,
    /// Neither on nor off, as far as the sensor knows.
    unknown: u32,
}

impl Ambient {
    pub const ALL: [Self; 3] = [Self::Temperature, Self::Humidity, Self::Digital];

    pub fn uuid(self) -> Uuid {
        match self {
            Self::Temperature => assigned(0x2A6E),
            Self::Humidity => assigned(0x2A6F),
            Self::Digital => assigned(0x2A56),
        }
    }

    pub fn from_uuid(uuid: Uuid) -> Option<Self> {
        Self::ALL.into_iter().find(|ambient| ambient.uuid() == uuid)
    }

    /// Decodes what was read or notified.
    ///
    /// # Errors
    /// Why it is no value. That the sensor does not know one is none.
    pub fn decode(self, value: &[u8]) -> Result<Sensed, Refused> {
        let mut bytes = Bytes::new(value);
        match self {
            Self::Temperature => temperature(bytes.u16("temperature")?.cast_signed()).map(Sensed::Temperature),
            Self::Humidity => humidity(bytes.u16("humidity")?).map(Sensed::Humidity),
            Self::Digital => Digital::decode(value).map(Sensed::Digital),
        }
    }
}

impl Digital {
    /// Whether any of them is on.
    pub fn is_active(self) -> bool {
        self.active != 0
    }

    /// These after those before: a signal that is not known is as it was.
    pub fn after(self, before: Self) -> Self {
        Self { active: self.active | (before.active & self.unknown), unknown: 0 }
    }

    /// Whether one is on now that was not before.
    pub fn is_press_after(self, before: Self) -> bool {
        self.active & !before.active != 0
    }

    fn decode(value: &[u8]) -> Result<Self, Refused> {
        Bytes::new(value).u8("signals")?;
        let mut all = Self::default();
        for (signal, state) in (0..MOST_SIGNALS).zip(value.iter().flat_map(|byte| states(*byte))) {
            match state {
                INACTIVE => {}
                ACTIVE => all.active |= 1 << signal,
                STATE_UNKNOWN => all.unknown |= 1 << signal,
                // Tri-state: it drives nothing, so nothing is pressed.
                _ => {}
            }
        }
        Ok(all)
    }
}

fn states(byte: u8) -> impl Iterator<Item = u8> {
    (0..SIGNALS_IN_A_BYTE).map(move |place| byte >> (place * BITS_OF_A_SIGNAL) & STATE_UNKNOWN)
}

fn temperature(hundredths: i16) -> Result<Option<f64>, Refused> {
    match hundredths {
        UNKNOWN_TEMPERATURE => Ok(None),
        LEAST_HUNDREDTHS_CELSIUS.. => Ok(Some(f64::from(hundredths) / 100.0)),
        _ => Err(Refused::OutOfRange("a temperature below absolute zero")),
    }
}

fn humidity(hundredths: u16) -> Result<Option<f64>, Refused> {
    match hundredths {
        UNKNOWN_HUMIDITY => Ok(None),
        ..=MOST_HUNDREDTHS_PERCENT => Ok(Some(f64::from(hundredths) / 100.0)),
        _ => Err(Refused::OutOfRange("a humidity above 100 %")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_temperature_is_in_hundredths_of_a_degree() {
        let table: [(&[u8], Option<f64>); 8] = [
            (&[0x69, 0x08], Some(21.53)),
            (&[0x00, 0x00], Some(0.0)),
            (&[0xFF, 0xFF], Some(-0.01)),
            (&[0x18, 0xFC], Some(-10.0)),
            (&[0xFF, 0x7F], Some(327.67)),
            (&[0x4D, 0x95], Some(-273.15)),
            (&[0x00, 0x80], None),
            (&[0x69, 0x08, 0x07], Some(21.53)),
        ];
        for (bytes, celsius) in table {
            assert_eq!(Ambient::Temperature.decode(bytes), Ok(Sensed::Temperature(celsius)), "{bytes:02x?}");
        }
        let refused = Ambient::Temperature.decode(&[0x4C, 0x95]).unwrap_err().to_string();
        assert_eq!(refused, "a temperature below absolute zero is outside what the specification allows");
    }

    #[test]
    fn a_humidity_is_in_hundredths_of_a_percent() {
        let table: [(&[u8], Option<f64>); 5] = [
            (&[0x94, 0x11], Some(45.0)),
            (&[0x00, 0x00], Some(0.0)),
            (&[0x01, 0x00], Some(0.01)),
            (&[0x10, 0x27], Some(100.0)),
            (&[0xFF, 0xFF], None),
        ];
        for (bytes, percent) in table {
            assert_eq!(Ambient::Humidity.decode(bytes), Ok(Sensed::Humidity(percent)), "{bytes:02x?}");
        }
        for bytes in [[0x11, 0x27], [0xFE, 0xFF]] {
            assert!(matches!(Ambient::Humidity.decode(&bytes), Err(Refused::OutOfRange(_))), "{bytes:02x?}");
        }
    }

    #[test]
    fn what_lacks_bytes_is_refused() {
        for ambient in Ambient::ALL {
            assert!(matches!(ambient.decode(&[]), Err(Refused::Truncated { .. })), "{ambient:?}");
        }
        for ambient in [Ambient::Temperature, Ambient::Humidity] {
            assert!(matches!(ambient.decode(&[1]), Err(Refused::Truncated { .. })), "{ambient:?}");
        }
    }

    /// Before, then, whether that is a press, whether it is on afterwards.
    #[test]
    fn a_press_is_a_signal_that_becomes_active() {
        let table: [(&[u8], &[u8], bool, bool); 9] = [
            (&[0b00], &[0b01], true, true),
            (&[0b01], &[0b01], false, true),
            (&[0b01], &[0b00], false, false),
            (&[0b00], &[0b10], false, false),
            (&[0b00], &[0b11], false, false),
            (&[0b01], &[0b11], false, true),
            (&[0b01], &[0b01_01], true, true),
            (&[0b01], &[0b01_00], true, true),
            (&[0], &[0, 0b01_00_00_00], true, true),
        ];
        for (before, then, is_press, is_active) in table {
            let (before, then) = (Digital::decode(before).unwrap(), Digital::decode(then).unwrap());
            assert_eq!(then.is_press_after(before), is_press, "{before:?} {then:?}");
            assert_eq!(then.after(before).is_active(), is_active, "{before:?} {then:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_no_value_is_out_of_range(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            for ambient in Ambient::ALL {
                match ambient.decode(&bytes) {
                    Ok(Sensed::Temperature(Some(celsius))) => prop_assert!((-273.15..=327.67).contains(&celsius)),
                    Ok(Sensed::Humidity(Some(percent))) => prop_assert!((0.0..=100.0).contains(&percent)),
                    Ok(_) | Err(_) => {}
                }
            }
        }
    }
}
