//! A Bluetooth address, however it is written.

use std::{fmt, str::FromStr};

/// Characters that people and systems put between the pairs.
const SEPARATORS: [char; 4] = [':', '-', '.', ' '];

/// Six bytes. Shown as `AA:BB:CC:DD:EE:FF`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address([u8; 6]);

/// What was written is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a Bluetooth address. Write it like AA:BB:CC:DD:EE:FF")]
pub struct NotAnAddress(pub String);

impl Address {
    /// `aabbccddeeff`
    pub fn compact(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let wrong = || NotAnAddress(text.to_owned());
        let digits = text.trim().chars().filter(|character| !SEPARATORS.contains(character));
        let digits: Option<Vec<u8>> = digits.map(|digit| Some(digit.to_digit(16)? as u8)).collect();
        let digits = digits.filter(|digits| digits.len() == 12).ok_or_else(wrong)?;
        let mut bytes = [0; 6];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            *byte = pair[0] << 4 | pair[1];
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, f] = self.0;
        write!(formatter, "{a:02X}:{b:02X}:{c:02X}:{d:02X}:{e:02X}:{f:02X}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_address_is_refused_with_how_to_write_one() {
        for text in ["", "AA:BB", "AA:BB:CC:DD:EE:FG", "AA:BB:CC:DD:EE:FF:00", "Äa:BB:CC:DD:EE:FF", "cuff"] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains("AA:BB:CC:DD:EE:FF"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn an_address_is_the_same_in_any_case_and_with_any_separators(
            bytes: [u8; 6],
            upper: bool,
            separator in prop::sample::select(vec!["", ":", "-", ".", " "]),
        ) {
            let pairs = bytes.map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") });
            let address: Address = pairs.join(separator).parse().unwrap();
            prop_assert_eq!(address, Address(bytes));
            prop_assert_eq!(address.to_string().parse(), Ok(address));
            prop_assert_eq!(address.compact().parse(), Ok(address));
        }

        #[test]
        fn nothing_that_is_written_breaks_it(text in ".{0,40}") {
            if let Ok(address) = text.parse::<Address>() {
                prop_assert_eq!(address.to_string().len(), 17);
            }
        }
    }
}
