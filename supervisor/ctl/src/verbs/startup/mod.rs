//! `betti-ctl startup` and `unstartup`: systemd starts everything when the machine starts.

mod systemd;
mod user;

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::User;
use serde::Serialize;

use super::Context;
use crate::arguments::{Startup, Unstartup};
use crate::config;
use crate::exit::{Exit, Failure, Outcome};
use crate::launch;
use crate::replace::{create, remove, replace};
use crate::unit::{MARK, Unit};

/// Where an administrator's units are.
const UNIT_DIR: &str = "/etc/systemd/system";

/// For programs.
#[derive(Serialize)]
struct Report<'r> {
    ok: bool,
    /// Where the unit is or was.
    path: &'r Path,
    /// Its text; `null` when it was removed.
    unit: Option<&'r str>,
    /// What is still to be done, one a command.
    to_do: &'r [String],
}

/// Writes the unit, or prints it.
///
/// # Errors
/// If there is no good file, no such user, no supervisor's program, or the unit cannot be written.
pub fn startup(arguments: &Startup, context: &Context<'_>) -> Outcome {
    let printer = context.printer;
    let path = context.config.as_deref().ok_or_else(config::missing)?;
    let manifest = config::read(path, None, printer)?;
    let program = launch::program().ok_or(launch::LaunchError::NoProgram)?;
    let program = program.canonicalize().unwrap_or(program);
    let user = user::find(arguments.user.as_deref(), printer)?;
    let service = &arguments.unit.service_name;
    let unit = Unit { service, program: &program, manifest: &manifest, user: &user.name, is_root: user.uid.is_root() };
    let text = unit.text().map_err(|error| Failure::failed(error.to_string()))?;
    let target = place(arguments.unit.unit_dir.as_deref(), service);
    if arguments.print {
        return print(&text, &target, context);
    }
    write(&target, &text)?;
    printer.say(&format!("✓ {} is written", target.display()));
    let to_do = match arguments.unit.unit_dir {
        Some(_) => systemd::Orders::enable(service),
        None => systemd::Orders::enable(service).carry_out(printer)?,
    };
    if printer.is_json() {
        printer.json(&Report { ok: true, path: &target, unit: Some(&text), to_do: &to_do.0 })?;
        return Ok(Exit::Done);
    }
    for command in &to_do.0 {
        printer.say(&format!("To do: {command}"));
    }
    if let Some(note) = foreign(&manifest.folder, &user) {
        printer.say(&note);
    }
    let runtime_dir = unit.runtime_dir();
    printer.say(&format!(
        "Then it runs as {}: BETTI_RUNTIME_DIR={} betti-ctl status",
        user.name,
        runtime_dir.display()
    ));
    Ok(Exit::Done)
}

/// That the folder is somebody else's, in which everything is to write its logs and data.
fn foreign(folder: &Path, user: &User) -> Option<String> {
    let owner = std::fs::metadata(folder).ok()?.uid();
    let is_foreign = !user.uid.is_root() && owner != user.uid.as_raw();
    is_foreign.then(|| {
        let (folder, name) = (folder.display(), &user.name);
        format!(
            "Note: {folder} belongs to somebody else, and {name} writes logs and data there. To do: sudo chown -R {name}: '{folder}'"
        )
    })
}

fn print(text: &str, target: &Path, context: &Context<'_>) -> Outcome {
    match context.printer.is_json() {
        true => context.printer.json(&Report { ok: true, path: target, unit: Some(text), to_do: &[] })?,
        false => context.printer.bytes(text.as_bytes()),
    }
    Ok(Exit::Done)
}

/// Removes the unit.
///
/// # Errors
/// If there is none, it is not ours, or it cannot be removed.
pub fn unstartup(arguments: &Unstartup, context: &Context<'_>) -> Outcome {
    let printer = context.printer;
    let service = &arguments.unit.service_name;
    let target = place(arguments.unit.unit_dir.as_deref(), service);
    let text = match std::fs::read_to_string(&target) {
        Ok(text) => text,
        Err(why) => return Err(Failure::failed(format!("{}: {why}", target.display()))),
    };
    if !text.starts_with(MARK) {
        return Err(Failure::failed(format!("{} was not written by betti-ctl startup: it stays", target.display())));
    }
    let before = match arguments.unit.unit_dir {
        Some(_) => systemd::Orders::disable(service),
        None => systemd::Orders::disable(service).carry_out(printer)?,
    };
    remove(&target).map_err(|why| unwritten(&target, &why))?;
    printer.say(&format!("✓ {} is removed", target.display()));
    let mut to_do = before;
    if arguments.unit.unit_dir.is_none() {
        to_do.0.extend(systemd::Orders::reload().carry_out(printer)?.0);
    }
    if printer.is_json() {
        printer.json(&Report { ok: true, path: &target, unit: None, to_do: &to_do.0 })?;
        return Ok(Exit::Done);
    }
    for command in &to_do.0 {
        printer.say(&format!("To do: {command}"));
    }
    Ok(Exit::Done)
}

fn place(unit_dir: Option<&Path>, service: &str) -> PathBuf {
    unit_dir.unwrap_or(Path::new(UNIT_DIR)).join(format!("{service}.service"))
}

/// One of ours is replaced; one of somebody else's stays.
fn write(target: &Path, text: &str) -> Result<(), Failure> {
    let written = match std::fs::read_to_string(target) {
        Ok(old) if old.starts_with(MARK) => replace(target, text),
        Ok(_) => {
            let message =
                format!("{} was not written by betti-ctl startup: --service-name gives another", target.display());
            return Err(Failure::failed(message));
        }
        Err(why) if why.kind() == io::ErrorKind::NotFound => create(target, text),
        Err(why) => Err(why),
    };
    written.map_err(|why| unwritten(target, &why))
}

fn unwritten(target: &Path, why: &io::Error) -> Failure {
    let hint = match why.kind() {
        io::ErrorKind::PermissionDenied => ": run it with sudo",
        io::ErrorKind::NotFound => ": is systemd there? --print shows the unit",
        _ => "",
    };
    Failure::failed(format!("{} cannot be written: {why}{hint}", target.display()))
}
