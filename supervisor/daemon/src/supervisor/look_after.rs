//! Gives every run and every app the monitors that its state and the file ask for, and takes them away again; and hears what
//! they say.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use lifecycle::{Ailment, AppId, Event, Goal, Invocation, State};
use manifest::App;

use super::monitors::cron::{self, CronTask};
use super::monitors::files;
use super::monitors::health::{self, Attempt};
use super::monitors::memory_limit::Limited;
use super::monitors::until_ready::{self, Probe, Starting};
use super::monitors::watchdog::Watchdog;
use super::monitors::{Occasion, Task};
use super::roster::Unit;
use super::{Supervisor, now};
use crate::clock;
use crate::tree::Stat;

/// A run that is younger than this when we first hear of it was spawned for us, and not for a predecessor.
const JUST_SPAWNED: Duration = Duration::from_secs(1);
/// Why an app was restarted, if its hour had come.
const ITS_HOUR_HAS_COME: &str = "cron_restart";

/// What watches a run. Empty unless the file asks for something.
#[derive(Default)]
pub struct RunMonitors {
    _tasks: Vec<Task>,
    watchdog: Option<Watchdog>,
    /// Why it is not ready yet.
    pub not_yet: Option<String>,
}

impl RunMonitors {
    /// `WATCHDOG=1`
    pub fn feed_watchdog(&self) {
        self.watchdog.iter().for_each(Watchdog::feed);
    }
}

/// What an app asks to be watched for: its hours, its files, and whether the clock is believed.
pub type Asked = (Option<manifest::Cron>, Option<manifest::Watch>, bool);

/// What watches an app, whether it runs or not.
pub struct AppMonitors {
    cron: Option<CronTask>,
    _files: Option<Task>,
    /// What of it cannot be had, in words.
    trouble: Option<String>,
}

impl Supervisor {
    // -- who is watched

    /// A run begins, becomes ready, or is to end: it is watched accordingly.
    pub(super) fn look_after_run(&mut self, number: u64) {
        let Some(run) = self.runs.get(&number) else { return };
        let Some(unit) = self.unit(run.app).cloned() else { return };
        let monitors = match self.state_of(run.app, number) {
            Some(State::Starting { .. }) => self.monitors_of_a_start(&unit, number),
            Some(State::Running { since, .. }) => self.monitors_of_a_run(&unit, number, now().since(since)),
            _ => RunMonitors::default(),
        };
        if let Some(run) = self.runs.get_mut(&number) {
            run.monitors = monitors;
        }
        self.limit_memory();
    }

    fn monitors_of_a_start(&self, unit: &Unit, number: u64) -> RunMonitors {
        let run = self.runs.get(&number);
        let first = run.and_then(super::Run::pid).and_then(Stat::of).map(|stat| stat.process);
        let (Some(probe), Some(first), Some(run)) = (Probe::of(&unit.app.ready), first, run) else {
            return RunMonitors::default();
        };
        let just_spawned = clock::now().saturating_sub(run.spawned()) < JUST_SPAWNED;
        let starting = Starting { run: number, first, keeper: self.keeper, just_spawned };
        let task = until_ready::spawn(probe, starting, self.events.clone());
        RunMonitors { _tasks: vec![task], ..RunMonitors::default() }
    }

    fn monitors_of_a_run(&self, unit: &Unit, number: u64, online_for: Duration) -> RunMonitors {
        let health = unit.app.health.as_ref().map(|health| {
            let invocation = format!("{}-{number}", self.hub);
            let attempt = Attempt::of(&health.check, |words| self.ground.check(unit, invocation, words));
            health::spawn(number, health, attempt, online_for, self.events.clone())
        });
        let said = self.runs.get(&number).and_then(|run| run.watchdog_interval);
        let interval = said.or(unit.app.watchdog);
        let watchdog = interval.map(|interval| Watchdog::arm(number, interval, self.events.clone()));
        RunMonitors { _tasks: health.into_iter().collect(), watchdog, not_yet: None }
    }

    /// Who has a limit of memory and is online.
    fn limit_memory(&self) {
        let limit = |(number, run): (&u64, &super::Run)| {
            let is_online = matches!(self.state_of(run.app, *number)?, State::Running { .. });
            Some((*number, self.unit(run.app)?.app.max_memory_restart.filter(|_| is_online)?))
        };
        let most: BTreeMap<u64, u64> = self.runs.iter().filter_map(limit).collect();
        self.memory_limit.set(Limited { census: self.census(), most });
    }

    /// The roster is another one: apps are watched as it says, runs as their apps now ask for.
    pub(super) fn look_after_apps(&mut self) {
        let units: Vec<_> = self.roster.units().cloned().collect();
        let trusts_clock = self.roster.manifest.trusts_clock;
        let mut kept = BTreeMap::new();
        for unit in &units {
            let asked = (unit.app.cron_restart.clone(), unit.app.watch.clone(), trusts_clock);
            if asked.0.is_none() && asked.1.is_none() {
                continue;
            }
            let monitors = match self.app_monitors.remove(&unit.id) {
                Some((before, monitors)) if before == asked => monitors,
                _ => self.monitors_of_an_app(unit.id, &unit.app, trusts_clock),
            };
            kept.insert(unit.id, (asked, monitors));
        }
        self.app_monitors = kept;
        let apps = units.iter().filter_map(|unit| self.fleet.get(unit.id));
        let alive: Vec<u64> = apps.flat_map(lifecycle::App::runs).map(|run| run.0).collect();
        for run in alive {
            self.look_after_run(run);
        }
    }

