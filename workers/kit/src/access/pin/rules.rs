//! What a PIN may be. Pure.

use std::fmt;

/// The fewest digits of a PIN.
pub const SHORTEST: usize = 4;
/// The most digits of a PIN.
pub const LONGEST: usize = 8;

/// Why something cannot be a PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is too short, too long, or has something else in it.
    #[error("a PIN has {SHORTEST} to {LONGEST} digits, and nothing else")]
    Form,
    /// 1234, 8765, 7890.
    #[error("this PIN counts up or down, which is what people try first: choose another")]
    Sequence,
    /// 0000, 1212, 123123.
    #[error("this PIN repeats itself, which is what people try first: choose another")]
    Repeated,
}

/// A PIN that somebody may choose, in clear. It is never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Pin(String);

impl Pin {
    /// # Errors
    /// Why it should not be.
    pub fn new(text: &str) -> Result<Self, Unfit> {
        let digits = text.as_bytes();
        if !(SHORTEST..=LONGEST).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
            return Err(Unfit::Form);
        }
        if repeats(digits) {
            return Err(Unfit::Repeated);
        }
        if counts(digits, 1) || counts(digits, 9) {
            return Err(Unfit::Sequence);
        }
        Ok(Self(text.to_owned()))
    }

    /// As it is typed.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Pin(…)")
    }
}

/// Whether each digit is the one before and so many, where 0 comes after 9.
fn counts(digits: &[u8], by: u8) -> bool {
    digits.windows(2).all(|pair| (pair[0] - b'0' + by) % 10 == pair[1] - b'0')
}

/// Whether it is a shorter one several times.
fn repeats(digits: &[u8]) -> bool {
    let lengths = (1..digits.len()).filter(|length| digits.len().is_multiple_of(*length));
    lengths.into_iter().any(|length| digits.chunks(length).all(|chunk| chunk == &digits[..length]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_people_try_first_is_no_pin() {
        for (text, expected) in [
            ("1234", Unfit::Sequence),
            ("4321", Unfit::Sequence),
            ("7890", Unfit::Sequence),
            ("01234567", Unfit::Sequence),
            ("0000", Unfit::Repeated),
            ("77777", Unfit::Repeated),
            ("1212", Unfit::Repeated),
            ("123123", Unfit::Repeated),
            ("", Unfit::Form),
            ("123", Unfit::Form),
            ("259031846", Unfit::Form),
            ("25 8", Unfit::Form),
            ("258o", Unfit::Form),
            ("٢٥٨٠", Unfit::Form),
        ] {
            assert_eq!(Pin::new(text), Err(expected), "{text}");
        }
        for text in ["2580", "1235", "0101020", "25903184"] {
            assert_eq!(Pin::new(text).as_ref().map(Pin::reveal), Ok(text));
        }
        assert_eq!(format!("{:?}", Pin::new("2580")), "Ok(Pin(…))", "it is in no log");
    }

    proptest! {
        #[test]
        fn nothing_but_digits_is_a_pin_and_no_text_is_a_trouble(text in "\\PC{0,12}") {
            if let Ok(pin) = Pin::new(&text) {
                prop_assert!(pin.reveal() == text && (4..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()));
            }
        }

        #[test]
        fn most_numbers_are_pins(number in 0_u32..10_000) {
            let text = format!("{number:04}");
            let few = text[..2] == text[2..] || Pin::new(&text) == Err(Unfit::Sequence);
            prop_assert_eq!(Pin::new(&text).is_err(), few);
        }
    }
}
