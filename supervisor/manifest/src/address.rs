//! Addresses to listen on or to connect to.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Component, Path, PathBuf};

use toml::de::DeValue;

use crate::diagnostic::Mistake;
use crate::model::Address;
use crate::value::{self, Placed, Read, Value};

/// The longest path of a Unix socket, in bytes: `sockaddr_un` has room for 108, of which the last is a zero.
pub(crate) const LONGEST_SOCKET_PATH: usize = 107;
/// The most sockets of one app: as many as the keeper lends.
pub(crate) const MOST_SOCKETS: usize = 32;

const LISTEN_HELP: &str = "write HOST:PORT, for example \"127.0.0.1:3001\", \"0.0.0.0:8080\" or \"[::1]:3001\"; \
                           \"udp:HOST:PORT\"; or \"unix:PATH\"";
const SOCKET_HELP: &str = "write HOST:PORT, for example \"127.0.0.1:3001\" or \"[::1]:3001\"";
const UNIX_HELP: &str = "name a file, for example \"unix:/run/app.sock\", or \"unix:app.sock\" beside this file";

/// Reads the value of `listen`: a list, or one address.
pub(crate) fn listen(value: &Value<'_>) -> Result<Vec<Placed<Address>>, Vec<Mistake>> {
    let read = value::list(value, one)?;
    match read.get(MOST_SOCKETS) {
        Some(first_too_many) => {
            let message = format!("this is more than {MOST_SOCKETS} sockets for one app");
            Err(Mistake::new(first_too_many.span(), message).into())
        }
        None => Ok(read),
    }
}

/// Reads `HOST:PORT` of what is connected to.
pub(crate) fn socket(value: &Value<'_>) -> Read<SocketAddr> {
    let DeValue::String(text) = value.get_ref() else { return Err(not_an_address(value, "", SOCKET_HELP)) };
    host_and_port(value, text, "", SOCKET_HELP)
}

/// Makes a path whole, seen from the file's folder; too long a one is a mistake.
pub(crate) fn settle(address: &mut Placed<Address>, folder: &Path) -> Read<()> {
    let place = address.span();
    let Address::Unix(path) = address.get_mut() else { return Ok(()) };
    *path = plain(&folder.join(&*path));
    if path.to_str().is_none() {
        return Err(Mistake::new(place, "`listen` is a path that is not text").help("name a folder of UTF-8 text"));
    }
    let length = path.as_os_str().len();
    if length <= LONGEST_SOCKET_PATH {
        return Ok(());
    }
    let message = format!(
        "`listen` is a path of {length} bytes ({}), and that of a socket has at most {LONGEST_SOCKET_PATH}",
        path.display()
    );
    Err(Mistake::new(place, message).help("choose a shorter one, for example below /run"))
}

/// `tcp:`, `udp:` or `unix:` with an address, or `HOST:PORT` alone.
fn one(value: &Value<'_>) -> Read<Address> {
    let DeValue::String(text) = value.get_ref() else { return Err(not_an_address(value, "", LISTEN_HELP)) };
    let (kind, rest) = text.split_once(':').unwrap_or(("", text));
    match kind {
        "udp" | "tcp" if rest.is_empty() => {
            let help = format!("for example \"{kind}:0.0.0.0:8080\"");
            Err(Mistake::new(value.span(), "this does not say on which address and port").help(help))
        }
        "unix" => unix(value, rest),
        "udp" if !rest.starts_with("//") => host_and_port(value, rest, "udp:", LISTEN_HELP).map(Address::Udp),
        "tcp" if !rest.starts_with("//") => host_and_port(value, rest, "tcp:", LISTEN_HELP).map(Address::Tcp),
        _ => match meant(text) {
            Some(meant) => Err(Mistake::new(value.span(), "this is not an address").help(meant)),
            None => host_and_port(value, text, "", LISTEN_HELP).map(Address::Tcp),
        },
    }
}

fn unix(value: &Value<'_>, path: &str) -> Read<Address> {
    let wrong = |message: &str, help: &str| Err(Mistake::new(value.span(), message).help(help));
    match path {
        "" => wrong("this does not say on which path", UNIX_HELP),
        _ if path.starts_with("//") => {
            let meant = format!("did you mean \"unix:/{}\"?", path.trim_start_matches('/'));
            wrong("the path begins with two slashes", &meant)
        }
        _ if path.starts_with('@') => wrong(
            "a name without a file has no owner and no mode: every program on this machine could connect to it",
            UNIX_HELP,
        ),
        _ if path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..") || path == "." || path == ".." => {
            wrong("this is a folder, and a socket is a file in one", UNIX_HELP)
        }
        _ if path.contains(char::is_control) => wrong("this cannot be the name of a file", UNIX_HELP),
        _ => Ok(Address::Unix(PathBuf::from(path))),
    }
}

