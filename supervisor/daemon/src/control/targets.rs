//! Which apps a client means: names, ids, namespaces or all.

use lifecycle::AppId;
use manifest::App;
use protocol::control::ALL;

/// A target that is no app's name, id or namespace.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no app, id or namespace \"{target}\"{}; there are {known}", hint.as_ref().map(|hint| format!(" (did you mean {hint}?)")).unwrap_or_default())]
pub struct UnknownTarget {
    target: String,
    hint: Option<String>,
    known: String,
}

/// The apps meant, by id, each once. None at all means all.
pub fn resolve(targets: &[String], apps: &[App]) -> Result<Vec<AppId>, UnknownTarget> {
    let mut meant: Vec<AppId> = Vec::new();
    if targets.is_empty() {
        meant.extend(apps.iter().map(|app| AppId(app.id)));
    }
    for target in targets {
        let before = meant.len();
        meant.extend(apps.iter().filter(|app| is_meant(target, app)).map(|app| AppId(app.id)));
        if meant.len() == before && target != ALL {
            return Err(unknown(target, apps));
        }
    }
    meant.sort_unstable();
    meant.dedup();
    Ok(meant)
}

fn is_meant(target: &str, app: &App) -> bool {
    target == ALL || target == app.name || target == app.namespace || target.parse() == Ok(app.id)
}

fn unknown(target: &str, apps: &[App]) -> UnknownTarget {
    let known: Vec<&str> = apps.iter().map(|app| app.name.as_str()).collect();
    let hint = closest(target, &known);
    UnknownTarget { target: target.to_owned(), hint, known: known.join(", ") }
}

/// The name that differs least, if it differs little: a slip or two, the more the longer it is.
fn closest(target: &str, known: &[&str]) -> Option<String> {
    const LETTERS_A_SLIP: usize = 3;
    let slips = |name: &str| strsim::damerau_levenshtein(target, name);
    let best = known.iter().min_by_key(|name| slips(name))?;
    (slips(best) <= best.len().div_ceil(LETTERS_A_SLIP)).then(|| (*best).to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn apps() -> Vec<App> {
        let text =
            "[[apps]]\nname = 'backend'\nscript = 'a'\n[[apps]]\nname = 'web'\nscript = 'b'\nnamespace = 'front'\n";
        manifest::parse(Path::new("/x/ecosystem.toml"), text, None).unwrap().apps
    }

    fn resolved(targets: &[&str]) -> Result<Vec<u32>, UnknownTarget> {
        let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
        Ok(resolve(&targets, &apps())?.into_iter().map(|id| id.0).collect())
    }

    #[test]
    fn names_ids_namespaces_and_all_are_targets_and_each_app_is_meant_once() {
        assert_eq!(resolved(&["web"]), Ok(vec![1]));
        assert_eq!(resolved(&["0"]), Ok(vec![0]));
        assert_eq!(resolved(&["front", "1", "web"]), Ok(vec![1]));
        assert_eq!(resolved(&["all"]), Ok(vec![0, 1]));
        assert_eq!(resolved(&[]), Ok(vec![0, 1]));
    }

    #[test]
    fn an_unknown_target_is_answered_with_what_was_probably_meant_and_all_that_there_is() {
        let error = resolved(&["web", "backnd"]).unwrap_err().to_string();
        assert!(error.contains("\"backnd\" (did you mean backend?)") && error.contains("backend, web"), "{error}");
        assert!(resolved(&["wbe"]).unwrap_err().to_string().contains("did you mean web?"));
        assert!(!resolved(&["zzz"]).unwrap_err().to_string().contains("did you mean"));
    }
}
