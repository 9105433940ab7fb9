//! What contradicts itself within one app.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;

use crate::diagnostic::Mistake;
use crate::model::{Address, Instances};
use crate::probe::{Check, Ready};
use crate::resolve::{is_shell_command, is_silent, own_address};
use crate::url::Target;
use crate::written::Written;

/// Programs that have no channel for messages, by their names without a version.
const WITHOUT_CHANNEL: [&str; 11] =
    ["python", "pypy", "bash", "sh", "dash", "zsh", "ruby", "perl", "php", "java", "lua"];
/// Endings of scripts that such a program runs.
const SCRIPTS_WITHOUT_CHANNEL: [&str; 7] = ["py", "sh", "bash", "rb", "pl", "php", "lua"];

/// Notes every one.
pub(crate) fn contradictions(written: &Written, mistakes: &mut Vec<Mistake>) {
    mistakes.extend(arguments(written));
    mistakes.extend(readiness(written));
    mistakes.extend(paths(written));
    mistakes.extend(held_sockets(written));
    mistakes.extend(one_port_for_many(written));
    mistakes.extend(message(written));
    mistakes.extend(silence(written));
}

fn arguments(written: &Written) -> Option<Mistake> {
    let (script, args) = (written.script.as_ref()?, written.args.as_ref()?);
    is_shell_command(written).then(|| {
        Mistake::new(args.span(), "`args` cannot be added to a shell command")
            .related(script.span(), "a script with a space in it is run by bash")
            .help("write them into `script`, or keep only the program there")
    })
}

fn readiness(written: &Written) -> Option<Mistake> {
    let (ready, wait_ready) = (written.ready.as_ref()?, written.wait_ready.as_ref()?);
    // "false" beside a probe agrees: the app itself says nothing.
    let agrees = match ready.get_ref() {
        Ready::Pipe => *wait_ready.get_ref(),
        Ready::None | Ready::Tcp(_) | Ready::Http(_) | Ready::Log(_) => !*wait_ready.get_ref(),
    };
    (!agrees).then(|| {
        Mistake::new(wait_ready.span(), "`wait_ready` contradicts `ready`")
            .related(ready.span(), "this says otherwise")
            .help("keep one of them: `wait_ready = true` means `ready = \"pipe\"`")
    })
}

/// What is tried to find out how an app is.
enum Tried<'a> {
    Tcp(SocketAddr),
    Http(&'a Target),
}

/// What `ready` and `health` try over the network, each with its key and place.
fn tried(written: &Written) -> impl Iterator<Item = (&'static str, Range<usize>, Tried<'_>)> {
    let ready = written.ready.as_ref().and_then(|ready| match ready.get_ref() {
        Ready::Tcp(address) => Some(("ready", ready.span(), Tried::Tcp(*address))),
        Ready::Http(target) => Some(("ready", ready.span(), Tried::Http(target))),
        Ready::None | Ready::Pipe | Ready::Log(_) => None,
    });
    let health = written.health.as_ref().and_then(|health| match &health.get_ref().check {
        Check::Tcp(address) => Some(("health", health.span(), Tried::Tcp(*address))),
        Check::Http(target) => Some(("health", health.span(), Tried::Http(target))),
        Check::Exec(_) => None,
    });
    ready.into_iter().chain(health)
}

/// A path alone needs a port that it is on.
fn paths(written: &Written) -> Vec<Mistake> {
    let no_port = |(key, place, tried)| match tried {
        Tried::Http(Target::Path(path)) if own_address(written).is_none() => {
            let message = format!("`{key}` does not say on which port `{path}` is asked for");
            let help = match written.listen.iter().find_map(|address| address.get_ref().tcp()) {
                None => "give the app a `port`, or one address in `listen`, or write the whole address".to_owned(),
                Some(first) => format!("write the whole address: \"http://{first}{path}\""),
            };
            Some(Mistake::new(place, message).help(help))
        }
        Tried::Http(_) | Tried::Tcp(_) => None,
    };
    tried(written).filter_map(no_port).collect()
}

/// A held socket accepts connections while nobody serves it: trying that would learn nothing.
fn held_sockets(written: &Written) -> Vec<Mistake> {
    let always_true = |(key, place, tried)| match tried {
        Tried::Tcp(address) => {
            let held = written.listen.iter().find(|held| held.get_ref().overlaps(&Address::Tcp(address)))?;
            let message =
                format!("`{key}` would always succeed: connections to a held socket are accepted at any time");
            let mistake = Mistake::new(place, message).related(held.span(), "held for the app");
            Some(mistake.help("ask the app itself: http = \"/\", or let it say so: ready = \"pipe\""))
        }
        Tried::Http(_) => None,
    };
    tried(written).filter_map(always_true).collect()
}

fn one_port_for_many(written: &Written) -> Option<Mistake> {
    let (instances, port) = (written.instances.as_ref()?, written.port.as_ref()?);
    let many = match instances.get_ref() {
        Instances::Count(count) => *count > 1,
        Instances::EveryProcessor { .. } => true,
    };
    (many && written.opens_its_port()).then(|| {
        let (port, place) = (port.get_ref(), port.span());
        Mistake::new(instances.span(), format!("each of these processes would open the port {port}, and only one can"))
            .related(place, "this port")
            .help(format!("let them share a held socket: listen = [\"127.0.0.1:{port}\"] instead of `port`"))
    })
}

fn message(written: &Written) -> Option<Mistake> {
    let wanted = written.shutdown_with_message.as_ref().filter(|wanted| *wanted.get_ref())?;
    let runner = written.interpreter.as_deref();
    let script = written.script.as_ref()?.get_ref();
    let is_deaf = match runner {
        Some(runner) => is_deaf(runner),
        None if is_shell_command(written) => false,
        None => {
            let ending = Path::new(script).extension().and_then(|ending| ending.to_str());
            ending.is_some_and(|ending| SCRIPTS_WITHOUT_CHANNEL.contains(&ending)) || is_deaf(script)
        }
    };
    is_deaf.then(|| {
        let what = runner.unwrap_or(script);
        Mistake::new(wanted.span(), format!("`{what}` does not hear messages: only Node and its like have a channel"))
            .help("remove it: the app is asked to stop by `kill_signal`, which is SIGTERM unless set")
    })
}

fn is_deaf(program: &str) -> bool {
    let name = Path::new(program).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    WITHOUT_CHANNEL.contains(&name.trim_end_matches(|character: char| character.is_ascii_digit() || character == '.'))
}

fn silence(written: &Written) -> Option<Mistake> {
    let disabled = written.disable_logs.as_ref().filter(|_| is_silent(written))?;
    let file = written.out_file.as_ref().or(written.error_file.as_ref())?;
    let mistake = Mistake::new(disabled.span(), "`disable_logs` contradicts the log file that is named");
    Some(
        mistake
            .related(file.span(), "named here")
            .help("keep one of them; \"/dev/null\" as a file silences one stream"),
    )
}
