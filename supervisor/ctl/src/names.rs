//! Which apps are meant: names, ids, namespaces, or all.

use protocol::control::{ALL, LogSource};

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

impl<'a> From<&'a manifest::App> for Named<'a> {
    fn from(app: &'a manifest::App) -> Self {
        Self { id: app.id, name: &app.name, namespace: &app.namespace }
    }
}

impl<'a> From<&'a LogSource> for Named<'a> {
    fn from(source: &'a LogSource) -> Self {
        Self { id: source.id, name: &source.name, namespace: &source.namespace }
    }
}

impl Named<'_> {
    fn is_meant_by(&self, target: &str) -> bool {
        target == ALL || target == self.name || target == self.namespace || target.parse() == Ok(self.id)
    }
}

/// No app is meant by this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no app, id or namespace `{target}`: the apps are {known}")]
pub struct UnknownApp {
    target: String,
    known: String,
}

/// Those that the targets mean, in their own order; all if there is no target.
///
/// # Errors
/// If a target means none.
pub fn meant<T>(apps: Vec<T>, targets: &[String]) -> Result<Vec<T>, UnknownApp>
where
    for<'a> Named<'a>: From<&'a T>,
{
    for target in targets {
        if !apps.iter().any(|app| Named::from(app).is_meant_by(target)) {
            let known: Vec<&str> = apps.iter().map(|app| Named::from(app).name).collect();
            return Err(UnknownApp { target: target.clone(), known: known.join(", ") });
        }
    }
    let is_meant = |app: &T| targets.is_empty() || targets.iter().any(|target| Named::from(app).is_meant_by(target));
    Ok(apps.into_iter().filter(is_meant).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(id: u32, name: &str, namespace: &str) -> LogSource {
        LogSource {
            id,
            name: name.into(),
            namespace: namespace.into(),
            out_file: String::new(),
            error_file: String::new(),
        }
    }

    #[test]
    fn apps_are_meant_by_name_id_namespace_or_all() {
        let apps = || vec![source(0, "api", "core"), source(1, "food", "core"), source(4, "web", "default")];
        let ids = |targets: &[&str]| {
            let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
            meant(apps(), &targets).map(|apps| apps.iter().map(|app| app.id).collect::<Vec<_>>())
        };
        assert_eq!(ids(&[]), Ok(vec![0, 1, 4]));
        assert_eq!(ids(&["all"]), Ok(vec![0, 1, 4]));
        assert_eq!(ids(&["web", "api"]), Ok(vec![0, 4]));
        assert_eq!(ids(&["core"]), Ok(vec![0, 1]));
        assert_eq!(ids(&["4", "web"]), Ok(vec![4]));
        let unknown = ids(&["web", "nosuch"]).expect_err("unknown");
        assert_eq!(unknown.to_string(), "there is no app, id or namespace `nosuch`: the apps are api, food, web");
        assert!(ids(&["2"]).is_err());
    }
}
