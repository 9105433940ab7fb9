//! A worker that behaves as it is told, well or badly.
//!
//! ```text
//!   ready               says that it is ready; ends politely
//!   deaf                as ready, but SIGTERM does not reach it
//!   never-ready         says nothing and stays
//!   close-ready-pipe    closes its ready pipe without a word and stays
//!   sd-notify           says that it is ready by sd_notify
//!   fork-setsid         leaves behind an orphan in a session of its own, deaf and without pipes; then as ready
//!   fork-setsid-bare    the same, with a child whose environment is empty and who is no orphan
//!   exit CODE           ends at once                  segfault             crashes at once
//!   ready-exit CODE     ready, then ends              ready-segfault       ready, then crashes
//!   http                ready, then answers on the lent sockets with its pid: HTTP, or a datagram for each datagram
//!   drain               the same, many at once; from SIGTERM on it takes no more, and leaves when whoever it took is answered;
//!                       with PUPPET_SHUTS it shuts the socket down then, for everybody who has it
//!   lines N             writes N numbered lines to stdout and stderr, ready, and N more at each byte of its gate
//!   serve ADDRESS       opens the address itself when its gate lets it through, says that it is ready, and answers HTTP:
//!                       503 while the file of PUPPET_SICK is there, else 200
//!   says WORD...        sends the next word by sd_notify at each byte of its gate and tells that it did; `exit=CODE` ends it
//!   says-deaf WORD...   the same, but SIGTERM does not reach it
//!   heartbeat           says READY=1, then WATCHDOG=1 ten times a second until its gate lets it through; then it is silent
//!   daemon              leaves a child that it names as its main process, and ends
//!   family MIB          ready; its child takes so much memory at a byte of the gate
//!   guard FOLDER        not a worker: see the library's `guard`
//! ```
//!
//! `PUPPET_GATE` names a pipe of which it reads one byte before it says that it is ready, `PUPPET_JOURNAL` one to which
//! it writes what it does.
#![allow(unsafe_code)] // Adopting descriptors whose numbers come from the environment is unsafe by nature.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::libc::O_NONBLOCK;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::socket::{Shutdown, getsockopt, shutdown, sockopt};
use protocol::worker;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let word = |place: usize| arguments.get(place).map_or("", String::as_str);
    let number = || -> u8 { word(1).parse().expect("a number") };
    tell("started");
    match word(0) {
        "ready" => ready(),
        "deaf" => deaf(),
        "never-ready" => {}
        "close-ready-pipe" => drop(ready_pipe()),
        "sd-notify" => sd_notify(),
        "fork-setsid" => fork_setsid(),
        "fork-setsid-bare" => fork_setsid_bare(),
        "detach" => return detach(),
        "linger" => linger(),
        "exit" => return ExitCode::from(number()),
        "ready-exit" => {
            ready();
            return ExitCode::from(number());
        }
        "segfault" => crash(),
        "ready-segfault" => {
            ready();
            crash();
        }
        "http" => http(),
        "drain" => {
            drain();
            return ExitCode::SUCCESS;
        }
        "lines" => lines(number().into()),
        "serve" => serve(word(1)),
        "says" => {
            block_terminate();
            let words = arguments[1..].to_vec();
            std::thread::spawn(move || say_in_turn(&words));
        }
        "says-deaf" => {
            block_terminate();
            say_in_turn(&arguments[1..]);
            park();
        }
        "heartbeat" => heartbeat(),
        "daemon" => return daemon(),
        "family" => family(word(1)),
        "hoard" => hoard(word(1).parse().expect("a number")),
        "guard" => {
            scenarios::guard::stand_over(word(1).as_ref());
            return ExitCode::SUCCESS;
        }
        other => {
            eprintln!("puppet: {other:?} is nothing that I can do");
            return ExitCode::from(2);
        }
    }
    wait_for_the_end();
    ExitCode::SUCCESS
}

/// Stays until SIGTERM, and says when it came and when it left.
fn wait_for_the_end() {
    block_terminate().wait().expect("a signal");
    tell("terminating");
    tell("leaving");
}

/// A blocked SIGTERM that nobody waits for is never delivered, here and in every descendant.
fn deaf() {
    ready();
    park();
}

fn park() -> ! {
    loop {
        std::thread::park();
    }
}

fn block_terminate() -> SigSet {
    let mut terminate = SigSet::empty();
    terminate.add(Signal::SIGTERM);
    terminate.thread_block().expect("a signal mask");
    terminate
}

/// Twice: the first one only makes Rust's own handler, which looks out for stack overflows, step aside.
fn crash() {
    nix::sys::signal::raise(Signal::SIGSEGV).expect("a signal");
    nix::sys::signal::raise(Signal::SIGSEGV).expect("a signal");
}

fn ready() {
    let pipe = ready_pipe();
    pass_gate();
    // Whoever is ready may be stopped in the same moment, and has to have heard of it: see `wait_for_the_end`.
    block_terminate();
    tell("ready");
    if let Some(mut pipe) = pipe {
        pipe.write_all(b"ready\n").expect("the ready pipe");
    }
}

