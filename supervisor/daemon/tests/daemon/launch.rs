//! What a worker is given: its program, environment, descriptors and sockets.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use nix::sys::signal::Signal;
use protocol::control::{Exit, Word};

use crate::harness::{Hub, eventually};

#[test]
fn a_program_that_is_not_there_is_told_by_its_name() {
    let hub = Hub::start("[[apps]]\nname='a'\nscript='/no/such/program'\nrestart_delay=20000\n", &[]);
    let app = hub.until_status("a", Word::WaitingRestart);
    assert_eq!(app.exit, Some(Exit::NotSpawned { not_spawned: "ENOENT".into() }));
    let reason = app.reason.unwrap();
    assert!(reason.starts_with("cannot run /no/such/program: no such file; retry in 20 s (1st)"), "{reason}");
}

#[test]
fn a_folder_that_is_not_there_is_told_by_its_name() {
    let hub = Hub::start("[[apps]]\nname='a'\nscript='/bin/true'\ncwd='/no/such/folder'\nrestart_delay=20000\n", &[]);
    let app = hub.until_status("a", Word::WaitingRestart);
    let reason = app.reason.unwrap();
    assert!(reason.starts_with("cannot enter its folder /no/such/folder: no such folder"), "{reason}");
}

#[test]
fn a_worker_gets_its_environment_and_descriptors_and_nothing_of_the_callers() {
    let hub = Hub::start(
        "[[apps]]\nname='a'\nscript='./a.sh'\n[apps.env]\nGREETING='hi'\n",
        &[(
            "a.sh",
            "#!/bin/bash\nenv -0 > env; ls -l /proc/$$/fd > fds; ulimit -n > files; ps -o sid=,pgid= -p $$ > leads; echo done; exec sleep 1000\n",
        )],
    );
    eventually("it looked around", || hub.read("logs/a-out.log").contains("done").then_some(()));
    let text = hub.read("env");
    let env: std::collections::BTreeMap<&str, &str> =
        text.split('\0').filter_map(|pair| pair.split_once('=')).collect();
    for (name, value) in [("GREETING", "hi"), ("name", "a"), ("pm_id", "0"), ("BETTI_APP", "a"), ("LC_TEST", "yes")] {
        assert_eq!(env.get(name), Some(&value), "{name}");
    }
    assert!(!env.contains_key("OF_THE_SHELL") && !env.contains_key("BETTI_RUNTIME_DIR"), "{env:?}");
    assert!(env["BETTI_INVOCATION"].starts_with(&hub.read("run/hub.id")));
    let pid = hub.app("a").pid.unwrap().to_string();
    assert_eq!(hub.read("leads").split_whitespace().collect::<Vec<_>>(), [&pid, &pid]);
    let (ours, _) = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE).unwrap();
    assert_eq!(hub.read("files").trim().parse(), Ok(ours), "the keeper's raised limit is its own");
    // 0-2, the ready pipe as 3, and the script that bash reads as 255.
    let numbers: Vec<String> = hub
        .read("fds")
        .lines()
        .filter_map(|line| Some(line.split(" -> ").next()?.rsplit(' ').next()?.to_owned()))
        .filter(|number| number.parse::<u32>().is_ok_and(|number| number < 255))
        .collect();
    assert!(numbers.iter().all(|number| ["0", "1", "2", "3"].contains(&number.as_str())), "{}", hub.read("fds"));
}

const ECHO: &str = "import os, socket, sys\n\
    assert os.environ['LISTEN_PID'] == str(os.getpid()) and os.environ['LISTEN_FDS'] == '1'\n\
    s = socket.socket(fileno=3)\n\
    assert os.get_blocking(3)\n\
    if os.path.exists('slow'): os.remove('slow'); sys.exit(5)\n\
    s.setblocking(False); s.setblocking(True) if not os.path.exists('rude') else None\n\
    print('up', flush=True)\n\
    import select\n\
    while True:\n\
    \x20   select.select([s], [], [])\n\
    \x20   c, _ = s.accept(); c.sendall(str(os.getpid()).encode()); c.close()\n";

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn asked(port: u16) -> i32 {
    let mut text = String::new();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.read_to_string(&mut text).unwrap();
    text.parse().unwrap()
}

#[test]
fn a_lent_socket_outlives_its_worker_and_no_connection_is_refused() {
    let port = free_port();
    let hub = Hub::start(
        &format!("[[apps]]\nname='web'\nscript='echo.py'\nlisten=['127.0.0.1:{port}']\nrestart_delay=50\n"),
        &[("echo.py", ECHO), ("rude", "")],
    );
    let first = hub.until_status("web", Word::Online).pid.unwrap();
    assert_eq!(asked(port), first);
    fs::write(hub.path("slow"), "").unwrap(); // the next one fails once, so the socket is nobody's for a while
    hub.end_by(first, Signal::SIGKILL);
    let second = asked(port); // waits in the socket's queue
    assert_ne!(second, first);
    assert_eq!(hub.app("web").pid, Some(second));
    hub.act("stop", &["web"]);
    hub.until_status("web", Word::Stopped);
    eventually("the socket is closed", || TcpListener::bind(("127.0.0.1", port)).ok());
}

#[test]
fn an_address_that_is_taken_is_the_reason() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let hub = Hub::start(
        &format!(
            "[[apps]]\nname='web'\nscript='echo.py'\nlisten=['{address}']\nrestart_delay=100\nexp_backoff_restart_delay=0\nmax_restarts=1000\n"
        ),
        &[("echo.py", ECHO)],
    );
    let app = hub.until_status("web", Word::WaitingRestart);
    let reason = app.reason.unwrap();
    assert!(reason.starts_with(&format!("cannot listen on {address}: address already in use")), "{reason}");
    drop(taken);
    hub.until_status("web", Word::Online);
}

#[test]
fn output_is_rotated_by_size_at_the_end_of_a_line() {
    let hub = Hub::start(
        "[[apps]]\nname='a'\nscript='./a.sh'\nlog_max_size=4096\n",
        &[(
            "a.sh",
            "#!/bin/bash\nfor i in {1..600}; do echo \"line $i\"; sleep 0.0001; done\necho end >&2\nexec sleep 1000\n",
        )],
    );
    eventually("it ended", || hub.read("logs/a-error.log").contains("end").then_some(()));
    let lines = eventually("all lines", || {
        let text: String = (1..=5).rev().map(|n| hub.read(&format!("logs/a-out.log.{n}"))).collect();
        let text = text + &hub.read("logs/a-out.log");
        let lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
        (lines.len() == 600).then_some(lines)
    });
    assert!(hub.path("logs/a-out.log.1").exists());
    assert!(lines.iter().enumerate().all(|(at, line)| *line == format!("line {}", at + 1)));
}

#[test]
fn words_written_to_a_file_that_was_removed_go_to_a_new_one() {
    let hub = Hub::start(
        "[[apps]]\nname='a'\nscript='./a.sh'\n",
        &[("a.sh", "#!/bin/bash\necho one\nwhile [ ! -e go ]; do sleep 0.01; done\necho two\nexec sleep 1000\n")],
    );
    eventually("one", || hub.read("logs/a-out.log").contains("one").then_some(()));
    fs::remove_file(hub.path("logs/a-out.log")).unwrap();
    fs::File::create(hub.path("go")).unwrap().write_all(b"").unwrap();
    eventually("two", || (hub.read("logs/a-out.log") == "two\n").then_some(()));
}
