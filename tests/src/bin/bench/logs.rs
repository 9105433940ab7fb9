//! What it costs to keep what workers write, beside `cat` from a pipe into a file, which is what somebody would do without us.

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::time::{ClockId, clock_gettime};
use scenarios::App;
use scenarios::hub::Hub;

use crate::samples::Samples;

/// Bytes of the flood.
const FLOOD: u64 = 200_000_000;
/// Lines are formatted ever so much more slowly: a tenth of it tells as much.
const SHORT_FLOOD: u64 = FLOOD / 10;
const LINE: usize = 100;
/// As many lines as a worker that writes through a buffer writes at once.
const LINES_AT_ONCE: usize = 80;
const CROWD: u64 = 100;
const TICK: Duration = Duration::from_millis(10);
/// Looked at so often; what is measured takes a thousand times as long.
const LOOK: Duration = Duration::from_micros(200);

/// What it took.
struct Cost {
    wall: Duration,
    /// Of whoever moved the bytes.
    cpu: Duration,
}

pub fn measure(rounds: usize) {
    println!("\n{:<58} {:>8} {:>8} {:>8} {:>8}", "logs, 100-byte lines", "MB/s", "of cat's", "CPU ms", "x cat's");
    let row = |what: &str, bytes: u64, ours: &Cost, cat: &Cost| {
        let speed = bytes as f64 / 1e6 / ours.wall.as_secs_f64();
        let (wall, cpu) = (ratio(cat.wall, ours.wall), ratio(ours.cpu, cat.cpu));
        println!("{what:<58} {speed:>8.0} {wall:>8.2} {:>8.0} {cpu:>8.2}", ours.cpu.as_secs_f64() * 1e3);
    };
    let straight = |app: App| app.set("log_max_size", "1G").set("log_max_total", "8G");
    let cat = through_cat(1, FLOOD);
    row("cat, 200 MB from a pipe to a file", FLOOD, &cat, &cat);
    row("one raw log", FLOOD, &through_betti(1, FLOOD, straight), &cat);
    row("one raw log, put aside every 10 MB and compressed", FLOOD, &through_betti(1, FLOOD, |app| app), &cat);
    let cat = through_cat(1, SHORT_FLOOD);
    let stamped = |app| straight(app).set("time", true);
    row("one log, a time before each line, 20 MB", SHORT_FLOOD, &through_betti(1, SHORT_FLOOD, stamped), &cat);
    let shared = |app| straight(app).set("merge_logs", true).set("error_file", "logs/flood-0-out.log");
    row("one raw log that is standard error's too, 20 MB", SHORT_FLOOD, &through_betti(1, SHORT_FLOOD, shared), &cat);
    let each = FLOOD / CROWD;
    let cats = through_cat(CROWD, each);
    row("100 apps with 2 MB each at once, beside 100 of cat", FLOOD, &through_betti(CROWD, each, straight), &cats);
    let latency = follow(rounds);
    println!(
        "{:<58} median {:.2} ms, p90 {:.2} ms, max {:.2} ms",
        "a line written, to the line shown by logs -f",
        latency.median(),
        latency.p90(),
        latency.max()
    );
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

// -- what the workers do

/// Writes so many bytes as soon as there is a file of that name.
pub fn flood(bytes: u64, gate: &Path) {
    while !gate.exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let mut line = vec![b'x'; LINE - 1];
    line.push(b'\n');
    let lines = line.repeat(LINES_AT_ONCE);
    let mut left = usize::try_from(bytes).unwrap_or(usize::MAX);
    let out = std::io::stdout().as_fd().try_clone_to_owned().expect("standard output");
    let mut out = File::from(out); // without a buffer that looks for lines
    while left > 0 {
        let length = left.min(lines.len());
        out.write_all(&lines[..length]).expect("a reader");
        left -= length;
    }
}

/// Says again and again what time it is, in nanoseconds.
pub fn tick() {
    loop {
        println!("tick {}", now().as_nanos());
        std::thread::sleep(TICK);
    }
}

fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_MONOTONIC).expect("a clock").into()
}