/// Two spellings of one address are read as the same: an IPv4 address within IPv6 is what it stands for.
fn host_and_port(value: &Value<'_>, text: &str, kind: &str, help: &str) -> Read<SocketAddr> {
    let wrong = |message: String, help: String| Err(Mistake::new(value.span(), message).help(help));
    match text.parse::<SocketAddr>() {
        Ok(address) if address.port() == 0 => {
            wrong("this must have a port from 1 to 65535".to_owned(), help.to_owned())
        }
        Ok(SocketAddr::V6(address)) if address.ip().to_ipv4_mapped().is_some() => {
            Ok(SocketAddr::new(IpAddr::V6(*address.ip()).to_canonical(), address.port()))
        }
        Ok(address) => Ok(address),
        Err(_) => match (probably(text), without_port(text), named(text)) {
            (Some(meant), ..) => wrong("this is not an address".to_owned(), format!("did you mean \"{kind}{meant}\"?")),
            (None, Some(host), _) => {
                let example = SocketAddr::new(host, 8080);
                wrong("this does not say on which port".to_owned(), format!("for example \"{kind}{example}\""))
            }
            (None, None, Some(name)) => {
                wrong(format!("`{name}` is a name, and names are not looked up"), help.to_owned())
            }
            (None, None, None) => wrong("this is not an address".to_owned(), help.to_owned()),
        },
    }
}

/// What is written where there is no text.
fn not_an_address(value: &Value<'_>, kind: &str, help: &str) -> Mistake {
    let port = match value.get_ref() {
        DeValue::Integer(number) => number.as_str().parse::<u16>().ok().filter(|port| *port != 0),
        _ => None,
    };
    let help = port.map_or_else(|| help.to_owned(), |port| format!("did you mean \"{kind}127.0.0.1:{port}\"?"));
    value::wrong(value, "an address").help(help)
}

/// What was probably meant by what begins with neither a known word nor a host.
fn meant(text: &str) -> Option<String> {
    if text.starts_with(['/', '@', '.', '~']) {
        return Some(if text.starts_with(['@', '~']) { UNIX_HELP.to_owned() } else { unix_meant(text) });
    }
    let (scheme, rest) = text.split_once("://").or_else(|| text.split_once(':'))?;
    let lower = scheme.to_ascii_lowercase();
    match lower.as_str() {
        "tcp" | "tcp4" | "tcp6" | "http" => Some(format!("did you mean \"{}\"?", rest.trim_end_matches('/'))),
        "udp" | "udp4" | "udp6" => Some(format!("did you mean \"udp:{rest}\"?")),
        "unix" | "unix-stream" => Some(unix_meant(rest)),
        "https" => Some("write the address only: whether it is encrypted is the app's business".to_owned()),
        _ => None,
    }
}

fn unix_meant(path: &str) -> String {
    format!("did you mean \"unix:{path}\"?")
}

/// What was probably meant: a port alone, or a name that stands for this machine.
fn probably(text: &str) -> Option<SocketAddr> {
    let text = text.trim().trim_start_matches('/');
    let port = text.trim_start_matches("localhost").trim_start_matches('*').trim_start_matches(':');
    let port = port.parse::<u16>().ok().filter(|port| *port != 0)?;
    let host = if text.starts_with('*') { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
    Some(SocketAddr::new(IpAddr::V4(host), port))
}

/// A host alone.
fn without_port(text: &str) -> Option<IpAddr> {
    match text {
        "localhost" => Some(Ipv4Addr::LOCALHOST.into()),
        _ => text.trim_start_matches('[').trim_end_matches(']').parse().ok(),
    }
}

/// A host's name before a port.
fn named(text: &str) -> Option<&str> {
    let (name, port) = text.rsplit_once(':')?;
    let is_name = name.contains(|character: char| character.is_ascii_alphabetic())
        && name.chars().all(|character| character.is_ascii_alphanumeric() || "-._".contains(character));
    (is_name && port.parse::<u16>().is_ok()).then_some(name)
}

/// Without what changes nothing: `.`, doubled slashes, and `..` with the folder before it.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, component| {
        let goes_up =
            component == Component::ParentDir && matches!(plain.components().next_back(), Some(Component::Normal(_)));
        let stays = component == Component::ParentDir && plain.parent().is_none() && plain.has_root();
        match component {
            _ if goes_up => drop(plain.pop()),
            _ if stays => {}
            Component::CurDir => {}
            other => plain.push(other),
        }
        plain
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_named_in_one_way() {
        for (path, expected) in [
            ("/run/./x.sock", "/run/x.sock"),
            ("/run//x.sock", "/run/x.sock"),
            ("/run/betti/../x.sock", "/run/x.sock"),
            ("/../x.sock", "/x.sock"),
            ("../x.sock", "../x.sock"),
        ] {
            assert_eq!(plain(Path::new(path)), Path::new(expected), "{path}");
        }
    }
}
