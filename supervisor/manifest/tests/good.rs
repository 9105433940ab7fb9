//! Good files: what they mean, with every default filled in.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lifecycle::Policy;
use manifest::{App, Instances, LogFormat, Manifest, Ready, StopSignal};

fn parse(text: &str) -> Manifest {
    parse_in(text, None)
}

fn parse_in(text: &str, profile: Option<&str>) -> Manifest {
    manifest::parse(Path::new("/home/pi/betti/ecosystem.toml"), text, profile)
        .unwrap_or_else(|broken| panic!("{}", broken.render(false)))
}

fn only(text: &str) -> App {
    let mut apps = parse(text).apps;
    assert_eq!(apps.len(), 1);
    apps.remove(0)
}

#[test]
fn the_smallest_file_gets_every_default() {
    let app = only("[[apps]]\nscript = \"./bin/api.js\"\n");
    let expected = App {
        id: 0,
        name: "api".into(),
        namespace: "default".into(),
        script: "./bin/api.js".into(),
        args: vec![],
        interpreter: None,
        interpreter_args: vec![],
        cwd: "/home/pi/betti".into(),
        env: [].into(),
        env_file: None,
        listen: vec![],
        port: None,
        depends_on: vec![],
        ready: Ready::None,
        policy: Policy::default(),
        kill_signal: StopSignal::Terminate,
        shutdown_with_message: false,
        instances: Instances::Count(1),
        instance_var: "NODE_APP_INSTANCE".into(),
        autostart: true,
        max_memory_restart: None,
        cron_restart: None,
        watch: None,
        health: None,
        watchdog: None,
        user: None,
        group: None,
        rlimits: vec![],
        nice: None,
        oom_score_adj: 0,
        merge_logs: false,
        log_format: LogFormat::Raw,
        out_file: "/home/pi/betti/logs/api-out.log".into(),
        error_file: "/home/pi/betti/logs/api-error.log".into(),
        log_max_size: 10 << 20,
        profiles: vec![],
    };
    assert_eq!(app, expected);
}

#[test]
fn the_defaults_are_those_that_were_promised() {
    let policy = only("[[apps]]\nscript = \"a\"").policy;
    assert_eq!(policy.listen_timeout, Duration::from_millis(3000));
    assert_eq!(policy.kill_timeout, Duration::from_millis(5000));
    assert_eq!(policy.min_uptime, Duration::from_millis(1000));
    assert_eq!(policy.restart_delay, Duration::from_millis(100));
    assert_eq!((policy.max_restarts, policy.backoff, policy.autorestart), (16, true, true));
}

