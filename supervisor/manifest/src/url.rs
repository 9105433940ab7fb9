//! Addresses of what is asked over plain HTTP.

use toml::de::DeValue;

use crate::diagnostic::Mistake;
use crate::model::Url;
use crate::value::{self, Read, Value};

const HELP: &str =
    "write the whole address, for example \"http://127.0.0.1:3001/health\", or only its path: \"/health\"";
/// The port of an address that names none.
const HTTP_PORT: u16 = 80;
/// Longer than any path that a check has reason to ask for.
const LONGEST_URL: usize = 2000;

/// An address, or a path on the app's own port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Whole(Url),
    Path(String),
}

/// Reads `http://HOST:PORT/PATH` or `/PATH`.
pub(crate) fn read(value: &Value<'_>) -> Read<Target> {
    let DeValue::String(text) = value.get_ref() else { return Err(value::wrong(value, "an address").help(HELP)) };
    parse(text).map_err(|fault| match fault {
        Fault::NotAnAddress(help) => {
            Mistake::new(value.span(), "this is not an HTTP address").help(help.unwrap_or_else(|| HELP.to_owned()))
        }
        Fault::Encrypted => Mistake::new(value.span(), "this is asked over plain HTTP only, not HTTPS")
            .help("give the app a plain address on 127.0.0.1 for it, or run a program that asks: exec = [\"curl\", …]"),
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Fault {
    NotAnAddress(Option<String>),
    Encrypted,
}

fn parse(text: &str) -> Result<Target, Fault> {
    let is_fit = |text: &str| text.len() <= LONGEST_URL && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_fit(text) || text.contains('#') {
        return Err(Fault::NotAnAddress(None));
    }
    if text.starts_with('/') {
        return Ok(Target::Path(text.to_owned()));
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        let meant = format!("http://{text}");
        let is_address = text.contains([':', '.', '/']) && parse(&meant).is_ok();
        return Err(Fault::NotAnAddress(is_address.then(|| format!("did you mean \"{meant}\"?"))));
    };
    match scheme {
        _ if scheme.eq_ignore_ascii_case("https") => Err(Fault::Encrypted),
        _ if !scheme.eq_ignore_ascii_case("http") => Err(Fault::NotAnAddress(None)),
        _ => whole(rest).map(Target::Whole).ok_or(Fault::NotAnAddress(None)),
    }
}

fn whole(rest: &str) -> Option<Url> {
    let start_of_path = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(start_of_path);
    let (host, port) = match authority.strip_prefix('[') {
        Some(bracketed) => {
            let (host, port) = bracketed.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, port)
        }
        None => {
            let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            is_host(host).then_some((host, port))?
        }
    };
    let port = match port {
        "" => HTTP_PORT,
        port => {
            let digits = port.strip_prefix(':').filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()))?;
            digits.parse().ok().filter(|port| *port != 0)?
        }
    };
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    Some(Url { host: host.to_owned(), port, path })
}

fn is_host(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let rows = [
            ("http://127.0.0.1:3001/health?deep=1", ("127.0.0.1", 3001, "/health?deep=1")),
            ("HTTP://localhost", ("localhost", 80, "/")),
            ("http://[::1]:8080", ("::1", 8080, "/")),
            ("http://hub.local?x", ("hub.local", 80, "/?x")),
        ];
        for (text, (host, port, path)) in rows {
            let url = Url { host: host.to_owned(), port, path: path.to_owned() };
            assert_eq!(parse(text), Ok(Target::Whole(url)), "{text}");
        }
        assert_eq!(parse("/health"), Ok(Target::Path("/health".to_owned())));
        assert_eq!(parse("https://127.0.0.1/"), Err(Fault::Encrypted));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "health",
            "ftp://a/",
            "http://",
            "http:///x",
            "http://a:0/",
            "http://a:99999/",
            "http://u:p@a/",
            "http://[::1",
            "http://[x]/",
            "http://a b/",
            "http://a/#x",
            "http://ä/",
            "http://a:+1/",
        ] {
            assert!(matches!(parse(text), Err(Fault::NotAnAddress(_))), "{text}");
        }
        let meant = "did you mean \"http://127.0.0.1:3001/health\"?".to_owned();
        assert_eq!(parse("127.0.0.1:3001/health"), Err(Fault::NotAnAddress(Some(meant))));
    }
}
