//! The profiles that a file names.

use std::collections::BTreeSet;

use toml::{Table, Value};

/// What begins the name of a table that is laid over `env` in one profile.
const OVERLAY: &str = "env_";
/// Keys that begin like an overlay and are none.
const NO_OVERLAYS: [&str; 1] = ["env_file"];

/// What a file says of profiles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profiles {
    /// The one that it names at the top.
    pub own: Option<String>,
    /// Every one that it names anywhere, in alphabetical order.
    pub known: BTreeSet<String>,
}

/// Reads them; none of a text that is not TOML.
pub fn of(text: &str) -> Profiles {
    let Ok(table) = text.parse::<Table>() else { return Profiles::default() };
    let own = table.get("profile").and_then(Value::as_str).map(str::to_owned);
    let apps = table.get("apps").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut known: BTreeSet<String> = own.iter().cloned().collect();
    for app in apps.iter().filter_map(Value::as_table) {
        known.extend(app.get("profiles").into_iter().flat_map(texts));
        let overlays = app.keys().filter(|key| !NO_OVERLAYS.contains(&key.as_str()));
        known.extend(overlays.filter_map(|key| key.strip_prefix(OVERLAY)).map(str::to_owned));
    }
    Profiles { own, known }
}

/// A list of texts, or one text.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(one) => vec![one.clone()],
        Value::Array(many) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_known_that_is_named_anywhere() {
        let text = "
            profile = \"https\"
            [[apps]]
            script = \"a\"
            profiles = [\"ngrok\", \"lab\"]
            env_file = \"x\"
            env_production = { A = 1 }
            [[apps]]
            script = \"b\"
            profiles = \"https\"
        ";
        let profiles = of(text);
        assert_eq!(profiles.own.as_deref(), Some("https"));
        assert_eq!(profiles.known.into_iter().collect::<Vec<_>>(), ["https", "lab", "ngrok", "production"]);
        assert_eq!(of("= broken"), Profiles::default());
    }
}
