//! What has to happen for one file to become another.

use std::path::Path;

use manifest::plan::{Plan, What};
use manifest::{App, Manifest};
use proptest::prelude::*;

fn parse(text: &str) -> Manifest {
    manifest::parse(Path::new("/hub/ecosystem.toml"), text, None)
        .unwrap_or_else(|broken| panic!("{}", broken.render(false)))
}

fn app(keys: &str) -> Manifest {
    parse(&format!("[[apps]]\nname = \"a\"\nscript = \"a.js\"\n{keys}"))
}

fn shown(old: Option<&Manifest>, new: &Manifest) -> Vec<String> {
    let shown = |step: &manifest::plan::Step| format!("{:?} {}: {}", step.what, step.app, step.why.join("; "));
    Plan::between(old, new).steps.iter().map(shown).collect()
}

#[test]
fn each_key_is_followed_by_a_restart_or_at_once_and_says_why() {
    let rows = [
        ("args = \"x\"", "args = \"y\"", "Restart a: args changed"),
        ("interpreter = \"bun\"", "", "Restart a: interpreter changed"),
        ("node_args = \"--inspect\"", "", "Restart a: interpreter_args changed"),
        ("cwd = \"x\"", "", "Restart a: cwd changed"),
        ("env = { A = \"secret\", B = 1, D = 1 }", "env = { B = 2, C = 3, D = 1 }", "Restart a: env changed: A, B, C"),
        ("env_file = \".env\"", "", "Restart a: env_file changed"),
        ("listen = \"127.0.0.1:1\"", "", "Restart a: listen changed"),
        ("", "port = 3001", "Restart a: env changed: PORT; port unset → 3001"),
        ("user = 7", "user = \"pi\"", "Restart a: user 7 → pi"),
        ("", "group = \"audio\"", "Restart a: group unset → audio"),
        ("", "rlimits = { nofile = 9 }", "Restart a: rlimits changed"),
        ("", "nice = 5", "Restart a: nice unset → 5"),
        ("", "priority = \"low\"", "Restart a: oom_score_adj 200 → 500"),
        ("", "instance_var = \"I\"", "Restart a: instance_var NODE_APP_INSTANCE → I"),
        ("", "watchdog = \"30s\"", "Restart a: watchdog unset → 30s"),
        ("", "listen_nonblocking = true", "Restart a: listen_nonblocking false → true"),
        ("", "shutdown_with_message = true", "Restart a: shutdown_with_message false → true"),
        ("", "wait_ready = true", "Restart a: ready changed"),
        ("ready = { log = \"x\" }", "ready = \"pipe\"", "Restart a: ready changed"),
        ("ready = { log = \"x\" }", "ready = \"none\"", "Change a: ready changed"),
        ("instances = 2", "instances = 4", "Change a: instances 2 → 4"),
        ("instances = -1", "instances = \"max\"", "Change a: instances max - 1 → max"),
        ("", "namespace = \"home\"", "Change a: namespace default → home"),
        ("kill_timeout = 1500", "", "Change a: kill_timeout 1500ms → 5s"),
        ("listen_timeout = \"1m\"", "min_uptime = 0", "Change a: listen_timeout 60s → 3s; min_uptime 1s → 0ms"),
        ("restart_delay = 200", "max_restarts = 1", "Change a: restart_delay 200ms → 100ms; max_restarts 16 → 1"),
        ("exp_backoff_restart_delay = 0", "", "Change a: exp_backoff_restart_delay changed"),
        ("stop_exit_codes = 3", "autorestart = false", "Change a: autorestart true → false; stop_exit_codes changed"),
        ("kill_signal = \"INT\"", "", "Change a: kill_signal SIGINT → SIGTERM"),
        ("autostart = false", "", "Change a: autostart false → true"),
        ("max_memory_restart = \"1G\"", "", "Change a: max_memory_restart 1G → unset"),
        ("cron_restart = \"0 3 * * *\"", "", "Change a: cron_restart changed"),
        ("watch = true", "", "Change a: watch changed"),
        ("health = { exec = \"x\" }", "", "Change a: health changed"),
        ("out_file = \"x\"", "error_file = \"x\"", "Change a: out_file changed; error_file changed"),
        ("merge_logs = true", "time = true", "Change a: merge_logs true → false; log format changed"),
        ("log_max_size = 5000", "", "Change a: log_max_size 5000 → 10M"),
        ("log_max_age = \"7d\"", "retain = 3", "Change a: log_max_age 604800s → unset; log_keep 5 → 3"),
        ("", "log_max_total = \"1G\"", "Change a: log_max_total unset → 1G"),
        ("profiles = \"default\"", "", "Change a: profiles changed"),
        ("args = \"x\"\ninstances = 2", "", "Restart a: args changed; instances 2 → 1"),
        ("kill_timeout = 5000", "kill_timeout = \"5s\"", "Keep a: "),
    ];
    for (old, new, step) in rows {
        assert_eq!(shown(Some(&app(old)), &app(new)), [step], "{old} | {new}");
    }
}

