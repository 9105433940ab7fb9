//! What the command line answers: 0 done, 1 failed or refused, 2 misuse or bad file, 3 no supervisor.

use std::os::unix::process::CommandExt;

use nix::sys::signal::Signal;
use scenarios::command::Running;
use scenarios::hub::{Hub, pids};
use scenarios::{App, binaries, process};

fn one_app() -> Hub {
    Hub::started(&[App::puppet("web", "ready").waits_for_ready()])
}

#[test]
fn an_unknown_app_is_refused_with_the_name_that_was_probably_meant() {
    let hub = one_app();
    for verb in ["start", "stop", "restart", "logs"] {
        let refused = hub.ctl(&[verb, "wbe"]).with_code(1);
        assert!(refused.stderr.contains("wbe"), "{refused}");
        assert!(refused.stderr.to_lowercase().contains("did you mean") && refused.stderr.contains("web"), "{refused}");
    }
    let refused = hub.ctl(&["stop", "web", "nothing-like-it"]).with_code(1);
    assert!(refused.stderr.contains("nothing-like-it"), "{refused}");
    assert_eq!(hub.app("web").status.as_str(), "online", "a refused request does nothing by halves");
}

#[test]
fn misuse_is_2() {
    let hub = one_app();
    for misuse in [&["frobnicate"] as &[&str], &["status", "--no-such-flag"], &["logs", "-n", "many"]] {
        let output = hub.ctl(misuse).with_code(2);
        assert!(!output.stderr.is_empty(), "{output}");
    }
}

#[test]
fn a_bad_file_is_2_with_path_line_and_column_and_starts_nothing() {
    let hub = Hub::with_file("profile = \"x\"\n\n[[apps]]\nname = \"web\"\nscript = \"sleep\"\nwait_redy = true\n");
    let output = hub.ctl(&["start"]).with_code(2);
    let place = format!("{}:6:1", hub.path("ecosystem.toml").display());
    assert!(output.stderr.contains(&place), "{place} in {output}");
    assert!(output.stderr.contains("wait_ready"), "the likely fix in {output}");
    assert!(hub.processes().is_empty(), "{:?}", hub.processes());
}

#[test]
fn a_file_that_is_not_there_is_2_and_says_where_it_was_looked_for() {
    let hub = one_app();
    let output = hub.ctl(&["--config", "elsewhere/ecosystem.toml", "start"]);
    assert!(output.code == Some(2) || output.code == Some(1), "{output}");
    assert!(output.stderr.contains("elsewhere/ecosystem.toml"), "{output}");
}

#[test]
fn without_a_supervisor_every_verb_but_start_is_3() {
    let hub = Hub::new(&[App::puppet("web", "ready")]);
    for verb in [&["status"] as &[&str], &["status", "--json"], &["stop"], &["restart", "web"], &["kill"]] {
        let output = hub.ctl(verb).with_code(3);
        assert!(!output.stderr.is_empty(), "{output}");
    }
    assert!(hub.processes().is_empty(), "asking starts nothing");
}

#[test]
fn start_in_a_pipeline_ends() {
    let hub = Hub::new(&[App::puppet("web", "fork-setsid").waits_for_ready()]);
    let mut shell = hub.command("/bin/sh".as_ref());
    shell.args(["-c", "\"$0\" start 2>&1 3>&1 | cat"]).arg(binaries::built("betti-ctl"));
    // Ends only when nobody holds the pipe any more: keeper, supervisor and workers must not have it.
    let output = Running::start(shell).output().succeeded();
    assert!(output.stdout.contains("web"), "{output}");
    assert_eq!(hub.app("web").status.as_str(), "online");
}

#[test]
fn starting_again_changes_nothing() {
    let hub = one_app();
    let before = hub.status();
    hub.ctl(&["start"]).succeeded();
    hub.ctl(&["start", "web"]).succeeded();
    let after = hub.status();
    assert_eq!((pids(&after), &after.keeper, &after.supervisor), (pids(&before), &before.keeper, &before.supervisor));
    assert_eq!(after.apps[0].restarts, 0);
}

#[test]
fn two_starts_at_once_make_one_hub() {
    let hub = Hub::new(&[App::puppet("web", "ready").waits_for_ready()]);
    let starts: Vec<Running> = (0..4).map(|_| hub.begin(&["start"])).collect();
    starts.into_iter().for_each(|start| _ = start.output().succeeded());
    let keepers = hub.processes().len() - hub.workers().len();
    assert_eq!((hub.workers().len(), keepers), (1, 2), "one worker; one keeper and one supervisor");
}

#[test]
fn a_ctl_with_another_file_is_refused_naming_both() {
    let hub = one_app();
    std::fs::create_dir(hub.path("other")).expect("a folder");
    let other =
        hub.write("other/ecosystem.toml", &std::fs::read_to_string(hub.path("ecosystem.toml")).expect("the file"));
    for verb in ["status", "stop", "start"] {
        let refused = hub.ctl(&["--config", &other.to_string_lossy(), verb]).with_code(1);
        for path in [&other, &hub.path("ecosystem.toml")] {
            assert!(refused.stderr.contains(&*path.to_string_lossy()), "{} in {refused}", path.display());
        }
    }
    assert_eq!(hub.app("web").status.as_str(), "online");
}

#[test]
fn the_file_is_found_in_a_folder_above() {
    let hub = one_app();
    std::fs::create_dir_all(hub.path("below/here")).expect("folders");
    let mut command = hub.command(&binaries::built("betti-ctl"));
    command.arg("status").current_dir(hub.path("below/here"));
    let output = Running::start(command).output().succeeded();
    assert!(output.stdout.contains("web"), "{output}");
}

#[test]
fn in_the_foreground_it_stays_and_ctrl_c_stops_everything() {
    let hub = Hub::new(&[App::puppet("polite", "ready").waits_for_ready()]);
    let mut command = hub.command(&binaries::built("betti-ctl"));
    command.args(["start", "--foreground"]).process_group(0);
    let mut foreground = Running::start(command);
    hub.until_status("polite", protocol::control::Word::Online);
    assert!(foreground.is_running());
    // What a terminal does at Ctrl-C: the whole foreground process group gets it.
    nix::sys::signal::killpg(nix::unistd::Pid::from_raw(foreground.pid()), Signal::SIGINT).expect("a signal");
    foreground.output().succeeded();
    assert!(hub.processes().is_empty(), "{:?}", hub.processes());
    hub.journal().until("polite leaving");
}

#[test]
fn kill_9_of_a_waiting_ctl_changes_nothing() {
    let hub = Hub::new(&[App::puppet("slow", "ready").gated()]);
    let start = hub.begin(&["start"]);
    hub.journal().until("slow started");
    process::kill_9(start.pid());
    drop(start);
    hub.gate("slow").let_one_through();
    hub.until_status("slow", protocol::control::Word::Online);
}

#[test]
fn a_runtime_directory_that_others_may_enter_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let hub = Hub::new(&[App::puppet("web", "ready")]);
    let open = hub.path("open");
    std::fs::create_dir(&open).expect("a folder");
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).expect("its mode");
    let mut command = hub.command(&binaries::built("betti-ctl"));
    command.arg("start").env(protocol::place::RUNTIME_DIR, &open);
    let output = Running::start(command).output();
    assert!(output.code != Some(0) && output.stderr.contains(&*open.to_string_lossy()), "{output}");
    assert!(hub.processes().is_empty(), "{:?}", hub.processes());
}
