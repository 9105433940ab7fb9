//! `describe`, `env`, `jlist`: all about some apps.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lifecycle::Goal;
use manifest::{App, Check, LogFormat, Ready, Url};
use protocol::control::{CLOCK_NOT_SET, Description, Logs};
use protocol::worker;

use crate::clock;
use crate::control::Reply;
use crate::logs::{House, Tallies};
use crate::supervisor::log_files::log_limits;
use crate::supervisor::roster::Unit;
use crate::supervisor::{Supervisor, reason};
use crate::synchronised::clock_is_synchronised;

/// What the keeper adds to a run's environment: no difference worth telling.
const OF_THE_KEEPER: [&str; 10] = [
    worker::INVOCATION,
    worker::READY_FD,
    worker::NOTIFY_SOCKET,
    worker::NODE_CHANNEL_FD,
    worker::NODE_CHANNEL_MODE,
    worker::LISTEN_FDS,
    worker::LISTEN_PID,
    worker::LISTEN_FDNAMES,
    worker::WATCHDOG_USEC,
    worker::WATCHDOG_PID,
];
/// What a shell adds by itself before its script replaces it by a program: that is no difference either.
const OF_A_SHELL: [&str; 4] = ["PWD", "OLDPWD", "SHLVL", "_"];

impl Supervisor {
    pub(super) fn describe(&mut self, targets: &[String]) -> Reply {
        let _ = self.status(); // measures what is to be told
        match self.meant(targets) {
            Err(refusal) => refusal,
            Ok(ids) => {
                let house = self.log_house();
                let known = ids.into_iter().filter(|id| self.fleet.get(*id).is_some());
                let described: Vec<_> = known.filter_map(|id| Some(self.description(self.unit(id)?, &house))).collect();
                Reply::json(&described)
            }
        }
    }

    fn description(&self, unit: &Unit, house: &House) -> Description {
        let app = &unit.app;
        let lived = self.fleet.app(unit.id);
        let notes = self.notes.get(&unit.id).cloned().unwrap_or_default();
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let environment = self.ground.environment(unit).unwrap_or_default();
        let run = lived.alive().and_then(|run| self.runs.get(&run.0)).filter(|run| run.pid().is_some());
        let exited = self.notes.get(&unit.id).and_then(|notes| notes.exited_at_ns).map(Duration::from_nanos);
        Description {
            app: self.status_of(unit),
            program: self.ground.program_of(unit).as_deref().map(text),
            script: app.script.clone(),
            args: app.args.clone(),
            interpreter: app.interpreter.clone(),
            cwd: text(&app.cwd),
            out_file: text(&unit.out_file()),
            error_file: text(&unit.error_file()),
            profiles: app.profiles.clone(),
            depends_on: app.depends_on.clone(),
            listen: app.listen.iter().map(ToString::to_string).collect(),
            ready: ready(&app.ready),
            settings: self.settings(unit, house),
            recent_failures: self.fleet.snapshot(unit.id).failures.len(),
            exits: notes.tally.ends().map(|(reason, detail, count)| (reason.into(), detail.into(), count)).collect(),
            health_failures: notes.tally.health_failures,
            held: lived.goal() == Goal::Down && !self.fleet.is_leaving(unit.id),
            ad_hoc: unit.ad_hoc,
            divergent: self.divergent(unit, &environment),
            environment: environment.into_iter().collect(),
            logs: logs_of(unit, &self.logs.tallies()),
            started_at: run.map(|run| at(run.spawned())),
            exited_at: exited.filter(|_| lived.last_exit().is_some()).map(at),
            clock: (!clock_is_synchronised()).then(|| CLOCK_NOT_SET.to_owned()),
        }
    }

    fn settings(&self, unit: &Unit, house: &House) -> Vec<(String, String)> {
        let aside_at = |file: &Path| house.limits_of(file, log_limits(&unit.app)).bytes;
        let aside_at = aside_at(&unit.out_file()).min(aside_at(&unit.error_file()));
        let mut settings = settings(&unit.app, aside_at);
        let zone = unit.app.cron_restart.as_ref().and_then(|cron| jiff::tz::TimeZone::get(cron.zone.as_deref()?).ok());
        let next = self.next_scheduled(unit.id);
        let next = next.map(|next| next.to_zoned_datetime(zone.unwrap_or_else(jiff::tz::TimeZone::system)));
        settings.extend(next.map(|next| ("next cron_restart".to_owned(), next.strftime("%F %T %Z").to_string())));
        settings
    }