// -- how they fare

fn through_betti(apps: u64, bytes: u64, log: impl Fn(App) -> App) -> Cost {
    let mut hub = Hub::new(&[]);
    let gate = hub.path("gate").display().to_string();
    let words = vec!["flood".to_owned(), bytes.to_string(), gate.clone()];
    let app = |number| {
        let app = App::program(&format!("flood-{number}"), &me().display().to_string());
        log(app.set("args", words.clone()).set("autorestart", false))
    };
    hub.save("log_max_total = \"8G\"", &(0..apps).map(app).collect::<Vec<_>>());
    hub.ctl(&["start"]).succeeded();
    let supervisor = hub.status().supervisor.pid;
    let mut workers = hub.workers();
    let (before, began) = (cpu_of(supervisor), Instant::now());
    File::create(gate).expect("a gate");
    // Whoever is gone has all of it in the log, but for what its pipe holds.
    while !workers.is_empty() {
        std::thread::sleep(LOOK);
        workers.retain(|worker| Path::new(&format!("/proc/{}", worker.pid)).exists());
    }
    let wall = began.elapsed();
    Cost { wall, cpu: cpu_of(supervisor).saturating_sub(before) }
}

fn through_cat(workers: u64, bytes: u64) -> Cost {
    let folder = tempfile::tempdir().expect("a folder");
    let gate = folder.path().join("gate");
    let pair = |number: u64| -> (Child, Child) {
        let mut worker = Command::new(me())
            .args(["flood", &bytes.to_string()])
            .arg(&gate)
            .stdout(Stdio::piped())
            .spawn()
            .expect("itself");
        let log = File::create(folder.path().join(number.to_string())).expect("a file");
        let pipe = worker.stdout.take().expect("a pipe");
        (worker, Command::new("cat").stdin(pipe).stdout(log).spawn().expect("cat"))
    };
    let mut pairs: Vec<(Child, Child)> = (0..workers).map(pair).collect();
    let began = Instant::now();
    File::create(&gate).expect("a gate");
    pairs.iter_mut().for_each(|(worker, _)| drop(worker.wait()));
    let before = cpu_of_children();
    pairs.iter_mut().for_each(|(_, cat)| drop(cat.wait()));
    Cost { wall: began.elapsed(), cpu: cpu_of_children().saturating_sub(before) }
}

fn follow(rounds: usize) -> Samples {
    let app = App::program("ticks", &me().display().to_string()).set("args", vec!["tick"]);
    let hub = Hub::started(&[app]);
    let mut shown = hub.begin(&["logs", "-f", "-n", "0", "ticks"]);
    let mut samples = Samples::default();
    for round in 0..rounds + 10 {
        let line = shown.line();
        let at = line.rsplit(' ').next().and_then(|word| word.parse().ok()).map(Duration::from_nanos);
        if let Some(at) = at.filter(|_| round >= 10) {
            samples.add(now().saturating_sub(at));
        }
    }
    samples
}

fn me() -> PathBuf {
    std::env::current_exe().expect("this program")
}

/// Of all threads that there are, to the nanosecond.
fn cpu_of(pid: i32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().filter_map(Result::ok);
    let spent = |thread: fs::DirEntry| {
        fs::read_to_string(thread.path().join("schedstat")).ok()?.split(' ').next()?.parse::<u64>().ok()
    };
    Duration::from_nanos(threads.filter_map(spent).sum())
}

fn cpu_of_children() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the usage");
    let [user, system] = [usage.user_time(), usage.system_time()];
    Duration::from_micros(
        (user.tv_sec() + system.tv_sec()) as u64 * 1_000_000 + (user.tv_usec() + system.tv_usec()) as u64,
    )
}
