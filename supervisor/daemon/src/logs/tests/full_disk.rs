//! A small disk is filled and freed again.

use std::io::Write;
use std::process::Command;

use nix::sched::{CloneFlags, unshare};

use super::*;

const LINE: &[u8] = b"a line of the worker's\n";

/// A file system of so little room, which only this thread and its children see, and which goes with them. `None` where that
/// cannot be had.
fn small_disk(folder: &Path) -> Option<()> {
    unshare(CloneFlags::CLONE_NEWNS).ok()?;
    let mount =
        |arguments: &[&str]| Command::new("mount").args(arguments).status().is_ok_and(|status| status.success());
    let at = folder.to_str()?;
    (mount(&["--make-rprivate", "/"]) && mount(&["-t", "tmpfs", "-o", "size=4m", "none", at])).then_some(())
}

fn floods_and_recovers(format: &LogFormat, lost_line_begins: &str) {
    let disk = tempfile::tempdir().unwrap();
    if small_disk(disk.path()).is_none() {
        return eprintln!("skipped: a file system can be mounted by root only");
    }
    let mut world = World::new();
    let log = disk.path().join("a.log");
    let (mut worker, outlet) = world.outlet(7, "");
    world.pump.add(Outlet { path: log.clone(), format: format.clone(), ..outlet });
    world.settle();
    let ballast = disk.path().join("ballast");
    assert!(fs::write(&ballast, vec![0; 8 * 1024 * 1024]).is_err(), "it is full");
    let lines = 64 * 1024;
    for _ in 0..lines {
        worker.write_all(LINE).unwrap(); // more than its pipe holds: were it blocked, this would not end
    }
    fs::remove_file(&ballast).unwrap();
    worker.write_all(b"after it\n").unwrap();
    eventually("lines flow again", || fs::read_to_string(&log).unwrap().contains("after it"));
    let text = fs::read_to_string(&log).unwrap();
    let lost: Vec<&str> = text.lines().filter(|line| line.contains("bytes of output were lost here")).collect();
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert!(lost[0].contains(lost_line_begins) && lost[0].contains("No space left on device"), "{lost:?}");
    let bytes: usize = lost[0].split("[betti] ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    let kept = text.matches("a line of the worker's").count();
    assert!(kept < lines / 2);
    let tally = world.pump.tallies().apps[&3];
    assert_eq!((tally.lost_bytes, tally.lost_lines > 0), (bytes as u64, true));
    // Raw bytes are lost by chunks, so that the last one lost may be part of a line that is kept in part.
    assert!((bytes + kept * LINE.len()).abs_diff(lines * LINE.len()) < LINE.len(), "{bytes} {kept}");
}

#[test]
fn raw_output_flows_again_and_the_loss_is_said_once() {
    floods_and_recovers(&LogFormat::Raw, "[betti] ");
}

#[test]
fn json_lines_flow_again_and_the_loss_is_said_once() {
    floods_and_recovers(&LogFormat::Json { pattern: None }, "{\"message\":\"[betti] ");
}
