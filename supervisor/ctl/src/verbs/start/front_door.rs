//! Says what to open, if there is something to open.

use std::path::Path;

use protocol::control::{Status, Word};

use super::Context;

/// The app whose address people open.
const FRONT_DOOR: &str = "betti-frontend";

/// Says what to open; its port.
pub fn show(status: &Status, context: &Context<'_>) -> Option<u16> {
    let is_online = |app: &protocol::control::App| app.name == FRONT_DOOR && app.status == Word::Online;
    let address = context.config.as_deref().and_then(|path| address(path, &status.profile));
    let address = address.filter(|_| status.apps.iter().any(is_online))?;
    context.printer.say(&format!("Open {address}"));
    address.rsplit_once(':')?.1.parse().ok()
}

fn address(config: &Path, profile: &str) -> Option<String> {
    let text = std::fs::read_to_string(config).ok()?;
    let manifest = manifest::parse(config, &text, Some(profile)).ok()?;
    let app = manifest.app(FRONT_DOOR)?;
    let host = |ip: std::net::IpAddr| match ip {
        any if any.is_unspecified() => "127.0.0.1".to_owned(),
        std::net::IpAddr::V6(ip) => format!("[{ip}]"),
        std::net::IpAddr::V4(ip) => ip.to_string(),
    };
    let held = app.listen.iter().find_map(manifest::Address::tcp);
    let listen = held.map(|address| format!("http://{}:{}", host(address.ip()), address.port()));
    listen.or_else(|| app.port.map(|port| format!("http://127.0.0.1:{port}")))
}
