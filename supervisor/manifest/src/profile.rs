//! Which profile is in force, and which apps run in it.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::diagnostic::Mistake;
use crate::model::Manifest;
use crate::suggest;
use crate::value::Placed;
use crate::written::Written;

/// The profile in force: the one asked for, else the file's own.
pub(crate) fn in_force(
    own: Option<&Placed<String>>,
    asked: Option<&str>,
    apps: &[Written],
    mistakes: &mut Vec<Mistake>,
) -> String {
    let named = named(apps);
    // What is not in force may be wrong.
    if let Some(own) = own.filter(|own| asked.is_none_or(|asked| asked == own.get_ref())) {
        mistakes.extend(slip(own, &named));
    }
    let fallback = own.map_or(Manifest::DEFAULT_PROFILE, |own| own.get_ref());
    let Some(asked) = asked else { return fallback.to_owned() };
    if asked != fallback && !named.contains(asked) {
        mistakes.push(unknown(asked, fallback, own.map(Placed::span), &named));
    }
    asked.to_owned()
}

/// Whether the app runs in the profile.
pub(crate) fn has(profile: &str, app: &Written) -> bool {
    app.profiles.is_empty() || app.profiles.iter().any(|one| one.get_ref() == profile)
}

fn named(apps: &[Written]) -> BTreeSet<&str> {
    let lists = apps.iter().flat_map(|app| app.profiles.iter().map(|profile| profile.get_ref().as_str()));
    lists.chain(apps.iter().flat_map(|app| app.overlays.keys().map(String::as_str))).collect()
}

/// A profile that no app names is fine: it runs the apps that run in all. Unless it looks like a slip of the pen, which
/// would leave apps out without a word.
fn slip(own: &Placed<String>, named: &BTreeSet<&str>) -> Option<Mistake> {
    let profile = own.get_ref().as_str();
    if named.contains(profile) {
        return None;
    }
    let help = suggest::did_you_mean(profile, named.iter().copied())?;
    Some(Mistake::new(own.span(), format!("no app knows the profile `{profile}`")).help(help))
}

fn unknown(asked: &str, fallback: &str, own: Option<Range<usize>>, named: &BTreeSet<&str>) -> Mistake {
    let known: BTreeSet<&str> = named.iter().copied().chain([fallback]).collect();
    let help = suggest::did_you_mean(asked, known.iter().copied())
        .unwrap_or_else(|| format!("known here: {}", suggest::listed(known.iter().copied())));
    Mistake::new(own.unwrap_or(0..0), format!("there is no profile `{asked}`, which was asked for")).help(help)
}
