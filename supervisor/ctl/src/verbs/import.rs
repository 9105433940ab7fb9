//! `betti-ctl import`: a PM2 file becomes an ecosystem.toml.

use std::path::Path;

use manifest::pm2::{self, Imported};
use serde::Serialize;

use super::{Context, init};
use crate::arguments;
use crate::exit::{Exit, Failure, Outcome};
use crate::node;

/// For programs.
#[derive(Serialize)]
struct Report<'i> {
    ok: bool,
    toml: &'i str,
    /// `null` if it was not written.
    path: Option<&'i Path>,
    left_out: Vec<LeftOut<'i>>,
}

/// What could not be carried over.
#[derive(Serialize)]
struct LeftOut<'i> {
    /// `null` for what is beside the apps.
    app: Option<&'i str>,
    key: &'i str,
    why: &'i str,
}

/// Carries the file over; what could not be is listed on standard error.
///
/// # Errors
/// If it cannot be read or understood, or the new file cannot be written.
pub fn run(arguments: &arguments::Import, context: &Context<'_>) -> Outcome {
    let imported = read(&arguments.file)?;
    let printer = context.printer;
    if let Some(path) = &arguments.output {
        init::write(path, &imported.toml, arguments.force)?;
    }
    for left_out in &imported.left_out {
        printer.error_text(&format!("not carried over: {left_out}\n"));
    }
    let path = arguments.output.as_deref();
    if printer.is_json() {
        let left_out = imported.left_out.iter();
        let left_out = left_out.map(|one| LeftOut { app: one.app.as_deref(), key: &one.key, why: &one.why }).collect();
        printer.json(&Report { ok: true, toml: &imported.toml, path, left_out })?;
        return Ok(Exit::Done);
    }
    match path {
        Some(path) => printer.say(&format!("✓ {} is written: betti-ctl check looks it over", path.display())),
        None => printer.bytes(imported.toml.as_bytes()),
    }
    Ok(Exit::Done)
}

fn read(path: &Path) -> Result<Imported, Failure> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let text = || std::fs::read_to_string(path).map_err(|why| Failure::misuse(format!("{}: {why}", path.display())));
    let imported = match ending {
        "js" | "cjs" | "mjs" => {
            text()?;
            let exports = node::exports(path).map_err(|error| match error {
                node::NodeError::NotLoaded { .. } => Failure::misuse(error.to_string()),
                _ => Failure::failed(error.to_string()),
            })?;
            pm2::from_json(&exports)
        }
        "json" => pm2::from_json(&text()?),
        "yml" | "yaml" => pm2::from_yaml(&text()?),
        _ => {
            let path = path.display();
            return Err(Failure::misuse(format!(
                "{path} is no file of PM2's: those end with .js, .cjs, .mjs, .json or .yml"
            )));
        }
    };
    imported.map_err(|why| Failure::misuse(format!("{}: {why}", path.display())))
}
