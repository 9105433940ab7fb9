//! `betti-ctl restore`: a copy in the place of the present data.
//!
//! Everything that can go wrong with the copy goes wrong while the apps still run: it is unpacked and tested first. Only then what
//! runs is stopped, the files are renamed, and what ran is started again.

use std::ffi::OsStr;

use protocol::control::{Status, Word};

use super::Context;
use super::act::{self, Act};
use crate::arguments::Restore;
use crate::client::Client;
use crate::copies::Copies;
use crate::exit::{Exit, Failure, Outcome};

/// Of what does not run at the moment, what would by itself.
const TRYING: &[Word] = &[Word::WaitingRestart, Word::Waiting, Word::Cooling];

/// Restores a copy, or only says what it has.
///
/// # Errors
/// If betti-backup cannot be run, or what runs cannot be stopped.
pub async fn run(arguments: &Restore, context: &Context<'_>) -> Outcome {
    let running = context.running().await?;
    let copies = Copies::of(context, running.as_ref().map(|(client, _)| client)).await?;
    let mut key = Vec::new();
    if let Some(path) = &arguments.key_file {
        key.extend([OsStr::new("--key-file"), path.as_os_str()]);
    }
    let file = arguments.file.as_os_str();
    if arguments.dry_run {
        return copies.run(&[&[OsStr::new("check"), file], key.as_slice()].concat());
    }
    let (unpacked, document) =
        copies.run_holding_back(&[&[OsStr::new("restore"), OsStr::new("--unpack"), file], key.as_slice()].concat())?;
    if unpacked != Exit::Done {
        context.printer.bytes(&document);
        return Ok(unpacked);
    }
    let Some((client, status)) = running else {
        let (exit, placed) = copies.run_holding_back(&[OsStr::new("place")])?;
        context.printer.bytes(&together(&document, &placed));
        return Ok(exit);
    };
    match place(&copies, &client, &status, context).await {
        Ok((exit, placed)) => {
            context.printer.bytes(&together(&document, &placed));
            Ok(exit)
        }
        Err(failure) => {
            // What was unpacked is of no use any more; if it cannot be removed, the next restore does it.
            let _ = copies.run_holding_back(&[OsStr::new("give-up")]);
            Err(failure)
        }
    }
}

/// Stops what is up, has the copy put in place, and starts what was up.
async fn place(
    copies: &Copies,
    client: &Client,
    status: &Status,
    context: &Context<'_>,
) -> Result<(Exit, Vec<u8>), Failure> {
    let (online, others) = (named(status, &[Word::Online, Word::Launching]), named(status, TRYING));
    let up = [online.as_slice(), others.as_slice()].concat();
    if !up.is_empty() {
        ask(&act::stop(&up, true), client, context).await?;
    }
    let placed = copies.run_holding_back(&[OsStr::new("place")]);
    // Whatever came of it, the data are whole: the ones from before, or the copy's.
    let started = start(&online, &others, client, context).await;
    let placed = placed?;
    started.map(|()| placed)
}

/// What was said of the copy and of its placing, as one document; nothing where people read.
fn together(unpacked: &[u8], placed: &[u8]) -> Vec<u8> {
    let fields = |document: &[u8]| serde_json::from_slice::<serde_json::Map<_, _>>(document).unwrap_or_default();
    let mut all = fields(unpacked);
    all.extend(fields(placed));
    if all.is_empty() { Vec::new() } else { format!("{}\n", serde_json::Value::Object(all)).into_bytes() }
}

/// The names of the apps that are in one of these states, each once.
fn named(status: &Status, words: &[Word]) -> Vec<String> {
    let mut names: Vec<String> =
        status.apps.iter().filter(|app| words.contains(&app.status)).map(|app| app.name.clone()).collect();
    names.sort();
    names.dedup();
    names
}

/// Starts what was up. What had not come up before need not come up now.
async fn start(online: &[String], others: &[String], client: &Client, context: &Context<'_>) -> Result<(), Failure> {
    if !others.is_empty() {
        act::ask(&act::start(others, false), client, context).await?;
    }
    if online.is_empty() { Ok(()) } else { ask(&act::start(online, true), client, context).await }
}

/// Asks for it, without a table: there is a document of its own for programs.
async fn ask(wanted: &Act<'_>, client: &Client, context: &Context<'_>) -> Result<(), Failure> {
    let settled = act::ask(wanted, client, context).await?;
    if settled.failed.is_empty() {
        return Ok(());
    }
    let apps = wanted.targets.targets.join(" ");
    Err(Failure::failed(format!(
        "not every app did {}: see betti-ctl status, then betti-ctl start {apps}",
        wanted.wire
    )))
}
