//! A request to the control socket, understood. Pure, so that anything at all can be tried on it.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::control::{Apply, Run, Scale, SendSignal, Targets, Upgrade};
use crate::metrics::Format;

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// What runs.
    Status,
    /// What runs, as soon as the sequence is another one.
    Watch {
        /// The sequence that was seen last.
        after: Option<u64>,
    },
    /// All about some apps.
    Describe(Vec<String>),
    /// What became of some apps lately, and who brought that about.
    Why(Vec<String>),
    /// Whether anybody is there.
    Ping,
    /// Where output goes.
    Logs,
    /// What can be counted and measured. The form is what an `Accept` header says, which is not looked at here.
    Metrics(Format),
    /// Something that is done to apps.
    Act(Act, Targets),
    /// Another number of instances.
    Scale(String, Amount),
    /// A signal.
    Signal(SendSignal),
    /// Log files to be emptied.
    Flush(Vec<String>),
    /// Log files to be opened anew, because somebody put them aside.
    ReloadLogs,
    /// An app that is in no file.
    Run(Run),
    /// The file as it is now.
    Apply(Apply),
    /// Another program as the supervisor.
    Upgrade(Upgrade),
    /// The end of everything.
    Kill,
}

/// What can be done to apps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Be up.
    Start,
    /// Be gone, and stay gone.
    Stop,
    /// Begin anew.
    Restart,
    /// Begin anew, one after the other.
    Reload,
    /// Be gone, and leave the list.
    Delete,
    /// Forget what went wrong.
    Reset,
}

/// How many instances, or how many more or fewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// `4`
    Exactly(u32),
    /// `+2`
    More(u32),
    /// `-1`
    Fewer(u32),
}

/// The most instances of one app that can be asked for.
pub const MOST_INSTANCES: u32 = 256;

impl Amount {
    /// What that makes of `present` instances; `None` if it is none or too many.
    #[must_use]
    pub fn of(self, present: u32) -> Option<u32> {
        let count = match self {
            Self::Exactly(count) => count,
            Self::More(more) => present.checked_add(more)?,
            Self::Fewer(fewer) => present.checked_sub(fewer)?,
        };
        (1..=MOST_INSTANCES).contains(&count).then_some(count)
    }
}

impl std::str::FromStr for Amount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no number of instances: write 4, +1 or -1");
        let number = |digits: &str| match digits.bytes().all(|byte| byte.is_ascii_digit()) {
            true => digits.parse::<u32>().map_err(|_| wrong()),
            false => Err(wrong()),
        };
        match text.as_bytes().first() {
            Some(b'+') => number(&text[1..]).map(Self::More),
            Some(b'-') => number(&text[1..]).map(Self::Fewer),
            _ => number(text).map(Self::Exactly),
        }
    }
}

/// Why a request has no meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskError {
    /// There is nothing under this method and path.
    NoSuchPath(String),
    /// There is, but this is no question to it.
    NotUnderstood(String),
}

impl fmt::Display for AskError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchPath(words) | Self::NotUnderstood(words) => out.write_str(words),
        }
    }
}

impl std::error::Error for AskError {}

/// What a request asks. `query` is what follows the question mark.
///
/// # Errors
/// If it is none of the requests in [`control`](crate::control)'s table, or its body is not what that table says.
pub fn understand(method: &str, path: &str, query: Option<&str>, body: &[u8]) -> Result<Ask, AskError> {
    let query = query.unwrap_or_default();
    // Who asks for the head only is answered like the others; the server leaves out the body.
    let method = if method == "HEAD" { "GET" } else { method };
    Ok(match (method, path) {
        ("GET", "/v1/status") => Ask::Status,
        ("GET", "/v1/watch") => Ask::Watch { after: after(query)? },
        ("GET", "/v1/describe") => Ask::Describe(values(query, "target").collect()),
        ("GET", "/v1/why") => Ask::Why(values(query, "target").collect()),
        ("GET", "/v1/ping") => Ask::Ping,
        ("GET", "/v1/logs") => Ask::Logs,
        ("GET", "/metrics") => Ask::Metrics(Format::default()),
        ("POST", "/v1/start") => Ask::Act(Act::Start, read(body)?),
        ("POST", "/v1/stop") => Ask::Act(Act::Stop, read(body)?),
        ("POST", "/v1/restart") => Ask::Act(Act::Restart, read(body)?),
        ("POST", "/v1/reload") => Ask::Act(Act::Reload, read(body)?),
        ("POST", "/v1/delete") => Ask::Act(Act::Delete, read(body)?),
        ("POST", "/v1/reset") => Ask::Act(Act::Reset, read(body)?),
        ("POST", "/v1/scale") => scale(&read(body)?)?,
        ("POST", "/v1/signal") => Ask::Signal(read(body)?),
        ("POST", "/v1/flush") => Ask::Flush(read::<Targets>(body)?.targets),
        ("POST", "/v1/reload-logs") => Ask::ReloadLogs,
        ("POST", "/v1/run") => Ask::Run(read(body)?),
        ("POST", "/v1/apply") => Ask::Apply(read(body)?),
        ("POST", "/v1/upgrade") => Ask::Upgrade(read(body)?),
        ("POST", "/v1/kill") => Ask::Kill,
        (method, path) => return Err(AskError::NoSuchPath(format!("there is no {method} {path} here"))),
    })
}

