//! How times are written before lines: day.js's letters, as PM2 takes them, into a pattern of `strftime`.

use toml::de::DeValue;

use crate::diagnostic::Mistake;
use crate::value::{self, Read, Value};

const HELP: &str = "for example \"YYYY-MM-DD HH:mm:ss.SSS Z\"; what is no date belongs in brackets: \"[at] HH:mm\"";
/// PM2's format for `time = true`, as a pattern.
pub(crate) const TIME: &str = "%Y-%m-%dT%H:%M:%S";
/// A time that is longer than this is no use before a line.
const LONGEST_FORMAT: usize = 100;

/// day.js's letters, the longer before those that they begin with.
const LETTERS: [(&str, &str); 24] = [
    ("YYYY", "%Y"),
    ("YY", "%y"),
    ("MMMM", "%B"),
    ("MMM", "%b"),
    ("MM", "%m"),
    ("M", "%-m"),
    ("DD", "%d"),
    ("D", "%-d"),
    ("dddd", "%A"),
    ("ddd", "%a"),
    ("d", "%w"),
    ("HH", "%H"),
    ("H", "%-H"),
    ("hh", "%I"),
    ("h", "%-I"),
    ("mm", "%M"),
    ("m", "%-M"),
    ("SSS", "%3f"),
    ("ss", "%S"),
    ("s", "%-S"),
    ("A", "%p"),
    ("a", "%P"),
    ("ZZ", "%z"),
    ("Z", "%:z"),
];

/// Reads a format into a pattern.
pub(crate) fn read(value: &Value<'_>) -> Read<String> {
    if !matches!(value.get_ref(), DeValue::String(_)) {
        return Err(value::wrong(value, "a format for times").help(HELP));
    }
    let format = value::filled(value)?;
    if format.len() > LONGEST_FORMAT || format.chars().any(char::is_control) {
        return Err(Mistake::new(value.span(), "this is not a format for times").help(HELP));
    }
    pattern(&format)
        .map_err(|unknown| Mistake::new(value.span(), format!("`{unknown}` stands for no part of a date")).help(HELP))
}

/// The pattern that writes what a day.js format writes.
///
/// # Errors
/// The letters that mean nothing.
fn pattern(format: &str) -> Result<String, String> {
    let mut pattern = String::new();
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        if let Some((quoted, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            literal(&mut pattern, quoted);
            rest = after;
            continue;
        }
        let same = rest.find(|other| other != first).unwrap_or(rest.len());
        let (run, after) = rest.split_at(same);
        match LETTERS.iter().find(|(letters, _)| *letters == run) {
            Some((_, directive)) => pattern.push_str(directive),
            // ISO 8601 has it between date and time, and day.js leaves it alone.
            None if run == "T" || !first.is_alphabetic() => literal(&mut pattern, run),
            None => return Err(run.to_owned()),
        }
        rest = after;
    }
    Ok(pattern)
}

fn literal(pattern: &mut String, text: &str) {
    pattern.push_str(&text.replace('%', "%%"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_write_what_they_write_in_pm2() {
        let time: jiff::ZonedDateTime = "2026-03-08T09:05:07.042+01:00[Europe/Vienna]".parse().expect("a time");
        let rows = [
            ("YYYY-MM-DD HH:mm:ss Z", "2026-03-08 09:05:07 +01:00"),
            ("YYYY-MM-DDTHH:mm:ss", "2026-03-08T09:05:07"),
            ("YYYY-MM-DD HH:mm:ss.SSS ZZ", "2026-03-08 09:05:07.042 +0100"),
            ("D.M.YY H:m:s", "8.3.26 9:5:7"),
            ("dddd, MMMM D | ddd MMM d", "Sunday, March 8 | Sun Mar 0"),
            ("hh:mm A, h a", "09:05 AM, 9 am"),
            ("[at] HH[h] 100%", "at 09h 100%"),
            ("HH:mm [", "09:05 ["),
        ];
        for (format, written) in rows {
            let pattern = pattern(format).expect("a format");
            assert_eq!(time.strftime(&pattern).to_string(), written, "{format}");
        }
        assert_eq!(
            time.strftime(TIME).to_string(),
            time.strftime(&pattern("YYYY-MM-DDTHH:mm:ss").unwrap()).to_string()
        );
    }

    #[test]
    fn letters_that_mean_nothing_are_named() {
        for (format, unknown) in [("YYYY-MM-DDTHH:ii", "ii"), ("Y", "Y"), ("dd", "dd"), ("at HH", "t"), ("x", "x")] {
            assert_eq!(pattern(format), Err(unknown.to_owned()), "{format}");
        }
    }
}
