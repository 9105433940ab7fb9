//! Every key that a file may hold, and every one that a PM2 user may try.

use crate::suggest;

/// The keys at the top of a file.
pub(crate) const TOP: [&str; 2] = ["profile", "apps"];

/// The keys of an app, each with its other spellings: PM2's, and `max_size` of its module for rotation.
const APP: [(&str, &[&str]); 27] = [
    ("name", &[]),
    ("namespace", &[]),
    ("script", &["exec", "cmd", "command"]),
    ("args", &[]),
    ("interpreter", &["exec_interpreter"]),
    ("interpreter_args", &["node_args", "interpreterArgs"]),
    ("cwd", &[]),
    ("env", &[]),
    ("env_file", &[]),
    ("listen", &[]),
    ("port", &[]),
    ("depends_on", &[]),
    ("profiles", &[]),
    ("ready", &[]),
    ("wait_ready", &[]),
    ("listen_timeout", &[]),
    ("kill_timeout", &[]),
    ("kill_signal", &[]),
    ("autorestart", &[]),
    ("stop_exit_codes", &[]),
    ("min_uptime", &[]),
    ("max_restarts", &[]),
    ("restart_delay", &[]),
    ("exp_backoff_restart_delay", &[]),
    ("out_file", &["out", "output", "out_log"]),
    ("error_file", &["error", "err", "err_file", "err_log"]),
    ("log_max_size", &["max_size"]),
];

/// Keys that will mean something, but do not yet. A value that asks for what happens anyway is no reason to complain.
const LATER: [(&str, &[Anyway]); 27] = [
    ("instances", &[Anyway::Integer("1")]),
    ("exec_mode", &[Anyway::Text("fork"), Anyway::Text("fork_mode")]),
    ("instance_var", &[]),
    ("increment_var", &[]),
    ("watch", &[Anyway::Boolean(false)]),
    ("watch_delay", &[]),
    ("ignore_watch", &[]),
    ("watch_options", &[]),
    ("max_memory_restart", &[]),
    ("cron_restart", &[Anyway::Integer("0")]),
    ("cron", &[Anyway::Integer("0")]),
    ("autostart", &[Anyway::Boolean(true)]),
    ("shutdown_with_message", &[Anyway::Boolean(false)]),
    ("user", &[]),
    ("uid", &[]),
    ("gid", &[]),
    ("log_file", &[]),
    ("log", &[]),
    ("log_type", &[Anyway::Text("raw")]),
    ("log_date_format", &[]),
    ("time", &[Anyway::Boolean(false)]),
    ("disable_logs", &[Anyway::Boolean(false)]),
    ("health", &[]),
    ("watchdog", &[]),
    ("rlimits", &[]),
    ("control", &[]),
    ("name_prefix", &[]),
];

/// PM2's keys for which there is no use here, and why.
const NEEDLESS: [(&str, &str); 18] = [
    ("treekill", "the whole process tree is always stopped"),
    ("kill_retry_time", "the end of a process is noticed at once"),
    ("filter_env", "nothing of the caller's environment is passed on: set what the app needs in `env`"),
    ("merge_logs", "an app has one pair of log files"),
    ("combine_logs", "an app has one pair of log files"),
    ("pid_file", "ask `betti-ctl status --json` for the pid"),
    ("pid", "ask `betti-ctl status --json` for the pid"),
    ("force", "an app is started once"),
    ("append_env_to_name", "names stay the same in every profile"),
    ("post_update", "nothing is deployed from here"),
    ("vizion", "no version control is looked at"),
    ("source_map_support", "pass `--enable-source-maps` in `interpreter_args`"),
    ("trace", "there is no agent inside the app"),
    ("pmx", "there is no agent inside the app"),
    ("io", "there is no agent inside the app"),
    ("automation", "there is no agent inside the app"),
    ("windowsHide", "this is Linux"),
    ("install_url", "nothing is installed from here"),
];

/// A value that asks for what happens anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anyway {
    Boolean(bool),
    Integer(&'static str),
    Text(&'static str),
}

/// What a key of an app means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meaning<'k> {
    /// By its first spelling.
    Known(&'static str),
    /// `env_<profile>`
    Overlay(&'k str),
    /// Something one day, except where one of these values makes no difference.
    Later(&'static [Anyway]),
    /// Nothing, and why.
    Needless(&'static str),
    /// Nothing known; perhaps this was meant.
    Unknown(Option<&'static str>),
}

/// What this key of an app means.
pub(crate) fn meaning(key: &str) -> Meaning<'_> {
    let known = APP.iter().find(|(first, others)| *first == key || others.contains(&key));
    if let Some((first, _)) = known {
        return Meaning::Known(first);
    }
    if let Some(profile) = key.strip_prefix("env_").filter(|profile| !profile.is_empty()) {
        return Meaning::Overlay(profile);
    }
    if let Some((_, anyway)) = LATER.iter().find(|(later, _)| *later == key) {
        return Meaning::Later(anyway);
    }
    if let Some((_, why)) = NEEDLESS.iter().find(|(needless, _)| *needless == key) {
        return Meaning::Needless(why);
    }
    Meaning::Unknown(suggest::nearest(key, APP.iter().map(|(first, _)| *first)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pm2s_spellings_are_understood() {
        assert_eq!(meaning("exec"), Meaning::Known("script"));
        assert_eq!(meaning("node_args"), Meaning::Known("interpreter_args"));
        assert_eq!(meaning("err_log"), Meaning::Known("error_file"));
        assert_eq!(meaning("env_production"), Meaning::Overlay("production"));
        assert_eq!(meaning("env_file"), Meaning::Known("env_file"));
        assert_eq!(meaning("wait_redy"), Meaning::Unknown(Some("wait_ready")));
        assert_eq!(meaning("max_memory_restart"), Meaning::Later(&[]));
        assert!(matches!(meaning("vizion"), Meaning::Needless(_)));
        assert_eq!(meaning("env_"), Meaning::Unknown(Some("env")));
    }

    #[test]
    fn no_key_is_listed_twice() {
        let known = APP.iter().flat_map(|(first, others)| [*first].into_iter().chain(others.iter().copied()));
        let all: Vec<&str> =
            known.chain(LATER.iter().map(|(key, _)| *key)).chain(NEEDLESS.iter().map(|(key, _)| *key)).collect();
        let unique: std::collections::BTreeSet<&str> = all.iter().copied().collect();
        assert_eq!(unique.len(), all.len());
    }
}
