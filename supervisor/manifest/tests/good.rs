//! Good files: what they mean, with every default filled in.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lifecycle::Policy;
use manifest::{App, Check, Cron, Health, Instances, LogFormat, Manifest, Ready, Rlimit, StopSignal, Url};

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
        listen_nonblocking: false,
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
        oom_score_adj: 200,
        merge_logs: false,
        log_format: LogFormat::Raw,
        out_file: "/home/pi/betti/logs/api-out.log".into(),
        error_file: "/home/pi/betti/logs/api-error.log".into(),
        log_max_size: 10 << 20,
        log_max_age: None,
        log_keep: 5,
        log_max_total: None,
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
        listen = ["127.0.0.1:3001", "tcp:[::1]:3001", "udp:0.0.0.0:5353", "unix:run/./x.sock", "unix:/run//y.sock"]
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
        log_max_age = "7d"
        retain = 30
        log_max_total = "64M"
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
    let held =
        ["127.0.0.1:3001", "[::1]:3001", "udp:0.0.0.0:5353", "unix:/home/pi/betti/run/x.sock", "unix:/run/y.sock"];
    assert_eq!(app.listen.iter().map(ToString::to_string).collect::<Vec<_>>(), held);
    assert_eq!(app.port_of_its_own(), None, "a port is held");
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
        overlap: true,
    };
    assert_eq!(app.policy, policy);
    assert_eq!((app.out_file, app.error_file), ("/var/log/api.log".into(), PathBuf::from("/dev/null")));
    assert_eq!(app.log_max_size, 1 << 20);
    assert_eq!((app.log_max_age, app.log_keep), (Some(Duration::from_secs(7 * 86_400)), 30));
    assert_eq!(app.log_max_total, Some(64 << 20));
}

#[test]
fn two_runs_overlap_in_a_reload_where_a_held_socket_is_served_and_each_speaks_for_itself() {
    for (keys, overlaps) in [
        ("listen = '127.0.0.1:3001'", true),
        ("listen = '127.0.0.1:3001'\nready = 'pipe'", true),
        ("listen = '127.0.0.1:3001'\nready = { log = 'listening' }", true),
        ("listen = '127.0.0.1:3001'\nready = { http = '/' }", false),
        ("listen = '127.0.0.1:3001'\nready = { tcp = '127.0.0.1:3002' }", false),
        ("port = 3001", false),
        ("ready = 'pipe'", false),
    ] {
        let app = only(&format!("[[apps]]\nname = 'a'\nscript = 'a'\n{keys}\n"));
        assert_eq!(app.policy.overlap, overlaps, "{keys}");
    }
}

#[test]
fn every_key_of_supervision_is_taken() {
    let app = only(
        r#"
        [[apps]]
        script = "api.js"
        instances = "max"
        exec_mode = "cluster"
        instance_var = "INSTANCE"
        listen = "0.0.0.0:3001"
        port = 3001
        shutdown_with_message = true
        autostart = false
        max_memory_restart = "200M"
        cron = { at = " 0 3 * * * ", zone = "Europe/Vienna" }
        health = { http = "/health", interval = "1m", timeout = 250, retries = 5, start_period = "30s" }
        ready = { log = "listening on" }
        wait_ready = false
        watchdog = "30s"
        uid = 1000
        gid = "audio"
        rlimits = { nofile = 1024, core = "unlimited", as = ["1G", "unlimited"] }
        nice = -5
        priority = "low"
        out_file = "all.log"
        error_file = "all.log"
        combine_logs = true
        log_type = "json"
        log_date_format = "YYYY-MM-DD"
        time = true
        "#,
    );
    assert_eq!((app.instances, app.instance_var.as_str()), (Instances::EveryProcessor { less: 0 }, "INSTANCE"));
    assert!(app.shutdown_with_message && !app.autostart && app.merge_logs);
    assert_eq!((app.max_memory_restart, app.watchdog), (Some(200 << 20), Some(Duration::from_secs(30))));
    let cron = Cron { pattern: "0 3 * * *".into(), zone: Some("Europe/Vienna".into()) };
    assert_eq!((app.cron_restart, app.ready), (Some(cron), Ready::Log("listening on".into())));
    let health = Health {
        check: Check::Http(Url { host: "127.0.0.1".into(), port: 3001, path: "/health".into() }),
        interval: Duration::from_secs(60),
        timeout: Duration::from_millis(250),
        threshold: 5,
        grace: Duration::from_secs(30),
    };
    assert_eq!(app.health, Some(health));
    assert_eq!((app.user.as_deref(), app.group.as_deref(), app.nice), (Some("1000"), Some("audio"), Some(-5)));
    let rlimit = |resource, soft, hard| Rlimit { resource, soft, hard };
    let gigabyte = Some(1 << 30);
    let rlimits = [rlimit("nofile", Some(1024), Some(1024)), rlimit("core", None, None), rlimit("as", gigabyte, None)];
    assert_eq!((app.rlimits.as_slice(), app.oom_score_adj), (rlimits.as_slice(), 500));
    assert_eq!((app.out_file.clone(), app.error_file), ("/home/pi/betti/all.log".into(), app.out_file));
    assert_eq!(app.log_format, LogFormat::Json { pattern: Some("%Y-%m-%d".into()) });
}

