//! Sockets are bound once and lent; they outlive any worker.

use std::io::{Read, Write};

use protocol::control::Word;
use protocol::worker;
use scenarios::hub::Hub;
use scenarios::ports::Port;
use scenarios::{App, http, process};

/// A web server that is ready, and answers, when the gate lets it.
fn web(port: &Port) -> Hub {
    Hub::new(&[App::puppet("web", "http").gated().set("listen", port.address()).set("min_uptime", 0)])
}

fn started(port: &Port) -> Hub {
    let hub = web(port);
    hub.gate("web").let_one_through();
    hub.ctl(&["start"]).succeeded();
    hub
}

/// The pid of the worker that answers.
fn who_answers(port: &Port) -> i32 {
    let answer = http::get(port.number(), "/").expect("an answer");
    answer.text().parse().expect("a pid")
}

/// The listening socket's number in the kernel.
fn listening_inode(port: &Port) -> String {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the kernel's table");
    let local = format!(":{:04X}", port.number());
    let mut rows = table.lines().map(|row| row.split_whitespace().collect::<Vec<_>>());
    let listens = |row: &Vec<&str>| row.len() > 9 && row[1].ends_with(&local) && row[3] == "0A";
    rows.find(listens).map(|row| row[9].to_owned()).unwrap_or_else(|| panic!("nobody listens on {}", port.number()))
}

#[test]
fn a_socket_is_lent_as_systemd_does_it() {
    let port = Port::free();
    let hub = started(&port);
    let pid = hub.pid("web");
    assert_eq!(who_answers(&port), pid);
    let web = process::look(pid).expect("it runs");
    assert_eq!(web.variable(worker::LISTEN_FDS), Some("1"));
    assert_eq!(web.variable(worker::LISTEN_PID), Some(pid.to_string().as_str()));
    assert!(web.variable(worker::LISTEN_FDNAMES).is_some());
}

#[test]
fn connections_made_while_the_worker_restarts_wait_and_are_answered_by_its_successor() {
    let port = Port::free();
    let hub = started(&port);
    let (first, bound) = (hub.pid("web"), listening_inode(&port));
    process::kill_9(first);
    let second = hub.until_app("web", "was spawned again", |app| {
        app.status == Word::Launching && app.pid.is_some_and(|pid| pid != first)
    });
    let mut waiting: Vec<_> = (0..10).map(|_| http::connect(port.number()).expect("not refused")).collect();
    for client in &mut waiting {
        client.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").expect("room in the socket");
    }
    assert_eq!(hub.app("web").status, Word::Launching);
    hub.gate("web").let_one_through();
    for mut client in waiting {
        let mut answer = String::new();
        client.read_to_string(&mut answer).expect("an answer");
        assert!(answer.ends_with(&second.pid.expect("a pid").to_string()), "{answer}");
    }
    assert_eq!(listening_inode(&port), bound, "bound once");
}

#[test]
fn an_operators_restart_refuses_nobody_either() {
    let port = Port::free();
    let hub = started(&port);
    let bound = listening_inode(&port);
    let restart = hub.begin(&["restart", "web"]);
    hub.journal().until("web leaving");
    hub.journal().until("web started");
    let client = http::connect(port.number()).expect("not refused");
    hub.gate("web").let_one_through();
    restart.output().succeeded();
    let answer = http::exchange(client, "GET", "/", &[], "").expect("an answer");
    assert_eq!(answer.text().parse(), Ok(hub.pid("web")));
    assert_eq!(listening_inode(&port), bound);
}

#[test]
fn a_socket_outlives_the_supervisor() {
    let port = Port::free();
    let hub = started(&port);
    let before = who_answers(&port);
    let bound = listening_inode(&port);
    for _ in 0..5 {
        process::kill_9(hub.status().supervisor.pid);
        assert_eq!(who_answers(&port), before);
    }
    process::kill_9(before);
    hub.gate("web").let_one_through();
    hub.until_app("web", "is online again", |app| app.status == Word::Online && app.pid != Some(before));
    assert_ne!(who_answers(&port), before);
    assert_eq!(listening_inode(&port), bound);
}

#[test]
fn a_socket_is_closed_when_its_app_is_stopped_and_bound_again_when_it_is_started() {
    let port = Port::free();
    let hub = started(&port);
    hub.ctl(&["stop", "web"]).succeeded();
    let refused = http::connect(port.number()).expect_err("nobody is there");
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    hub.gate("web").let_one_through();
    hub.ctl(&["start", "web"]).succeeded();
    assert_eq!(who_answers(&port), hub.pid("web"));
}

#[test]
fn an_address_that_somebody_else_has_is_reported_with_the_address() {
    let port = Port::free();
    let taken = std::net::TcpListener::bind(port.address()).expect("the port");
    let hub = web(&port);
    hub.gate("web").let_one_through();
    let start = hub.ctl(&["start"]).with_code(1);
    assert!(start.stderr.contains(&port.address()), "{start}");
    let web = hub.app("web");
    assert!(web.reason.as_deref().is_some_and(|reason| reason.contains(&port.address())), "{web:?}");
    drop(taken);
    hub.ctl(&["restart", "web"]).succeeded();
    assert_eq!(who_answers(&port), hub.pid("web"));
}
