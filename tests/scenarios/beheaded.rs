//! The head dies in every way, again and again, at random moments, while clients ask and logs flood: no worker's pid changes, no
//! request fails, no line is lost or doubled, nothing runs twice, and what an operator did holds.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::Signal;
use protocol::control::{Pong, Status, Word};
use scenarios::hub::{Hub, app, pids};
use scenarios::ports::Port;
use scenarios::wait::{LOOK_AGAIN, PATIENCE};
use scenarios::{App, http, loops, process};

/// From a death to the next answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// From a question that a hung supervisor leaves unanswered to the next one's answer: a second at most until the keeper asks
/// because of it, two seconds in which it may answer, and what a death takes.
const NOTICED_WITHIN: Duration = Duration::from_secs(4);
/// One round in so many may take longer: whoever else uses this machine may hold it up.
const ONE_LATE_IN: usize = 10;
/// The longest time between two strikes, in milliseconds.
const LONGEST_PAUSE_MS: u64 = 60;
/// Clients whose requests never end, each with this much of a body: more memory than a supervisor ever has to spare.
const HALF_ASKERS: usize = 110;
const HALF_A_BODY: usize = 60_000;

/// A server; whoever is asked says under which pid it answers.
const SERVER: &str = "
    require('http').createServer((_, answer) => answer.end(String(process.pid)))
        .listen(Number(process.env.PORT), '127.0.0.1', () => process.send('ready'));
";
/// Writes numbered lines, hundreds at a time, until the file `enough` is there, and says at the end how many those were.
const FLOOD: &str = "
import os, sys, time
n = 0
while not os.path.exists('enough'):
    sys.stdout.write(''.join('line %d\\n' % i for i in range(n, n + 200)))
    sys.stdout.flush()
    n += 200
    time.sleep(0.01)
print('end', n, flush=True)
time.sleep(100000)
";

/// How it dies.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Death {
    Killed,
    Hangs,
    Panics,
    OutOfMemory,
}

struct House {
    hub: Hub,
    port: Port,
    /// Where an app is said to be reached that never is.
    probed: Port,
}

impl House {
    fn new() -> Self {
        let (port, probed) = (Port::free(), Port::free());
        let flood = |name: &str| App::program(name, "./flood.py").set("log_max_size", "1G");
        let mut hub = Hub::new(&[]);
        // Nothing of a flood is put aside, however long it lasts.
        hub.save(
            "log_max_total = \"1T\"",
            &[
                App::program("web", "./web.js").waits_for_ready().env("PORT", &port.number().to_string()),
                flood("raw"),
                flood("formatted").set("log_type", "json"),
                App::puppet("restarted", "ready").waits_for_ready(),
                App::puppet("stray", "fork-setsid").waits_for_ready(),
                App::puppet("held", "ready"),
                App::puppet("probed", "ready")
                    .set("ready", serde_json::json!({ "tcp": probed.address() }))
                    .set("listen_timeout", "24h"),
            ],
        );
        hub.write("web.js", SERVER);
        hub.write("flood.py", FLOOD);
        hub.ctl(&["start", "--no-wait"]).succeeded();
        for name in ["web", "raw", "formatted", "restarted", "stray", "held"] {
            hub.until_status(name, Word::Online);
        }
        hub.until_status("probed", Word::Launching);
        hub.ctl(&["stop", "held"]).succeeded();
        hub.ctl(&["restart", "restarted"]).succeeded();
        for name in ["raw", "formatted"] {
            let path = hub.path(&format!("logs/{name}-out.log"));
            let length = || std::fs::metadata(&path).map_or(0, |log| log.len());
            scenarios::wait::until("the flood has begun", || if length() > 0 { Ok(()) } else { Err("dry") });
        }
        hub.until_workers(7); // with an orphan
        Self { hub, port, probed }
    }

    /// Asks until the flag falls; every answer is the same worker's.
    fn ask(&self, is_asking: &AtomicBool) -> usize {
        let pid = self.hub.pid("web").to_string();
        let mut answers = 0;
        while is_asking.load(Ordering::Relaxed) {
            let answer = http::get(self.port.number(), "/").expect("every request is answered");
            assert_eq!(answer.text(), pid);
            answers += 1;
        }
        answers
    }

    /// Ends the supervisor in this way.
    fn strike(&self, death: Death) -> i32 {
        let supervisor = self.supervisor();
        match death {
            Death::Killed => process::kill_9(supervisor),
            Death::Hangs => process::signal(supervisor, Signal::SIGSTOP),
            Death::Panics => return self.let_panic(supervisor),
            Death::OutOfMemory => {
                limit_memory(supervisor, &Limit::Data, 0);
                self.take_all_memory(supervisor);
            }
        }
        supervisor
    }

