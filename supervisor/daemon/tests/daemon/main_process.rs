//! A daemon's main process stands for its run, once `MAINPID=` named it.

use nix::sys::signal::Signal;
use protocol::control::{Exit, Word};

use crate::harness::{Hub, eventually, lives};

/// Detaches itself as daemons do: the first process names the grandchild, says that it is ready, and ends at once.
const DAEMON: &str = "import os, signal, socket, time\n\
    read, write = os.pipe()\n\
    if os.fork() == 0:\n\
    \x20   os.setsid()\n\
    \x20   pid = os.fork()\n\
    \x20   if pid == 0:\n\
    \x20       signal.signal(signal.SIGTERM, lambda *_: (print('asked to end', flush=True), os._exit(0)))\n\
    \x20       os.write(write, b'%d' % os.getpid())\n\
    \x20       while True: time.sleep(1000)\n\
    \x20   os._exit(0)\n\
    main = int(os.read(read, 20))\n\
    os.wait()\n\
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n\
    notify.sendto(b'STATUS=starting', os.environ['NOTIFY_SOCKET'])\n\
    notify.sendto(b'MAINPID=%d\\nREADY=1' % main, os.environ['NOTIFY_SOCKET'])\n\
    os._exit(0)\n";

fn daemon() -> Hub {
    Hub::start(
        "[[apps]]\nname='d'\nscript='d.py'\nwait_ready=true\nlisten_timeout=60000\nmin_uptime=0\nrestart_delay=10\n\
         [[apps]]\nname='other'\nscript='/bin/sleep'\nargs=['1000']\n",
        &[("d.py", DAEMON)],
    )
}

/// Online with a main process that is its own session's leader or below one, and no child of the one that was started.
fn main_of(hub: &Hub) -> i32 {
    let pid =
        hub.until_app("d", "has a main process", |app| app.status == Word::Online && app.pid.is_some()).pid.unwrap();
    eventually("its first process has ended", || {
        (hub.app("d").pid == Some(pid) && hub.workers().len() == 2).then_some(())
    });
    assert!(hub.workers().contains(&pid), "{pid} of {:?}", hub.tagged());
    pid
}

#[test]
fn a_daemon_is_online_with_the_process_that_it_named_and_that_ones_end_is_its_own() {
    let hub = daemon();
    for turn in 0..5 {
        let main = main_of(&hub);
        let app = hub.app("d");
        assert_eq!((app.restarts, app.reason), (turn, None), "{}", hub.said());
        hub.end_by(main, Signal::SIGSEGV);
        let app = hub.until_app("d", "runs again", |app| app.restarts == turn + 1 && app.status == Word::Online);
        assert!(matches!(app.exit, Some(Exit::Signal { signal, .. }) if signal == "SIGSEGV"));
    }
}

#[test]
fn a_stop_reaches_the_main_process_and_a_new_supervisor_knows_it() {
    let hub = daemon();
    let main = main_of(&hub);
    let supervisor = hub.watch().status.supervisor.pid;
    hub.end_by(supervisor, Signal::SIGKILL);
    hub.until("another supervisor", |watch| (watch.status.supervisor.pid != supervisor).then_some(()));
    let app = hub.app("d");
    assert_eq!((app.pid, app.status, app.restarts), (Some(main), Word::Online, 0));
    assert!(app.memory_bytes > 0);
    hub.act("stop", &["d"]);
    let app = hub.until_status("d", Word::Stopped);
    assert_eq!(app.exit, Some(Exit::Code { code: 0 }));
    assert!(!lives(main));
    eventually("its last words", || hub.read("logs/d-out.log").contains("asked to end").then_some(()));
    assert_eq!(hub.workers().len(), 1, "the other app's");
}

#[test]
fn a_process_of_another_app_is_not_believed_to_be_the_main_one() {
    let liar = "import os, socket, time\n\
        pid = open('victim').read()\n\
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n\
        s.sendto(b'MAINPID=%s\\nREADY=1' % pid.encode(), os.environ['NOTIFY_SOCKET'])\n\
        time.sleep(1000)\n";
    let hub = Hub::start(
        "[[apps]]\nname='victim'\nscript='./victim.sh'\nwait_ready=true\n\
         [[apps]]\nname='liar'\nscript='liar.py'\ndepends_on=['victim']\nwait_ready=true\nlisten_timeout=60000\n",
        &[
            ("victim.sh", "#!/bin/bash\necho -n $$ > victim\neval \"echo ready >&$BETTI_READY_FD\"\nexec sleep 1000\n"),
            ("liar.py", liar),
        ],
    );
    let liar = hub.until_status("liar", Word::Online);
    let victim = hub.app("victim").pid.unwrap();
    assert_eq!(hub.read("victim"), victim.to_string());
    eventually("it was refused", || hub.said().contains("cannot be the main one").then_some(()));
    assert!(liar.pid.is_some_and(|pid| pid != victim));
    hub.act("stop", &["liar"]);
    hub.until_status("liar", Word::Stopped);
    assert!(lives(victim));
}

#[test]
fn while_the_first_process_lives_it_is_the_main_ones_end_that_counts_only_if_it_can_be_heard_of() {
    // The first process waits for its child, so nobody else hears of that one's end.
    let wrapper = "import os, socket, sys, time\n\
        pid = os.fork()\n\
        if pid == 0:\n\
        \x20   while True: time.sleep(1000)\n\
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n\
        s.sendto(b'MAINPID=%d\\nREADY=1' % pid, os.environ['NOTIFY_SOCKET'])\n\
        os.waitpid(pid, 0)\n\
        sys.exit(7)\n";
    let hub = Hub::start(
        "[[apps]]\nname='w'\nscript='w.py'\nwait_ready=true\nlisten_timeout=60000\nautorestart=false\n",
        &[("w.py", wrapper)],
    );
    let main = hub.until_app("w", "is online", |app| app.status == Word::Online && app.pid.is_some()).pid.unwrap();
    hub.end_by(main, Signal::SIGKILL);
    let app = hub.until_app("w", "has ended", |app| app.exit.is_some());
    assert_eq!(app.exit, Some(Exit::Code { code: 7 }));
}
