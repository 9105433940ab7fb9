//! What is kept of old logs: by age, compressed, within budgets.

use std::io::Write;

use super::super::budget::{AppLogs, House};
use super::*;

/// An age that has come when a test looks.
const SOON: Duration = Duration::from_millis(300);

#[test]
fn an_old_log_is_put_aside_although_nobody_writes() {
    let mut world = World::new();
    let (mut worker, outlet) = world.outlet(7, "a.log");
    world.pump.add(Outlet { limits: Limits { age: Some(SOON), ..limits(u64::MAX) }, ..outlet });
    worker.write_all(b"one\n").unwrap();
    let aside = rotation::numbered(&world.log("a.log"), 1);
    eventually("it is put aside", || aside.exists() && world.log("a.log").exists());
    assert_eq!((fs::read_to_string(&aside).unwrap().as_str(), world.text("a.log").as_str()), ("one\n", ""));
    marks::are_true(&world.log("a.log"), false);
    // An open line is finished first.
    worker.write_all(b"tw").unwrap();
    eventually("it is moved", || world.text("a.log") == "tw");
    std::thread::sleep(SOON * 2); // there is nothing to be waited for: that it stays is what is seen
    assert_eq!(world.text("a.log"), "tw");
    worker.write_all(b"o\nthree\n").unwrap();
    eventually("the rest is in a new one", || world.text("a.log") == "three\n");
    assert_eq!(fs::read_to_string(&aside).unwrap(), "two\n");
}

#[test]
fn old_logs_are_compressed_and_all_of_it_is_kept() {
    const LIMIT: u64 = 16 * 1024;
    for format in [LogFormat::Raw, LogFormat::Stamped("t".to_owned())] {
        let mut world = World::new();
        let (mut worker, outlet) = world.outlet(7, "a.log");
        let format_now = format.clone();
        world.pump.add(Outlet { limits: Limits { kept: 50, ..limits(LIMIT) }, format: format_now, ..outlet });
        let words: String = (0..20_000).map(|number| format!("line {number}\n")).collect();
        worker.write_all(words.as_bytes()).unwrap();
        drop(worker);
        assert_eq!(world.hears(), News::Ended(7));
        let log = world.log("a.log");
        let is_done = || {
            let aside = rotation::aside(&log);
            aside.len() > 8 && aside.iter().all(|aside| (aside.number == 1) == aside.inode.is_some())
        };
        eventually("all but the newest are compressed", is_done);
        let text = String::from_utf8(kept(&log)).unwrap();
        match format {
            LogFormat::Raw => assert!(text == words),
            _ => assert!(text.lines().map(|line| line.strip_prefix("t: ").unwrap()).eq(words.lines())),
        }
        marks::are_true(&log, false);
        assert!(!rotation::unfinished(&log).exists());
    }
}

#[test]
fn all_together_never_take_more_than_they_may_and_the_oldest_go_first() {
    const MOST: u64 = 512 * 1024;
    const OF_ONE: u64 = 100 * 1024;
    const LIMIT: u64 = 24 * 1024;
    let mut world = World::new();
    let names = ["old.log", "one.log", "two.log"];
    // Of an app that does not run: from before, and not ours to write to.
    fs::write(world.log("old.log.1"), vec![b'x'; 200 * 1024]).unwrap();
    fs::write(world.log("old.log.2.gz"), vec![b'x'; 200 * 1024]).unwrap();
    let apps = names.map(|name| AppLogs { files: vec![world.log(name)], most: (name == "one.log").then_some(OF_ONE) });
    world.pump.keep_house(House { most: Some(MOST), apps: apps.into(), trusts_clock: false });
    let mut workers: Vec<File> = names[1..]
        .iter()
        .zip(1..)
        .map(|(name, run)| {
            let (worker, outlet) = world.outlet(run, name);
            world.pump.add(Outlet { limits: Limits { kept: 100, ..limits(LIMIT) }, ..outlet });
            worker
        })
        .collect();
    let mut dice = 1_u64;
    for _ in 0..100 {
        for worker in &mut workers {
            // Hardly to be compressed.
            let noise: Vec<u8> = std::iter::repeat_with(|| {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (dice >> 33) as u8
            })
            .take(8 * 1024)
            .collect();
            worker.write_all(&noise).unwrap();
            worker.write_all(b"\n").unwrap();
        }
        world.settle();
        let sizes = names.map(|name| size(&world.log(name)));
        // In between, two pipes full may have come, and one is there twice while it is being compressed.
        let slack = 4 * LIMIT + 2 * 64 * 1024;
        assert!(sizes[1] <= OF_ONE + slack && sizes.iter().sum::<u64>() <= MOST + slack, "{sizes:?}");
    }
    drop(workers);
    (0..2).for_each(|_| assert!(matches!(world.hears(), News::Ended(_))));
    let sizes = names.map(|name| size(&world.log(name)));
    assert_eq!(sizes[0], 0, "the oldest went first");
    assert!(sizes[1] > OF_ONE / 2 && sizes[2] > MOST / 2, "they are used: {sizes:?}");
    let tallies = world.pump.tallies();
    assert!(tallies.files[&world.log("two.log")] > MOST / 2);
}

#[test]
fn what_a_predecessor_left_is_compressed_and_counted() {
    let mut world = World::new();
    fs::write(world.log("a.log"), "now\n").unwrap();
    fs::write(world.log("a.log.1"), "one\n").unwrap();
    fs::write(world.log("a.log.2"), "two\n").unwrap();
    fs::write(world.log("a.log.gz.tmp"), "half").unwrap();
    let app = AppLogs { files: vec![world.log("a.log")], most: None };
    world.pump.keep_house(House { most: None, apps: vec![app], trusts_clock: false });
    world.settle();
    assert!(world.pump.tallies().files[&world.log("a.log")] >= 8);
    eventually("it is compressed", || !world.log("a.log.2").exists());
    assert_eq!(kept(&world.log("a.log")), b"two\none\nnow\n");
    assert!(!world.log("a.log.gz.tmp").exists());
}
