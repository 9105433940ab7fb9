//! A small disk is filled and freed again.

use std::io::Write;
use std::process::Command;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};

use super::*;

/// A file system of so little room, which only this thread and its children see, and which goes with them. `None` where that
/// cannot be had.
fn small_disk(folder: &Path) -> Option<()> {
    unshare(CloneFlags::CLONE_NEWNS).ok()?;
    let mount =
        |arguments: &[&str]| Command::new("mount").args(arguments).status().is_ok_and(|status| status.success());
    let at = folder.to_str()?;
    (mount(&["--make-rprivate", "/"]) && mount(&["-t", "tmpfs", "-o", "size=4m", "none", at])).then_some(())
}

/// A log on a disk that is full, and what keeps it full.
struct Full {
    disk: tempfile::TempDir,
    world: World,
    worker: File,
    outlet: Outlet,
}

impl Full {
    fn new(format: &LogFormat) -> Option<Self> {
        let disk = tempfile::tempdir().unwrap();
        if small_disk(disk.path()).is_none() {
            eprintln!("skipped: a file system can be mounted by root only");
            return None;
        }
        let mut world = World::new();
        let (worker, outlet) = world.outlet(7, "");
        let outlet = Outlet { path: disk.path().join("a.log"), format: format.clone(), ..outlet };
        world.pump.add(again(&outlet));
        world.settle();
        assert!(fs::write(disk.path().join("ballast"), vec![0; 8 * 1024 * 1024]).is_err(), "it is full");
        Some(Self { disk, world, worker, outlet })
    }

    /// More than its pipe holds: were the worker blocked, this would not end.
    fn flood(&mut self, lines: std::ops::Range<usize>) {
        let words: String = lines.map(|number| format!("line {number:09}\n")).collect();
        self.worker.write_all(words.as_bytes()).unwrap();
    }

    fn make_room(&self) {
        fs::remove_file(self.disk.path().join("ballast")).unwrap();
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.outlet.path).unwrap_or_default()
    }

    fn log(&mut self) -> String {
        eventually("lines flow again", || self.text().contains("after it"));
        self.world.settle(); // what is counted is told when the round is over
        self.text()
    }

    fn is_pipe_empty(&self) -> bool {
        let mut pipe = [PollFd::new(self.outlet.pipe.as_fd(), PollFlags::POLLIN)];
        poll(&mut pipe, PollTimeout::ZERO).unwrap() == 0
    }

    /// Until everything that was written is out of the pipe, and what that led to is done.
    fn settle(&mut self) {
        eventually("the pipe is empty", || self.is_pipe_empty());
        self.world.settle();
    }
}

/// Length of a line of the flood.
const LENGTH: usize = "line 000000000\n".len();
const LINES: usize = 64 * 1024;

fn floods_and_recovers(format: &LogFormat, lost_line_begins: &str) {
    let Some(mut full) = Full::new(format) else { return };
    full.flood(0..LINES);
    full.settle();
    full.make_room();
    full.worker.write_all(b"after it\n").unwrap();
    let text = full.log();
    let lost: Vec<&str> = text.lines().filter(|line| line.contains("bytes of output were lost here")).collect();
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert!(lost[0].contains(lost_line_begins) && lost[0].contains("No space left on device"), "{lost:?}");
    let bytes: usize = lost[0].split("[betti] ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    let tally = full.world.pump.tallies().apps[&3];
    assert_eq!((tally.lost_bytes, tally.lost_lines), (bytes as u64, (bytes / LENGTH) as u64));
    // The newest lines are there, up to the last; those before them are said to be lost, but for what went into the last page.
    let number = |line: &str| line.split("line ").nth(1)?.get(..9)?.parse::<usize>().ok();
    let kept: Vec<usize> = text.lines().filter_map(number).collect();
    let newest = kept.windows(2).rposition(|pair| pair[0] + 1 != pair[1]).map_or(0, |at| at + 1);
    assert_eq!(kept.last(), Some(&(LINES - 1)));
    let lines = kept.len() - newest;
    let most = 2 * (64 * 1024 / LENGTH + 1); // so many wait, and as many may be in the pipe
    assert!((1000..=most).contains(&lines), "{lines} lines waited");
    assert_eq!(bytes.div_ceil(LENGTH) + kept.len(), LINES);
    assert!(text.find("were lost here") < text.find(&format!("line {:09}", kept[newest])), "the loss is where it was");
    marks::are_true(&full.outlet.path, false);
}

#[test]
fn raw_output_flows_again_and_the_loss_is_said_once() {
    floods_and_recovers(&LogFormat::Raw, "[betti] ");
}

#[test]
fn json_lines_flow_again_and_the_loss_is_said_once() {
    floods_and_recovers(&LogFormat::Json { pattern: None }, "{\"message\":\"[betti] ");
}

#[test]
fn what_waits_outlives_the_supervisor_and_its_writer() {
    for format in [LogFormat::Raw, LogFormat::Stamped("t".to_owned())] {
        let Some(mut full) = Full::new(&format) else { return };
        let few = 1000; // as many as may wait
        full.worker.write_all(b"half ").unwrap();
        full.settle();
        full.flood(0..few);
        full.settle();
        full.world.replace_thread();
        full.world.pump.add(again(&full.outlet));
        full.settle();
        let Full { worker, world, outlet: first, .. } = &mut full;
        worker.write_all(b"last words").unwrap();
        world.pump.finish(7);
        assert_eq!(world.hears(), News::Ended(7), "nobody waits for the disk");
        let (mut next, outlet) = world.outlet(8, "");
        world.pump.add(Outlet { path: first.path.clone(), format: format.clone(), ..outlet });
        next.write_all(b"after it\n").unwrap();
        world.settle();
        full.make_room();
        let text = full.log();
        assert_eq!(text.matches("line ").count(), few, "nothing is lost");
        let prefix = if format == LogFormat::Raw { "" } else { "t: " };
        assert!(text.starts_with(&format!("{prefix}half line 000000000\n")), "{text}");
        assert!(text.ends_with(&format!("line {:09}\n{prefix}last words\n{prefix}after it\n", few - 1)), "{text}");
        assert_eq!(full.world.pump.tallies().apps[&3].lost_bytes, 0);
    }
}

#[test]
fn lines_say_when_they_came_and_not_when_there_was_room() {
    let Some(mut full) = Full::new(&LogFormat::Json { pattern: None }) else { return };
    full.worker.write_all(b"early\n").unwrap();
    full.settle();
    let before = jiff::Timestamp::now();
    full.make_room();
    full.worker.write_all(b"after it\n").unwrap();
    let text = full.log();
    let time = |line: &str| -> jiff::Timestamp {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        object["timestamp"].as_str().unwrap().parse().unwrap()
    };
    let times: Vec<_> = text.lines().map(time).collect();
    // As they are written, times are cut to milliseconds.
    let cut = |time: jiff::Timestamp| time.as_millisecond();
    assert!(times[0] <= before && cut(times[1]) >= cut(before), "{text}");
}
