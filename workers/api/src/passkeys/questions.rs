//! Questions that were asked and are answered once, soon, or never. Pure: told the time.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use webauthn_rs::prelude::Uuid;

/// How long a question may be answered.
pub const ANSWERED_WITHIN: Duration = Duration::from_mins(5);

/// Open questions, the oldest first.
pub struct Questions<W, S> {
    most: usize,
    most_of_one: usize,
    open: VecDeque<Question<W, S>>,
}

struct Question<W, S> {
    id: String,
    whom: W,
    state: S,
    asked: Instant,
}

impl<W: PartialEq, S> Questions<W, S> {
    /// So many at once, and so many to one whom it asks; the oldest makes room.
    pub fn new(most: usize, most_of_one: usize) -> Self {
        Self { most, most_of_one, open: VecDeque::new() }
    }

    /// Remembers one; its id, which nobody guesses.
    pub fn ask(&mut self, whom: W, state: S, now: Instant) -> String {
        self.forget_old(now);
        let of_one = self.open.iter().filter(|open| open.whom == whom).count();
        if of_one >= self.most_of_one {
            let oldest = self.open.iter().position(|open| open.whom == whom);
            oldest.and_then(|place| self.open.remove(place));
        } else if self.open.len() >= self.most {
            self.open.pop_front();
        }
        let id = Uuid::new_v4().to_string();
        self.open.push_back(Question { id: id.clone(), whom, state, asked: now });
        id
    }

    /// What was asked under this id, once. `whom` is who may answer, if not anybody who has the id.
    pub fn take(&mut self, id: &str, whom: Option<&W>, now: Instant) -> Option<S> {
        self.forget_old(now);
        let fits = |open: &Question<W, S>| open.id == id && whom.is_none_or(|whom| open.whom == *whom);
        let place = self.open.iter().position(fits)?;
        self.open.remove(place).map(|question| question.state)
    }

    fn forget_old(&mut self, now: Instant) {
        self.open.retain(|open| now.saturating_duration_since(open.asked) < ANSWERED_WITHIN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_answered_once_by_whom_it_was_asked_and_not_too_late() {
        let start = Instant::now();
        let mut questions = Questions::new(9, 9);
        let (first, second) = (questions.ask("a", 1, start), questions.ask("a", 2, start));
        assert_eq!(questions.take(&first, Some(&"b"), start), None, "another's");
        let last = start + ANSWERED_WITHIN - Duration::from_millis(1);
        assert_eq!(questions.take(&first, Some(&"a"), last), Some(1));
        assert_eq!(questions.take(&first, Some(&"a"), last), None, "replayed");
        assert_eq!(questions.take(&second, None, start + ANSWERED_WITHIN), None, "expired");
    }

    #[test]
    fn there_are_never_more_than_so_many_and_the_newest_is_kept() {
        let start = Instant::now();
        let mut questions = Questions::new(3, 2);
        let of_one: Vec<_> = (0..3).map(|number| questions.ask("a", number, start)).collect();
        assert_eq!(questions.take(&of_one[0], None, start), None, "its own made room");
        let others: Vec<_> = (3..20).map(|number| questions.ask("b", number, start)).collect();
        assert_eq!(questions.open.len(), 3);
        assert_eq!(questions.take(&of_one[2], None, start), Some(2), "who floods takes nobody's place");
        assert_eq!(questions.take(&others[16], None, start), Some(19));
    }
}
