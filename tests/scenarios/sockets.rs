//! Sockets are bound once and lent; they outlive any worker.

use std::io::{Read, Write};
use std::net::UdpSocket;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

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
    let number = port.number().to_string();
    assert_eq!(web.variable(worker::LISTEN_FDNAMES), Some(number.as_str()));
    assert_eq!(web.variable(worker::LISTEN_PORT), Some(number.as_str()));
}

/// A program that looks for connections until there are no more, and takes for granted that it is told so, would hang.
#[test]
fn a_socket_is_lent_in_the_mode_that_the_program_takes_for_granted() {
    let does_not_block = |hub: &Hub| {
        let info = std::fs::read_to_string(format!("/proc/{}/fdinfo/3", hub.pid("sleeper"))).expect("descriptor 3");
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).expect("its flags");
        u32::from_str_radix(flags.trim(), 8).expect("octal") & nix::fcntl::OFlag::O_NONBLOCK.bits().cast_unsigned() != 0
    };
    let port = Port::free();
    for wanted in [false, true] {
        let sleeper = App::program("sleeper", "/bin/sleep").set("args", vec!["1000"]).set("listen", port.address());
        let hub = Hub::started(&[sleeper.set("listen_nonblocking", wanted)]);
        assert_eq!(does_not_block(&hub), wanted);
        hub.ctl(&["restart", "sleeper"]).succeeded();
        assert_eq!(does_not_block(&hub), wanted);
    }
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

/// A web server at each of these addresses.
fn several(listen: &[String]) -> Hub {
    Hub::started(&[App::puppet("web", "http").waits_for_ready().set("listen", listen.to_vec()).set("min_uptime", 0)])
}

