//! `betti-ctl why`: what became of apps lately, and who brought that about.

use protocol::control::{Happening, Why};

use super::{Context, act};
use crate::arguments;
use crate::exit::{Exit, Outcome};
use crate::printer::{self, Tone};
use crate::table;

/// Shows the last changes, oldest first.
///
/// # Errors
/// If nobody answers, or a name means nothing.
pub async fn run(arguments: &arguments::Why, context: &Context<'_>) -> Outcome {
    let client = context.client()?;
    let told = match client.why(&arguments.apps).await {
        Ok(told) => told,
        Err(error) => return Err(act::refused(error, &arguments.apps, &client).await),
    };
    let printer = context.printer;
    if printer.is_json() {
        printer.json(&told)?;
        return Ok(Exit::Done);
    }
    for why in &told {
        printer.line(&text(why, printer.width(), printer.colour()));
    }
    Ok(Exit::Done)
}

fn text(why: &Why, width: Option<u16>, colour: bool) -> String {
    let app = &why.app;
    let reason = app.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let title = format!("{} (id {}) is {}{reason}", app.name, app.id, app.status.as_str());
    let rows: Vec<(String, String)> = why.happenings.iter().map(row).collect();
    let title = printer::paint(colour, Tone::Own, &title);
    if rows.is_empty() { title } else { format!("{title}\n{}", table::pairs(&rows, width, colour)) }
}

/// When, and what with whose doing.
fn row(happening: &Happening) -> (String, String) {
    let Happening { at, clock, boot, after_boot_ms, what, actor, .. } = happening;
    let doubt = clock.as_ref().map(|clock| format!(" clock {clock}")).unwrap_or_default();
    let after_boot = format!("[{boot} +{}.{:03}{doubt}]", after_boot_ms / 1000, after_boot_ms % 1000);
    (format!("{at} {after_boot}"), format!("{what} ({})", actor.as_str()))
}
