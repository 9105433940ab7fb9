//! What the crate `manifest` is to say of files that are written: the same names, until they are there.

use std::path::Path;

use manifest::Diagnostics;

/// A file to begin with.
pub const STARTER: &str = "\
# What runs here. `betti-ctl start` brings it up, `betti-ctl check` says whether this file is a good one.

[[apps]]
name = \"hello\"
script = \"while true; do date; sleep 5; done\"
";

/// The text with another profile named in it; everything else stays as it is.
///
/// # Errors
/// If the result is not a good file.
pub fn with_profile(path: &Path, text: &str, profile: &str) -> Result<String, Diagnostics> {
    let line = format!("profile = {}", toml::Value::from(profile));
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let top = lines.iter().position(|line| line.trim_start().starts_with('[')).unwrap_or(lines.len());
    let is_profile = |line: &String| line.split('=').next().is_some_and(|key| key.trim() == "profile");
    match lines[..top].iter().position(is_profile) {
        Some(place) => lines[place] = line,
        None => lines.insert(0, line),
    }
    let text = lines.join("\n");
    manifest::parse(path, &text, None).map(|_| text)
}

/// PM2's files.
pub mod pm2 {
    use serde_json::Value;
    use toml::Table;

    /// What a file of PM2's came to.
    pub struct Imported {
        /// As an `ecosystem.toml`.
        pub toml: String,
        /// What could not be carried over.
        pub left_out: Vec<LeftOut>,
    }

    /// A key that could not be carried over.
    pub struct LeftOut {
        /// Of which app.
        pub app: String,
        /// Its name.
        pub key: String,
        /// Why.
        pub why: String,
    }

    const CARRIED: [&str; 8] = ["name", "script", "args", "cwd", "env", "wait_ready", "kill_timeout", "interpreter"];

    /// From JSON.
    ///
    /// # Errors
    /// If it is no JSON, or has no apps.
    pub fn from_json(text: &str) -> Result<Imported, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let apps = value.get("apps").and_then(Value::as_array).ok_or("there are no apps in it")?;
        let mut left_out = Vec::new();
        let tables = apps.iter().filter_map(Value::as_object).map(|app| {
            let name = app.get("name").and_then(Value::as_str).unwrap_or_default();
            let mut table = Table::new();
            for (key, value) in app {
                match toml::Value::try_from(value) {
                    Ok(value) if CARRIED.contains(&key.as_str()) => drop(table.insert(key.clone(), value)),
                    _ => left_out.push(LeftOut { app: name.into(), key: key.clone(), why: "unknown".into() }),
                }
            }
            toml::Value::Table(table)
        });
        let apps = toml::Value::Array(tables.collect());
        let toml =
            toml::to_string(&Table::from_iter([("apps".to_owned(), apps)])).map_err(|error| error.to_string())?;
        Ok(Imported { toml, left_out })
    }

    /// From YAML.
    ///
    /// # Errors
    /// If it is no YAML, or has no apps.
    pub fn from_yaml(_text: &str) -> Result<Imported, String> {
        Err("YAML cannot be read yet".into())
    }
}
