//! The process of the log thread is killed again and again under a numbered flood.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use manifest::LogFormat;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::unistd::pipe2;

use super::*;

/// Enough for all that is put aside in one round.
const KEPT: u32 = 100;
/// How many lines each worker may write before the next kill.
const LINES_A_ROUND: usize = 4000;
/// In `make soak` ten times as often.
const KILLS: usize = 20;

/// Numbers that look random, the same each time; when the kill comes is chance anyway.
struct Dice(u64);

impl Dice {
    /// Knuth's generator; its high bits are the good ones.
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// Writes `a 0`, `a 1`, … as many as it is allowed, in pieces that know nothing of lines.
fn worker(mut pipe: fs::File, name: &'static str, allowed: Receiver<usize>) -> JoinHandle<usize> {
    std::thread::spawn(move || {
        let mut dice = Dice(1);
        let (mut next, mut words) = (0, Vec::new());
        for lines in allowed {
            for number in next..next + lines {
                writeln!(words, "{name} {number}").unwrap();
            }
            next += lines;
            while words.len() > 16 {
                let piece = dice.below(3000).min(words.len());
                pipe.write_all(&words[..piece]).unwrap();
                words.drain(..piece);
            }
        }
        pipe.write_all(&words).unwrap();
        next
    })
}

struct Flood {
    folder: tempfile::TempDir,
    format: &'static str,
    /// Pipe and log of each worker.
    streams: Vec<(OwnedFd, PathBuf)>,
    /// Without repetition.
    logs: Vec<PathBuf>,
    allow: Vec<SyncSender<usize>>,
    workers: Vec<JoinHandle<usize>>,
    limit: u64,
    collected: Vec<Vec<u8>>,
}

fn format(name: &str) -> LogFormat {
    match name {
        "stamped" => LogFormat::Stamped("%Y-%m-%d %H:%M:%S".to_owned()),
        "json" => LogFormat::Json { pattern: None },
        _ => LogFormat::Raw,
    }
}

impl Flood {
    fn new(format: &'static str, logs: [&str; 2], limit: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (mut streams, mut allow, mut workers) = (Vec::new(), Vec::new(), Vec::new());
        for (name, log) in ["a", "b"].into_iter().zip(logs) {
            let (read, write) = pipe2(OFlag::O_CLOEXEC).unwrap();
            fcntl(&read, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
            let (allowed, is_allowed) = sync_channel(1);
            workers.push(worker(write.into(), name, is_allowed));
            allow.push(allowed);
            streams.push((read, folder.path().join(log)));
        }
        let mut logs: Vec<PathBuf> = streams.iter().map(|(_, log)| log.clone()).collect();
        logs.dedup();
        Self { folder, format, streams, logs, allow, workers, limit, collected: vec![Vec::new(); 2] }
    }

    /// Another process of this program, which runs nothing but [`pumps_until_it_is_killed`].
    fn pump(&self) -> Child {
        let name = module_path!().split_once("::").unwrap().1;
        let streams: Vec<String> =
            self.streams.iter().map(|(pipe, log)| format!("{}={}", pipe.as_raw_fd(), log.display())).collect();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", &format!("{name}::pumps_until_it_is_killed"), "--ignored", "--nocapture"]);
        command.env("PUMP_STREAMS", streams.join("\n")).env("PUMP_FOLDER", self.folder.path());
        command.env("PUMP_FORMAT", self.format).env("PUMP_LIMIT", self.limit.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
    }

    /// Lets a pump work until so many bytes more were written, and kills it wherever it is.
    fn round(&self, growth: u64) {
        let written = || tally::written(&self.folder.path().join("spool"));
        let before = written();
        let mut pump = self.pump();
        eventually("the logs grow", || written() >= before + growth);
        pump.kill().unwrap();
        pump.wait().unwrap();
        for log in &self.logs {
            marks::are_true(log, self.format == "raw");
        }
    }

    /// Takes away what was put aside, before the oldest of it goes.
    fn collect(&mut self, also_the_last: bool) {
        for (at, log) in self.logs.iter().enumerate() {
            for aside in rotation::aside(log).iter().rev() {
                self.collected[at].extend(bytes_of(log, aside.number));
                rotation::remove(log, aside.number).unwrap();
            }
            if also_the_last {
                self.collected[at].extend(bytes_of(log, 0));
            }
        }
    }

    /// The last pump, which nobody kills.
    fn finish(&mut self) -> Vec<usize> {
        self.allow.clear();
        let (mut pump, news) = start(self.folder.path());
        for (run, (pipe, log)) in self.streams.drain(..).enumerate() {
            pump.add(stream(run, pipe, log, self.format, self.limit));
        }
        for _ in 0..2 {
            assert!(matches!(news.recv_timeout(DEADLINE), Ok(News::Ended(_))));
        }
        let is_done =
            |log: &PathBuf| rotation::aside(log).iter().all(|aside| aside.number == 1 || aside.inode.is_none());
        eventually("nothing is being compressed", || self.logs.iter().all(is_done));
        self.workers.drain(..).map(|worker| worker.join().unwrap()).collect()
    }
}

fn stream(run: usize, pipe: OwnedFd, log: PathBuf, name: &str, limit: u64) -> Outlet {
    Outlet { limits: Limits { kept: KEPT, ..limits(limit) }, format: format(name), ..outlet(run as u64 + 1, pipe, log) }
}

/// What the worker had written as this line.
fn message(format: &str, line: &str) -> String {
    match format {
        "stamped" => line.get("2026-01-02 03:04:05: ".len()..).unwrap_or_else(|| panic!("{line:?}")).to_owned(),
        "json" => {
            let object: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line:?}"));
            object["message"].as_str().unwrap().trim_end_matches('\n').to_owned()
        }
        _ => line.to_owned(),
    }
}

/// Every line of both workers is there, once and in order.
fn survives_kills(format: &'static str, logs: [&str; 2], limit: u64) {
    let mut flood = Flood::new(format, logs, limit);
    let mut dice = Dice(1);
    for _ in 0..loops(KILLS) {
        // No more than that in advance: what is put aside in one round is to be kept.
        for allow in &flood.allow {
            let _ = allow.try_send(LINES_A_ROUND);
        }
        flood.round(dice.below(LINES_A_ROUND * 8) as u64);
        flood.collect(false);
    }
    let counts = flood.finish();
    flood.collect(true);
    let text: Vec<String> = flood.collected.iter().map(|bytes| String::from_utf8(bytes.clone()).unwrap()).collect();
    let mut next = [0, 0];
    for line in text.iter().flat_map(|text| text.lines()) {
        let said = message(format, line);
        let (name, number) = said.split_once(' ').unwrap_or_else(|| panic!("{line:?}"));
        let next = &mut next[usize::from(name == "b")];
        assert_eq!(number, next.to_string(), "{line:?}");
        *next += 1;
    }
    assert_eq!(next.to_vec(), counts);
    let left: Vec<_> = fs::read_dir(flood.folder.path().join("spool"))
        .map_or(Vec::new(), |left| left.map(|entry| entry.unwrap().file_name()).collect());
    assert!(left.iter().all(|name| name == "journal" || name == "tally"), "{left:?}");
}

#[test]
fn raw_output_survives_kills() {
    survives_kills("raw", ["a.log", "b.log"], 48 * 1024);
}

#[test]
fn raw_output_survives_kills_while_old_logs_are_compressed() {
    survives_kills("raw", ["a.log", "b.log"], 8 * 1024);
}

#[test]
fn raw_lines_of_two_streams_in_one_file_survive_kills() {
    survives_kills("raw", ["a.log", "a.log"], 64 * 1024);
}

#[test]
fn stamped_lines_of_two_streams_in_one_file_survive_kills() {
    survives_kills("stamped", ["a.log", "a.log"], 256 * 1024);
}

#[test]
fn json_lines_of_two_streams_in_one_file_survive_kills() {
    survives_kills("json", ["a.log", "a.log"], 1024 * 1024);
}

#[test]
#[ignore = "is a process that the other tests here start and kill"]
fn pumps_until_it_is_killed() {
    let told = |name: &str| std::env::var(name).unwrap();
    let (mut pump, _news) = start(Path::new(&told("PUMP_FOLDER")));
    for (run, line) in told("PUMP_STREAMS").lines().enumerate() {
        let (number, log) = line.split_once('=').unwrap();
        let pipe = fs::File::open(format!("/proc/self/fd/{number}")).unwrap();
        pump.add(stream(run, pipe.into(), log.into(), &told("PUMP_FORMAT"), told("PUMP_LIMIT").parse().unwrap()));
    }
    let _ = std::io::stdin().read(&mut [0]); // for ever, or until whoever started us is gone
}
