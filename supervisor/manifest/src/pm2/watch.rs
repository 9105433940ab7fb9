//! PM2's `ignore_watch`, which mixes regular expressions and globs, as lines of gitignore's syntax.

/// What stands for dot files in a regular expression, as PM2's own default has it. They are passed over anyway.
const DOT_FILES: [&str; 4] = [r"[\/\\]\.", r"[\\/]\.", r"[\/\\]\./", r"[\\/\\\\]\\."];

/// The pattern that means the same, where that is plain to see; empty if it goes without saying.
pub(super) fn pattern(written: &str) -> Option<String> {
    if DOT_FILES.contains(&written) {
        return Some(String::new());
    }
    let pattern = match written.contains(['\\', '^', '$']) {
        true => from_expression(written),
        false => from_glob(written)?,
    };
    let is_plain = |character: char| !"\\^$()|+?[]{}!#\n\r".contains(character);
    let is_plain = !pattern.trim().is_empty() && pattern.chars().all(is_plain);
    is_plain.then_some(pattern)
}

fn from_expression(written: &str) -> String {
    let anchored = written.strip_prefix('^').map(|rest| format!("/{}", rest.trim_start_matches('/')));
    let pattern = anchored.unwrap_or_else(|| written.to_owned());
    let pattern = pattern.strip_suffix('$').unwrap_or(&pattern);
    pattern.replace(r"\.", "\u{0}").replace(r"\/", "/").replace(".*", "*").replace('\u{0}', ".")
}

/// A path from the working directory on stays one; a path from the root would mean another place.
fn from_glob(written: &str) -> Option<String> {
    match written.strip_prefix("./") {
        Some(below) => Some(format!("/{below}")),
        None if written.starts_with('/') => None,
        None => Some(written.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_plain_to_see_is_converted_and_the_rest_is_not() {
        let rows = [
            ("node_modules", Some("node_modules")),
            ("*.log", Some("*.log")),
            ("public/uploads/**", Some("public/uploads/**")),
            ("./tmp", Some("/tmp")),
            (r"\.git", Some(".git")),
            (r".*\.log$", Some("*.log")),
            (r"^data\/cache", Some("/data/cache")),
            (r"[\/\\]\.", Some("")),
            ("/var/log", None),
            ("(a|b)", None),
            (r"\d+\.tmp", None),
            ("[0-9].tmp", None),
            ("", None),
        ];
        for (written, pattern) in rows {
            assert_eq!(super::pattern(written).as_deref(), pattern, "{written}");
        }
    }
}
