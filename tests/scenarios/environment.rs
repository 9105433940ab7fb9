//! A worker's environment is computed afresh; nothing else of the caller's shell comes along.

use std::collections::BTreeSet;

use protocol::worker;
use scenarios::command::Running;
use scenarios::hub::Hub;
use scenarios::{App, binaries, process};

fn variables(hub: &Hub, app: &str) -> process::Process {
    process::look(hub.pid(app)).expect("it runs")
}

/// `betti-ctl start` from a shell that has lived: variables, and a file left open.
fn start_from_a_lived_in_shell(hub: &Hub) {
    let mut shell = hub.command("/bin/sh".as_ref());
    shell.args(["-c", "exec 9</etc/passwd; \"$0\" start"]).arg(binaries::built("betti-ctl"));
    shell.env("AWS_SECRET_ACCESS_KEY", "hunter2").env("LD_LIBRARY_PATH", "/nowhere").env("NODE_OPTIONS", "--inspect");
    shell.env("LC_TIME", "de_AT.UTF-8").env("TZ", "Europe/Vienna").env("LISTEN_FDS", "7").env("PORT", "1");
    Running::start(shell).output().succeeded();
}

#[test]
fn nothing_of_the_callers_shell_leaks_in() {
    let hub = Hub::new(&[App::puppet("web", "ready").waits_for_ready().env("MINE", "yes")]);
    start_from_a_lived_in_shell(&hub);
    let web = variables(&hub, "web");
    let names: BTreeSet<&str> = web.environment.iter().filter_map(|pair| pair.split('=').next()).collect();
    let own = ["MINE", "PUPPET_JOURNAL", "name", "namespace", "pm_id", "NODE_APP_INSTANCE"];
    let contract = [
        worker::READY_FD,
        worker::NOTIFY_SOCKET,
        worker::APP,
        worker::INSTANCE,
        worker::INVOCATION,
        worker::DATA_DIR,
        worker::NODE_CHANNEL_FD,
        worker::NODE_CHANNEL_MODE,
    ];
    let allowed: BTreeSet<&str> = own.into_iter().chain(contract).chain(worker::INHERITED).collect();
    let leaked: Vec<&&str> =
        names.iter().filter(|name| !allowed.contains(*name) && !name.starts_with(worker::INHERITED_PREFIX)).collect();
    assert!(leaked.is_empty(), "{leaked:?}");
    assert_eq!(web.variable("LC_TIME"), Some("de_AT.UTF-8"));
    assert_eq!(web.variable("TZ"), Some("Europe/Vienna"));
    assert_eq!(web.variable("PATH").map(str::to_owned), std::env::var("PATH").ok());
}

#[test]
fn no_descriptor_of_the_caller_leaks_in_and_none_of_the_keepers() {
    let hub = Hub::new(&[App::puppet("web", "ready"), App::puppet("other", "ready")]);
    start_from_a_lived_in_shell(&hub);
    for app in ["web", "other"] {
        let open = process::open_files(hub.pid(app));
        assert!(!open.iter().any(|file| file.ends_with("passwd")), "{open:?}");
        // stdin, stdout, stderr; the ready pipe may still be open.
        assert!(open.len() <= 4, "{open:?}");
    }
    let keeper = process::open_files(hub.status().keeper.pid);
    assert!(!keeper.iter().any(|file| file.ends_with("passwd")), "{keeper:?}");
}

#[test]
fn a_worker_is_told_who_it_is_and_where_its_data_goes() {
    let hub = Hub::started(&[App::puppet("first", "ready"), App::puppet("second", "ready")]);
    let second = variables(&hub, "second");
    assert_eq!(second.variable(worker::APP), Some("second"));
    assert_eq!(second.variable(worker::INSTANCE), Some("0"));
    assert_eq!(second.variable("name"), Some("second"));
    assert_eq!(second.variable("pm_id"), Some("1"));
    assert_eq!(second.variable("NODE_APP_INSTANCE"), Some("0"));
    assert_eq!(second.variable(worker::DATA_DIR), hub.path("data").to_str());
    let invocation = second.variable(worker::INVOCATION).expect("an invocation");
    let (id, run) = invocation.rsplit_once('-').expect("HUB-RUN");
    assert!(id.len() == 32 && id.chars().all(|digit| digit.is_ascii_hexdigit()), "{invocation}");
    assert!(run.parse::<u64>().is_ok(), "{invocation}");
}

#[test]
fn files_profiles_and_apps_overlay_each_other_in_this_order() {
    let file = "profile = \"blue\"\n[[apps]]\nname = \"web\"\nscript = \"sleep\"\nargs = [\"1000\"]\nport = 4321\n\
                env_file = \"web.env\"\nenv = { B = \"env\", C = \"env\" }\nenv_blue = { C = \"blue\" }\n\
                env_red = { C = \"red\" }\n";
    let hub = Hub::with_file(file);
    hub.write("web.env", "# a comment\nA=file\nB=file\nC=file\n");
    hub.ctl(&["start"]).succeeded();
    let web = variables(&hub, "web");
    let seen = ["A", "B", "C", "PORT"].map(|name| web.variable(name));
    assert_eq!(seen, [Some("file"), Some("env"), Some("blue"), Some("4321")]);
    assert_eq!(hub.status().profile, "blue");
}

#[test]
fn a_changed_environment_file_counts_at_the_next_start_of_the_app() {
    let hub = Hub::new(&[App::puppet("web", "ready").set("env_file", "web.env")]);
    hub.write("web.env", "OLD=1\nBOTH=1\n");
    hub.ctl(&["start"]).succeeded();
    hub.write("web.env", "BOTH=2\n");
    hub.ctl(&["restart", "web"]).succeeded();
    let web = variables(&hub, "web");
    assert_eq!((web.variable("OLD"), web.variable("BOTH")), (None, Some("2")));
}

#[test]
fn no_worker_gets_the_way_to_the_control_socket() {
    let hub = Hub::started(&[App::puppet("web", "ready")]);
    let web = variables(&hub, "web");
    assert!(web.variable(protocol::place::RUNTIME_DIR).is_none(), "{web:?}");
}

#[test]
fn what_a_shell_sets_for_itself_is_no_divergence() {
    let hub = Hub::started(&[App::program("script", "exec sleep 1000").env("GREETING", "hello")]);
    let pid = hub.pid("script");
    scenarios::wait::until("the shell is replaced", || {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        if name == "sleep\n" { Ok(()) } else { Err(name) }
    });
    let diff = hub.ctl(&["env", "script", "--diff"]).succeeded().stdout;
    assert_eq!(diff, "the running process has exactly this environment\n");
}
