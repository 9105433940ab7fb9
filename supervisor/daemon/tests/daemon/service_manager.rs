//! A keeper that systemd started tells it how it is.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use protocol::control::Word;

use crate::harness::{Hub, eventually};

/// Says what of the keeper's environment reached it, which is nothing.
const APP: &str = "#!/bin/bash\necho \"$NOTIFY_SOCKET $WATCHDOG_USEC $WATCHDOG_PID\"\nexec sleep 1000\n";
const ECOSYSTEM: &str = "[[apps]]\nname='a'\nscript='./a.sh'\n";

/// The service manager's end.
struct Ear(UnixDatagram);

impl Ear {
    fn at(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self(socket)
    }

    fn next(&self) -> String {
        let mut word = [0; 256];
        let length = self.0.recv(&mut word).expect("a word from the keeper");
        String::from_utf8_lossy(&word[..length]).into_owned()
    }

    /// The next word that is no sign of life, and how many of those came before.
    fn next_other(&self) -> (String, usize) {
        let mut signs = 0;
        loop {
            match self.next() {
                word if word == "WATCHDOG=1" => signs += 1,
                word => return (word, signs),
            }
        }
    }
}

#[test]
fn it_says_that_it_is_ready_and_that_it_stops_and_keeps_the_rest_to_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let ear = Ear::at(&path);
    let mut hub = Hub::start_in(&[("NOTIFY_SOCKET", &path)], ECOSYSTEM, &[("a.sh", APP)]);
    assert_eq!(ear.next(), "READY=1");
    hub.until_status("a", Word::Online);
    let told = eventually("it is told", || Some(hub.read("logs/a-out.log")).filter(|text| text.ends_with('\n')));
    assert_eq!(told, format!("{}/notify/1  \n", hub.path("run").display()));
    let supervisor = hub.watch().status.supervisor.pid;
    let environment = std::fs::read(format!("/proc/{supervisor}/environ")).unwrap();
    assert!(!String::from_utf8_lossy(&environment).contains("NOTIFY_SOCKET"));
    hub.end_by(supervisor, Signal::SIGKILL);
    hub.until("another supervisor", |watch| (watch.status.supervisor.pid != supervisor).then_some(()));
    hub.end_by(hub.keeper_pid(), Signal::SIGTERM);
    assert_eq!(ear.next(), "STOPPING=1", "ready is said once");
    assert_eq!(hub.keeper_ended().code(), Some(0));
}

#[test]
fn a_stop_by_the_command_line_is_told_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let ear = Ear::at(&path);
    let mut hub = Hub::start_in(&[("NOTIFY_SOCKET", &path)], ECOSYSTEM, &[("a.sh", APP)]);
    assert_eq!(ear.next(), "READY=1");
    assert_eq!(hub.ask("POST", "/v1/kill", "").status, 200);
    assert_eq!(ear.next(), "STOPPING=1");
    hub.keeper_ended();
}

#[test]
fn signs_of_life_are_given_while_a_supervisor_is_at_work_or_is_being_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let ear = Ear::at(&path);
    let often = [("NOTIFY_SOCKET", &*path), ("WATCHDOG_USEC", Path::new("40000"))];
    let hub = Hub::start_in(&often, ECOSYSTEM, &[("a.sh", APP)]);
    assert_eq!(ear.next_other().0, "READY=1");
    for _ in 0..3 {
        assert_eq!(ear.next(), "WATCHDOG=1");
    }
    let supervisor = hub.watch().status.supervisor.pid;
    hub.end_by(supervisor, Signal::SIGKILL);
    for _ in 0..3 {
        assert_eq!(ear.next(), "WATCHDOG=1");
    }
    hub.end_by(hub.keeper_pid(), Signal::SIGTERM);
    assert_eq!(ear.next_other().0, "STOPPING=1");
}

#[test]
fn a_watchdog_that_is_meant_for_another_process_is_none_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let ear = Ear::at(&path);
    let others = [("NOTIFY_SOCKET", &*path), ("WATCHDOG_USEC", Path::new("20000")), ("WATCHDOG_PID", Path::new("1"))];
    let mut hub = Hub::start_in(&others, ECOSYSTEM, &[("a.sh", APP)]);
    assert_eq!(ear.next(), "READY=1");
    hub.until_status("a", Word::Online);
    hub.end_by(hub.keeper_pid(), Signal::SIGTERM);
    assert_eq!(ear.next(), "STOPPING=1");
    hub.keeper_ended();
}
