//! Which lines are asked for.

use regex::bytes::{Regex, RegexBuilder};

use super::clocks::{Clocks, Time};
use super::lines::Piece;

/// What a line must be like, apart from whose it is.
#[derive(Default)]
pub struct Sieve {
    /// Its text matches this.
    pub pattern: Option<Regex>,
    /// It was written then or later, in microseconds since 1970.
    pub since_us: Option<i64>,
}

/// When a line was written, as far as its own mark tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    /// `None` if nobody knows.
    pub time: Option<Time>,
    /// It was written then at the latest, in microseconds since 1970.
    pub at_latest_us: i64,
}

impl Date {
    /// Of a file without an index, only the last line has a time: the file's own. What was written before the first mark was
    /// written before that.
    pub fn of(piece: &Piece, modified_us: impl Fn() -> i64, clocks: &mut Clocks) -> Self {
        match (&piece.mark, &piece.next) {
            (Some(mark), _) => {
                let time = clocks.time(mark);
                Self { time: Some(time), at_latest_us: time.us }
            }
            (None, Some(next)) => Self { time: None, at_latest_us: clocks.time(next).us },
            (None, None) => {
                let us = modified_us();
                let time = piece.last_of_unknown.then_some(Time { us, sure: true });
                Self { time, at_latest_us: us }
            }
        }
    }
}

impl Sieve {
    /// Whether the line is one of these. One whose time nobody knows is, if it may be.
    pub fn lets_through(&self, bytes: &[u8], date: &Date) -> bool {
        let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        self.since_us.is_none_or(|since_us| date.at_latest_us >= since_us)
            && self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(text))
    }
}

/// Reads a pattern.
///
/// # Errors
/// What is wrong with it, and where.
pub fn pattern(text: &str, ignore_case: bool) -> Result<Regex, String> {
    let syntax = regex_syntax::ParserBuilder::new().utf8(false).case_insensitive(ignore_case).build().parse(text);
    let at = |what: String, span: &regex_syntax::ast::Span| match (text.contains('\n'), span.start) {
        (false, start) => format!("{what}, at character {}", start.column),
        (true, start) => format!("{what}, at character {} of line {}", start.column, start.line),
    };
    syntax.map_err(|error| match error {
        regex_syntax::Error::Parse(error) => at(error.kind().to_string(), error.span()),
        regex_syntax::Error::Translate(error) => at(error.kind().to_string(), error.span()),
        other => other.to_string(),
    })?;
    let regex = RegexBuilder::new(text).case_insensitive(ignore_case).build();
    regex.map_err(|error| match error {
        regex::Error::CompiledTooBig(most) => format!("it would take more than {most} bytes of memory"),
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_pattern_is_shown_with_the_place_where_it_is_bad() {
        let error = |text| pattern(text, false).expect_err("it is bad");
        assert_eq!(error("ab(c"), "unclosed group, at character 3");
        assert_eq!(error("ä[z-a]"), "invalid character class range, the start must be <= the end, at character 3");
        assert_eq!(error("a\\p{Nosuch}"), "Unicode property not found, at character 2");
        assert!(error("(a{1000}){1000}").contains("memory"));
    }

    #[test]
    fn case_counts_unless_asked_otherwise_and_bytes_need_not_be_text() {
        assert!(!pattern("error", false).expect("good").is_match(b"ERROR"));
        assert!(pattern("error", true).expect("good").is_match(b"\xff ERROR"));
        let date = Date { time: None, at_latest_us: 5 };
        let sieve = |text: &str| Sieve { pattern: Some(pattern(text, false).expect("good")), since_us: None };
        assert!(sieve("c$").lets_through(b"abc\r\n", &date));
        assert!(!sieve("^$").lets_through(b"abc\n", &date));
        for (since_us, expected) in [(5, true), (6, false)] {
            let sieve = Sieve { pattern: None, since_us: Some(since_us) };
            assert_eq!(sieve.lets_through(b"", &date), expected);
        }
    }
}