#[test]
fn apps_come_and_go_with_the_file_and_with_the_profile() {
    let text = |profile: &str| {
        format!(
            "profile = \"{profile}\"\n[[apps]]\nscript = \"https\"\nprofiles = \"https\"\n[[apps]]\nscript = \"ngrok\"\n\
             profiles = \"ngrok\"\n[[apps]]\nscript = \"web\"\n"
        )
    };
    let (https, ngrok) = (parse(&text("https")), parse(&text("ngrok")));
    let switch = ["Remove https: not in the profile ngrok", "Add ngrok: runs in the profile ngrok", "Keep web: "];
    assert_eq!(shown(Some(&https), &ngrok), switch);
    let other = parse("[[apps]]\nscript = \"new\"\n");
    let all =
        ["Remove https: not in the file any more", "Remove web: not in the file any more", "Add new: new in the file"];
    assert_eq!(shown(Some(&https), &other), all);
    assert_eq!(shown(None, &other), ["Add new: new in the file"]);
}

#[test]
fn another_place_in_the_file_is_no_difference() {
    let one = parse("[[apps]]\nscript = \"a\"\n[[apps]]\nscript = \"b\"\n");
    let other = parse("[[apps]]\nscript = \"b\"\n[[apps]]\nscript = \"a\"\n");
    assert_eq!(shown(Some(&one), &other), ["Keep b: ", "Keep a: "]);
}

#[test]
fn what_a_variable_or_an_argument_says_is_not_told() {
    let old = app("args = \"--token secret1\"\nenv = { TOKEN = \"secret2\" }");
    let new = app("args = \"--token secret3\"\nenv = { TOKEN = \"secret4\" }\nenv_file = \"secret.env\"");
    assert!(!shown(Some(&old), &new).concat().contains("secret"));
}

/// A file of some of eight apps, each with some keys.
fn file() -> impl Strategy<Value = Manifest> {
    let keys = prop::sample::subsequence(
        vec!["args = \"x\"", "port = 80", "instances = 2", "wait_ready = true", "watch = true", "env = { A = 1 }"],
        0..=6,
    );
    prop::collection::btree_map(0..8_u8, keys, 1..8).prop_map(|apps| {
        let app = |(name, keys): (&u8, &Vec<&str>)| {
            // Everybody has a port of their own.
            let keys: Vec<String> = keys.iter().map(|key| key.replace("80", &format!("8{name}"))).collect();
            let keys = if keys.iter().any(|key| key.starts_with("port")) {
                keys.into_iter().filter(|key| !key.starts_with("instances")).collect()
            } else {
                keys
            };
            format!("[[apps]]\nscript = \"app{name}\"\n{}\n", keys.join("\n"))
        };
        parse(&apps.iter().map(app).collect::<String>())
    })
}

/// An app wherever it is in its file.
fn placeless(manifest: &Manifest, name: &str) -> Option<App> {
    manifest.app(name).map(|app| App { id: 0, ..app.clone() })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_has_to_happen_for_a_file_to_stay(file in file()) {
        let plan = Plan::between(Some(&file), &file);
        prop_assert!(plan.is_empty() && plan.steps.iter().all(|step| step.why.is_empty()));
    }

    #[test]
    fn following_the_plan_leads_to_the_new_file(old in file(), new in file()) {
        let plan = Plan::between(Some(&old), &new);
        let mut names: Vec<&str> = old.apps.iter().map(|app| app.name.as_str()).collect();
        for step in &plan.steps {
            let is_there = names.contains(&step.app.as_str());
            match step.what {
                What::Add => names.push(&step.app),
                What::Remove => names.retain(|name| *name != step.app),
                What::Restart | What::Change => prop_assert!(placeless(&old, &step.app) != placeless(&new, &step.app)),
                What::Keep => prop_assert_eq!(placeless(&old, &step.app), placeless(&new, &step.app)),
            }
            prop_assert_eq!(is_there, step.what != What::Add);
            prop_assert_eq!(step.why.is_empty(), step.what == What::Keep);
        }
        names.sort_unstable();
        prop_assert_eq!(names, new.apps.iter().map(|app| app.name.as_str()).collect::<Vec<_>>());
    }
}
