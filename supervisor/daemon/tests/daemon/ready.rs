//! Ready means ready, by whichever way an app says it.

use std::fs::OpenOptions;

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use protocol::control::{Exit, Word};

use crate::harness::Hub;

const SAYS_READY: &str = "#!/bin/bash\neval \"echo ready >&$BETTI_READY_FD\"\nexec sleep 1000\n";

#[test]
fn an_app_is_online_after_it_said_so_and_what_needs_it_starts_only_then() {
    let gated = "#!/bin/bash\nmkfifo gate 2>/dev/null; read -r _ < gate; eval \"echo ready >&$BETTI_READY_FD\"; exec sleep 1000\n";
    let hub = Hub::start(
        "[[apps]]\nname='a'\nscript='./gated.sh'\nwait_ready=true\nlisten_timeout=60000\n\
         [[apps]]\nname='b'\nscript='./b.sh'\nwait_ready=true\ndepends_on=['a']\n",
        &[("gated.sh", gated), ("b.sh", SAYS_READY)],
    );
    let _ = mkfifo(&hub.path("gate"), Mode::S_IRWXU);
    hub.until_status("a", Word::Launching);
    let waiting = hub.until_status("b", Word::Waiting);
    assert!(waiting.pid.is_none());
    let reason = waiting.reason.unwrap();
    assert!(reason.starts_with("waiting for a: not ready for ") && reason.ends_with(" of 1 min"), "{reason}");
    assert_eq!(hub.watch().runs[1].waits_for, ["a"]);
    std::io::Write::write_all(&mut OpenOptions::new().write(true).open(hub.path("gate")).unwrap(), b"go\n").unwrap();
    let a = hub.until_status("a", Word::Online);
    let b = hub.until_status("b", Word::Online);
    assert!(a.ready_ms.is_some() && a.reason.is_none() && b.reason.is_none());
    assert_eq!((a.restarts, b.restarts), (0, 0));
}

#[test]
fn an_app_that_never_becomes_ready_is_told_with_its_reason_and_backs_off_until_it_is_stopped() {
    let hub = Hub::start(
        "[[apps]]\nname='a'\nscript='./a.sh'\nwait_ready=true\nlisten_timeout=100\nkill_timeout=1000\n",
        &[("a.sh", "#!/bin/bash\nexec sleep 1000\n")],
    );
    let app = hub.until_app("a", "failed twice", |app| app.restarts >= 2 && app.status == Word::WaitingRestart);
    let reason = app.reason.unwrap();
    assert!(reason.starts_with("not ready within 0.1 s; retry in "), "{reason}");
    assert!(app.pid.is_none() && app.ready_ms.is_none());
    assert_eq!(app.exit, Some(Exit::Signal { signal: "SIGTERM".into(), core_dumped: false }));
    hub.act("stop", &["a"]);
    hub.until_status("a", Word::Stopped);
    assert!(hub.workers().is_empty());
}

#[test]
fn a_ready_pipe_that_ends_without_a_line_is_not_ready_and_says_so() {
    let hub = Hub::start(
        "[[apps]]\nname='a'\nscript='./a.sh'\nwait_ready=true\nlisten_timeout=300\n",
        &[(
            "a.sh",
            "#!/bin/bash\neval \"printf ready >&$BETTI_READY_FD\"; eval \"exec $BETTI_READY_FD>&-\"\nexec sleep 1000\n",
        )],
    );
    let app = hub.until_status("a", Word::WaitingRestart);
    let reason = app.reason.unwrap();
    assert!(reason.starts_with("not ready within 0.3 s: closed its ready pipe without a line"), "{reason}");
}

#[test]
fn an_unmodified_node_app_is_online_when_it_sent_ready_and_may_go_on_sending() {
    let script = "process.send({type:'metrics'});\n\
                  process.stdin.on('end', () => process.exit(7)).resume();\n\
                  setTimeout(() => process.send('ready'), 50);\n\
                  let n = 0; const more = () => { if (++n < 300) process.send({n, text: 'x'.repeat(4000)}, more); else console.log('sent all'); };\n\
                  setTimeout(more, 60);\nsetInterval(() => {}, 1000);\n";
    let hub = Hub::start(
        "[[apps]]\nname='n'\nscript='app.js'\nwait_ready=true\nlisten_timeout=20000\n",
        &[("app.js", script)],
    );
    let app = hub.until_status("n", Word::Online);
    assert!(app.ready_ms.unwrap() >= 50, "{app:?}");
    crate::harness::eventually("everything is sent", || hub.read("logs/n-out.log").contains("sent all").then_some(()));
    assert_eq!(hub.app("n").restarts, 0);
}

