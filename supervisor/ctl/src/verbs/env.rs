//! `betti-ctl env`: what a run of an app finds in its environment.

use std::collections::BTreeMap;

use protocol::control::Description;
use serde::Serialize;

use super::{Context, describe};
use crate::arguments;
use crate::exit::{Exit, Outcome};
use crate::printer::{self, Tone};

/// For programs, one an app.
#[derive(Serialize)]
struct Environment<'d> {
    id: u32,
    name: &'d str,
    environment: BTreeMap<&'d str, &'d str>,
    divergent: Vec<Difference<'d>>,
}

/// A variable that the running process has otherwise.
#[derive(Serialize)]
struct Difference<'d> {
    name: &'d str,
    running: Option<&'d str>,
    new: Option<&'d str>,
}

/// Shows the environment that a run spawned now would get, or what of it the running process has otherwise.
///
/// # Errors
/// If nobody answers, or a name means nothing.
pub async fn run(arguments: &arguments::Env, context: &Context<'_>) -> Outcome {
    let descriptions = describe::about(&arguments.apps, arguments.show_secrets, &context.client()?).await?;
    if context.printer.is_json() {
        context.printer.json(
            &descriptions.iter().map(|description| for_programs(description, arguments.diff)).collect::<Vec<_>>(),
        )?;
        return Ok(Exit::Done);
    }
    for description in &descriptions {
        if descriptions.len() > 1 {
            let title = format!("[{}]({})", description.app.name, description.app.id);
            context.printer.line(&context.printer.paint(Tone::Own, &title));
        }
        let text = if arguments.diff { difference(description, context.printer.colour()) } else { all(description) };
        context.printer.line(&text);
    }
    Ok(Exit::Done)
}

fn for_programs(description: &Description, only_difference: bool) -> Environment<'_> {
    let Description { app, environment, divergent, .. } = description;
    let environment = if only_difference { &[] } else { environment.as_slice() };
    Environment {
        id: app.id,
        name: &app.name,
        environment: environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        divergent: divergent
            .iter()
            .map(|(name, running, new)| Difference { name, running: running.as_deref(), new: new.as_deref() })
            .collect(),
    }
}

fn all(description: &Description) -> String {
    let mut lines: Vec<String> =
        description.environment.iter().map(|(name, value)| format!("{name}={}", in_one_line(value))).collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// `-` what the running process has, `+` what the next one will get.
fn difference(description: &Description, colour: bool) -> String {
    if description.divergent.is_empty() {
        return "the running process has exactly this environment".to_owned();
    }
    let mut lines = Vec::new();
    for (name, running, new) in &description.divergent {
        for (mark, tone, value) in [('-', Tone::Bad, running), ('+', Tone::Good, new)] {
            if let Some(value) = value {
                lines.push(printer::paint(colour, tone, &format!("{mark} {name}={}", in_one_line(value))));
            }
        }
    }
    lines.join("\n")
}

/// A value may hold line ends, and what a terminal would obey.
fn in_one_line(value: &str) -> String {
    value
        .chars()
        .map(
            |character| {
                if character.is_control() { character.escape_default().collect() } else { character.to_string() }
            },
        )
        .collect()
}
