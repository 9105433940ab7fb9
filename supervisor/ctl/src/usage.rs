//! Reads the command line, and says what is wrong with it.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};

use crate::arguments::Arguments;
use crate::elsewhere;
use crate::exit::{Exit, Failure};
use crate::names;
use crate::printer::Printer;

/// What was asked for; if it is nothing that can be done, that has been said.
///
/// # Errors
/// How to end.
pub fn read() -> Result<Arguments, Exit> {
    Arguments::try_parse().map_err(|error| say(&error))
}

fn say(error: &clap::Error) -> Exit {
    let is_wrong = error.use_stderr();
    let printer = Printer::from_environment(is_wrong && asks_for_json());
    match instead(error) {
        Some(instead) => printer.failure(&Failure::misuse(instead)),
        None if printer.is_json() => printer.failure(&Failure::misuse(plain(error))),
        // A reader that went away is no reason to fail.
        None => drop(error.print()),
    }
    if is_wrong { Exit::Misuse } else { Exit::Done }
}

/// What to do instead of a verb that there is not.
fn instead(error: &clap::Error) -> Option<String> {
    match (error.kind(), error.get(ContextKind::InvalidSubcommand)) {
        (ErrorKind::InvalidSubcommand, Some(ContextValue::String(verb))) => {
            Some(elsewhere::instead_of(verb).unwrap_or_else(|| no_such_verb(verb)))
        }
        _ => None,
    }
}

fn no_such_verb(verb: &str) -> String {
    let command = Arguments::command();
    let verbs =
        command.get_subcommands().flat_map(|known| [known.get_name()].into_iter().chain(known.get_all_aliases()));
    names::unknown_verb(verb, verbs)
}

fn plain(error: &clap::Error) -> String {
    let text = error.render().to_string();
    text.strip_prefix("error: ").unwrap_or(&text).trim_end().to_owned()
}

/// Whether a program reads the answer, as far as can be told of a command line that is not understood.
fn asks_for_json() -> bool {
    std::env::args_os().take_while(|word| word != "--").any(|word| word == "--json")
}
