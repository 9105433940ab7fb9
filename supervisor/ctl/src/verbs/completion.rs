//! `betti-ctl completion`: a script for the shell.

use clap::CommandFactory;

use crate::arguments::{Arguments, Completion};
use crate::exit::Exit;
use crate::printer::Printer;

/// Prints the script.
pub fn run(arguments: &Completion, printer: &Printer) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "betti-ctl", &mut script);
    printer.bytes(&script);
    Exit::Done
}