    /// It needs a thread to find out who answers where an app is expected, and has too little memory for its stack.
    fn let_panic(&self, supervisor: i32) -> i32 {
        let supervisor = self.without_a_spare_thread(supervisor);
        let _listener = TcpListener::bind(self.probed.address()).expect("nobody else has it");
        scenarios::wait::until("it panicked", || if process::is_alive(supervisor) { Err("it lives") } else { Ok(()) });
        supervisor
    }

    /// This one, or the first of its successors that has no thread to spare when it can begin none any more: one that saw the last
    /// listener before it was gone has one for some seconds.
    fn without_a_spare_thread(&self, mut supervisor: i32) -> i32 {
        loop {
            limit_memory(supervisor, &Limit::AddressSpace, 1024 * 1024);
            if !has_a_spare_thread(supervisor) {
                return supervisor;
            }
            process::kill_9(supervisor);
            self.until_another_answers(supervisor);
            supervisor = self.supervisor();
        }
    }

    /// Every process of every worker. What each is called may change while its script finds its interpreter.
    fn workers(&self) -> Vec<i32> {
        self.hub.workers().iter().map(|process| process.pid).collect()
    }

    fn supervisor(&self) -> i32 {
        self.hub.ask::<Pong>("GET", "/v1/ping", "", PATIENCE).expect("an answer").supervisor
    }

    /// Requests of which the end never comes, until it has had enough. Each waits until it is listened to: those that the dead one
    /// had not heard would be its successor's, which would have their memory to spare when its turn comes.
    fn take_all_memory(&self, supervisor: i32) {
        let head =
            format!("POST /v1/run HTTP/1.1\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n", HALF_A_BODY + 1);
        let half_ask = || {
            let mut client = UnixStream::connect(self.hub.control_socket()).ok()?;
            client.set_read_timeout(Some(PATIENCE)).ok()?;
            client.write_all(head.as_bytes()).ok()?;
            let mut go_on = [0; 12];
            client.read_exact(&mut go_on).ok()?;
            let _ = client.write_all("x".repeat(HALF_A_BODY).as_bytes());
            Some(client)
        };
        scenarios::wait::until("it has had enough", || {
            let lives = |_: &usize| process::is_alive(supervisor);
            let clients: Vec<UnixStream> = (0..HALF_ASKERS).take_while(lives).filter_map(|_| half_ask()).collect();
            if process::is_alive(supervisor) {
                Err(format!("{} clients were not enough", clients.len()))
            } else {
                Ok(())
            }
        });
    }

    /// Until somebody else answers than the one that was there before.
    fn until_another_answers(&self, before: i32) -> Duration {
        let begun = Instant::now();
        loop {
            match self.hub.ask::<Pong>("GET", "/v1/ping", "", PATIENCE) {
                Ok(pong) if pong.supervisor != before => return begun.elapsed(),
                _ => assert!(begun.elapsed() < PATIENCE, "nobody else answers"),
            }
            std::thread::sleep(LOOK_AGAIN); // no event tells who answers
        }
    }

    /// Every line of a flood is there once and in its order.
    fn assert_lines_are_whole(&self, name: &str, text_of: impl Fn(&str) -> String) {
        let path = format!("logs/{name}-out.log");
        let text = scenarios::wait::until("the flood's last line", || {
            let text = self.hub.read(&path);
            let is_there = text.lines().last().is_some_and(|line| text_of(line).starts_with("end "));
            if is_there { Ok(text) } else { Err(text.lines().last().unwrap_or_default().to_owned()) }
        });
        let mut count = 0;
        for line in text.lines().map(&text_of) {
            if let Some(total) = line.strip_prefix("end ") {
                assert_eq!(total, count.to_string(), "{name}");
            } else {
                assert_eq!(line, format!("line {count}"), "{name}");
                count += 1;
            }
        }
        assert!(count > 0);
    }
}

/// Whether a thread waits in it for work that would block.
fn has_a_spare_thread(pid: i32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let mut names = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("comm")).ok());
    names.any(|name| name.starts_with("tokio-rt-worker"))
}

/// What a process may have no more of.
enum Limit {
    /// Room for a thread's stack.
    AddressSpace,
    /// Memory of the allocator, which may have plenty of address space in reserve.
    Data,
}

