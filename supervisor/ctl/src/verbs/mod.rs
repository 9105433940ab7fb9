//! The verbs, one file each.

mod act;
mod apply;
mod certs;
mod check;
mod completion;
mod delete;
mod describe;
mod env;
mod flush;
mod id;
mod import;
mod init;
mod jlist;
mod kill;
mod logs;
mod metrics;
mod pid;
mod ping;
mod profile;
mod reload;
mod reload_logs;
mod reset;
mod restart;
mod scale;
mod send_signal;
mod start;
mod start_or;
mod startup;
mod status;
mod stop;
mod upgrade;
mod why;

use std::path::PathBuf;

use protocol::control::Status;

use crate::arguments::{Arguments, Verb};
use crate::client::{AskError, Client};
use crate::config;
use crate::exit::{Failure, Outcome};
use crate::printer::Printer;
use crate::runtime_dir;
use start_or::Then;

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

    /// The supervisor that runs already, if one does.
    ///
    /// # Errors
    /// If there is one, and it does not answer or goes by another file.
    pub async fn running(&self) -> Result<Option<(Client, Status)>, Failure> {
        let Some(runtime_dir) = runtime_dir::existing()? else { return Ok(None) };
        let client = Client::new(runtime_dir::socket(&runtime_dir), self.config.clone());
        match client.status().await {
            Ok(status) => Ok(Some((client, status))),
            Err(AskError::NoSupervisor) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Does what was asked for.
///
/// # Errors
/// If it was not done, with the reason and the exit code.
pub fn run(arguments: Arguments, printer: &Printer) -> Outcome {
    let config = match config::find(arguments.config.as_deref()) {
        Err(_) if !goes_by_a_file(&arguments.verb) => None,
        found => found?,
    };
    let context = Context { config, printer };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|why| Failure::failed(format!("no event loop can be had: {why}")))?;
    runtime.block_on(dispatch(arguments.verb, &context))
}

/// Whether it matters which file is meant.
const fn goes_by_a_file(verb: &Verb) -> bool {
    !matches!(verb, Verb::Completion(_) | Verb::Init(_) | Verb::Import(_) | Verb::Unstartup(_) | Verb::Certs(_))
}

async fn dispatch(verb: Verb, context: &Context<'_>) -> Outcome {
    match verb {
        Verb::Start(arguments) => start::run(&arguments, context).await,
        Verb::Stop(arguments) => stop::run(&arguments, context).await,
        Verb::Restart(arguments) => restart::run(&arguments, context).await,
        Verb::Reload(arguments) => reload::run(&arguments, context).await,
        Verb::Delete(arguments) => delete::run(&arguments, context).await,
        Verb::Scale(arguments) => scale::run(&arguments, context).await,
        Verb::Reset(arguments) => reset::run(&arguments, context).await,
        Verb::SendSignal(arguments) => send_signal::run(&arguments, context).await,
        Verb::Flush(arguments) => flush::run(&arguments, context).await,
        Verb::ReloadLogs => reload_logs::run(context).await,
        Verb::Upgrade(arguments) => upgrade::run(&arguments, context).await,
        Verb::Kill => kill::run(context).await,
        Verb::Status => status::run(context).await,
        Verb::Describe(arguments) => describe::run(&arguments, context).await,
        Verb::Why(arguments) => why::run(&arguments, context).await,
        Verb::Logs(arguments) => logs::run(&arguments, context).await,
        Verb::Env(arguments) => env::run(&arguments, context).await,
        Verb::Metrics(arguments) => metrics::run(&arguments, context).await,
        Verb::Jlist => jlist::run(false, context).await,
        Verb::Prettylist => jlist::run(true, context).await,
        Verb::Pid(arguments) => pid::run(&arguments, context).await,
        Verb::Id(arguments) => id::run(&arguments, context).await,
        Verb::Ping => ping::run(context).await,
        Verb::Check(arguments) => check::run(&arguments, context).await,
        Verb::Apply(arguments) => apply::run(&arguments, context).await,
        Verb::Profile(arguments) => profile::run(&arguments, context).await,
        Verb::StartOrRestart(arguments) => start_or::run(Then::Restart, &arguments, context).await,
        Verb::StartOrReload(arguments) => start_or::run(Then::Reload, &arguments, context).await,
        Verb::Certs(arguments) => certs::run(&arguments, context),
        Verb::Init(arguments) => init::run(&arguments, context),
        Verb::Import(arguments) => import::run(&arguments, context),
        Verb::Startup(arguments) => startup::startup(&arguments, context),
        Verb::Unstartup(arguments) => startup::unstartup(&arguments, context),
        Verb::Completion(shell) => Ok(completion::run(&shell, context.printer)),
    }
}
