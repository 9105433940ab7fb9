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
    (mount(&["--make-rprivate", "/"]) && mount(&["-t", "tmpfs", "-o", "size=256k", "none", at])).then_some(())
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
    // More than fits: were the worker ever blocked for good, this would not end.
    let written = 64 * 1024;
    for _ in 0..written {
        worker.write_all(LINE).unwrap();
    }
    world.settle();
    world.pump.flush(vec![log.clone()], Box::new(|result| result.unwrap()));
    world.settle();
    worker.write_all(b"after it\n").unwrap();
    eventually("lines flow again", || fs::read_to_string(&log).unwrap().contains("after it"));
    let text = fs::read_to_string(&log).unwrap();
    let lost: Vec<&str> = text.lines().filter(|line| line.contains("bytes of output were lost here")).collect();
    assert_eq!(lost.len(), 1, "{text}");
    assert!(lost[0].contains(lost_line_begins) && lost[0].contains("No space left on device"), "{lost:?}");
    let bytes: usize = lost[0].split("[betti] ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!(bytes > 0 && bytes < written * LINE.len(), "{bytes}");
}

#[test]
fn raw_output_flows_again_and_the_loss_is_said_once() {
    floods_and_recovers(&LogFormat::Raw, "[betti] ");
}

#[test]
fn json_lines_flow_again_and_the_loss_is_said_once() {
    floods_and_recovers(&LogFormat::Json { pattern: None }, "{\"message\":\"[betti] ");
}