/// Leaves a process so much more of it than it has now.
fn limit_memory(pid: i32, limit: &Limit, more: u64) {
    let (field, flag) = match limit {
        Limit::AddressSpace => ("VmSize:", "as"),
        Limit::Data => ("VmData:", "data"),
    };
    let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) else { return };
    let now = status.lines().find_map(|line| line.strip_prefix(field)).and_then(|kib| kib.split_whitespace().next());
    let kib: u64 = now.and_then(|kib| kib.parse().ok()).expect("the kernel tells");
    let limit = format!("--{flag}={}", kib * 1024 + more);
    let done = Command::new("prlimit").args(["--pid", &pid.to_string(), &limit]).status().expect("util-linux");
    assert!(done.success());
}

/// Numbers that nobody foresees; which ones, is said if a test fails.
struct Chance(u64);

impl Chance {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        let seed = now.as_nanos() as u64 | 1;
        eprintln!("seed {seed}");
        Self(seed)
    }

    /// Below this, by xorshift.
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

fn assert_nothing_changed(before: &Status, now: &Status, round: usize) {
    assert_eq!((now.keeper, pids(now)), (before.keeper, pids(before)), "round {round}");
    for then in &before.apps {
        let now = app(now, &then.name);
        assert_eq!((now.status, now.restarts, &now.exit), (then.status, then.restarts, &then.exit), "round {round}");
        assert!(now.uptime_ms >= then.uptime_ms, "round {round}: {then:?}, {now:?}");
    }
}

/// A flag that falls at the latest when this is dropped.
struct Falls<'a>(&'a AtomicBool);

impl Drop for Falls<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

fn die_often(death: Death, rounds: usize) {
    let house = House::new();
    let before = house.hub.status();
    let workers = house.workers();
    let is_asking = AtomicBool::new(true);
    let within = if death == Death::Hangs { NOTICED_WITHIN } else { ANSWER_WITHIN };
    let (answers, mut took) = std::thread::scope(|scope| {
        let client = scope.spawn(|| house.ask(&is_asking));
        let end = Falls(&is_asking); // also if a round fails
        let mut chance = Chance::new();
        let took: Vec<Duration> = (0..rounds)
            .map(|round| {
                std::thread::sleep(Duration::from_millis(chance.below(LONGEST_PAUSE_MS))); // a random moment
                let supervisor = house.strike(death);
                let took = house.until_another_answers(supervisor);
                assert_nothing_changed(&before, &house.hub.status(), round);
                took
            })
            .collect();
        drop(end);
        (client.join().expect("every request was answered"), took)
    });
    assert!(answers > rounds, "{answers} answers");
    assert_eq!(house.workers(), workers, "nobody left and nobody came");
    house.hub.write("enough", "");
    house.assert_lines_are_whole("raw", str::to_owned);
    house.assert_lines_are_whole("formatted", |line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        line["message"].as_str().expect("what was said").trim_end().to_owned()
    });
    assert!(said(&house.hub, death) >= rounds, "{} of {rounds} deaths were said", said(&house.hub, death));
    took.sort_unstable();
    let late = took.iter().filter(|took| **took > within).count();
    assert!(late <= rounds.div_ceil(ONE_LATE_IN), "{late} of {rounds} took longer than {within:?}: {took:?}");
}

/// How many deaths of this kind are told in the supervisor's log.
fn said(hub: &Hub, death: Death) -> usize {
    let old = std::fs::read_to_string(hub.path("logs/betti-supervisor.log.1")).unwrap_or_default();
    let text = old + &hub.read("logs/betti-supervisor.log");
    let words: &[&str] = match death {
        Death::Killed => &["keeper: supervisor ", "keeper: the supervisor ("],
        Death::Hangs => &["gave no answer for 2 s"],
        Death::Panics => &["supervisor: panicked in thread "],
        // Where it hits a thread that is about to be started, that is a panic.
        Death::OutOfMemory => &["memory allocation of ", "supervisor: panicked in thread "],
    };
    text.lines().filter(|line| words.iter().any(|words| line.contains(words))).count()
}

#[test]
fn killed_at_random_moments_under_load_it_is_missed_by_nobody() {
    die_often(Death::Killed, loops(20));
}

#[test]
fn out_of_memory_at_random_moments_under_load_it_is_missed_by_nobody() {
    die_often(Death::OutOfMemory, loops(20));
}

#[test]
fn panicking_at_random_moments_under_load_it_is_missed_by_nobody() {
    die_often(Death::Panics, loops(20));
}

/// Each hang takes seconds to be noticed, so several hubs hang at a time.
#[test]
fn hanging_at_random_moments_under_load_it_is_missed_by_nobody() {
    const HUBS: usize = 4;
    std::thread::scope(|scope| {
        let hubs: Vec<_> =
            (0..HUBS).map(|_| scope.spawn(|| die_often(Death::Hangs, loops(20).div_ceil(HUBS)))).collect();
        hubs.into_iter().for_each(|hub| hub.join().expect("it was missed by nobody"));
    });
}
