//! The one line that stands on a terminal while something is waited for. Pure: what is seen in, text out.

use std::collections::BTreeMap;
use std::time::Duration;

use manifest::Manifest;
use protocol::control::{AcceptedApp, App, Watch, Word};

/// Between two pictures of the line.
pub const FRAME: Duration = Duration::from_millis(100);
const FRAMES: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/// How long apps may take, by name, as the file says.
#[derive(Clone, Debug, Default)]
pub struct Limits(BTreeMap<String, Limit>);

/// How long one app may take.
#[derive(Clone, Copy, Debug)]
struct Limit {
    ready: Duration,
    stop: Duration,
}

impl From<&Manifest> for Limits {
    fn from(manifest: &Manifest) -> Self {
        let limit = |app: &manifest::App| {
            (app.name.clone(), Limit { ready: app.policy.listen_timeout, stop: app.policy.kill_timeout })
        };
        Self(manifest.apps.iter().map(limit).collect())
    }
}

/// What is seen while something is waited for.
pub struct Sight<'a> {
    /// The apps that are not there yet.
    pub pending: &'a [&'a AcceptedApp],
    /// The supervisor's last answer.
    pub watch: &'a Watch,
    /// How old that answer is.
    pub age: Duration,
    /// How long it has been waited.
    pub waited: Duration,
    /// How long apps may take.
    pub limits: &'a Limits,
}

/// The line, cut to `width` columns; `None` if nothing is waited for.
pub fn line(sight: &Sight<'_>, frame: usize, width: Option<u16>) -> Option<String> {
    let (first, others) = sight.pending.split_first()?;
    let app = sight.watch.status.apps.iter().find(|app| app.id == first.id);
    let doing = app.map_or_else(|| "waited for".to_owned(), |app| doing(app, sight));
    let more = if others.is_empty() { String::new() } else { format!(" (and {} more)", others.len()) };
    let text = format!("{} {}: {doing}{more}", FRAMES[frame % FRAMES.len()], first.name);
    // A line that is as wide as the terminal would wrap, and could not be rewritten.
    let room = width.map_or(usize::MAX, |width| usize::from(width).saturating_sub(1));
    Some(text.chars().take(room).collect())
}

fn doing(app: &App, sight: &Sight<'_>) -> String {
    match app.status {
        Word::Launching => launching(app, sight),
        Word::Stopping => {
            let limit = sight.limits.0.get(&app.name).map(|limit| limit.stop);
            format!("stopping for {}", of(sight.waited, limit))
        }
        Word::Waiting => waiting(app, sight),
        Word::WaitingRestart | Word::Cooling | Word::Errored => match &app.reason {
            Some(reason) => format!("{}: {reason}", app.status.as_str()),
            None => app.status.as_str().to_owned(),
        },
        Word::Online if is_reloaded(app, sight) => format!("reloading for {}", of(sight.waited, None)),
        Word::Online | Word::Stopped => format!("still {}", app.status.as_str()),
    }
}

/// Whether what runs is its old run, or both.
fn is_reloaded(app: &App, sight: &Sight<'_>) -> bool {
    sight.watch.runs.iter().any(|runs| runs.id == app.id && runs.to_be_reloaded)
}

fn launching(app: &App, sight: &Sight<'_>) -> String {
    let since = app.uptime_ms.map_or(sight.waited, |uptime| Duration::from_millis(uptime) + sight.age);
    let limit = sight.limits.0.get(&app.name).map(|limit| limit.ready);
    format!("not ready for {}", of(since, limit))
}

fn waiting(app: &App, sight: &Sight<'_>) -> String {
    let runs = sight.watch.runs.iter().find(|runs| runs.id == app.id);
    let needed = runs.map(protocol::control::Runs::held_back_by).unwrap_or_default();
    let text = format!("waiting for {}", needed.join(", "));
    let nearest = sight.watch.status.apps.iter().find(|other| needed.contains(&other.name.as_str()));
    match nearest {
        // What that one waits for in turn has a line of its own as soon as it is the first.
        Some(other) if !matches!(other.status, Word::Waiting | Word::Online) => {
            format!("{text}: {}", doing(other, sight))
        }
        _ => text,
    }
}

