//! What apps, namespaces and profiles may be called.

use std::ops::Range;

use crate::diagnostic::Mistake;
use crate::targets::ALL;
use crate::value::{self, Read, Value};

/// Names become parts of file names, which the kernel limits to 255 bytes.
const LONGEST_NAME: usize = 100;

/// The name of an app or a namespace.
pub(crate) fn read(value: &Value<'_>) -> Read<String> {
    let name = value::filled(value)?;
    match fault(&name) {
        None => Ok(name),
        Some(fault) => Err(Mistake::new(value.span(), format!("`{name}` cannot be a name: {fault}"))),
    }
}

/// What is wrong with a name, if anything.
pub(crate) fn fault(name: &str) -> Option<&'static str> {
    match name {
        _ if name.trim() != name => Some("it begins or ends with a space"),
        _ if name.len() > LONGEST_NAME => Some("it is longer than 100 bytes"),
        _ if name.contains('/') || name.chars().any(char::is_control) => {
            Some("it becomes part of a file name, so it must not have slashes or control characters")
        }
        _ if name.starts_with(['-', '.']) => Some("it must not begin with a dash or a dot"),
        _ if name.eq_ignore_ascii_case(ALL) => Some("that means every app"),
        _ if name.bytes().all(|byte| byte.is_ascii_digit()) => Some("a number means the app with that id"),
        _ => None,
    }
}

/// The name of a profile.
pub(crate) fn profile(value: &Value<'_>) -> Read<String> {
    let profile = value::filled(value)?;
    check_profile(&profile, &value.span()).map(|()| profile)
}

/// A profile's name is part of a key, `env_<profile>`.
pub(crate) fn check_profile(profile: &str, place: &Range<usize>) -> Read<()> {
    match profile.chars().all(|character| character.is_alphanumeric() || "-_".contains(character)) {
        true => Ok(()),
        false => Err(Mistake::new(place.clone(), format!("`{profile}` cannot be the name of a profile"))
            .help("use letters, digits, dashes and underscores")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_fit_for_files_and_targets() {
        for good in ["betti-backend", "My App", "café", "a.b", "2nd"] {
            assert_eq!(fault(good), None, "{good}");
        }
        for bad in ["a/b", "..", "-f", "all", "ALL", "7", " a", "a\u{7}", &"a".repeat(101)] {
            assert!(fault(bad).is_some(), "{bad}");
        }
    }
}
