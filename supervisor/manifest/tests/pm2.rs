//! What becomes of PM2's files.

use std::path::Path;

use manifest::pm2::{self, ImportError, Imported};
use manifest::{App, Cron, Instances, LogFormat, Manifest};
use proptest::prelude::*;

fn parse(text: &str, profile: Option<&str>) -> Manifest {
    manifest::parse(Path::new("/hub/ecosystem.toml"), text, profile)
        .unwrap_or_else(|broken| panic!("{text}\n{}", broken.render(false)))
}

fn json(text: &str) -> Imported {
    let imported = pm2::from_json(text).unwrap_or_else(|error| panic!("{error}"));
    parse(&imported.toml, None);
    imported
}

fn only(text: &str) -> App {
    let mut apps = parse(&json(text).toml, None).apps;
    assert_eq!(apps.len(), 1);
    apps.remove(0)
}

fn left_out(imported: &Imported) -> Vec<String> {
    imported.left_out.iter().map(ToString::to_string).collect()
}

/// As such files are found: everything that is often set, and some that means nothing here.
const REALISTIC: &str = r#"{
  "apps": [
    {
      "name": "api", "script": "./server.js", "cwd": "/srv/api", "args": "--port 3000 --name 'my api'",
      "node_args": ["--max-old-space-size=512", "--enable-source-maps"],
      "instances": "max", "exec_mode": "cluster",
      "watch": ["src", "config"], "watch_delay": 1000, "ignore_watch": ["node_modules", "\\.git", "*.log"],
      "max_memory_restart": "1G", "cron_restart": "0 3 * * *", "wait_ready": true, "listen_timeout": 10000,
      "kill_timeout": 3000, "autorestart": true, "max_restarts": 10, "min_uptime": "30s",
      "exp_backoff_restart_delay": 100, "log_date_format": "YYYY-MM-DD HH:mm:ss Z", "merge_logs": true,
      "out_file": "./logs/out.log", "error_file": "/var/log/api-error.log", "log_file": "all.log",
      "env": { "NODE_ENV": "development", "PORT": 3000, "DEBUG": false },
      "env_production": { "NODE_ENV": "production", "PORT": 80 },
      "vizion": false, "source_map_support": true, "treekill": true, "interpreter": "node@20", "post_update": ["npm i"]
    },
    {
      "name": "worker", "script": "npm", "args": "run worker", "autorestart": false, "cron": "*/15 * * * *",
      "time": true, "uid": "www-data", "gid": 33, "shutdown_with_message": true, "stop_exit_codes": [0, 3],
      "instances": 1, "namespace": "jobs", "wait_redy": true, "sparkle": null
    },
    { "name": "worker", "script": "tools/clean.py", "cwd": "jobs", "interpreter": "python3", "log_type": "json" }
  ],
  "deploy": { "production": { "user": "deploy", "host": ["10.0.0.1"] } }
}"#;

#[test]
fn a_realistic_file_is_taken_over() {
    let imported = json(REALISTIC);
    let manifest = parse(&imported.toml, Some("production"));
    let [api, worker, clean] = manifest.apps.as_slice() else { panic!("three apps") };
    assert_eq!((api.script.as_str(), api.cwd.as_path()), ("/srv/api/server.js", Path::new("/srv/api")));
    assert_eq!(api.args, ["--port", "3000", "--name", "my api"]);
    assert_eq!(api.interpreter_args, ["--max-old-space-size=512", "--enable-source-maps"]);
    assert_eq!((api.instances, api.max_memory_restart), (Instances::EveryProcessor { less: 0 }, Some(1 << 30)));
    assert_eq!(
        (api.env["NODE_ENV"].as_str(), api.env["PORT"].as_str(), api.env["DEBUG"].as_str()),
        ("production", "80", "false")
    );
    assert_eq!(api.out_file, Path::new("/srv/api/logs/out.log"));
    let watch = api.watch.as_ref().expect("it watches");
    assert_eq!(watch.paths, [Path::new("/srv/api/src"), Path::new("/srv/api/config")]);
    assert!(["node_modules", ".git", "*.log"].iter().all(|pattern| watch.ignore.iter().any(|line| line == pattern)));
    assert_eq!(api.log_format, LogFormat::Stamped("%Y-%m-%d %H:%M:%S %:z".into()));
    assert_eq!(
        (worker.script.as_str(), worker.user.as_deref(), worker.group.as_deref()),
        ("npm", Some("www-data"), Some("33"))
    );
    assert_eq!(worker.cron_restart, Some(Cron { pattern: "*/15 * * * *".into(), zone: None }));
    assert_eq!((clean.name.as_str(), clean.script.as_str()), ("worker-2", "jobs/tools/clean.py"));
    let expected = [
        "api: log_file: `out_file` and `error_file` may name the same file, in which both are then",
        "api: vizion: no version control is looked at",
        "api: source_map_support: pass `--enable-source-maps` in `interpreter_args`",
        "api: treekill: the whole process tree is always stopped",
        "api: interpreter: versions are not looked up with nvm: write the path of that interpreter",
        "api: post_update: nothing is deployed from here",
        "worker: wait_redy: unknown; did you mean `wait_ready`?",
        "worker: name: another app is called `worker`, so this one is called `worker-2`",
        "deploy: nothing is deployed from here: keep using what copies the files, then `betti-ctl apply`",
    ];
    assert_eq!(left_out(&imported), expected);
    for left_out in &imported.left_out {
        assert!(imported.toml.contains(&format!("{}: {}", left_out.key, left_out.why)), "{left_out}");
    }
}

