//! `betti-ctl`: asks the supervisor, waits until it is true, and says what it saw.
//!
//! ```text
//!   arguments ──► verbs/… ──client──► supervisor        one file a verb
//!                    │  └────launch──► betti-supervisor  `start`, when none runs
//!                    ├──watch, verdict, progress         has it come true, or failed? what is waited for?
//!                    └──printer ◄── table, plan, report  the only place that writes to the terminal
//! ```
//!
//! It decides nothing: closing the terminal while it waits changes nothing about what was asked for.

mod arguments;
mod certs;
mod client;
mod config;
mod detach;
mod elsewhere;
mod exit;
mod launch;
mod logs;
mod names;
mod node;
mod plan;
mod pm2;
mod printer;
mod profiles;
mod progress;
mod replace;
mod report;
mod runtime_dir;
mod script;
mod secrets;
mod table;
mod unit;
mod units;
mod usage;
mod verbs;
mod verdict;
mod watch;

use std::process::ExitCode;

use printer::Printer;

fn main() -> ExitCode {
    let arguments = match usage::read() {
        Ok(arguments) => arguments,
        Err(exit) => return exit.into(),
    };
    let printer = Printer::from_environment(arguments.json);
    match verbs::run(arguments, &printer) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            printer.failure(&failure);
            failure.exit.into()
        }
    }
}
