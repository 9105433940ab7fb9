//! `betti-ctl`: asks the supervisor, waits until it is true, and says what it saw.
//!
//! ```text
//!   arguments ──► verbs/… ──client──► supervisor        one file a verb
//!                    │  └────launch──► betti-supervisor  `start`, when none runs
//!                    ├──watch, verdict                   has it come true, or failed?
//!                    └──printer ◄── table, logs          the only place that writes to the terminal
//! ```
//!
//! It decides nothing: closing the terminal while it waits changes nothing about what was asked for.

mod arguments;
mod client;
mod config;
mod detach;
mod exit;
mod launch;
mod logs;
mod printer;
mod runtime_dir;
mod table;
mod units;
mod verbs;
mod verdict;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;
use printer::Printer;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let printer = Printer::from_environment();
    match verbs::run(arguments, &printer) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            if !failure.message.is_empty() {
                printer.error(&failure.message);
            }
            failure.exit.into()
        }
    }
}
