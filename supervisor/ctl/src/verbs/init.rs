//! `betti-ctl init`: a file to begin with.

use std::io;
use std::path::Path;

use serde::Serialize;

use super::Context;
use crate::arguments;
use crate::config::FILE;
use crate::exit::{Exit, Failure, Outcome};
use crate::replace::{create, replace};
use manifest::STARTER;

/// For programs.
#[derive(Serialize)]
struct Report<'p> {
    ok: bool,
    path: &'p Path,
}

/// Writes the file.
///
/// # Errors
/// If there is one and it is not to be overwritten, or it cannot be written.
pub fn run(arguments: &arguments::Init, context: &Context<'_>) -> Outcome {
    let path = match arguments.path.is_dir() {
        true => arguments.path.join(FILE),
        false => arguments.path.clone(),
    };
    write(&path, STARTER, arguments.force)?;
    let path = path.canonicalize().unwrap_or(path);
    if context.printer.is_json() {
        context.printer.json(&Report { ok: true, path: &path })?;
    }
    context.printer.say(&format!("✓ {} is written: name your programs in it, then betti-ctl start", path.display()));
    Ok(Exit::Done)
}

/// Writes a file that the user named; one that is there only if that is wanted.
///
/// # Errors
/// If there is one and it is not to be overwritten, or it cannot be written.
pub fn write(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let written = match create(path, text) {
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists && force => replace(path, text),
        other => other,
    };
    written.map_err(|why| match why.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure::failed(format!("{} is there already: --force overwrites it", path.display()))
        }
        _ => Failure::failed(format!("{} cannot be written: {why}", path.display())),
    })
}
