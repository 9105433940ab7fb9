//! How an app's being ready and being well are found out, as it was written.

use std::net::SocketAddr;
use std::time::Duration;

use toml::de::DeValue;

use crate::diagnostic::Mistake;
use crate::section::{Keys, Section};
use crate::url::{self, Target};
use crate::value::{self, Read, Value};
use crate::{address, suggest};

const READY_HELP: &str = "\"pipe\": online when it said so; \"none\": online as soon as it runs; or a table: \
                          { tcp = \"HOST:PORT\" }, { http = \"http://…\" } or { log = \"text\" }";
const HEALTH_HELP: &str = "for example { http = \"http://127.0.0.1:3001/health\", interval = \"10s\" }";
const READY_KEYS: Keys = &[("tcp", &[]), ("http", &[]), ("log", &[])];
const HEALTH_KEYS: Keys = &[
    ("tcp", &[]),
    ("http", &[]),
    ("exec", &[]),
    ("interval", &[]),
    ("timeout", &[]),
    ("threshold", &["retries"]),
    ("grace", &["start_period"]),
];
/// Checks that follow each other faster than this load the hub and learn nothing.
const LEAST_INTERVAL: Duration = Duration::from_millis(100);
/// Whoever fails this often in a row is not going to be well again.
const MOST_FAILURES: i64 = 1000;

/// `ready`, before it is known on which port a path is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ready {
    None,
    Pipe,
    Tcp(SocketAddr),
    Http(Target),
    Log(String),
}

/// `health`; `None` is what it does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Health {
    pub check: Check,
    pub interval: Option<Duration>,
    pub timeout: Option<Duration>,
    pub threshold: Option<u32>,
    pub grace: Option<Duration>,
}

/// What a check tries, before it is known on which port a path is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    Tcp(SocketAddr),
    Http(Target),
    Exec(Vec<String>),
}

pub(crate) fn ready(value: &Value<'_>) -> Result<Ready, Vec<Mistake>> {
    match value.get_ref() {
        DeValue::String(text) if text == "pipe" => Ok(Ready::Pipe),
        DeValue::String(text) if text == "none" => Ok(Ready::None),
        DeValue::String(text) => {
            Err(Mistake::new(value.span(), format!("`{text}` is not a kind of readiness")).help(READY_HELP).into())
        }
        _ => {
            let Some(mut section) = Section::of(value, READY_KEYS) else {
                return Err(value::wrong(value, "\"pipe\", \"none\" or a table").help(READY_HELP).into());
            };
            let ready = match only_one(&mut section, value, &["tcp", "http", "log"], READY_HELP) {
                Some("tcp") => section.take("tcp", tcp).map(Ready::Tcp),
                Some("http") => section.take("http", url::read).map(Ready::Http),
                Some(_) => section.take("log", line).map(Ready::Log),
                None => None,
            };
            section.finish(ready)
        }
    }
}

pub(crate) fn health(value: &Value<'_>) -> Result<Health, Vec<Mistake>> {
    let Some(mut section) = Section::of(value, HEALTH_KEYS) else {
        return Err(value::wrong(value, "a table").help(HEALTH_HELP).into());
    };
    let check = match only_one(&mut section, value, &["tcp", "http", "exec"], HEALTH_HELP) {
        Some("tcp") => section.take("tcp", tcp).map(Check::Tcp),
        Some("http") => section.take("http", url::read).map(Check::Http),
        Some(_) => section.take("exec", program).map(Check::Exec),
        None => None,
    };
    let interval = section.take("interval", |value| value::duration_from(value, LEAST_INTERVAL));
    let timeout = section.take("timeout", |value| value::duration_from(value, LEAST_INTERVAL));
    let threshold = section.take("threshold", |value| value::count(value, 1, MOST_FAILURES));
    let grace = section.take("grace", value::duration);
    section.finish(check.map(|check| Health { check, interval, timeout, threshold, grace }))
}

/// The one of these keys that is there; none and several are mistakes.
fn only_one(
    section: &mut Section<'_, '_>,
    value: &Value<'_>,
    keys: &[&'static str],
    help: &str,
) -> Option<&'static str> {
    match section.present(keys).as_slice() {
        [only] => Some(only),
        [] => {
            let message = format!("this must say what is tried: one of {}", suggest::listed(keys.iter().copied()));
            section.note(Mistake::new(value.span(), message).help(help));
            None
        }
        several => {
            let several = suggest::listed(several.iter().copied());
            section.note(Mistake::new(value.span(), format!("this must have one of {several}, not all of them")));
            None
        }
    }
}

fn tcp(value: &Value<'_>) -> Read<SocketAddr> {
    address::socket(value)
}

/// Part of one line of output.
fn line(value: &Value<'_>) -> Read<String> {
    match value::filled(value)? {
        lines if lines.contains(['\n', '\r']) => {
            Err(Mistake::new(value.span(), "this is looked for in single lines, so it must not contain a line break"))
        }
        line => Ok(line),
    }
}

fn program(value: &Value<'_>) -> Result<Vec<String>, Vec<Mistake>> {
    let words = value::arguments(value)?;
    match words.first() {
        Some(program) if !program.trim().is_empty() => Ok(words),
        Some(_) | None => Err(Mistake::new(value.span(), "this must name a program").into()),
    }
}
