//! Makes room for another program that is to be the supervisor, once that understands what runs as we do.
//!
//! ```text
//!   asked ──► it is asked in turn (candidate), with a copy of all that is known ──► the same as we? ──► Upgrade, and we end
//!                                                                              └──► refused, and nothing has changed
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use http::StatusCode;
use protocol::control::{Supervisor as Who, Upgrade, Upgrading};
use protocol::keeper::{Fact, Order, VERSION};
use protocol::self_check::{App, Understood};
use tokio::sync::oneshot;

use super::hand_over::HandOver;
use super::{Event, Supervisor, candidate, now, rehearsal};
use crate::control::Reply;
use crate::program;

/// What differs, of which so much is said.
const MOST_DIFFERENCES: usize = 5;

/// A program that was asked, and what became of that.
pub struct Checked {
    pub path: PathBuf,
    pub outcome: Result<Understood, String>,
    pub reply: oneshot::Sender<Reply>,
}

impl Supervisor {
    pub(super) fn begin_upgrade(&mut self, asked: Upgrade, reply: oneshot::Sender<Reply>) {
        let refuse = |status, words: String| Reply::refusal(status, words);
        let path = match asked.path.map_or_else(program::our_path, |path| Ok(PathBuf::from(path))) {
            Ok(path) if path.is_absolute() => path,
            Ok(path) => {
                let words = format!("{} is no absolute path", path.display());
                return drop(reply.send(refuse(StatusCode::BAD_REQUEST, words)));
            }
            Err(error) => {
                let words = format!("which program this is cannot be found out ({error}): name one");
                return drop(reply.send(refuse(StatusCode::CONFLICT, words)));
            }
        };
        if let Some(words) = self.why_no_upgrade() {
            return drop(reply.send(refuse(StatusCode::CONFLICT, words)));
        }
        self.upgrade_is_under_way = true;
        let (wish, events, at) = (self.wish.clone(), self.events.clone(), now());
        let told = self.as_it_would_be_told();
        tokio::task::spawn_local(async move {
            let outcome = match rehearsal::of(&wish, &told, at) {
                Ok(ours) => match candidate::ask(&path, &wish, at, facts(told)).await {
                    Ok(theirs) => compared(&ours, theirs),
                    Err(unfit) => Err(unfit.to_string()),
                },
                Err(error) => Err(format!("what runs cannot be handed over now: {error}")),
            };
            let _ = events.send(Event::Checked(Checked { path, outcome, reply }));
        });
    }

    fn why_no_upgrade(&self) -> Option<String> {
        if self.stopping {
            return Some("everything is being stopped".to_owned());
        }
        self.upgrade_is_under_way.then(|| "another upgrade is under way: wait until it is done".to_owned())
    }

    pub(super) fn end_upgrade(&mut self, checked: Checked) {
        self.upgrade_is_under_way = false;
        let outcome = checked.outcome.and_then(|theirs| match self.why_no_upgrade() {
            Some(words) => Err(words),
            None => Ok(theirs),
        });
        let outcome = outcome.and_then(|theirs| {
            let program = checked.path.to_string_lossy().into_owned();
            self.orders
                .give(&Order::Upgrade { path: program.clone() })
                .map_err(|errno| format!("the keeper cannot be told: {}", errno.desc().to_lowercase()))?;
            Ok((program, theirs))
        });
        let answer = match outcome {
            Err(words) => {
                say!("{} supervisor: not upgraded: {words}", crate::clock::stamp());
                Reply::refusal(
                    StatusCode::CONFLICT,
                    format!("not upgraded, the present supervisor carries on: {words}"),
                )
            }
            Ok((program, theirs)) => {
                say!("{} supervisor: making room for {program}, version {}", crate::clock::stamp(), theirs.version);
                self.makes_room = true;
                let (file, version) = (theirs.file, theirs.version);
                Reply::json(&Upgrading { from: us(), program, version, file, changed: self.changed_programs() })
            }
        };
        let _ = checked.reply.send(answer);
    }

    /// All that the keeper would tell a successor, as far as we know. Descriptors stay where they are.
    fn as_it_would_be_told(&self) -> HandOver {
        let newest = self.fleet.ids().filter_map(|id| self.fleet.app(id).newest_run()).max().unwrap_or_default();
        HandOver {
            hub: self.hub.clone(),
            keeper: self.keeper,
            last_run: newest.0.max(self.runs.keys().last().copied().unwrap_or_default()),
            inherited: self.ground.inherited.clone(),
            predecessors: self.predecessors,
            control: None,
            rows: self.runs.values().map(|run| (run.row.run, (run.row.clone(), Vec::new()))).collect(),
            memory: self.orders.remembered(),
            stop_all: false,
        }
    }