fn scale(asked: &Scale) -> Result<Ask, AskError> {
    let amount = asked.instances.parse().map_err(AskError::NotUnderstood)?;
    Ok(Ask::Scale(asked.app.clone(), amount))
}

/// A body that is left out means the same as `{}`.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, AskError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| {
        AskError::NotUnderstood(format!(
            "the request is not understood: {error}; it must be JSON, for example {{\"targets\":[\"all\"]}}"
        ))
    })
}

fn values<'q>(query: &'q str, name: &'q str) -> impl Iterator<Item = String> + 'q {
    form_urlencoded::parse(query.as_bytes()).filter(move |(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn after(query: &str) -> Result<Option<u64>, AskError> {
    let wrong = |text: &str| AskError::NotUnderstood(format!("after={text} is not a sequence number"));
    values(query, "after").next().map(|text| text.parse().map_err(|_| wrong(&text))).transpose()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn ask(method: &str, target: &str, body: &str) -> Result<Ask, String> {
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        understand(method, path, query, body.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_request_is_what_its_path_and_body_say() {
        assert_eq!(ask("GET", "/v1/watch?x=1&after=12", ""), Ok(Ask::Watch { after: Some(12) }));
        assert_eq!(ask("GET", "/v1/watch", ""), Ok(Ask::Watch { after: None }));
        assert_eq!(ask("HEAD", "/metrics", ""), ask("GET", "/metrics", ""));
        let described = Ask::Describe(vec!["a b".into(), "c".into()]);
        assert_eq!(ask("GET", "/v1/describe?target=a%20b&target=c", ""), Ok(described));
        let stop = Ask::Act(Act::Stop, Targets { targets: vec!["web".into()], dependants: false });
        assert_eq!(ask("POST", "/v1/stop", r#"{"targets":["web"]}"#), Ok(stop));
        assert_eq!(ask("POST", "/v1/start", ""), Ok(Ask::Act(Act::Start, Targets::default())));
        let upgrade = |path: Option<&str>| Ask::Upgrade(Upgrade { path: path.map(str::to_owned) });
        assert_eq!(ask("POST", "/v1/upgrade", r#"{"path":"/new"}"#), Ok(upgrade(Some("/new"))));
        assert_eq!(ask("POST", "/v1/upgrade", ""), Ok(upgrade(None)));
        let scale = Ask::Scale("web".into(), Amount::More(2));
        assert_eq!(ask("POST", "/v1/scale", r#"{"app":"web","instances":"+2"}"#), Ok(scale));
    }

    /// Every method and path in the table of `control.rs`.
    fn documented() -> BTreeSet<(String, String)> {
        let rows = include_str!("control.rs").lines().filter_map(|line| line.strip_prefix("//! | `"));
        let mut found = BTreeSet::new();
        for row in rows {
            let (cell, _) = row.split_once('|').expect("a table");
            let (method, paths) = cell.split_once(' ').expect("a method and paths");
            let paths = paths.split(['`', ',', ' ']).filter(|path| path.starts_with('/'));
            let path = |path: &str| path.split('?').next().expect("a path").to_owned();
            found.extend(paths.map(|one| (method.to_owned(), path(one))));
        }
        found
    }

    /// Every method and path in the table of `understand`.
    fn understood() -> BTreeSet<(String, String)> {
        let arms = include_str!("request.rs").lines().filter_map(|line| line.trim().strip_prefix("(\""));
        let arms = arms.filter_map(|arm| arm.split_once("\") => Ask::").or_else(|| arm.split_once("\") => scale(")));
        let pair = |(arm, _): (&str, &str)| arm.split_once("\", \"").map(|(method, path)| (method.into(), path.into()));
        arms.filter_map(pair).collect()
    }

    #[test]
    fn what_is_documented_is_what_is_understood() {
        assert_eq!(documented(), understood());
        for (method, path) in documented() {
            let answer = understand(&method, &path, None, b"");
            assert!(!matches!(answer, Err(AskError::NoSuchPath(_))), "{method} {path}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused_in_words() {
        for (method, target, body, words) in [
            ("GET", "/v1/watch?after=soon", "", "after=soon is not a sequence number"),
            ("GET", "/v1/stop", "", "there is no GET /v1/stop here"),
            ("POST", "/v1/stop", "nonsense", "the request is not understood"),
            ("POST", "/v1/stop", r#"{"targets":7}"#, "the request is not understood"),
            ("POST", "/v1/scale", r#"{"app":"web","instances":"many"}"#, "`many` is no number of instances"),
            ("POST", "/v1/scale", r#"{"app":"web","instances":"--1"}"#, "`--1` is no number of instances"),
        ] {
            let error = ask(method, target, body).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn an_app_has_at_least_one_instance_and_not_too_many() {
        for (text, present, expected) in [
            ("4", 1, Some(4)),
            ("+2", 1, Some(3)),
            ("-1", 3, Some(2)),
            ("-3", 3, None),
            ("-4", 3, None),
            ("0", 3, None),
            ("256", 1, Some(256)),
            ("257", 1, None),
            ("+4294967295", 1, None),
        ] {
            assert_eq!(text.parse::<Amount>().unwrap().of(present), expected, "{text} of {present}");
        }
    }
}