fn of(since: Duration, limit: Option<Duration>) -> String {
    let since = format!("{}.{} s", since.as_secs(), since.subsec_millis() / 100);
    match limit {
        Some(limit) => format!("{since} of {} s", limit.as_secs_f64()),
        None => since,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use protocol::control::{Keeper, Runs, Status, Supervisor};

    use super::*;

    const FILE: &str = "
        [[apps]]
        name = \"backend\"
        script = \"b\"
        listen_timeout = \"10s\"
        kill_timeout = 2500
        [[apps]]
        name = \"frontend\"
        script = \"f\"
        depends_on = \"backend\"
    ";

    fn watch(backend: Word, frontend: Word) -> Watch {
        let app = |id, name: &str, status| App {
            id,
            name: name.into(),
            namespace: "default".into(),
            status,
            reason: (status == Word::WaitingRestart).then(|| "exited with code 1, retry in 200 ms".into()),
            pid: Some(1),
            uptime_ms: Some(3_000),
            ready_ms: None,
            restarts: 0,
            cpu_percent: 0.0,
            memory_bytes: 0,
            exit: None,
            says: None,
            instance: None,
            user: None,
            watching: false,
        };
        let runs = |id, name: &str, waits_for: &[&str]| Runs {
            id,
            name: name.into(),
            wanted: true,
            newest: None,
            finished: None,
            waits_for: waits_for.iter().map(ToString::to_string).collect(),
            follows: Vec::new(),
            to_be_reloaded: false,
        };
        Watch {
            sequence: 0,
            leaving: false,
            status: Status {
                keeper: Keeper { pid: 1 },
                supervisor: Supervisor { pid: 2, version: "0".into() },
                profile: "default".into(),
                apps: vec![app(0, "backend", backend), app(1, "frontend", frontend)],
                notice: None,
            },
            runs: vec![runs(0, "backend", &[]), runs(1, "frontend", &["backend"])],
        }
    }

    #[test]
    fn the_line_says_which_app_is_waited_for_and_how_long() {
        use Word::{Launching, Online, Stopping, Waiting, WaitingRestart};
        let manifest = manifest::parse(Path::new("/f/ecosystem.toml"), FILE, None).expect("a good file");
        let limits = Limits::from(&manifest);
        let asked = |id, name: &str| AcceptedApp { id, name: name.into(), after: 0, unchanged: false, leaves: false };
        let (backend, frontend) = (asked(0, "backend"), asked(1, "frontend"));
        let draw = |pending: &[&AcceptedApp], watch: &Watch, limits: &Limits, width| {
            let (age, waited) = (Duration::from_millis(250), Duration::from_millis(1_250));
            line(&Sight { pending, watch, age, waited, limits }, 11, width)
        };
        let one = |app: &AcceptedApp, watch: &Watch| draw(&[app], watch, &limits, None).expect("a line");
        let rows = [
            (&frontend, watch(Launching, Waiting), "⠙ frontend: waiting for backend: not ready for 3.2 s of 10 s"),
            (&frontend, watch(Stopping, Waiting), "⠙ frontend: waiting for backend: stopping for 1.2 s of 2.5 s"),
            (&frontend, watch(Waiting, Waiting), "⠙ frontend: waiting for backend"),
            (&frontend, watch(Online, Waiting), "⠙ frontend: waiting for backend"),
            (&backend, watch(Online, Waiting), "⠙ backend: still online"),
            (&backend, watch(Launching, Waiting), "⠙ backend: not ready for 3.2 s of 10 s"),
            (
                &backend,
                watch(WaitingRestart, Waiting),
                "⠙ backend: waiting restart: exited with code 1, retry in 200 ms",
            ),
        ];
        for (app, watch, expected) in rows {
            assert_eq!(one(app, &watch), expected);
        }
        let now = watch(Launching, Waiting);
        let unlimited = draw(&[&backend, &frontend], &now, &Limits::default(), None);
        assert_eq!(unlimited.as_deref(), Some("⠙ backend: not ready for 3.2 s (and 1 more)"));
        assert_eq!(draw(&[&backend], &now, &limits, Some(12)).as_deref(), Some("⠙ backend: "));
        assert_eq!(draw(&[], &now, &limits, None), None);
        let mut reloaded = watch(Online, Waiting);
        reloaded.runs[0].to_be_reloaded = true;
        assert_eq!(one(&backend, &reloaded), "⠙ backend: reloading for 1.2 s");
    }
}
