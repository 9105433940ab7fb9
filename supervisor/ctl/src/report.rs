//! How a verb that changes something ends: the table for people, one object for programs.

use protocol::control::Status;
use serde::Serialize;

use crate::exit::{Exit, Outcome};
use crate::printer::Printer;
use crate::table;
use crate::watch::{Failed, Settled};

/// The object.
#[derive(Serialize)]
struct Report<'s> {
    ok: bool,
    failed: &'s [Failed],
    /// `null` when nobody is left to tell.
    status: Option<&'s Status>,
}

/// Shows what came of it.
///
/// # Errors
/// If it cannot be written as JSON.
pub fn show(settled: &Settled, printer: &Printer) -> Outcome {
    let exit = settled.exit();
    if printer.is_json() {
        let status = Some(&settled.status);
        printer.json(&Report { ok: exit == Exit::Done, failed: &settled.failed, status })?;
    } else {
        table::show(&settled.status, printer);
    }
    Ok(exit)
}

/// Says that it is done, where there is nobody left to show.
///
/// # Errors
/// If it cannot be written as JSON.
pub fn gone(printer: &Printer) -> Outcome {
    if printer.is_json() {
        printer.json(&Report { ok: true, failed: &[], status: None })?;
    }
    Ok(Exit::Done)
}