#[test]
fn what_says_that_it_is_ready_and_ends_at_once_was_ready() {
    for (name, script) in [
        ("a.sh", "#!/bin/sh\neval \"echo ready >&$BETTI_READY_FD\"\n"),
        (
            "a.py",
            "import os, socket\ns = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n\
             s.sendto(b'READY=1', os.environ['NOTIFY_SOCKET'])\nos._exit(0)\n",
        ),
    ] {
        let hub = Hub::start(
            &format!(
                "[[apps]]\nname='once'\nscript='./{name}'\nwait_ready=true\nautorestart=false\n\
                 [[apps]]\nname='after'\nscript='/bin/sleep'\nargs=['1000']\ndepends_on=['once']\n"
            ),
            &[(name, script)],
        );
        hub.until_status("after", Word::Online);
        let once = hub.until_status("once", Word::Stopped);
        assert!(once.ready_ms.is_some(), "{name}: {once:?}");
    }
}

#[test]
fn what_is_not_waited_for_was_ready_however_soon_it_ended() {
    for _ in 0..10 {
        let hub = Hub::start(
            "[[apps]]\nname='once'\nscript='/bin/true'\nautorestart=false\n\
             [[apps]]\nname='after'\nscript='/bin/sleep'\nargs=['1000']\ndepends_on=['once']\n",
            &[],
        );
        hub.until_status("after", Word::Online);
    }
}

#[test]
fn whoever_never_stops_talking_keeps_nobody_from_their_turn() {
    let chatty = "import os, socket\ns = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n\
                  n = 0\nwhile True:\n  n += 1\n  s.sendto(b'READY=1\\nSTATUS=%d' % n, os.environ['NOTIFY_SOCKET'])\n";
    let hub = Hub::start(
        "[[apps]]\nname='pipe'\nscript='./pipe.sh'\nwait_ready=true\n\
         [[apps]]\nname='notes'\nscript='notes.py'\nwait_ready=true\nlisten_timeout=60000\n",
        &[("pipe.sh", "#!/bin/bash\neval \"exec yes >&$BETTI_READY_FD\"\n"), ("notes.py", chatty)],
    );
    hub.until_status("pipe", Word::Online);
    hub.until_app("notes", "is heard", |app| app.says.as_deref().is_some_and(|text| text.len() > 2));
    let supervisor = hub.watch().status.supervisor.pid;
    for _ in 0..200 {
        assert_eq!(hub.watch().status.supervisor.pid, supervisor, "it was not taken for hung");
    }
    assert_eq!((hub.app("pipe").restarts, hub.app("notes").restarts), (0, 0));
}

#[test]
fn a_node_app_that_a_shell_starts_says_ready_as_ever() {
    let hub = Hub::start(
        "[[apps]]\nname='n'\nscript='node app.js'\nwait_ready=true\nlisten_timeout=60000\n",
        &[("app.js", "process.send('ready'); setInterval(() => {}, 1000);\n")],
    );
    assert!(hub.until_status("n", Word::Online).ready_ms.is_some());
}

#[test]
fn an_sd_notify_daemon_is_heard_with_its_status_which_outlives_the_supervisor() {
    let script = "import os, socket, sys, time\n\
                  s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n\
                  s.connect(os.environ['NOTIFY_SOCKET'])\n\
                  s.send(b'STATUS=reading the catalogue')\n\
                  open('told', 'w').close()\n\
                  while not os.path.exists('go'): time.sleep(0.01)\n\
                  s.send(b'READY=1\\nSTATUS=serving')\n\
                  time.sleep(1000)\n";
    let hub =
        Hub::start("[[apps]]\nname='d'\nscript='d.py'\nwait_ready=true\nlisten_timeout=60000\n", &[("d.py", script)]);
    hub.until_app("d", "tells its status", |app| app.reason.as_deref() == Some("reading the catalogue"));
    std::fs::write(hub.path("go"), "").unwrap();
    let app = hub.until_app("d", "is online and says so", |app| app.says.as_deref() == Some("serving"));
    assert_eq!((app.status, app.reason), (Word::Online, None));
    let supervisor = hub.watch().status.supervisor.pid;
    hub.end_by(supervisor, Signal::SIGKILL);
    hub.until("another supervisor", |watch| (watch.status.supervisor.pid != supervisor).then_some(()));
    assert_eq!(hub.app("d").says.as_deref(), Some("serving"));
}