    /// Apps whose program's file was replaced since they were started. The kernel tells that the old one is deleted.
    fn changed_programs(&self) -> Vec<String> {
        let is_changed = |run: &&super::Run| run.pid().is_some_and(program::is_replaced);
        let changed = self.runs.values().filter(is_changed).filter_map(|run| self.unit(run.app));
        changed.map(|unit| unit.app.name.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

fn us() -> Who {
    Who { pid: std::process::id().cast_signed(), version: env!("CARGO_PKG_VERSION").to_owned() }
}

fn facts(told: HandOver) -> Vec<Fact> {
    let HandOver { hub, keeper, last_run, inherited, predecessors, rows, memory, .. } = told;
    // Moments are told as we count them ourselves, whatever the keeper does.
    let hello = Fact::Hello { version: VERSION, hub, keeper, last_run, inherited, predecessors, counts_sleep: true };
    let rows = rows.into_values().map(|(row, _)| Fact::Run(row));
    let memory = memory.into_iter().map(|(key, value)| Fact::Memory { key, value });
    [hello].into_iter().chain(rows).chain(memory).chain([Fact::Told]).collect()
}

/// What the other one understood, if that is what we understand; else what differs.
fn compared(ours: &Understood, theirs: Understood) -> Result<Understood, String> {
    let mut differences = apps_that_differ(&ours.apps, &theirs.apps);
    differences
        .extend(ours.runs.iter().filter(|run| !theirs.runs.contains(run)).map(|run| format!("misses run {run}")));
    differences
        .extend(theirs.runs.iter().filter(|run| !ours.runs.contains(run)).map(|run| format!("knows a run {run}")));
    let surprises = theirs.at_once.iter().filter(|what| !ours.at_once.contains(what));
    differences.extend(surprises.map(|what| format!("would {what}")));
    let misses = ours.at_once.iter().filter(|what| !theirs.at_once.contains(what));
    differences.extend(misses.map(|what| format!("would not {what}")));
    if differences.is_empty() {
        return Ok(theirs);
    }
    let more = differences.len().saturating_sub(MOST_DIFFERENCES);
    differences.truncate(MOST_DIFFERENCES);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    Err(format!("it would not go on as we do: it {}{more}", differences.join(", it ")))
}

fn apps_that_differ(ours: &[App], theirs: &[App]) -> Vec<String> {
    let by_id = |apps: &[App]| -> BTreeMap<u32, App> { apps.iter().map(|app| (app.id, app.clone())).collect() };
    let (ours, theirs) = (by_id(ours), by_id(theirs));
    let lost = ours.values().filter_map(|app| match theirs.get(&app.id) {
        None => Some(format!("does not know {}", app.key)),
        Some(other) if other != app => Some(format!("takes {} for {}", described(app), described(other))),
        Some(_) => None,
    });
    let new = theirs.values().filter(|app| !ours.contains_key(&app.id));
    lost.chain(new.map(|app| format!("knows an app {}", app.key))).collect()
}

fn described(app: &App) -> String {
    let App { id, key, up, state, run, beside, restarts } = app;
    let run = run.map(|run| format!(" in run {run}")).unwrap_or_default();
    let beside = beside.map(|run| format!(" beside run {run}")).unwrap_or_default();
    let goal = if *up { "up" } else { "down" };
    format!("{key} ({id}), wanted {goal}, {state}{run}{beside} after {restarts} restarts")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(id: u32, key: &str) -> App {
        App { id, key: key.into(), up: true, state: "running".into(), run: Some(7), beside: None, restarts: 2 }
    }

    fn understood(apps: &[App], at_once: &[&str]) -> Understood {
        let at_once = at_once.iter().map(|what| (*what).to_owned()).collect();
        Understood { apps: apps.to_vec(), runs: vec![7], at_once, ..Understood::default() }
    }

    #[test]
    fn who_understands_the_same_may_take_over_whatever_its_version() {
        let ours = understood(&[app(0, "web")], &["end run 9 of old"]);
        let theirs = Understood { version: "99".into(), file: "1:2".into(), ..ours.clone() };
        assert_eq!(compared(&ours, theirs.clone()), Ok(theirs));
    }

    #[test]
    fn whatever_differs_is_said() {
        let ours = understood(&[app(0, "web"), app(1, "api")], &["end run 9 of old"]);
        let same = ["end run 9 of old"];
        let other = App { run: None, state: "stopped".into(), ..app(0, "web") };
        for (theirs, words) in [
            (understood(&[app(0, "web")], &same), "it does not know api"),
            (understood(&[app(0, "web"), app(1, "api"), app(2, "new")], &same), "it knows an app new"),
            (
                understood(&[other, app(1, "api")], &same),
                "it takes web (0), wanted up, running in run 7 after 2 restarts for web (0), wanted up, stopped after 2",
            ),
            (understood(&ours.apps, &[]), "it would not end run 9 of old"),
            (understood(&ours.apps, &["end run 9 of old", "start run 8 of web"]), "it would start run 8 of web"),
            (Understood { runs: vec![], ..ours.clone() }, "it misses run 7"),
            (Understood { runs: vec![7, 8], ..ours.clone() }, "it knows a run 8"),
        ] {
            let error = compared(&ours, theirs).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn of_many_differences_a_few_are_said() {
        let apps: Vec<App> = (0..20).map(|id| app(id, &format!("app-{id}"))).collect();
        let error = compared(&understood(&apps, &[]), understood(&[], &[])).unwrap_err();
        assert!(error.contains("app-4") && !error.contains("app-5") && error.ends_with(", and 15 more"), "{error}");
    }
}
