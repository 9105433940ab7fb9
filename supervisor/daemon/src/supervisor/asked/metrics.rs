//! `GET /metrics`: whoever asks while a scrape is under way is answered by the next one, all together, so that a crowd costs no
//! more than two scrapes, and nobody is told what was true before the question.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use lifecycle::Goal;
use protocol::control;
use protocol::metrics::Format;
use tokio::sync::oneshot;

use super::describe::logs_of;
use crate::control::Reply;
use crate::supervisor::Supervisor;
use crate::supervisor::metrics::{AppFacts, Asker, Epoch, Facts, HubFacts, Scrape};
use crate::supervisor::roster::Unit;

/// Who waits for a scrape.
#[derive(Default)]
pub struct Scrapes {
    askers: Vec<Asker>,
    is_under_way: bool,
    epoch: Epoch,
}

impl Supervisor {
    pub(super) fn metrics(&mut self, format: Format, reply: oneshot::Sender<Reply>) {
        self.scrapes.askers.push((format, reply));
        self.scrape_if_asked();
    }

    /// A scrape is over: processor time that was seen stays seen.
    pub(in crate::supervisor) fn scraped(&mut self, ticks: Vec<(u64, u64)>) {
        self.scrapes.is_under_way = false;
        for (run, ticks) in ticks {
            if self.runs.contains_key(&run) {
                self.measure.note_ticks(run, ticks);
            }
        }
        self.scrape_if_asked();
    }

    fn scrape_if_asked(&mut self) {
        if self.scrapes.is_under_way || self.scrapes.askers.is_empty() {
            return;
        }
        self.scrapes.is_under_way = true;
        self.scrapes.epoch.refresh();
        let askers = std::mem::take(&mut self.scrapes.askers);
        let scrape = Scrape { facts: self.facts(), askers, done: self.events.clone() };
        tokio::task::spawn_blocking(|| scrape.run());
    }

    fn facts(&self) -> Facts {
        let hub = HubFacts {
            keeper: self.keeper,
            predecessors: self.predecessors,
            profile: self.roster.manifest.profile.clone(),
            folder: self.roster.manifest.folder.clone(),
            file_is_good: !self.in_force.broken,
            is_refused: self.in_force.refused.is_some(),
            is_on_trial: self.in_force.trial.is_some(),
            applied_at: Duration::from_nanos(self.in_force.applied_at_ns),
        };
        let tallies = self.logs.tallies();
        // What leaves and what comes in its place would be one series with two numbers.
        let keys: BTreeSet<String> = self.roster.units().map(|unit| unit.key()).collect();
        let counts = |unit: &&Rc<Unit>| self.roster.unit(unit.id).is_some() || !keys.contains(&unit.key());
        let apps =
            self.shown().iter().filter(counts).map(|unit| self.facts_of(unit, logs_of(unit, &tallies))).collect();
        Facts { hub, apps, census: self.census(), epoch: self.scrapes.epoch }
    }

    fn facts_of(&self, unit: &Unit, logs: control::Logs) -> AppFacts {
        let lived = self.fleet.app(unit.id);
        let run = lived.alive().and_then(|run| self.runs.get(&run.0));
        let notes = self.notes.get(&unit.id).cloned().unwrap_or_default();
        AppFacts {
            status: self.status_of(unit),
            instance: unit.instance,
            is_wanted: lived.goal() == Goal::Up,
            run: run.map(|run| (run.row.run, run.spawned())),
            least_ticks: run.map_or(0, |run| self.measure.most_ticks(run.row.run)),
            recent_failures: self.fleet.snapshot(unit.id).failures.len(),
            exited_at: notes.exited_at_ns.filter(|_| lived.last_exit().is_some()).map(Duration::from_nanos),
            memory_limit_bytes: unit.app.max_memory_restart,
            tally: notes.tally,
            logs,
        }
    }
}
