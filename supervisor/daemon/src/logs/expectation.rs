//! Finds a text in a stream that comes in pieces.

pub struct Expectation {
    text: Vec<u8>,
    /// The end of what went by, where the text may have begun.
    before: Vec<u8>,
}

impl Expectation {
    /// `before` is the end of what went by already.
    pub fn new(text: &str, before: &[u8]) -> Self {
        let mut expectation = Self { text: text.into(), before: Vec::new() };
        expectation.pass(before);
        expectation
    }

    /// Whether these bytes, which come next, show the text or complete it.
    pub fn is_met_by(&self, bytes: &[u8]) -> bool {
        if self.text.is_empty() {
            return !bytes.is_empty();
        }
        let seam = [&self.before, &bytes[..bytes.len().min(self.text.len() - 1)]].concat();
        [&seam, bytes].iter().any(|place| place.windows(self.text.len()).any(|window| window == self.text))
    }

    /// These bytes went by.
    pub fn pass(&mut self, bytes: &[u8]) {
        let most = self.text.len().saturating_sub(1);
        self.before.extend_from_slice(&bytes[bytes.len().saturating_sub(most)..]);
        self.before.drain(..self.before.len().saturating_sub(most));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_is_found_however_the_stream_is_cut(
            text in "[ab]{1,5}", stream in "[ab\n]{0,40}", cuts in proptest::collection::vec(1_usize..7, 40)
        ) {
            let mut expectation = Expectation::new(&text, b"");
            let mut rest = stream.as_bytes();
            let mut met = false;
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                met |= expectation.is_met_by(piece);
                expectation.pass(piece);
                rest = after;
            }
            prop_assert!(rest.is_empty());
            prop_assert_eq!(met, stream.contains(&text));
        }
    }

    #[test]
    fn a_successor_is_told_what_went_by() {
        let expectation = Expectation::new("listening", b"liste");
        assert!(expectation.is_met_by(b"ning\n"));
        assert!(!expectation.is_met_by(b"nin"));
    }

    #[test]
    fn any_byte_meets_an_empty_text() {
        let expectation = Expectation::new("", b"x");
        assert!(expectation.is_met_by(b"y"));
        assert!(!expectation.is_met_by(b""));
    }
}
