//! `--self-check`: asked by a supervisor that is to make room for this program. The hand-over is received as a real one is; what
//! is made of it is printed, and nothing else is done.

use std::io::Write;
use std::os::fd::AsFd;

use lifecycle::Moment;

use super::hand_over::HandOver;
use super::{Wish, keeper_link, rehearsal};

/// Prints what we would make of what we are told on standard input. `at` is when that was so.
pub fn run(wish: &Wish, at: Moment) -> anyhow::Result<()> {
    let socket = std::io::stdin().as_fd().try_clone_to_owned()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let told = runtime.block_on(async {
        let (mut facts, orders) = keeper_link::open(socket)?;
        HandOver::receive(&mut facts, &orders).await
    })?;
    let told = told.ok_or_else(|| anyhow::anyhow!("whoever asked has gone away"))?;
    let understood = rehearsal::of(wish, &told, at)?;
    let line = format!("{}\n", serde_json::to_string(&understood)?);
    Ok(std::io::stdout().write_all(line.as_bytes())?)
}
