//! Which apps are meant on the command line: names, ids, namespaces, or all.

use crate::App;
use crate::suggest::{did_you_mean, nearest_first};

/// The target that means every app.
pub const ALL: &str = "all";

/// By what an app can be meant.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// PM2's number.
    pub id: u32,
    /// Its name.
    pub name: &'a str,
    /// Its group.
    pub namespace: &'a str,
}

impl<'a> From<&'a App> for Named<'a> {
    fn from(app: &'a App) -> Self {
        Self { id: app.id, name: &app.name, namespace: &app.namespace }
    }
}

impl Named<'_> {
    fn is_meant_by(&self, target: &str) -> bool {
        target == ALL || target == self.name || target == self.namespace || target.parse() == Ok(self.id)
    }
}

/// A target that is no app's name, id or namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownApp {
    target: String,
    hint: Option<String>,
    known: String,
}

impl std::fmt::Display for UnknownApp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { target, hint, known } = self;
        write!(f, "there is no app, id or namespace `{target}`")?;
        match hint {
            Some(hint) => write!(f, ": {hint} The apps are {known}"),
            None => write!(f, ": the apps are {known}"),
        }
    }
}

impl std::error::Error for UnknownApp {}

/// Those that the targets mean, each once and in the order of `apps`; all of them if there is no target.
///
/// `named` says by what an app can be meant.
///
/// # Errors
/// If a target means none, with what was probably meant and what there is, the most like it first.
pub fn meant<'a, T>(
    apps: &'a [T],
    targets: &[String],
    named: impl Fn(&'a T) -> Named<'a>,
) -> Result<Vec<&'a T>, UnknownApp> {
    let is_unknown = |target: &&String| *target != ALL && !apps.iter().any(|app| named(app).is_meant_by(target));
    if let Some(target) = targets.iter().find(is_unknown) {
        let known = nearest_first(target, apps.iter().map(|app| named(app).name));
        let hint = did_you_mean(target, known.iter().copied());
        return Err(UnknownApp { target: target.clone(), hint, known: known.join(", ") });
    }
    let is_meant = |app: &&'a T| targets.is_empty() || targets.iter().any(|target| named(app).is_meant_by(target));
    Ok(apps.iter().filter(is_meant).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const APPS: [Named<'static>; 3] = [
        Named { id: 0, name: "backend", namespace: "core" },
        Named { id: 1, name: "food", namespace: "core" },
        Named { id: 4, name: "web", namespace: "default" },
    ];

    fn ids(targets: &[&str]) -> Result<Vec<u32>, String> {
        let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
        let meant = meant(&APPS, &targets, |named| *named).map_err(|unknown| unknown.to_string())?;
        Ok(meant.into_iter().map(|named| named.id).collect())
    }

    #[test]
    fn apps_are_meant_by_name_id_namespace_or_all_and_each_once() {
        assert_eq!(ids(&[]), Ok(vec![0, 1, 4]));
        assert_eq!(ids(&["all"]), Ok(vec![0, 1, 4]));
        assert_eq!(ids(&["web", "backend"]), Ok(vec![0, 4]));
        assert_eq!(ids(&["core"]), Ok(vec![0, 1]));
        assert_eq!(ids(&["4", "web", "default"]), Ok(vec![4]));
    }

    #[test]
    fn an_unknown_one_is_answered_with_what_was_probably_meant_and_all_that_there_is() {
        let text = "there is no app, id or namespace `backnd`: did you mean `backend`? The apps are backend, food, web";
        assert_eq!(ids(&["web", "backnd"]), Err(text.into()));
        assert!(ids(&["wbe"]).unwrap_err().contains("did you mean `web`? The apps are web, backend, food"));
        assert_eq!(ids(&["2"]), Err("there is no app, id or namespace `2`: the apps are backend, food, web".into()));
    }

    #[test]
    fn an_app_of_many_processes_is_named_once() {
        let instance = |id, name| Named { id, name, namespace: "default" };
        let apps = [instance(0, "api"), instance(1, "api"), instance(2, "web")];
        let unknown = meant(&apps, &["wb".to_owned()], |named| *named).unwrap_err().to_string();
        assert!(unknown.ends_with("The apps are web, api"), "{unknown}");
    }
}