fn who_answers_at(path: &Path) -> i32 {
    let stream = UnixStream::connect(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    http::exchange(stream, "GET", "/", &[], "").expect("an answer").text().parse().expect("a pid")
}

fn who_answers_datagrams(port: &Port) -> i32 {
    let client = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    client.set_read_timeout(Some(scenarios::wait::PATIENCE)).expect("a time");
    client.send_to(b"?", port.address()).expect("it is bound");
    let mut answer = [0; 16];
    let length = client.recv(&mut answer).expect("an answer");
    String::from_utf8_lossy(&answer[..length]).parse().expect("a pid")
}

#[test]
fn sockets_of_every_kind_are_lent_side_by_side_and_outlive_the_worker_and_the_supervisor() {
    let (port, datagrams) = (Port::free(), Port::free());
    let udp = format!("udp:{}", datagrams.address());
    let hub = several(&["unix:web.sock".to_owned(), udp, format!("tcp:{}", port.address())]);
    let path = hub.path("web.sock");
    let everybody = || [who_answers(&port), who_answers_at(&path), who_answers_datagrams(&datagrams)];
    let pid = hub.pid("web");
    assert_eq!(everybody(), [pid; 3]);
    let web = process::look(pid).expect("it runs");
    let names = format!("web.sock:{}:{}", datagrams.number(), port.number());
    assert_eq!(web.variable(worker::LISTEN_FDNAMES), Some(names.as_str()));
    assert_eq!(web.variable(worker::LISTEN_PORT), Some(port.number().to_string().as_str()), "the first for TCP");
    let described = hub.ctl(&["describe", "web"]).succeeded();
    assert!(described.stdout.contains(&format!("unix:{}", path.display())), "{described}");
    let bound = std::fs::metadata(&path).expect("the file").ino();
    process::kill_9(hub.status().supervisor.pid);
    process::kill_9(pid);
    let next = hub.until_app("web", "came back", |app| app.status == Word::Online && app.pid != Some(pid));
    assert_eq!(everybody(), [next.pid.expect("it runs"); 3]);
    assert_eq!(std::fs::metadata(&path).expect("the file").ino(), bound, "bound once");
    hub.ctl(&["stop", "web"]).succeeded();
    assert!(!path.exists(), "nobody is there");
    assert_eq!(UdpSocket::bind(datagrams.address()).map(drop).map_err(|error| error.kind()), Ok(()));
    hub.ctl(&["start", "web"]).succeeded();
    assert_eq!(everybody(), [hub.pid("web"); 3]);
    hub.ctl(&["kill"]).succeeded();
    assert!(!path.exists());
}

#[test]
fn the_file_of_a_hub_that_was_killed_is_replaced() {
    let hub = several(&["unix:web.sock".to_owned()]);
    process::kill_9(hub.status().keeper.pid);
    hub.until_nothing_is_left();
    assert!(hub.path("web.sock").exists(), "nobody was there to remove it");
    hub.ctl(&["start"]).succeeded();
    assert_eq!(who_answers_at(&hub.path("web.sock")), hub.pid("web"));
}

#[test]
fn a_path_that_another_program_serves_is_left_to_it_and_it_is_named() {
    let hub =
        Hub::new(&[App::puppet("web", "http").waits_for_ready().set("listen", "unix:web.sock").set("min_uptime", 0)]);
    let taken = UnixListener::bind(hub.path("web.sock")).expect("a new folder");
    let start = hub.ctl(&["start"]).with_code(1);
    let named = format!("address already in use: {} (pid {}, user ", own_name(), std::process::id());
    assert!(start.stderr.contains(&named), "{start}");
    assert!(hub.app("web").reason.is_some_and(|reason| reason.contains(&named)));
    let described = hub.ctl(&["describe", "web"]).succeeded();
    assert!(described.stdout.contains("address already in use"), "{described}");
    drop(taken);
    hub.until_status("web", Word::Online);
    assert_eq!(who_answers_at(&hub.path("web.sock")), hub.pid("web"));
}

fn own_name() -> String {
    std::fs::read_to_string("/proc/self/comm").expect("ours").trim().to_owned()
}

#[test]
fn a_folder_that_is_missing_is_said_with_how_to_make_it_and_one_that_comes_is_used() {
    let hub = Hub::new(&[App::puppet("web", "http").waits_for_ready().set("listen", "unix:run2/web.sock")]);
    let start = hub.ctl(&["start"]).with_code(1);
    let folder = hub.path("run2");
    assert!(start.stderr.contains(&format!("does not exist; mkdir -p {}", folder.display())), "{start}");
    std::fs::create_dir(&folder).expect("ours");
    hub.until_status("web", Word::Online);
    assert_eq!(who_answers_at(&folder.join("web.sock")), hub.pid("web"));
}

#[test]
fn an_address_that_another_app_opened_is_told_with_that_apps_name() {
    let port = Port::free();
    let opens = App::puppet("opens", &format!("serve {}", port.address())).waits_for_ready();
    let hub = Hub::new(&[opens, App::puppet("held", "http").set("listen", port.address()).depends_on(&["opens"])]);
    let start = hub.ctl(&["start"]).with_code(1);
    let pid = hub.pid("opens");
    let told = format!("address already in use: the app opens has it (puppet, pid {pid}); betti-ctl stop opens, or");
    assert!(start.stderr.contains(&told), "{start}");
}

#[test]
fn an_edited_address_is_bound_and_the_old_one_is_closed() {
    let (before, after) = (Port::free(), Port::free());
    let web = |listen: [String; 2]| App::puppet("web", "http").waits_for_ready().set("listen", listen.to_vec());
    let mut hub = Hub::started(&[web([before.address(), "unix:before.sock".to_owned()])]);
    hub.save("", &[web([after.address(), "unix:./after.sock".to_owned()])]);
    hub.ctl(&["apply"]).succeeded();
    assert_eq!([who_answers(&after), who_answers_at(&hub.path("after.sock"))], [hub.pid("web"); 2]);
    assert!(http::connect(before.number()).is_err() && !hub.path("before.sock").exists(), "nobody is there");
    // A wider address than the one before: that is closed first.
    let bound = hub.pid("web");
    hub.save("", &[web([format!("0.0.0.0:{}", after.number()), "unix:after.sock".to_owned()])]);
    hub.ctl(&["apply"]).succeeded();
    assert_ne!(hub.pid("web"), bound);
    assert_eq!(who_answers(&after), hub.pid("web"));
    // Another spelling is no change.
    let pid = hub.pid("web");
    hub.save("", &[web([format!("tcp:0.0.0.0:{}", after.number()), "unix:././after.sock".to_owned()])]);
    hub.ctl(&["apply"]).succeeded();
    assert_eq!(hub.pid("web"), pid);
}

#[test]
fn a_held_socket_goes_to_whoever_has_the_same_address_in_another_profile_however_it_is_spelt() {
    let port = Port::free();
    let web = |name: &str, listen: [String; 2], profile: &str| {
        App::puppet(name, "http").waits_for_ready().set("listen", listen.to_vec()).set("profiles", vec![profile])
    };
    let one = web("one", [port.address(), "unix:web.sock".to_owned()], "one");
    let two = web("two", [format!("[::ffff:127.0.0.1]:{}", port.number()), "unix:./x/../web.sock".to_owned()], "two");
    let mut hub = Hub::new(&[]);
    hub.save("profile = \"one\"", &[one, two]);
    hub.ctl(&["start"]).succeeded();
    let path = hub.path("web.sock");
    let bound = (listening_inode(&port), std::fs::metadata(&path).expect("the file").ino());
    assert_eq!([who_answers(&port), who_answers_at(&path)], [hub.pid("one"); 2]);
    hub.ctl(&["profile", "two"]).succeeded();
    assert_eq!([who_answers(&port), who_answers_at(&path)], [hub.pid("two"); 2]);
    assert_eq!((listening_inode(&port), std::fs::metadata(&path).expect("the file").ino()), bound, "handed over");
}

#[test]
fn instances_share_a_unix_socket() {
    let web = App::puppet("web", "http").waits_for_ready().set("listen", "unix:web.sock").set("instances", 2);
    let hub = Hub::started(&[web]);
    let pids: Vec<i32> = hub.status().apps.iter().filter_map(|app| app.pid).collect();
    let answers: Vec<i32> = (0..10).map(|_| who_answers_at(&hub.path("web.sock"))).collect();
    assert!(answers.iter().all(|pid| pids.contains(pid)), "{answers:?} of {pids:?}");
    hub.ctl(&["scale", "web", "1"]).succeeded();
    assert_eq!(who_answers_at(&hub.path("web.sock")), hub.pid("web"));
}
