//! As much of DER (X.690) as it takes to walk to a field: tag, length, value.

/// `SEQUENCE`
pub const SEQUENCE: u8 = 0x30;
/// `UTCTime`, with two digits for the year.
pub const UTC_TIME: u8 = 0x17;
/// `GeneralizedTime`, with four.
pub const GENERALIZED_TIME: u8 = 0x18;
/// `[0] EXPLICIT`, the version of a certificate.
pub const VERSION: u8 = 0xa0;

/// Lengths have at most so many bytes; a certificate is far shorter.
const MOST_LENGTH_BYTES: usize = 4;

/// What is left to be read.
#[derive(Clone, Copy)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// The next value, whatever its tag; `None` at the end, or if it is cut off.
    pub fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let length = match usize::from(first) {
            short @ 0..=0x7f => short,
            long => {
                let (bytes, after) = rest.split_at_checked(long - 0x80)?;
                rest = after;
                if bytes.is_empty() || bytes.len() > MOST_LENGTH_BYTES {
                    return None;
                }
                bytes.iter().fold(0, |length, &byte| length << 8 | usize::from(byte))
            }
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, value))
    }

    /// The next value, if it has this tag.
    pub fn expect(&mut self, tag: u8) -> Option<Self> {
        self.any().filter(|(found, _)| *found == tag).map(|(_, value)| Self(value))
    }

    /// Passes over the next value if it has this tag.
    pub fn skip_if(&mut self, tag: u8) {
        if self.0.first() == Some(&tag) {
            self.any();
        }
    }
}
