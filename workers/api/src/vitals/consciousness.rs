//! How awake somebody is, on the scale ACVPU of NEWS2 (RCP 2017): the steps are kept as numbers, and written as words.

/// A step of ACVPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Alert,
    /// New confusion.
    Confusion,
    Voice,
    Pain,
    Unresponsive,
}

/// The number of the last step; the first one is 0.
pub const LAST_STEP: f64 = 4.0;

impl Level {
    const ALL: [Self; 5] = [Self::Alert, Self::Confusion, Self::Voice, Self::Pain, Self::Unresponsive];

    pub fn name(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Confusion => "confusion",
            Self::Voice => "voice",
            Self::Pain => "pain",
            Self::Unresponsive => "unresponsive",
        }
    }

    /// The number that stands for it in tables.
    pub fn step(self) -> f64 {
        f64::from(self as u8)
    }
}

/// `alert` or `A`, in any case.
pub fn of_word(word: &str) -> Option<Level> {
    let word = word.trim().to_lowercase();
    Level::ALL.into_iter().find(|level| level.name() == word || level.name()[..1] == *word)
}

/// The level that a number stands for; there is none between two.
pub fn of_step(step: f64) -> Option<Level> {
    Level::ALL.into_iter().find(|level| level.step() == step)
}

/// `alert, confusion, …`
pub fn names() -> String {
    Level::ALL.map(Level::name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_found_by_its_word_its_letter_and_its_step() {
        for (level, letter) in Level::ALL.into_iter().zip(["A", "c", "V", "p", "U"]) {
            assert_eq!((of_word(level.name()), of_word(letter)), (Some(level), Some(level)));
            assert_eq!(of_step(level.step()), Some(level));
        }
        assert_eq!(Level::Unresponsive.step(), LAST_STEP);
        assert_eq!((of_word(""), of_word("awake"), of_step(0.5), of_step(5.0)), (None, None, None, None));
    }
}
