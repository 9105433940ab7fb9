//! A name that means nothing: what was probably meant, and what names there are.

use manifest::targets::{self, Named};

/// A third of the letters may be wrong, and always one: beyond that a guess confuses more than it helps.
const TOLERATED_SHARE: usize = 3;

/// Says that there is no such app; the nearest names come first.
pub fn unknown<'n>(target: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    let names = by_distance(target, names);
    let known = names.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(", ");
    match (names.first(), probable(target, &names)) {
        (None, _) => format!("there is no app, id or namespace `{target}`: there are no apps at all"),
        (_, Some(nearest)) => {
            format!("there is no app, id or namespace `{target}`: did you mean `{nearest}`? The apps are {known}")
        }
        (_, None) => format!("there is no app, id or namespace `{target}`: the apps are {known}"),
    }
}

/// Says that there is no such verb, and which was probably meant.
pub fn unknown_verb<'n>(verb: &str, verbs: impl IntoIterator<Item = &'n str>) -> String {
    let meant = probable(verb, &by_distance(verb, verbs)).map(|nearest| format!(" did you mean `{nearest}`?"));
    format!("there is no verb `{verb}`:{} betti-ctl help lists them all", meant.unwrap_or_default())
}

/// Each name once, the nearest first.
fn by_distance<'n>(target: &str, names: impl IntoIterator<Item = &'n str>) -> Vec<(usize, &'n str)> {
    let mut names: Vec<(usize, &str)> = names.into_iter().map(|name| (distance(target, name), name)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The nearest one, if it is near enough.
fn probable<'n>(target: &str, by_distance: &[(usize, &'n str)]) -> Option<&'n str> {
    let tolerance = (target.chars().count() / TOLERATED_SHARE).max(1);
    by_distance.first().filter(|(distance, _)| *distance <= tolerance).map(|(_, nearest)| *nearest)
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
        assert_eq!(
            unknown_verb("strat", ["restart", "start", "stop"]),
            "there is no verb `strat`: did you mean `start`? betti-ctl help lists them all"
        );
        assert_eq!(unknown_verb("nosuch", ["start"]), "there is no verb `nosuch`: betti-ctl help lists them all");
        assert!(unknown("x", []).ends_with("there are no apps at all"));
    }
}