#[test]
fn every_key_is_taken() {
    let app = only(
        r#"
        [[apps]]
        name = "api"
        namespace = "home"
        exec = "api.js"
        args = "--verbose 'two words'"
        exec_interpreter = "node"
        node_args = ["--max-old-space-size", 64]
        cwd = "./work"
        env = { A = "a", B = 2, C = true }
        env_default = { B = "over" }
        env_file = ".env"
        listen = ["127.0.0.1:3001", "[::1]:3001"]
        port = 3001
        wait_ready = true
        ready = "pipe"
        listen_timeout = "10s"
        kill_timeout = 2000
        kill_signal = "int"
        autorestart = false
        stop_exit_codes = 3
        min_uptime = "1m"
        max_restarts = 4
        restart_delay = "250ms"
        out = "/var/log/api.log"
        err_log = "NULL"
        max_size = "1M"
        watch = false
        instances = 1
        "#,
    );
    assert_eq!((app.name.as_str(), app.namespace.as_str(), app.script.as_str()), ("api", "home", "api.js"));
    assert_eq!(app.args, ["--verbose", "two words"]);
    assert_eq!(app.interpreter.as_deref(), Some("node"));
    assert_eq!(app.interpreter_args, ["--max-old-space-size", "64"]);
    assert_eq!(app.cwd, Path::new("/home/pi/betti/work"));
    let env = [("A", "a"), ("B", "over"), ("C", "true"), ("PORT", "3001")];
    assert_eq!(app.env, env.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    assert_eq!(app.env_file, Some("/home/pi/betti/.env".into()));
    assert_eq!(app.listen.iter().map(ToString::to_string).collect::<Vec<_>>(), ["127.0.0.1:3001", "[::1]:3001"]);
    assert_eq!((app.port, app.ready, app.kill_signal), (Some(3001), Ready::Pipe, StopSignal::Interrupt));
    let policy = Policy {
        listen_timeout: Duration::from_secs(10),
        kill_timeout: Duration::from_secs(2),
        min_uptime: Duration::from_secs(60),
        restart_delay: Duration::from_millis(250),
        backoff: true,
        max_restarts: 4,
        autorestart: false,
        stop_exit_codes: vec![3],
    };
    assert_eq!(app.policy, policy);
    assert_eq!((app.out_file, app.error_file), ("/var/log/api.log".into(), PathBuf::from("/dev/null")));
    assert_eq!(app.log_max_size, 1 << 20);
}

#[test]
fn a_profile_chooses_apps_and_environment_and_leaves_ids_alone() {
    let text = r#"
        profile = "https"
        [[apps]]
        script = "video"
        name = "video"
        port = 8080
        profiles = ["https"]
        [[apps]]
        script = "video"
        name = "video-tunnel"
        port = 8080
        profiles = ["ngrok"]
        [[apps]]
        script = "web"
        env = { SCHEME = "http", PORT = 1 }
        env_https = { SCHEME = "https" }
    "#;
    let seen = |profile| {
        let manifest = parse_in(text, profile);
        let apps: Vec<_> = manifest.apps.iter().map(|app| (app.id, app.name.clone())).collect();
        let web = manifest.app("web").expect("it runs in all profiles").env["SCHEME"].clone();
        (manifest.profile, apps, web)
    };
    let apps = |video: (u32, &str)| vec![(video.0, video.1.to_owned()), (2, "web".to_owned())];
    assert_eq!(seen(None), ("https".into(), apps((0, "video")), "https".into()));
    assert_eq!(seen(Some("https")), seen(None));
    assert_eq!(seen(Some("ngrok")), ("ngrok".into(), apps((1, "video-tunnel")), "http".into()));
}

#[test]
fn no_profile_at_all_is_the_default_one() {
    assert_eq!(parse("[[apps]]\nscript = \"a\"").profile, Manifest::DEFAULT_PROFILE);
    assert_eq!(parse_in("[[apps]]\nscript = \"a\"", Some("default")).profile, "default");
    assert_eq!(parse("profile = \"kitchen\"\n[[apps]]\nscript = \"a\"").profile, "kitchen");
}

#[test]
fn delays_grow_unless_told_otherwise() {
    let policy = |keys: &str| only(&format!("[[apps]]\nscript = \"a\"\n{keys}")).policy;
    let read = |keys: &str| (policy(keys).restart_delay.as_millis(), policy(keys).backoff);
    assert_eq!(read(""), (100, true));
    assert_eq!(read("restart_delay = 4000"), (4000, true));
    assert_eq!(read("restart_delay = 4000\nexp_backoff_restart_delay = 0"), (4000, false));
    assert_eq!(read("exp_backoff_restart_delay = 250"), (250, true));
}

#[test]
fn a_script_with_a_space_is_a_command_for_bash() {
    let app = only("[[apps]]\nscript = \"npm run start\"");
    assert_eq!((app.name.as_str(), app.script.as_str()), ("npm", "bash"));
    assert_eq!(app.args, ["-c", "npm run start"]);
    let app = only("[[apps]]\nscript = \"my app.py\"\ninterpreter = \"python3\"");
    assert_eq!((app.name.as_str(), app.script.as_str()), ("my", "my app.py"));
}

#[test]
fn dependencies_may_come_later_in_the_file_and_meet_again() {
    let text = r#"
        apps = [
            { name = "web", script = "w", depends_on = ["api", "food", "api"] },
            { name = "api", script = "a", depends_on = ["base"] },
            { name = "food", script = "f", depends_on = "base" },
            { name = "base", script = "b" },
        ]
    "#;
    let manifest = parse(text);
    assert_eq!(manifest.app("web").expect("in the file").depends_on, ["api", "food"]);
    assert_eq!(manifest.apps.len(), 4);
}

#[test]
fn the_projects_own_file_is_good_in_both_profiles() {
    let text = include_str!("../../../ecosystem.toml");
    let names = |profile| -> Vec<(u32, String)> {
        parse_in(text, profile).apps.into_iter().map(|app| (app.id, app.name)).collect()
    };
    let expected = |video: (u32, &str)| {
        [(0, "betti-backend"), (1, "betti-nutrition"), video, (4, "betti-frontend"), (5, "betti-ble")]
            .map(|(id, name)| (id, name.to_owned()))
            .to_vec()
    };
    assert_eq!(names(None), expected((2, "betti-webrtc")));
    assert_eq!(names(Some("ngrok")), expected((3, "betti-webrtc-ngrok")));
    let local = |app: &App| app.listen.iter().all(|address| address.0.ip().is_loopback());
    assert!(parse(text).apps.iter().all(|app| local(app) && app.ready == Ready::Pipe));
}
