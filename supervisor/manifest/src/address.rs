//! Addresses to listen on or to connect to.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use toml::de::DeValue;

use crate::diagnostic::Mistake;
use crate::model::Address;
use crate::value::{self, Read, Value};

/// Reads `HOST:PORT`.
pub(crate) fn read(value: &Value<'_>) -> Read<Address> {
    const HELP: &str = "write HOST:PORT, for example \"127.0.0.1:3001\", \"0.0.0.0:8080\" or \"[::1]:3001\"";
    let DeValue::String(text) = value.get_ref() else { return Err(value::wrong(value, "an address").help(HELP)) };
    let wrong = |message: &str| Mistake::new(value.span(), message);
    if text.starts_with(['/', '@']) || text.starts_with("unix:") {
        return Err(wrong("listening on a path is not supported yet").help(HELP));
    }
    if text.starts_with("udp:") {
        return Err(wrong("listening for datagrams is not supported yet").help(HELP));
    }
    match text.parse::<SocketAddr>() {
        Ok(address) if address.port() == 0 => Err(wrong("this must have a port from 1 to 65535").help(HELP)),
        Ok(address) => Ok(Address(address)),
        Err(_) => Err(wrong("this is not an address").help(address_help(text).unwrap_or_else(|| HELP.to_owned()))),
    }
}

/// What was probably meant: a port alone, or a name that stands for this machine.
fn address_help(text: &str) -> Option<String> {
    let port = text.trim_start_matches("localhost").trim_start_matches("*").trim_start_matches(':');
    let port = port.parse::<u16>().ok().filter(|port| *port != 0)?;
    let host = if text.starts_with('*') { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
    Some(format!("did you mean \"{}\"?", SocketAddr::new(IpAddr::V4(host), port)))
}
