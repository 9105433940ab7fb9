//! `betti-ctl logs`: what apps wrote, in the order of time, then what is added.

use manifest::targets::Named;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use protocol::control::LogSource;

use super::Context;
use crate::arguments;
use crate::client::AskError;
use crate::config;
use crate::exit::{Exit, Failure, Outcome};
use crate::logs::{self, Follow, Kind, Look, Newcomers, Sieve, Stamp, View, Wanted};
use crate::names;
use crate::runtime_dir;

/// How many lines of each file are shown unless told otherwise: PM2's number.
const LINES: u64 = 15;

/// Where logs go that are not wanted (`disable_logs`).
const NOWHERE: &str = "/dev/null";

/// Shows what apps wrote.
pub async fn run(arguments: &arguments::Logs, context: &Context<'_>) -> Outcome {
    let look = look(arguments, context)?;
    let wanted = wanted(arguments)?;
    let sources = sources(arguments, context).await?;
    let meant = names::meant(&sources, &arguments.apps, named).map_err(Failure::failed)?;
    if !arguments.apps.is_empty() && !context.printer.is_json() {
        say_who_writes_none(&meant, context);
    }
    raise_limit_of_files();
    let mut view = View::new(&sources, &meant, wanted, look);
    if arguments.follow {
        let runtime_dir = runtime_dir::named().ok();
        let newcomers = runtime_dir.map(|dir| Newcomers::of(dir, context.config.clone(), sources.clone()));
        let meant = |all: &[LogSource]| -> Vec<usize> { still_meant(all, &arguments.apps) };
        Follow { view, printer: context.printer, newcomers, meant: Box::new(meant) }.run().await;
        return Ok(Exit::Done);
    }
    while view.show(context.printer) {}
    let troubles = view.take_troubles();
    for trouble in &troubles {
        context.printer.error(trouble);
    }
    // What can be read was shown; the exit code says that it was not all.
    Ok(if troubles.is_empty() { Exit::Done } else { Exit::Failed })
}

fn look(arguments: &arguments::Logs, context: &Context<'_>) -> Result<Look, Failure> {
    let printer = context.printer;
    if arguments.raw && printer.is_json() {
        return Err(Failure::misuse("--raw and --json are two ways to show a line: choose one"));
    }
    let stamp = arguments.timestamp.as_deref().map(Stamp::new).transpose();
    let stamp = stamp
        .map_err(|why| Failure::misuse(format!("--timestamp: {why}: write it as for strftime(3), like %H:%M:%S")))?;
    Ok(match (arguments.raw, printer.is_json()) {
        (true, _) => Look::raw(),
        (_, true) => Look::json(),
        _ => Look::prefix(printer.colour(), printer.is_live(), stamp),
    })
}

fn wanted(arguments: &arguments::Logs) -> Result<Wanted, Failure> {
    let pattern = arguments.grep.as_deref().map(|text| logs::pattern(text, arguments.ignore_case)).transpose();
    let pattern = pattern.map_err(|why| Failure::misuse(format!("--grep: {why}")))?;
    let last = match (arguments.lines, arguments.since) {
        (None, Some(_)) => None,
        (lines, _) => Some(lines.unwrap_or(LINES)),
    };
    let sieve = Sieve { pattern, since_us: arguments.since };
    Ok(Wanted { kinds: kinds(arguments).to_vec(), sieve, last, follow: arguments.follow })
}

/// Of those that are named: else there would be nothing at all.
fn say_who_writes_none(meant: &[&LogSource], context: &Context<'_>) {
    for source in meant.iter().filter(|source| source.out_file == NOWHERE && source.error_file == NOWHERE) {
        context.printer.error_text(&format!("[Betti] {} writes no logs: they go to {NOWHERE}\n", source.name));
    }
}

/// Where all apps write to: as the supervisor says, or the file if there is none. After a crash, logs are what is looked for.
async fn sources(arguments: &arguments::Logs, context: &Context<'_>) -> Result<Vec<LogSource>, Failure> {
    if let Some(runtime_dir) = runtime_dir::existing()? {
        let client = crate::client::Client::new(runtime_dir::socket(&runtime_dir), context.config.clone());
        match client.logs().await {
            Err(AskError::NoSupervisor) => {}
            answer => return Ok(answer?),
        }
    }
    let nobody = |why: String| {
        let failure = Failure::no_supervisor();
        Failure { message: format!("{}\n{why}", failure.message), ..failure }
    };
    let Some(path) = &context.config else { return Err(Failure::no_supervisor()) };
    let offline = logs::sources(path, &config::text(path)?)
        .map_err(|_| nobody(format!("which logs there are is not known, because {} has mistakes", path.display())))?;
    names::meant(&offline.sources, &arguments.apps, named).map_err(Failure::failed)?;
    if !offline.is_any_there {
        let files = offline.sources.iter().flat_map(|source| [&source.out_file, &source.error_file]);
        let files: Vec<&str> = files.map(String::as_str).collect();
        return Err(nobody(format!("none of the logs that {} names is there: {}", path.display(), files.join(", "))));
    }
    if !context.printer.is_json() {
        let path = path.display();
        context
            .printer
            .error_text(&format!("[Betti] no supervisor is running: these are the logs that {path} names\n"));
    }
    Ok(offline.sources)
}

/// Those that are meant of apps that come later: some that are named may be gone by then.
fn still_meant(all: &[LogSource], targets: &[String]) -> Vec<usize> {
    let is_meant = |source: &LogSource| targets.iter().any(|target| names::is_known(target, [named(source)]));
    let all = all.iter().enumerate();
    all.filter(|(_, source)| targets.is_empty() || is_meant(source)).map(|(place, _)| place).collect()
}

/// A log may take a descriptor for each of its files, and another one for its index.
fn raise_limit_of_files() {
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // What is not granted shows when a file cannot be opened.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}

fn named(source: &LogSource) -> Named<'_> {
    Named { id: source.id, name: &source.name, namespace: &source.namespace }
}

const fn kinds(arguments: &arguments::Logs) -> &'static [Kind] {
    match (arguments.out, arguments.err) {
        (true, false) => &[Kind::Out],
        (false, true) => &[Kind::Error],
        _ => &[Kind::Out, Kind::Error],
    }
}
