//! In what two versions of an app differ, in words.

use std::fmt::Display;
use std::time::Duration;

use lifecycle::Policy;

use crate::{App, Ready};

/// What is another, apart by what it takes to follow.
#[derive(Debug, Default)]
pub(super) struct Difference {
    /// What a process is started with: follows only with a new one.
    pub launch: Vec<String>,
    /// How a process is looked after: follows at once.
    pub policy: Vec<String>,
}

impl Difference {
    /// Takes both apart without `..`, so that a new key cannot be forgotten here.
    pub(super) fn between(old: &App, new: &App) -> Self {
        let App {
            // A place in the file: whoever runs keeps the number that it was given.
            id: _,
            name: _,
            namespace,
            script,
            args,
            interpreter,
            interpreter_args,
            cwd,
            env,
            env_file,
            listen,
            listen_nonblocking,
            port,
            depends_on,
            ready,
            policy,
            kill_signal,
            shutdown_with_message,
            instances,
            instance_var,
            autostart,
            max_memory_restart,
            cron_restart,
            watch,
            health,
            watchdog,
            user,
            group,
            rlimits,
            nice,
            oom_score_adj,
            out_file,
            error_file,
            merge_logs,
            log_format,
            log_max_size,
            log_max_age,
            log_keep,
            log_max_total,
            profiles,
        } = old;

        let mut launch = Changes::default();
        launch.step("script", script, &new.script);
        launch.note("args", args != &new.args);
        launch.note("interpreter", interpreter != &new.interpreter);
        launch.note("interpreter_args", interpreter_args != &new.interpreter_args);
        launch.note("cwd", cwd != &new.cwd);
        launch.extend(environment(env, &new.env));
        launch.note("env_file", env_file != &new.env_file);
        launch.note("listen", listen != &new.listen);
        launch.step("listen_nonblocking", listen_nonblocking, &new.listen_nonblocking);
        launch.step("port", &shown(port), &shown(&new.port));
        launch.step("user", &shown(user), &shown(&new.user));
        launch.step("group", &shown(group), &shown(&new.group));
        launch.note("rlimits", rlimits != &new.rlimits);
        launch.step("nice", &shown(nice), &shown(&new.nice));
        launch.step("oom_score_adj", oom_score_adj, &new.oom_score_adj);
        launch.step("instance_var", instance_var, &new.instance_var);
        launch.step("watchdog", &duration(*watchdog), &duration(new.watchdog));
        launch.step("shutdown_with_message", shutdown_with_message, &new.shutdown_with_message);
        launch.note("ready", (*ready == Ready::Pipe) != (new.ready == Ready::Pipe));

        let mut change = Changes::default();
        change.step("namespace", namespace, &new.namespace);
        change.note("depends_on", depends_on != &new.depends_on);
        change.note("ready", ready != &new.ready && launch.lacks("ready"));
        change.extend(supervision(policy, &new.policy));
        change.step("kill_signal", &kill_signal.name(), &new.kill_signal.name());
        change.step("instances", instances, &new.instances);
        change.step("autostart", autostart, &new.autostart);
        change.step("max_memory_restart", &bytes(*max_memory_restart), &bytes(new.max_memory_restart));
        change.note("cron_restart", cron_restart != &new.cron_restart);
        change.note("watch", watch != &new.watch);
        change.note("health", health != &new.health);
        change.note("out_file", out_file != &new.out_file);
        change.note("error_file", error_file != &new.error_file);
        change.step("merge_logs", merge_logs, &new.merge_logs);
        change.note("log format", log_format != &new.log_format);
        change.step("log_max_size", &bytes(Some(*log_max_size)), &bytes(Some(new.log_max_size)));
        change.step("log_max_age", &duration(*log_max_age), &duration(new.log_max_age));
        change.step("log_keep", log_keep, &new.log_keep);
        change.step("log_max_total", &bytes(*log_max_total), &bytes(new.log_max_total));
        change.note("profiles", profiles != &new.profiles);

        Self { launch: launch.words, policy: change.words }
    }
}

/// Which variables are others: by their names only, because what they say may be secret.
fn environment<'a>(
    old: &'a std::collections::BTreeMap<String, String>,
    new: &'a std::collections::BTreeMap<String, String>,
) -> Option<String> {
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    let other = new.iter().filter(|(name, value)| old.get(*name) != Some(value)).map(|(name, _)| name);
    let mut names: Vec<&str> = gone.chain(other).map(String::as_str).collect();
    names.sort_unstable();
    (!names.is_empty()).then(|| format!("env changed: {}", names.join(", ")))
}

fn supervision(old: &Policy, new: &Policy) -> Vec<String> {
    let Policy {
        listen_timeout,
        kill_timeout,
        min_uptime,
        restart_delay,
        backoff,
        max_restarts,
        autorestart,
        stop_exit_codes,
        overlap: _, // follows from `listen` and `ready`
    } = old;
    let mut changes = Changes::default();
    let mut time = |key, old: &Duration, new| changes.step(key, &duration(Some(*old)), &duration(Some(new)));
    time("listen_timeout", listen_timeout, new.listen_timeout);
    time("kill_timeout", kill_timeout, new.kill_timeout);
    time("min_uptime", min_uptime, new.min_uptime);
    time("restart_delay", restart_delay, new.restart_delay);
    changes.note("exp_backoff_restart_delay", *backoff != new.backoff);
    changes.step("max_restarts", max_restarts, &new.max_restarts);
    changes.step("autorestart", autorestart, &new.autorestart);
    changes.note("stop_exit_codes", stop_exit_codes != &new.stop_exit_codes);
    changes.words
}

/// Differences in words, in the order in which they are noted.
#[derive(Default)]
struct Changes {
    words: Vec<String>,
}

impl Changes {
    /// `args changed`: where showing both would be too long, or tell a secret.
    fn note(&mut self, key: &str, is_changed: bool) {
        self.words.extend(is_changed.then(|| format!("{key} changed")));
    }

    /// `instances 2 → 4`
    fn step<T: Display + PartialEq>(&mut self, key: &str, old: &T, new: &T) {
        self.words.extend((old != new).then(|| format!("{key} {old} → {new}")));
    }

    fn extend(&mut self, words: impl IntoIterator<Item = String>) {
        self.words.extend(words);
    }

    fn lacks(&self, key: &str) -> bool {
        !self.words.iter().any(|word| word.split(' ').next() == Some(key))
    }
}

fn shown<T: ToString>(value: &Option<T>) -> String {
    value.as_ref().map_or_else(|| "unset".to_owned(), T::to_string)
}

fn duration(value: Option<Duration>) -> String {
    match value.map(|value| value.as_millis()) {
        None => "unset".to_owned(),
        Some(milliseconds) if milliseconds > 0 && milliseconds % 1000 == 0 => format!("{}s", milliseconds / 1000),
        Some(milliseconds) => format!("{milliseconds}ms"),
    }
}

fn bytes(value: Option<u64>) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")];
    let Some(value) = value else { return "unset".to_owned() };
    let unit = UNITS.iter().find(|(unit, _)| value > 0 && value % unit == 0);
    unit.map_or_else(|| value.to_string(), |(unit, name)| format!("{}{name}", value / unit))
}