    fn monitors_of_an_app(&self, id: AppId, app: &App, trusts_clock: bool) -> AppMonitors {
        let since =
            self.notes.get(&id).and_then(|notes| notes.scheduled_at).and_then(|at| Timestamp::from_second(at).ok());
        let cron = app
            .cron_restart
            .as_ref()
            .map(|cron| CronTask::spawn(cron::App { id: id.0, trusts_clock }, cron, since, self.events.clone()));
        let (cron, trouble) = match cron.transpose() {
            Ok(cron) => (cron, None),
            Err(words) => (None, Some(format!("cron_restart: {words}"))),
        };
        let files = app.watch.as_ref().map(|watch| {
            let app = files::App { id: id.0, folder: app.cwd.clone(), never: self.passed_over(id) };
            files::spawn(app, watch, self.events.clone())
        });
        AppMonitors { cron, _files: files, trouble }
    }

    /// What changes because an app runs is no reason to restart it; and what an edit of the file changes is seen when it is
    /// applied.
    fn passed_over(&self, id: AppId) -> Vec<PathBuf> {
        let logs = self.unit(id).map(|unit| [unit.out_file(), unit.error_file()]);
        let manifest = &self.roster.manifest;
        let ours = [manifest.folder.join("logs"), self.ground.data_dir.clone(), manifest.path.clone()];
        let is_root = nix::unistd::geteuid().is_root();
        let runtime = protocol::place::runtime_dir(|name| std::env::var_os(name), is_root).ok();
        logs.into_iter().flatten().chain(ours).chain(runtime).collect()
    }

    // -- what they say

    pub(super) fn hear_of_health(&mut self, number: u64, ailment: Ailment, words: String) {
        let Some(id) = self.runs.get(&number).map(|run| run.app) else { return };
        let is_tried = self.is_tried(id, number);
        let notes = self.notes.entry(id).or_default();
        notes.tally.health_failures += u64::from(ailment == Ailment::Health);
        match is_tried {
            true => notes.tried.detail = Some(words),
            false => notes.detail = Some(words),
        }
        self.happened.push_back((id, Event::Unhealthy(Invocation(number), ailment)));
    }

    /// `WATCHDOG_USEC=`: from now on, or from when it is ready; also of an app that asks for no watchdog.
    pub(super) fn set_watchdog(&mut self, number: u64, interval: Duration) {
        let Some(id) = self.runs.get(&number).map(|run| run.app) else { return };
        let is_online = matches!(self.state_of(id, number), Some(State::Running { .. }));
        let Some(run) = self.runs.get_mut(&number) else { return };
        run.watchdog_interval = Some(interval);
        match &run.monitors.watchdog {
            Some(watchdog) => watchdog.set_interval(interval),
            None if is_online => self.look_after_run(number),
            None => {}
        }
    }

    pub(super) fn hear_of_occasion(&mut self, id: u32, occasion: Occasion) {
        let id = AppId(id);
        let cause = match occasion {
            Occasion::Scheduled(at) => {
                self.notes.entry(id).or_default().scheduled_at = Some(at.as_second());
                ITS_HOUR_HAS_COME.to_owned()
            }
            Occasion::FilesChanged(words) => words,
            Occasion::CannotWatch(words) => {
                let name = self.unit(id).map(|unit| unit.key()).unwrap_or_default();
                say!("{} {name}: {words}", clock::stamp());
                if let Some((_, monitors)) = self.app_monitors.get_mut(&id) {
                    monitors.trouble = Some(words);
                }
                return;
            }
        };
        // What an operator stopped begins for another reason one day.
        if self.fleet.get(id).is_some_and(|app| app.goal() == Goal::Up) {
            let notes = self.notes.entry(id).or_default();
            (notes.cause, notes.asked) = (Some(cause), false);
        }
        self.happened.push_back((id, Event::Refresh));
    }

    /// What an operator should know of the file, and of apps that cannot be watched as it says.
    pub(super) fn notice(&self) -> Option<String> {
        let troubles = self.app_monitors.iter().filter_map(|(id, (_, monitors))| {
            let name = &self.unit(*id)?.app.name;
            let waits = monitors.cron.as_ref().is_some_and(CronTask::waits_for_clock).then(|| {
                "cron_restart waits for a synchronised clock; with clock = \"trusted\" at the top of the file it does not"
                    .to_owned()
            });
            monitors.trouble.clone().or(waits).map(|words| format!("{name}: {words}"))
        });
        let mut all: Vec<String> = self.in_force.notice.clone().into_iter().chain(troubles).collect();
        all.dedup(); // instances of one app say the same
        (!all.is_empty()).then(|| all.join("\n"))
    }

    /// When an app is restarted by the clock next.
    pub(super) fn next_scheduled(&self, id: AppId) -> Option<Timestamp> {
        self.app_monitors.get(&id)?.1.cron.as_ref()?.next()
    }
}
