//! Every key that a file may hold, and every one that a PM2 user may try.

use crate::suggest;

/// The keys at the top of a file.
pub(crate) const TOP: [&str; 4] = ["profile", "clock", "log_max_total", "apps"];

/// The keys of an app, each with its other spellings: PM2's, and `max_size` and `retain` of its module for rotation.
const APP: &[(&str, &[&str])] = &[
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
    ("listen_nonblocking", &[]),
    ("port", &[]),
    ("depends_on", &[]),
    ("profiles", &[]),
    ("instances", &[]),
    ("exec_mode", &[]),
    ("instance_var", &[]),
    ("ready", &[]),
    ("wait_ready", &[]),
    ("listen_timeout", &[]),
    ("kill_timeout", &[]),
    ("kill_signal", &[]),
    ("shutdown_with_message", &[]),
    ("autostart", &[]),
    ("autorestart", &[]),
    ("stop_exit_codes", &[]),
    ("min_uptime", &[]),
    ("max_restarts", &[]),
    ("restart_delay", &[]),
    ("exp_backoff_restart_delay", &[]),
    ("max_memory_restart", &[]),
    ("cron_restart", &["cron"]),
    ("watch", &[]),
    ("ignore_watch", &[]),
    ("watch_delay", &[]),
    ("health", &[]),
    ("watchdog", &[]),
    ("user", &["uid"]),
    ("group", &["gid"]),
    ("rlimits", &[]),
    ("nice", &[]),
    ("priority", &[]),
    ("oom_score_adj", &[]),
    ("out_file", &["out", "output", "out_log"]),
    ("error_file", &["error", "err", "err_file", "err_log"]),
    ("merge_logs", &["combine_logs"]),
    ("log_type", &[]),
    ("log_date_format", &[]),
    ("time", &[]),
    ("disable_logs", &[]),
    ("log_max_size", &["max_size"]),
    ("log_max_age", &[]),
    ("log_keep", &["retain"]),
    ("log_max_total", &[]),
];

/// Keys that will mean something, but do not yet. A value that asks for what happens anyway is no reason to complain.
const LATER: &[(&str, &[Anyway])] = &[("control", &[Anyway::Boolean(false), Anyway::Text("none")])];

const NO_AGENT: &str = "there is no agent inside the app";
const ONE_LOG: &str = "`out_file` and `error_file` may name the same file, in which both are then";
const NO_PID_FILE: &str = "ask `betti-ctl status --json` for the pid";

/// PM2's keys for which there is no use here, and why: what happens without them, or what to write in their place.
const NEEDLESS: &[(&str, &str)] = &[
    ("treekill", "the whole process tree is always stopped"),
    ("kill_retry_time", "the end of a process is noticed at once"),
    ("filter_env", "nothing of the caller's environment is passed on: set what the app needs in `env`"),
    ("increment_var", "each instance is told its number in `instance_var`, from which it can count"),
    ("name_prefix", "write the whole name in `name`; `namespace` makes groups"),
    ("watch_options", "changes are told by the kernel; `ignore_watch` and `watch_delay` say the rest"),
    ("log_file", ONE_LOG),
    ("log", ONE_LOG),
    ("pid_file", NO_PID_FILE),
    ("pid", NO_PID_FILE),
    ("force", "an app is started once"),
    ("append_env_to_name", "names stay the same in every profile"),
    ("post_update", "nothing is deployed from here"),
    ("vizion", "no version control is looked at"),
    ("versioning", "no version control is looked at"),
    ("source_map_support", "pass `--enable-source-maps` in `interpreter_args`"),
    ("disable_source_map_support", "pass `--enable-source-maps` in `interpreter_args` if they are wanted"),
    ("trace", NO_AGENT),
    ("disable_trace", NO_AGENT),
    ("pmx", NO_AGENT),
    ("io", NO_AGENT),
    ("automation", NO_AGENT),
    ("deep_monitoring", NO_AGENT),
    ("windowsHide", "this is Linux"),
    ("install_url", "nothing is installed from here"),
];

/// A value that asks for what happens anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anyway {
    Boolean(bool),
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

/// Where a key comes in the order in which keys are explained.
pub(crate) fn place(key: &str) -> usize {
    APP.iter().position(|(first, _)| *first == key).unwrap_or(APP.len())
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
        assert_eq!(meaning("cron"), Meaning::Known("cron_restart"));
        assert_eq!(meaning("gid"), Meaning::Known("group"));
        assert!(matches!(meaning("control"), Meaning::Later(_)));
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

    /// Every key of an app in PM2 7's own list (lib/API/schema.json), and those that its code takes besides.
    const PM2: &str = "script exec cmd command name name_prefix namespace cwd args interpreter exec_interpreter node_args \
        interpreter_args interpreterArgs exec_mode instances instance_var increment_var wait_ready listen_timeout \
        kill_timeout kill_retry_time shutdown_with_message treekill autorestart autostart stop_exit_codes restart_delay \
        exp_backoff_restart_delay min_uptime max_restarts max_memory_restart cron_restart cron watch watch_delay \
        ignore_watch watch_options env env_production filter_env out_file out output out_log error_file error err \
        err_file err_log log_file log merge_logs combine_logs log_type log_date_format time disable_logs pid_file pid uid \
        user gid port force append_env_to_name post_update vizion versioning source_map_support \
        disable_source_map_support trace disable_trace pmx io automation deep_monitoring windowsHide install_url";

    #[test]
    fn every_key_of_pm2s_means_something_or_is_answered_with_a_reason() {
        for key in PM2.split_whitespace() {
            match meaning(key) {
                Meaning::Known(_) | Meaning::Overlay(_) => {}
                Meaning::Needless(why) => assert!(why.len() > 10 && !why.ends_with('.'), "{key}: {why}"),
                Meaning::Later(_) | Meaning::Unknown(_) => panic!("{key} of PM2's is not known"),
            }
        }
    }

    #[test]
    fn every_needless_key_is_pm2s() {
        for (key, _) in NEEDLESS {
            assert!(PM2.split_whitespace().any(|pm2| pm2 == *key), "{key}");
        }
    }
}