#[test]
fn instances_count_up_or_down_from_the_processors() {
    let rows = [
        ("4", Instances::Count(4)),
        ("\"4\"", Instances::Count(4)),
        ("1", Instances::Count(1)),
        ("0", Instances::EveryProcessor { less: 0 }),
        ("\"max\"", Instances::EveryProcessor { less: 0 }),
        ("-1", Instances::EveryProcessor { less: 1 }),
    ];
    for (written, instances) in rows {
        assert_eq!(only(&format!("[[apps]]\nscript = \"a\"\ninstances = {written}")).instances, instances);
    }
}

#[test]
fn what_is_off_is_off() {
    for off in ["cron_restart = 0", "cron_restart = false", "cron_restart = \"0\"", "watch = false", "watch = []"] {
        let app = only(&format!("[[apps]]\nscript = \"a\"\n{off}"));
        assert_eq!((app.cron_restart, app.watch), (None, None), "{off}");
    }
    let silent = only("[[apps]]\nscript = \"a\"\ndisable_logs = true");
    assert_eq!((silent.out_file, silent.error_file), ("/dev/null".into(), PathBuf::from("/dev/null")));
}

#[test]
fn an_app_is_probed_where_it_listens() {
    let ready = |keys: &str| only(&format!("[[apps]]\nscript = \"a\"\n{keys}")).ready;
    let http = |host: &str, port, path: &str| Ready::Http(Url { host: host.into(), port, path: path.into() });
    assert_eq!(ready("port = 80\nready = { http = \"/\" }"), http("127.0.0.1", 80, "/"));
    assert_eq!(ready("listen = \"[::]:81\"\nready = { http = \"/x\" }"), http("::1", 81, "/x"));
    let with_others = "listen = [\"udp:[::]:82\", \"[::]:81\", \"unix:x\"]\nready = { http = \"/x\" }";
    assert_eq!(ready(with_others), http("::1", 81, "/x"), "at the one for TCP");
    assert_eq!(ready("listen = \"unix:x\"\nport = 81\nready = { http = \"/x\" }"), http("127.0.0.1", 81, "/x"));
    assert_eq!(ready("listen = \"10.0.0.7:81\"\nready = { http = \"/x?y\" }"), http("10.0.0.7", 81, "/x?y"));
    assert_eq!(ready("ready = { http = \"http://hub.local/x\" }"), http("hub.local", 80, "/x"));
    assert_eq!(ready("ready = { tcp = \"127.0.0.1:82\" }"), Ready::Tcp("127.0.0.1:82".parse().expect("an address")));
}

