//! Changes one word of a file, its profile, and nothing else.

use std::ops::Range;
use std::path::Path;

use toml::de::DeTable;

use crate::diagnostic::Diagnostics;
use crate::file;

/// The same text with `profile` as its profile: only the value is another, or one line is added at the top when there was
/// none. Comments and everything else stay as they are, byte for byte.
///
/// # Errors
/// If no app knows the profile, with the one that was probably meant, or if the file is not good in it.
pub fn with_profile(path: &Path, text: &str, profile: &str) -> Result<String, Diagnostics> {
    // First as if it had been asked for on the command line: a slip is then told of what was asked for.
    file::parse(path, text, Some(profile))?;
    let switched = replaced(text, profile);
    file::parse(path, &switched, None)?;
    Ok(switched)
}

fn replaced(text: &str, profile: &str) -> String {
    let value = toml::Value::from(profile).to_string();
    match place(text) {
        Some(place) => [&text[..place.start], &value, &text[place.end..]].concat(),
        // A mark of byte order belongs at the very beginning.
        None => match text.strip_prefix('\u{feff}') {
            Some(rest) => format!("\u{feff}profile = {value}\n{rest}"),
            None => format!("profile = {value}\n{text}"),
        },
    }
}

/// Where the value of the file's own profile is, with its quotes.
fn place(text: &str) -> Option<Range<usize>> {
    let table = DeTable::parse(text).ok()?;
    table.get_ref().get("profile").map(toml::Spanned::span)
}
