//! `betti-ctl why`: what became of apps lately, and who brought that about.

use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use protocol::control::{Happening, Why};

use super::{Context, act};
use crate::arguments;
use crate::exit::{Exit, Outcome};
use crate::printer::{self, Tone};
use crate::table;

/// How a time is shown.
const TIME: &str = "%Y-%m-%d %H:%M:%S%.3f";

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
    let mut text = printer::paint(colour, Tone::Own, &title);
    if !rows.is_empty() {
        text = format!("{text}\n{}", table::pairs(&rows, width, colour));
    }
    if why.happenings.iter().any(|happening| happening.clock.is_some()) {
        text.push_str("\n~ the clock is not set yet: these times may be wrong, but not how far they are apart");
    }
    text
}

/// When, by the clock of whoever looks, and what with whose doing.
fn row(happening: &Happening) -> (String, String) {
    let Happening { at, clock, what, actor, .. } = happening;
    let doubt = if clock.is_some() { "~" } else { "" };
    let here = |at: Timestamp| strtime::format(TIME, &at.to_zoned_datetime(TimeZone::system())).ok();
    let at = at.parse().ok().and_then(here).unwrap_or_else(|| at.clone());
    (format!("{doubt}{at}"), format!("{what} ({})", actor.as_str()))
}
