//! "Did you mean …?"

/// Whatever is longer than this was not mistyped, and comparing it would take long.
const LONGEST_SLIP: usize = 100;

/// The candidate that was probably meant, if one is near enough.
pub(crate) fn nearest<'c>(written: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let near = candidates.into_iter().filter_map(|candidate| Some((distance(written, candidate)?, candidate)));
    near.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// All of them once: first those that may have been meant, the nearest before the others, then the rest in their order.
pub(crate) fn nearest_first<'c>(written: &str, candidates: impl IntoIterator<Item = &'c str>) -> Vec<&'c str> {
    let mut all: Vec<&str> = Vec::new();
    for candidate in candidates {
        if !all.contains(&candidate) {
            all.push(candidate);
        }
    }
    all.sort_by_cached_key(|candidate| distance(written, candidate).unwrap_or(usize::MAX));
    all
}

/// By how many letters they differ, if one may have been written for the other.
fn distance(written: &str, candidate: &str) -> Option<usize> {
    if written.len() > LONGEST_SLIP || candidate.len() > LONGEST_SLIP {
        return None;
    }
    let written = written.to_lowercase();
    // A third of the letters may be wrong, and always one: beyond that a guess confuses more than it helps.
    let tolerance = (written.chars().count() / 3).max(1);
    let distance = strsim::damerau_levenshtein(&written, &candidate.to_lowercase());
    (distance <= tolerance).then_some(distance)
}

/// As a help line.
pub(crate) fn did_you_mean<'c>(written: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<String> {
    nearest(written, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

/// Names in a sentence: "`a`, `b` and `c`".
pub(crate) fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        let keys = ["wait_ready", "kill_timeout", "name"];
        assert_eq!(nearest("wait_redy", keys), Some("wait_ready"));
        assert_eq!(nearest("killtimeout", keys), Some("kill_timeout"));
        assert_eq!(nearest("Name", keys), Some("name"));
        assert_eq!(nearest("environment", keys), None);
    }

    #[test]
    fn the_most_alike_comes_first_and_each_once() {
        assert_eq!(nearest_first("wbe", ["worker", "web", "api", "worker", "Wbe"]), ["Wbe", "web", "worker", "api"]);
        assert_eq!(nearest_first("x", []), [""; 0]);
    }

    #[test]
    fn names_are_listed_as_a_sentence() {
        assert_eq!(listed([]), "");
        assert_eq!(listed(["a"]), "`a`");
        assert_eq!(listed(["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
