//! The verbs, one file each.

mod act;
mod completion;
mod kill;
mod logs;
mod restart;
mod start;
mod status;
mod stop;

use std::path::PathBuf;

use crate::arguments::{Arguments, Verb};
use crate::client::Client;
use crate::config;
use crate::exit::{Failure, Outcome};
use crate::printer::Printer;
use crate::runtime_dir;

/// What every verb has at hand.
pub struct Context<'p> {
    /// The file to go by, an absolute path; `None` if there is none here.
    pub config: Option<PathBuf>,
    /// The way to the terminal.
    pub printer: &'p Printer,
}

impl Context<'_> {
    /// For a verb that needs a supervisor.
    ///
    /// # Errors
    /// If there cannot be one.
    pub fn client(&self) -> Result<Client, Failure> {
        let runtime_dir = runtime_dir::existing()?.ok_or_else(Failure::no_supervisor)?;
        Ok(Client::new(runtime_dir::socket(&runtime_dir), self.config.clone()))
    }
}

/// Does what was asked for.
///
/// # Errors
/// If it was not done, with the reason and the exit code.
pub fn run(arguments: Arguments, printer: &Printer) -> Outcome {
    if let Verb::Completion(shell) = &arguments.verb {
        return Ok(completion::run(shell, printer));
    }
    let context = Context { config: config::find(arguments.config.as_deref())?, printer };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|why| Failure::failed(format!("no event loop can be had: {why}")))?;
    runtime.block_on(dispatch(arguments.verb, &context))
}

async fn dispatch(verb: Verb, context: &Context<'_>) -> Outcome {
    match verb {
        Verb::Start(arguments) => start::run(&arguments, context).await,
        Verb::Stop(arguments) => stop::run(&arguments, context).await,
        Verb::Restart(arguments) => restart::run(&arguments, context).await,
        Verb::Status(arguments) => status::run(&arguments, context).await,
        Verb::Logs(arguments) => logs::run(&arguments, context).await,
        Verb::Kill => kill::run(context).await,
        Verb::Completion(shell) => Ok(completion::run(&shell, context.printer)),
    }
}
