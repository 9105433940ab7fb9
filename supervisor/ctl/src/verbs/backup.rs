//! `betti-ctl backup`: a copy of everything, now.

use std::ffi::OsStr;

use super::Context;
use crate::arguments::Backup;
use crate::copies::Copies;
use crate::exit::Outcome;

/// Has a copy made and tested; what runs goes on running.
///
/// # Errors
/// If betti-backup cannot be run.
pub async fn run(arguments: &Backup, context: &Context<'_>) -> Outcome {
    let running = context.running().await?;
    let copies = Copies::of(context, running.as_ref().map(|(client, _)| client)).await?;
    let mut words = vec![OsStr::new("now")];
    if let Some(to) = &arguments.to {
        words.extend([OsStr::new("--to"), to.as_os_str()]);
    }
    words.extend(arguments.new_key.then_some(OsStr::new("--new-key")));
    copies.run(&words)
}
