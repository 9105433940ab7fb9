//! Says how the first device is paired, on a hub that nobody can see anything of yet.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use protocol::control::{App, Status, Word};
use protocol::worker;

use super::Context;
use crate::client::Client;
use crate::launch;
use crate::verbs::describe;

/// The app that knows who is paired, and its program, which says it.
const KNOWS: &str = "betti-backend";
const PROGRAM: &str = "betti-api";
/// What it is to say of the hub's address.
const PUBLIC_URL: &str = "BETTI_PUBLIC_URL";

/// Has it said, if that app is online. Whatever is in the way of it is no failure of what was started.
pub async fn show(status: &Status, port: Option<u16>, client: &Client, context: &Context<'_>) {
    let is_online = |app: &App| app.name == KNOWS && app.status == Word::Online;
    if context.printer.is_json() || !status.apps.iter().any(is_online) {
        return;
    }
    let Some(program) = launch::program_named(PROGRAM) else { return };
    let Some(mut environment) = told(client).await else { return };
    // Whether there is a certificate says how the hub is reached; the program runs where we do, not where the app does.
    if let Some(folder) = context.config.as_deref().and_then(Path::parent) {
        let certs = environment.get(certificates::FOLDER_VARIABLE).map_or(certificates::FOLDER, String::as_str);
        let certs = folder.join(certs).to_string_lossy().into_owned();
        environment.insert(certificates::FOLDER_VARIABLE.to_owned(), certs);
    }
    let mut command = Command::new(program);
    command.args(["pair", "--role", "resident", "--if-first"]);
    if let Some(port) = port {
        command.arg("--port").arg(port.to_string());
    }
    // Its standard output is ours, so that it knows whether somebody looks.
    let _ = command.envs(environment).stdin(Stdio::null()).status();
}

/// Where the app keeps its data, which has to be known, and what the hub is called from outside.
async fn told(client: &Client) -> Option<BTreeMap<String, String>> {
    let apps = describe::about(&[KNOWS.to_owned()], true, client).await.ok()?;
    let environment = apps.into_iter().next()?.environment.into_iter();
    let wanted = [worker::DATA_DIR, PUBLIC_URL, certificates::FOLDER_VARIABLE];
    let wanted: BTreeMap<_, _> = environment.filter(|(name, _)| wanted.contains(&name.as_str())).collect();
    wanted.contains_key(worker::DATA_DIR).then_some(wanted)
}