/// Looked at by whoever changes how a file is laid out.
#[test]
fn the_file_is_laid_out_to_be_read_and_edited() {
    let toml = json(r#"[{"env": {"B": 1, "A": "x\"y"}, "script": "a.js", "env_prod": {"A": null}, "name": "a", "kill_timeout": "5s"}]"#).toml;
    let (head, app) = toml.split_once("\n\n").expect("a head and an app");
    assert!(head.lines().all(|line| line.starts_with('#')) && head.contains("SIGINT"));
    let expected = "[[apps]]\nname = \"a\"\nscript = \"a.js\"\nkill_timeout = \"5s\"\n\
                    # left out: env_prod.A: a variable without a value is not set\n\n[apps.env]\nB = 1\nA = \"x\\\"y\"\n";
    assert_eq!(app, expected);
}

#[test]
fn apps_are_found_where_pm2_finds_them() {
    let names = |text| parse(&json(text).toml, None).apps.into_iter().map(|app| app.name).collect::<Vec<_>>();
    assert_eq!(names(r#"{"apps": [{"script": "a.js"}, {"cmd": "b.js"}]}"#), ["a", "b"]);
    assert_eq!(names(r#"{"apps": {"script": "a.js"}}"#), ["a"]);
    assert_eq!(names(r#"[{"exec": "a.js"}]"#), ["a"]);
    assert_eq!(names(r#"{"script": "a.js", "instances": 2}"#), ["a"]);
    assert_eq!(names("\u{feff}[{\"script\": \"a.js\"}, 5]"), ["a"]);
}

#[test]
fn yaml_says_the_same() {
    let yaml = "
apps:
  - script: ./api.js
    name: api
    instances: -1
    args: [--a, 1]
    env: &env { NODE_ENV: dev, A: 'yes', ON: true }
    env_production:
      <<: *env
      NODE_ENV: production
";
    let imported = pm2::from_yaml(yaml).unwrap_or_else(|error| panic!("{error}"));
    let app = parse(&imported.toml, Some("production")).apps.remove(0);
    assert_eq!((app.instances, app.args), (Instances::EveryProcessor { less: 1 }, vec!["--a".into(), "1".into()]));
    let env = [("A", "yes"), ("NODE_ENV", "production"), ("ON", "true")];
    assert_eq!(app.env, env.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    assert_eq!(imported.left_out, []);
}

#[test]
fn what_a_file_may_not_say_is_left_out_with_the_reason_and_the_rest_stays() {
    let rows = [
        (
            r#"{"script": "a", "instances": 4, "port": 3000}"#,
            "instances: each of these processes would open the port 3000, and only one can; let them share a held socket: listen = [\"127.0.0.1:3000\"] instead of `port`",
        ),
        (r#"{"script": "a", "log_date_format": "YYYY ii"}"#, "log_date_format: `ii` stands for no part of a date; "),
        (r#"{"script": "a", "cron_restart": "never"}"#, "cron_restart: "),
        (r#"{"script": "a", "name": "../a"}"#, "name: `../a` cannot be a name: "),
        (
            r#"{"script": "a", "ignore_watch": ["(x|y)"]}"#,
            "ignore_watch: `(x|y)` has to be written anew, as in a .gitignore file",
        ),
        (r#"{"script": "a", "env": {"A": [1]}}"#, "env.A: environment variables are text"),
        (r#"{"script": "a", "env_a b": {"A": 1, "B": 2}}"#, "env_a b.A: `a b` cannot be the name of a profile"),
        (r#"{"script": "a", "env": 5}"#, "env: an environment is a table of variables"),
        (r#"{"script": "a", "exec": "b"}"#, "exec: `script` is there already in another spelling"),
        (r#"{"script": "npm start", "args": ["x"]}"#, "args: `args` cannot be added to a shell command; "),
        (
            r#"{"script": "a.py", "shutdown_with_message": true}"#,
            "shutdown_with_message: `a.py` does not hear messages",
        ),
        (
            r#"{"script": "a", "max_memory_restart": true}"#,
            "max_memory_restart: `max_memory_restart` must be a size, not a boolean",
        ),
        (r#"{"script": "a", "env": {"A\u0000": 1, "B": "\u0000"}}"#, "env."),
    ];
    for (text, why) in rows {
        let imported = json(text);
        let found = left_out(&imported);
        assert!(found.iter().any(|found| found.contains(&format!(": {why}"))), "{text}: {found:?}");
    }
    let kept = only(
        r#"{"script": "a", "port": "3000", "instances": "2", "cron_restart": 0, "watch": null, "listen_timeout": 1e4}"#,
    );
    assert_eq!((kept.port, kept.policy.listen_timeout.as_secs(), kept.cron_restart), (Some(3000), 10, None));
}

#[test]
fn what_holds_no_app_is_refused_and_says_why() {
    let error = |text| pm2::from_json(text).expect_err("refused").to_string();
    for none in ["{}", "[]", "null", "5", r#"{"apps": 5}"#, r#"{"apps": []}"#, "[5]"] {
        assert!(matches!(pm2::from_json(none), Err(ImportError::NoApps(_))), "{none}");
    }
    assert!(error(r#"[{"name": "a"}, {"name": "b"}]"#).contains("no app in this file"));
    assert_eq!(error("{\n  apps: []\n}"), "2:3: key must be a string");
    let syntax = pm2::from_yaml("apps:\n  - {a: b").expect_err("refused");
    assert!(matches!(syntax, ImportError::Syntax { line: 2.., .. }), "{syntax:?}");
    assert_eq!(pm2::from_json(&" ".repeat(manifest::LONGEST_FILE + 1)), Err(ImportError::TooLong));
    for empty in ["", "---\n", "a: 1"] {
        assert!(pm2::from_yaml(empty).is_err(), "{empty:?}");
    }
}

#[test]
fn a_file_that_unfolds_without_end_is_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let again = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb += &format!("a{level}: &a{level} [{again}]\n");
    }
    assert!(pm2::from_yaml(&bomb).is_err());
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(pm2::from_json(&deep).is_err() && pm2::from_yaml(&deep).is_err());
}

/// A value of any kind, also of the wrong one.
fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".{0,12}".prop_map(Into::into),
        prop::sample::select(vec![
            "a.js",
            "max",
            "10s",
            "1G",
            "0 3 * * *",
            "YYYY",
            "pipe",
            "127.0.0.1:80",
            "npm run x"
        ])
        .prop_map(Into::into),
        (0..20_u16).prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let table = prop::collection::vec((prop_oneof![key(), ".{0,6}"], inner.clone()), 0..4)
            .prop_map(|entries| serde_json::Value::Object(entries.into_iter().collect()));
        prop_oneof![prop::collection::vec(inner, 0..4).prop_map(Into::into), table]
    })
}

fn key() -> impl Strategy<Value = String> {
    let keys = "name script cmd args interpreter node_args cwd env env_x env_file listen port depends_on profiles instances \
        exec_mode instance_var ready wait_ready listen_timeout kill_timeout kill_signal shutdown_with_message autostart \
        stop_exit_codes min_uptime max_restarts max_memory_restart cron_restart watch ignore_watch watch_delay health \
        watchdog uid gid rlimits nice priority out_file error_file merge_logs log_type log_date_format time disable_logs \
        vizion control sparkle";
    prop::sample::select(keys.split_whitespace().collect::<Vec<_>>()).prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_made_of_any_file_is_accepted(apps in prop::collection::vec(prop::collection::vec((key(), value()), 0..8), 1..4)) {
        let apps: Vec<serde_json::Value> =
            apps.into_iter().map(|app| serde_json::Value::Object(app.into_iter().chain([("script".to_owned(), "x".into())]).collect())).collect();
        let text = serde_json::Value::from(apps).to_string();
        let from_json = pm2::from_json(&text);
        if let Ok(imported) = &from_json {
            parse(&imported.toml, None);
        }
        let is_syntax = matches!(from_json, Err(ImportError::Syntax { .. }));
        prop_assert!(!is_syntax);
    }
}
