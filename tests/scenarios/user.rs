//! A hub that belongs to an ordinary user: us, or `nobody` if we are root.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use scenarios::binaries;
use scenarios::command::{Output, Running};
use scenarios::hub::Hub;

const NOBODY: u32 = 65_534;
const APP: &str = "#!/bin/sh\neval \"echo ready >&$BETTI_READY_FD\"\nid -u\nsetsid sleep 1000 &\nsleep 1000\n";

/// A hub whose folder, programs included, is the ordinary user's.
fn hub_of_an_ordinary_user() -> Hub {
    let hub = Hub::with_file("[[apps]]\nname = \"web\"\nscript = \"./web.sh\"\nwait_ready = true\n");
    hub.write("web.sh", APP);
    for program in ["betti-ctl", "betti-supervisor"] {
        // Copied, because the folder that they were built in may be closed to others.
        std::fs::copy(binaries::built(program), hub.path(program)).expect("a copy");
    }
    if nix::unistd::geteuid().is_root() {
        give_away(&hub.path("."));
    }
    hub
}

fn give_away(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).expect("another owner");
    if path.is_dir() {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).expect("its mode");
        for entry in std::fs::read_dir(path).expect("a folder") {
            give_away(&entry.expect("an entry").path());
        }
    }
}

fn ctl(hub: &Hub, arguments: &[&str], change: impl FnOnce(&mut Command)) -> Output {
    let mut command = hub.command(&hub.path("betti-ctl"));
    command.args(arguments);
    if nix::unistd::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    change(&mut command);
    Running::start(command).output()
}

#[test]
fn an_ordinary_user_runs_a_hub_of_their_own() {
    let hub = hub_of_an_ordinary_user();
    ctl(&hub, &["start"], |_| {}).succeeded();
    hub.until_workers(3);
    let uid = if nix::unistd::geteuid().is_root() { NOBODY } else { nix::unistd::geteuid().as_raw() };
    scenarios::wait::until("the app's word", || {
        let said = hub.read("logs/web-out.log");
        if said.trim() == uid.to_string() { Ok(()) } else { Err(said) }
    });
    ctl(&hub, &["restart", "web"], |_| {}).succeeded();
    ctl(&hub, &["stop"], |_| {}).succeeded();
    hub.assert_no_worker_is_left();
    ctl(&hub, &["kill"], |_| {}).succeeded();
    hub.until_nothing_is_left();
}

#[test]
fn without_a_runtime_directory_it_refuses_and_says_what_to_set() {
    let hub = hub_of_an_ordinary_user();
    let output = ctl(&hub, &["start"], |command| {
        command.env_remove(protocol::place::RUNTIME_DIR).env_remove("XDG_RUNTIME_DIR");
    });
    assert!(output.code != Some(0) && output.stderr.contains("BETTI_RUNTIME_DIR"), "{output}");
    assert!(hub.processes().is_empty(), "{:?}", hub.processes());
}

#[test]
fn a_port_that_is_roots_is_refused_with_every_way_to_have_it() {
    let first = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").expect("the kernel's word");
    if first.trim().parse::<u16>().is_ok_and(|first| first <= 81) {
        return eprintln!("skipped: this kernel lets everybody bind every port");
    }
    let hub = hub_of_an_ordinary_user();
    hub.write("ecosystem.toml", "[[apps]]\nname = \"web\"\nscript = \"./web.sh\"\nlisten = \"127.0.0.1:81\"\n");
    let start = ctl(&hub, &["start"], |_| {}).with_code(1);
    for told in ["cannot listen on 127.0.0.1:81: permission denied", "setcap", "ip_unprivileged_port_start=81", "above"]
    {
        assert!(start.stderr.contains(told), "{told} in {start}");
    }
}

#[test]
fn the_file_of_a_held_socket_is_its_apps_users() {
    if !nix::unistd::geteuid().is_root() {
        return eprintln!("skipped: only root starts processes of other users");
    }
    let hub = Hub::with_file(
        "[[apps]]\nname = \"web\"\nscript = \"sleep\"\nargs = \"1000\"\nuser = \"nobody\"\ncwd = \"/\"\nlisten = \"unix:web.sock\"\n",
    );
    hub.ctl(&["start"]).succeeded();
    let found = std::fs::metadata(hub.path("web.sock")).expect("the file");
    assert_eq!((found.uid(), found.permissions().mode() & 0o777), (NOBODY, 0o660));
}
