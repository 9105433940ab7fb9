//! PM2's verbs that have no meaning here, and what to do instead.

/// Each verb, and what to do instead.
const ELSEWHERE: [(&[&str], &str); 18] = [
    (&["save", "dump", "cleardump"], "there is nothing to save: what runs is what ecosystem.toml says"),
    (&["resurrect"], "there is nothing to resurrect: betti-ctl start runs what ecosystem.toml says"),
    (&["update", "updatePM2"], "install the new betti-supervisor, then betti-ctl upgrade"),
    (&["deploy"], "nothing is deployed from here: copy the new version, then betti-ctl restart APP"),
    (
        &["install", "uninstall", "module:generate", "publish"],
        "there are no modules: what they do is built in, or an app",
    ),
    (&["monit", "dashboard", "dash", "imonit"], "betti-ctl status shows the same once: watch betti-ctl status"),
    (
        &["plus", "link", "unlink", "open", "register", "login", "monitor", "unmonitor"],
        "there is no such service: betti-ctl status --json and logs --json are for programs",
    ),
    (&["logrotate"], "log files are rotated as log_max_size says: there is nothing to do"),
    (&["set", "get", "unset", "conf", "config", "multiset"], "there are no settings but those in ecosystem.toml"),
    (&["slist", "sysinfos"], "betti-ctl status --json says what runs, and vmstat how the machine fares"),
    (&["inspect"], "set interpreter_args = \"--inspect\" for the app, then betti-ctl restart APP"),
    (&["trigger"], "apps are told things by signals: betti-ctl send-signal SIGNAL APP"),
    (&["send", "attach"], "an app's standard input is its lifeline: talk to it through a socket"),
    (&["report"], "betti-ctl status --json, betti-ctl describe and logs/betti-supervisor.log have it all"),
    (&["serve", "expose"], "to serve a folder, start a program that does: betti-ctl start \"python3 -m http.server\""),
    (&["startOrGracefulReload", "gracefulReload"], "every reload is graceful: betti-ctl startOrReload, or reload"),
    (&["pull", "forward", "backward"], "no version control is looked at: use git, then betti-ctl restart APP"),
    (
        &["forceLog", "trace", "profile:cpu", "profile:mem"],
        "there is no agent inside the app: betti-ctl logs shows what it writes",
    ),
];

/// What to do instead of this verb of PM2's; `None` if it is none.
pub fn instead_of(verb: &str) -> Option<String> {
    let (_, instead) = ELSEWHERE.iter().find(|(verbs, _)| verbs.contains(&verb))?;
    Some(format!("{verb}: {instead}"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::arguments::Arguments;

    #[test]
    fn no_verb_that_has_a_meaning_is_sent_elsewhere() {
        for command in Arguments::command().get_subcommands() {
            for name in [command.get_name()].into_iter().chain(command.get_all_aliases()) {
                assert_eq!(instead_of(name), None, "{name}");
            }
        }
        assert_eq!(instead_of("nosuch"), None);
    }

    #[test]
    fn every_answer_is_one_line() {
        let verbs = ELSEWHERE.iter().flat_map(|(verbs, _)| verbs.iter());
        let lines: Vec<String> = verbs.filter_map(|verb| instead_of(verb)).collect();
        assert!(lines.iter().all(|line| !line.contains('\n')));
        insta::assert_snapshot!(lines.join("\n"));
    }
}