    /// What the running process was started with, against what one that is started now would get.
    fn divergent(&self, unit: &Unit, now: &BTreeMap<String, String>) -> Vec<(String, Option<String>, Option<String>)> {
        let alive = self.fleet.app(unit.id).alive().and_then(|run| self.runs.get(&run.0));
        let Some(pid) = alive.and_then(|run| run.row.pid) else { return Vec::new() };
        let Ok(environ) = fs::read(format!("/proc/{pid}/environ")) else { return Vec::new() };
        let running: BTreeMap<String, String> = environ
            .split(|byte| *byte == 0)
            .filter_map(|pair| {
                let text = String::from_utf8_lossy(pair);
                text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
            })
            .collect();
        let names: BTreeSet<&String> = running.keys().chain(now.keys()).collect();
        let of_a_shell = |name: &str| OF_A_SHELL.contains(&name) && !now.contains_key(name);
        let is_expected = |name: &str| OF_THE_KEEPER.contains(&name) || of_a_shell(name);
        let differs = |name: &&String| running.get(*name) != now.get(*name) && !is_expected(name);
        names
            .into_iter()
            .filter(differs)
            .map(|name| (name.clone(), running.get(name).cloned(), now.get(name).cloned()))
            .collect()
    }
}

/// What an instance wrote; the space of a file that all instances share is the first one's.
pub(super) fn logs_of(unit: &Unit, tallies: &Tallies) -> Logs {
    let tally = tallies.apps.get(&unit.id.0).copied().unwrap_or_default();
    let files = BTreeSet::from([unit.out_file(), unit.error_file()]);
    let trouble = |file: &PathBuf| Some(format!("{}: {}", file.display(), tallies.troubles.get(file)?));
    let troubles: Vec<String> = files.iter().filter_map(trouble).collect();
    let is_anothers = unit.app.merge_logs && unit.instance > 0;
    Logs {
        written: tally.written,
        written_today: tally.today,
        lost: tally.lost_bytes,
        lost_lines: tally.lost_lines,
        on_disk: files.iter().filter(|_| !is_anothers).filter_map(|file| tallies.files.get(file)).sum(),
        trouble: (!troubles.is_empty()).then(|| troubles.join("; ")),
    }
}

/// When something was that happened so long after boot, by what the wall clock shows now.
fn at(moment: Duration) -> String {
    clock::wall_at(moment).strftime("%FT%T.%3fZ").to_string()
}

fn ready(ready: &Ready) -> String {
    match ready {
        Ready::None => "as soon as it runs".to_owned(),
        Ready::Pipe => "when it says so".to_owned(),
        Ready::Tcp(address) => format!("when {address} accepts connections"),
        Ready::Http(url) => format!("when {} answers", shown(url)),
        Ready::Log(text) => format!("when it writes \"{text}\""),
    }
}

fn shown(url: &Url) -> String {
    format!("http://{}:{}{}", url.host, url.port, url.path)
}

/// What differs from the defaults, by key, in words. Logs are put aside at so many bytes.
fn settings(app: &App, aside_at: u64) -> Vec<(String, String)> {
    let default = lifecycle::Policy::default();
    let policy = &app.policy;
    let mut settings = Vec::new();
    let mut say = |key: &str, words: Option<String>| settings.extend(words.map(|words| (key.to_owned(), words)));
    let span = |value: Duration, default: Duration| (value != default).then(|| reason::span(value));
    say("listen_timeout", span(policy.listen_timeout, default.listen_timeout));
    say("kill_timeout", span(policy.kill_timeout, default.kill_timeout));
    say("kill_signal", (app.kill_signal != manifest::StopSignal::default()).then(|| app.kill_signal.name().to_owned()));
    say("listen_nonblocking", app.listen_nonblocking.then(|| "true".to_owned()));
    say("shutdown_with_message", app.shutdown_with_message.then(|| "true".to_owned()));
    say("min_uptime", span(policy.min_uptime, default.min_uptime));
    say("restart_delay", span(policy.restart_delay, default.restart_delay));
    say("exp_backoff_restart_delay", (!policy.backoff).then(|| "0 (the delay does not grow)".to_owned()));
    say("max_restarts", (policy.max_restarts != default.max_restarts).then(|| policy.max_restarts.to_string()));
    say("autorestart", (!policy.autorestart).then(|| "false".to_owned()));
    let codes: Vec<String> = policy.stop_exit_codes.iter().map(ToString::to_string).collect();
    say("stop_exit_codes", (!codes.is_empty()).then(|| codes.join(", ")));
    say("max_memory_restart", app.max_memory_restart.map(reason::bytes));
    let zone = |zone: &Option<String>| zone.clone().unwrap_or_else(|| "the hub's zone".to_owned());
    say("cron_restart", app.cron_restart.as_ref().map(|cron| format!("{} ({})", cron.pattern, zone(&cron.zone))));
    let paths = |paths: &[std::path::PathBuf]| {
        paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    };
    say("watch", app.watch.as_ref().map(|watch| paths(&watch.paths)));
    say(
        "health",
        app.health.as_ref().map(|health| match &health.check {
            Check::Tcp(address) => format!("{address} every {}", reason::span(health.interval)),
            Check::Http(url) => format!("{} every {}", shown(url), reason::span(health.interval)),
            Check::Exec(words) => format!("{} every {}", words.join(" "), reason::span(health.interval)),
        }),
    );
    say("watchdog", app.watchdog.map(reason::span));
    say("user", app.user.clone());
    say("group", app.group.clone());
    let unlimited = |limit: Option<u64>| limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string());
    let limit =
        |limit: &manifest::Rlimit| format!("{} {}:{}", limit.resource, unlimited(limit.soft), unlimited(limit.hard));
    let limits: Vec<String> = app.rlimits.iter().map(limit).collect();
    say("rlimits", (!limits.is_empty()).then(|| limits.join(", ")));
    say("nice", app.nice.map(|nice| nice.to_string()));
    say("oom_score_adj", Some(app.oom_score_adj.to_string()));
    say("merge_logs", app.merge_logs.then(|| "true".to_owned()));
    say(
        "log_type",
        match &app.log_format {
            LogFormat::Raw => None,
            LogFormat::Stamped(pattern) => Some(format!("each line after the time ({pattern})")),
            LogFormat::Json { .. } => Some("json".to_owned()),
        },
    );
    say("log_max_size", Some(log_max_size(app.log_max_size, aside_at)));
    say("log_max_age", app.log_max_age.map(age));
    say("log_keep", (app.log_keep != App::LOG_KEEP).then(|| format!("{} of each at most", app.log_keep)));
    say("log_max_total", app.log_max_total.map(reason::bytes));
    settings
}