#[test]
fn watching_begins_in_the_working_directory_and_passes_over_what_the_hub_writes() {
    let watch = |keys: &str| only(&format!("[[apps]]\nscript = \"a\"\n{keys}")).watch.expect("it watches");
    let all = watch("watch = true\nignore_watch = [\"*.tmp\", \"uploads/\"]");
    assert_eq!((all.paths, all.delay), (vec![PathBuf::from("/home/pi/betti")], Duration::from_millis(500)));
    let ignored =
        [".*", "node_modules", "*.tmp", "uploads/", "/logs/", "/data/", "/logs/a-out.log*", "/logs/a-error.log*"];
    assert_eq!(all.ignore, ignored);
    let some = watch("cwd = \"app\"\nwatch = [\"src\", \"/etc/a.conf\"]\nwatch_delay = \"2s\"");
    assert_eq!(some.paths, [PathBuf::from("/home/pi/betti/app/src"), PathBuf::from("/etc/a.conf")]);
    assert_eq!((some.delay, some.ignore), (Duration::from_secs(2), vec![".*".into(), "node_modules".into()]));
}

#[test]
fn who_is_given_up_first_when_memory_runs_out_follows_from_the_priority() {
    let score = |keys: &str| only(&format!("[[apps]]\nscript = \"a\"\n{keys}")).oom_score_adj;
    assert!(score("priority = \"low\"") > score("") && score("") > score("priority = \"high\""));
    assert_eq!(score("priority = \"normal\""), score(""));
    assert_eq!(score("priority = \"low\"\noom_score_adj = -100"), -100);
}

#[test]
fn times_before_lines_are_raw_unless_asked_for() {
    let format = |keys: &str| only(&format!("[[apps]]\nscript = \"a\"\n{keys}")).log_format;
    assert_eq!(format("time = false\nlog_type = \"raw\""), LogFormat::Raw);
    assert_eq!(format("time = true"), LogFormat::Stamped("%Y-%m-%dT%H:%M:%S".into()));
    assert_eq!(format("time = true\nlog_date_format = \"HH:mm\""), LogFormat::Stamped("%H:%M".into()));
    assert_eq!(format("log_type = \"json\""), LogFormat::Json { pattern: None });
}

#[test]
fn the_file_says_how_many_apps_it_has_and_whether_the_clock_is_believed() {
    let text = "clock = \"trusted\"\n[[apps]]\nscript = \"a\"\nprofiles = \"x\"\n[[apps]]\nscript = \"b\"\n";
    let manifest = parse(text);
    assert_eq!((manifest.apps.len(), manifest.apps_in_file, manifest.trusts_clock), (1, 2, true));
    assert_eq!(manifest.roster, [(0, "a".to_owned()), (1, "b".to_owned())]);
    assert_eq!(manifest.log_max_total, 500 << 20);
    assert_eq!(parse("log_max_total = '1G'\n[[apps]]\nscript = 'a'").log_max_total, 1 << 30);
    assert!(!parse("clock = \"kernel\"\n[[apps]]\nscript = \"a\"").trusts_clock);
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
        [
            (0, "betti-backend"),
            (1, "betti-nutrition"),
            video,
            (4, "betti-frontend"),
            (5, "betti-ble"),
            (6, "betti-backup"),
        ]
        .map(|(id, name)| (id, name.to_owned()))
        .to_vec()
    };
    assert_eq!(names(None), expected((2, "betti-webrtc")));
    assert_eq!(names(Some("ngrok")), expected((3, "betti-webrtc-ngrok")));
    assert!(parse(text).apps.iter().all(|app| app.ready == Ready::Pipe));
}

#[test]
fn a_log_is_no_folder_where_the_disk_is_looked_at() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ecosystem.toml");
    let text = "[[apps]]\nscript = \"./api\"\nout_file = \"tests\"\nerror_file = \"free\"\n";
    assert!(manifest::parse(&path, text, None).is_ok());
    let broken = manifest::parse_in_place(&path, text, None).expect_err("a folder in the way");
    let places: Vec<_> = broken.mistakes().iter().map(|mistake| (mistake.line, mistake.column)).collect();
    assert_eq!(places, [(3, 12)]);
}
