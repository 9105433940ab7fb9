//! A name that means nothing: what was probably meant, and what names there are.

use manifest::targets::{self, Named};

/// A third of the letters may be wrong, and always one: beyond that a guess confuses more than it helps.
const TOLERATED_SHARE: usize = 3;

/// Says that there is no such app; the nearest names come first.
pub fn unknown<'n>(target: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    let mut names: Vec<(usize, &str)> = names.into_iter().map(|name| (distance(target, name), name)).collect();
    names.sort_unstable();
    names.dedup();
    let tolerance = (target.chars().count() / TOLERATED_SHARE).max(1);
    let known = names.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(", ");
    match names.first() {
        None => format!("there is no app, id or namespace `{target}`: there are no apps at all"),
        Some((distance, nearest)) if *distance <= tolerance => {
            format!("there is no app, id or namespace `{target}`: did you mean `{nearest}`? The apps are {known}")
        }
        Some(_) => format!("there is no app, id or namespace `{target}`: the apps are {known}"),
    }
}

fn distance(one: &str, other: &str) -> usize {
    strsim::damerau_levenshtein(&one.to_lowercase(), &other.to_lowercase())
}

/// Whether the target means one of these.
pub fn is_known<'a>(target: &str, apps: impl IntoIterator<Item = Named<'a>>) -> bool {
    let apps: Vec<Named<'_>> = apps.into_iter().collect();
    targets::meant(&apps, &[target.to_owned()], |named| *named).is_ok()
}

/// Those that the targets mean, each once; all of them if there is no target.
///
/// # Errors
/// If a target means none, in words.
pub fn meant<'a, T>(
    apps: &'a [T],
    targets: &[String],
    named: impl Fn(&'a T) -> Named<'a> + Copy,
) -> Result<Vec<&'a T>, String> {
    if let Some(target) = targets.iter().find(|target| !is_known(target, apps.iter().map(named))) {
        return Err(unknown(target, apps.iter().map(|app| named(app).name)));
    }
    targets::meant(apps, targets, named).map_err(|unknown| unknown.to_string())
}

/// By what an app on the list can be meant.
pub fn of(app: &protocol::control::App) -> Named<'_> {
    Named { id: app.id, name: &app.name, namespace: &app.namespace }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_the_first() {
        let names = ["web", "backend", "backend", "food"];
        let expected =
            "there is no app, id or namespace `backnd`: did you mean `backend`? The apps are backend, food, web";
        assert_eq!(unknown("backnd", names), expected);
        let expected = "there is no app, id or namespace `7`: the apps are web, food, backend";
        assert_eq!(unknown("7", names), expected);
        assert!(unknown("x", []).ends_with("there are no apps at all"));
    }
}