fn log_max_size(asked: u64, aside_at: u64) -> String {
    let asked_for = reason::bytes(asked);
    match aside_at < asked {
        true => format!("{asked_for}, but put aside at {}: log_max_total allows no more", reason::bytes(aside_at)),
        false => asked_for,
    }
}

/// `7 d`, `12 h`, `90 min`: in the largest unit that says it exactly.
fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    let units = [(24 * 60 * 60, "d"), (60 * 60, "h"), (60, "min")];
    let unit = units.into_iter().find(|(unit, _)| seconds.is_multiple_of(*unit));
    unit.map_or_else(|| format!("{seconds} s"), |(unit, name)| format!("{} {name}", seconds / unit))
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use lifecycle::AppId;

    use super::*;

    fn about_logs(keys: &str, aside_at: u64) -> Vec<(String, String)> {
        let text = format!("[[apps]]\nscript = \"./a\"\n{keys}");
        let manifest = manifest::parse(Path::new("/hub/ecosystem.toml"), &text, None).unwrap();
        let settings = settings(&manifest.apps[0], aside_at);
        settings.into_iter().filter(|(key, _)| key.starts_with("log_")).collect()
    }

    #[test]
    fn settings_of_logs_are_told_with_the_size_that_is_in_force() {
        let pairs = |pairs: &[(&str, &str)]| -> Vec<_> {
            pairs.iter().map(|(key, words)| ((*key).to_owned(), (*words).to_owned())).collect()
        };
        assert_eq!(about_logs("", 10 << 20), pairs(&[("log_max_size", "10 MiB")]));
        let keys = "log_max_size = \"20K\"\nlog_max_age = \"7d\"\nlog_keep = 3\nlog_max_total = \"32K\"\n";
        let expected = [
            ("log_max_size", "20 KiB, but put aside at 8 KiB: log_max_total allows no more"),
            ("log_max_age", "7 d"),
            ("log_keep", "3 of each at most"),
            ("log_max_total", "32 KiB"),
        ];
        assert_eq!(about_logs(keys, 8 << 10), pairs(&expected));
    }

    #[test]
    fn a_file_of_all_instances_takes_space_once_and_its_trouble_is_everybodys() {
        let text = "[[apps]]\nname = \"a\"\nscript = \"a\"\ninstances = 2\nmerge_logs = true\n";
        let merged = manifest::parse(Path::new("/hub/ecosystem.toml"), text, None).unwrap().apps.remove(0);
        let (out, error) = (merged.out_file.clone(), merged.error_file.clone());
        let tallies = Tallies {
            files: [(out, 10), (error.clone(), 3)].into(),
            troubles: [(error, "it is full".to_owned())].into(),
            ..Tallies::default()
        };
        let logs = |instance| {
            let app = Rc::new(merged.clone());
            logs_of(&Unit { id: AppId(instance), instance, of: 2, app, ad_hoc: false }, &tallies)
        };
        assert_eq!([0, 1].map(|instance| logs(instance).on_disk), [13, 0]);
        for instance in [0, 1] {
            assert_eq!(logs(instance).trouble.as_deref(), Some("/hub/logs/a-error.log: it is full"));
        }
    }

    #[test]
    fn ages_are_told_in_the_largest_unit_that_fits() {
        for (seconds, expected) in
            [(60, "1 min"), (5400, "90 min"), (43_200, "12 h"), (604_800, "7 d"), (61, "61 s"), (90_000, "25 h")]
        {
            assert_eq!(age(Duration::from_secs(seconds)), expected);
        }
    }
}