fn sd_notify() {
    pass_gate();
    block_terminate();
    tell("ready");
    notify("STATUS=up and well\nREADY=1\n");
}

fn notify(note: &str) {
    let socket = std::env::var(worker::NOTIFY_SOCKET).expect("NOTIFY_SOCKET");
    let ours = UnixDatagram::unbound().expect("a socket");
    ours.send_to(note.as_bytes(), socket).expect("the notify socket");
}

/// One word at each byte of the gate.
fn say_in_turn(words: &[String]) {
    for word in words {
        pass_gate();
        if let Some(code) = word.strip_prefix("exit=") {
            tell("leaving");
            std::process::exit(code.parse().expect("a number"));
        }
        notify(word);
        tell(&format!("said {word}"));
    }
}

/// So many signs of life are told in the journal: many times as long as the interval that is asked for.
const SIGNS_OF_LIFE: u32 = 20;

fn heartbeat() {
    block_terminate();
    notify("READY=1");
    tell("ready");
    let silence = Arc::new(AtomicBool::new(false));
    let silenced = Arc::clone(&silence);
    std::thread::spawn(move || silenced.store(pass_gate(), Ordering::Relaxed));
    std::thread::spawn(move || {
        for sign in 1.. {
            if silence.load(Ordering::Relaxed) {
                return tell("silent");
            }
            notify("WATCHDOG=1");
            if sign == SIGNS_OF_LIFE {
                tell("lived on");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    });
}

/// Says who goes on in its place.
#[expect(clippy::zombie_processes, reason = "it outlives us, and its next parent waits for it")]
fn daemon() -> ExitCode {
    // Whoever is named may be told to end in the same moment, and inherits that it then hears of it.
    block_terminate();
    let mut command = Command::new(std::env::current_exe().expect("the path of this program"));
    let child = command.arg("never-ready").stdin(Stdio::null()).spawn().expect("a child");
    notify(&format!("MAINPID={}\nREADY=1\n", child.id()));
    ExitCode::SUCCESS
}

fn family(mebibytes: &str) {
    let mut command = Command::new(std::env::current_exe().expect("the path of this program"));
    abandon(command.args(["hoard", mebibytes]).stdin(Stdio::null()));
    block_terminate();
    tell("ready");
    if let Some(mut pipe) = ready_pipe() {
        pipe.write_all(b"ready\n").expect("the ready pipe");
    }
}

fn hoard(mebibytes: usize) {
    block_terminate();
    std::thread::spawn(move || {
        pass_gate();
        // Written to, or the kernel would only have promised it.
        let hoard = vec![1u8; mebibytes << 20];
        tell("hoarding");
        std::hint::black_box(&hoard);
        park();
    });
}

fn serve(address: &str) {
    block_terminate();
    let address = address.to_owned();
    std::thread::spawn(move || {
        pass_gate();
        let listener = TcpListener::bind(&address).expect("the address");
        tell("ready");
        if let Some(mut pipe) = ready_pipe() {
            pipe.write_all(b"ready\n").expect("the ready pipe");
        }
        let sick = std::env::var("PUPPET_SICK").unwrap_or_default();
        for mut client in listener.incoming().flatten() {
            let is_sick = !sick.is_empty() && std::path::Path::new(&sick).exists();
            let status = if is_sick { "503 Service Unavailable" } else { "200 OK" };
            // A client that only looks whether somebody is there sends nothing, and one may be gone already.
            if matches!(client.read(&mut [0; 4096]), Ok(length) if length > 0) {
                let _ = write!(client, "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
            }
        }
    });
}

fn fork_setsid() {
    run_self("detach").spawn().expect("a child").wait().expect("its end");
    ready();
}

/// The child: leaves an orphan and ends.
fn detach() -> ExitCode {
    nix::unistd::setsid().expect("a session");
    abandon(&mut run_self("linger"));
    ExitCode::SUCCESS
}

fn fork_setsid_bare() {
    abandon(run_self("linger").env_clear());
    ready();
}

/// The one that stays: deaf, in a session of its own, without any pipe of its parent's.
fn linger() {
    // It has one already when its parent made it.
    let _ = nix::unistd::setsid();
    block_terminate();
    drop(ready_pipe());
    park();
}

/// Starts what somebody else will have to end and to wait for: that is what it is about.
#[allow(clippy::zombie_processes)]
fn abandon(command: &mut Command) {
    command.spawn().expect("a process to abandon");
}

fn run_self(behaviour: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("the path of this program"));
    // The folder is the guard's to know it by, whose environment may be empty.
    let folder = std::env::current_dir().expect("a folder");
    command.arg(behaviour).arg(folder).env_remove("PUPPET_JOURNAL");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Ready first: what connects from then on waits in the socket's queue until it is accepted.
fn http() {
    let count: RawFd = std::env::var(worker::LISTEN_FDS).expect("lent sockets").parse().expect("a number");
    let lent: Vec<OwnedFd> = (worker::FIRST_SOCKET_FD..).take(count as usize).map(adopt).collect();
    ready();
    lent.into_iter().for_each(|socket| drop(std::thread::spawn(move || serve_lent(socket))));
}

fn serve_lent(socket: OwnedFd) {
    if !getsockopt(&socket, sockopt::AcceptConn).expect("a socket") {
        return echo(&UdpSocket::from(socket));
    }
    let tcp = TcpListener::from(socket);
    match tcp.local_addr() {
        Ok(_) => tcp.incoming().flatten().for_each(answer),
        Err(_) => UnixListener::from(OwnedFd::from(tcp)).incoming().flatten().for_each(answer),
    }
}

fn echo(socket: &UdpSocket) {
    while let Ok((_, from)) = socket.recv_from(&mut [0; 16]) {
        socket.send_to(std::process::id().to_string().as_bytes(), from).expect("somebody asked");
    }
}

/// As event loops do it: the socket does not block, and is asked for connections until there are no more.
fn drain() {
    let lent = TcpListener::from(adopt(worker::FIRST_SOCKET_FD));
    ready();
    lent.set_nonblocking(true).expect("a mode");
    let (woken, waker) = UnixDatagram::pair().expect("a pair of sockets");
    std::thread::spawn(move || {
        block_terminate().wait().expect("a signal");
        waker.send(&[0]).expect("the other end");
    });
    let mut taken = Vec::new();
    loop {
        let mut polled = [&lent.as_fd(), &woken.as_fd()].map(|end| PollFd::new(*end, PollFlags::POLLIN));
        poll(&mut polled, PollTimeout::NONE).expect("something happens");
        if polled[1].any() == Some(true) {
            break;
        }
        while let Ok((client, _)) = lent.accept() {
            client.set_nonblocking(false).expect("a mode");
            tell("took");
            taken.push(std::thread::spawn(move || answer(client)));
        }
    }
    // Not before: whoever reads it knows that this run takes nobody any more.
    tell("terminating");
    if std::env::var_os("PUPPET_SHUTS").is_some() {
        shutdown(lent.as_raw_fd(), Shutdown::Both).expect("a socket");
    }
    drop(lent);
    taken.into_iter().for_each(|client| client.join().expect("an answer"));
    tell("leaving");
}

/// Reads up to the end of the request's head, however slowly that comes.
fn read_request(client: &mut impl Read) -> bool {
    let (mut request, mut part) = (Vec::new(), [0; 4096]);
    while !request.ends_with(b"\r\n\r\n") {
        // A client that goes away is no reason to end.
        match client.read(&mut part) {
            Ok(length) if length > 0 => request.extend_from_slice(&part[..length]),
            Ok(_) | Err(_) => return false,
        }
    }
    true
}

fn answer(mut client: impl Read + Write) {
    if read_request(&mut client) {
        let body = std::process::id().to_string();
        let _ = write!(client, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    }
}

fn lines(count: usize) {
    let mut written = 0;
    let mut more = move || {
        for number in written..written + count {
            write_line(&mut std::io::stdout(), "out", number);
            write_line(&mut std::io::stderr(), "error", number);
        }
        written += count;
    };
    more();
    block_terminate();
    if let Some(mut pipe) = ready_pipe() {
        pipe.write_all(b"ready\n").expect("the ready pipe");
    }
    std::thread::spawn(move || {
        while pass_gate() {
            more();
        }
    });
}

/// Lines of different lengths, so that no boundary falls where a buffer ends.
fn write_line(to: &mut impl Write, what: &str, number: usize) {
    let padding = "x".repeat(number % 50);
    writeln!(to, "{what} line {number:06} {padding}").expect("an output");
    to.flush().expect("an output");
}

/// Waits for one byte; false if there is no gate.
fn pass_gate() -> bool {
    let Ok(gate) = std::env::var("PUPPET_GATE") else { return false };
    File::open(gate).expect("the gate").read_exact(&mut [0]).expect("a byte from the gate");
    true
}

/// Nobody may be there to read it, which is no reason to fail or to wait.
fn tell(event: &str) {
    let Ok(journal) = std::env::var("PUPPET_JOURNAL") else { return };
    let app = std::env::var(worker::APP).unwrap_or_default();
    let journal = OpenOptions::new().write(true).custom_flags(O_NONBLOCK).open(journal);
    // In one write: a pipe keeps short ones whole.
    let _ = journal.and_then(|mut journal| journal.write_all(format!("{app} {event}\n").as_bytes()));
}

fn ready_pipe() -> Option<File> {
    let number = std::env::var(worker::READY_FD).ok()?;
    Some(File::from(adopt(number.parse().expect("a number"))))
}

fn adopt(number: RawFd) -> OwnedFd {
    // SAFETY: the contract says that this number is ours; each one is adopted once, and nothing else here uses it.
    unsafe { OwnedFd::from_raw_fd(number) }
}
