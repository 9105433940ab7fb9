//! Where streams go: alone, together, another way, and never beyond their budget.

use std::io::Write;
use std::sync::{Arc, Barrier};

use nix::fcntl::{FcntlArg, fcntl};

use super::super::LONGEST_OPEN_LINE;
use super::super::pump::Way;
use super::*;

#[test]
fn a_run_that_is_finished_is_moved_whole_even_if_somebody_holds_its_pipe_open() {
    for (format, expected) in
        [(LogFormat::Raw, "words\nhalf\n"), (LogFormat::Stamped("t".to_owned()), "t: words\nt: half\n")]
    {
        let mut world = World::new();
        let (mut worker, outlet) = world.outlet(7, "a.log");
        worker.write_all(b"words\nhalf").unwrap();
        world.pump.add(Outlet { format, ..outlet });
        world.pump.finish(7);
        assert_eq!(world.hears(), News::Ended(7));
        assert_eq!(world.text("a.log"), expected);
        drop(worker);
    }
}

#[test]
fn a_run_is_finished_although_somebody_who_escaped_never_stops_writing() {
    const WRITERS: usize = 4; // so that the pipe is never found empty by chance
    const CAPACITY: i32 = 1024 * 1024;
    const OFTEN_FULL: u64 = 64 * 1024; // putting a file aside takes longer than filling the pipe again
    let mut world = World::new();
    let (escaped, outlet) = world.outlet(7, "a.log");
    fcntl(&outlet.pipe, FcntlArg::F_SETPIPE_SZ(CAPACITY)).unwrap();
    let under_way = Arc::new(Barrier::new(WRITERS + 1));
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let (mut escaped, under_way) = (escaped.try_clone().unwrap(), under_way.clone());
            std::thread::spawn(move || {
                let words = b"words\n".repeat(CAPACITY as usize); // more than the pipe holds: the pump is at it
                escaped.write_all(&words).unwrap();
                under_way.wait();
                while escaped.write_all(&words).is_ok() {}
            })
        })
        .collect();
    drop(escaped);
    world.pump.add(Outlet { limits: limits(OFTEN_FULL), ..outlet });
    under_way.wait();
    world.pump.finish(7);
    assert_eq!(world.hears(), News::Ended(7));
    for writer in writers {
        writer.join().unwrap(); // its pipe is closed
    }
}

#[test]
fn two_runs_of_one_app_share_their_file() {
    let mut world = World::new();
    for (run, words) in [(1, b"one\n"), (2, b"two\n")] {
        let (mut worker, outlet) = world.outlet(run, "a.log");
        worker.write_all(words).unwrap();
        drop(worker);
        world.pump.add(outlet);
        assert_eq!(world.hears(), News::Ended(run));
    }
    assert_eq!(world.text("a.log"), "one\ntwo\n");
}

#[test]
fn a_line_waits_for_its_end_and_keeps_nobody_from_the_file() {
    let mut world = World::new();
    let format = LogFormat::Stamped("t".to_owned());
    let (mut first, to_first) = world.outlet(1, "a.log");
    let (mut second, to_second) = world.outlet(2, "a.log");
    world.pump.add(Outlet { format: format.clone(), ..to_first });
    world.pump.add(Outlet { format, ..to_second });
    first.write_all(b"begun").unwrap();
    // More than its pipe holds, and no line of it ends.
    first.write_all(&[b'x'; 200 * 1024]).unwrap();
    second.write_all(b"whole\n").unwrap();
    eventually("the whole line is there", || world.text("a.log") == "t: whole\n");
    first.write_all(b"ended\n").unwrap();
    drop(first);
    assert_eq!(world.hears(), News::Ended(1));
    assert_eq!(world.text("a.log"), format!("t: whole\nt: begun{}ended\n", "x".repeat(200 * 1024)));
}

/// How many bytes a log may take, with all that was put aside: each file as many as its limit and an open line, and its index.
fn budget(limit: u64) -> u64 {
    (u64::from(KEPT) + 1) * (limit + LONGEST_OPEN_LINE + limit.max(64 * 1024))
}

#[test]
fn a_log_never_takes_more_than_its_budget() {
    const LIMIT: u64 = 64 * 1024;
    let text = b"a line, and another\n".repeat(1000);
    let binary = vec![0; 50_000];
    for format in [LogFormat::Raw, LogFormat::Stamped("%S".to_owned()), LogFormat::Json { pattern: None }] {
        for words in [&text, &binary] {
            let mut world = World::new();
            let (mut worker, outlet) = world.outlet(7, "a.log");
            world.pump.add(Outlet { limits: limits(LIMIT), format: format.clone(), ..outlet });
            let mut most = 0;
            for _ in 0..300 {
                worker.write_all(words).unwrap();
                most = most.max(size(&world.log("a.log")));
            }
            drop(worker);
            assert_eq!(world.hears(), News::Ended(7));
            most = most.max(size(&world.log("a.log")));
            assert!(most <= budget(LIMIT), "{most} {format:?}");
            assert!(most > 3 * LIMIT, "it was filled: {most} {format:?}");
        }
    }
}

#[test]
fn a_stream_goes_another_way_and_in_another_form_and_loses_nothing() {
    let [raw, stamped] = [LogFormat::Raw, LogFormat::Stamped("t".to_owned())];
    for (before, after, old, new) in [
        (&raw, &raw, "one\nhalf\n", " line\ntwo\n"),
        (&raw, &stamped, "one\nhalf\n", "t:  line\nt: two\n"),
        (&stamped, &raw, "t: one\n", "half line\ntwo\n"),
        (&stamped, &stamped, "t: one\n", "t: half line\nt: two\n"),
    ] {
        let mut world = World::new();
        let (mut worker, outlet) = world.outlet(7, "old.log");
        world.pump.add(Outlet { format: before.clone(), ..outlet });
        worker.write_all(b"one\nhalf").unwrap();
        eventually("it is moved", || world.text("old.log").contains("one\n"));
        let path = world.log("new.log");
        world.pump.redirect(Way {
            run: 7,
            kind: Kind::Out,
            path,
            limits: limits(u64::MAX),
            format: after.clone(),
            shared: false,
        });
        world.settle();
        worker.write_all(b" line\ntwo\n").unwrap();
        drop(worker);
        assert_eq!(world.hears(), News::Ended(7));
        assert_eq!(
            (world.text("old.log").as_str(), world.text("new.log").as_str()),
            (old, new),
            "{before:?} {after:?}"
        );
        assert!(!world.log("spool/7-out").exists());
    }
}

#[test]
fn a_successor_that_is_told_another_form_finds_the_line_that_had_begun() {
    let mut world = World::new();
    let (mut worker, outlet) = world.outlet(7, "a.log");
    let outlet = Outlet { format: LogFormat::Stamped("t".to_owned()), ..outlet };
    world.pump.add(again(&outlet));
    worker.write_all(b"one\nhalf").unwrap();
    eventually("it is moved", || world.text("a.log").contains("one\n"));
    world.replace_thread();
    world.pump.add(Outlet { format: LogFormat::Raw, ..outlet });
    worker.write_all(b" line\n").unwrap();
    drop(worker);
    assert_eq!(world.hears(), News::Ended(7));
    assert_eq!(world.text("a.log"), "t: one\nhalf line\n");
}

#[test]
fn files_are_emptied_also_those_that_nobody_writes_to() {
    let mut world = World::new();
    let (mut worker, outlet) = world.outlet(7, "used.log");
    world.pump.add(outlet);
    worker.write_all(b"one\n").unwrap();
    eventually("it is moved", || world.text("used.log") == "one\n");
    fs::write(world.log("unused.log"), "old\n").unwrap();
    fs::write(world.log("unused.log.1"), "older\n").unwrap();
    let logs = ["used.log", "unused.log", "missing.log"].map(|name| world.log(name));
    world.pump.flush(logs.to_vec(), Box::new(|result| result.unwrap()));
    world.settle();
    worker.write_all(b"two\n").unwrap();
    drop(worker);
    assert_eq!(world.hears(), News::Ended(7));
    assert_eq!([world.text("used.log"), world.text("unused.log")], ["two\n", ""]);
    assert!(!world.log("unused.log.1").exists() && !world.log("missing.log").exists());
}

#[test]
fn renamed_files_are_left_and_new_ones_made() {
    let mut world = World::new();
    let (mut worker, outlet) = world.outlet(7, "a.log");
    world.pump.add(outlet);
    worker.write_all(b"one\n").unwrap();
    eventually("it is moved", || world.text("a.log") == "one\n");
    marks::are_true(&world.log("a.log"), false);
    fs::rename(world.log("a.log"), world.log("a.old")).unwrap();
    world.pump.reopen(Box::new(|result| result.unwrap()));
    world.settle();
    assert_eq!(world.text("a.log"), "", "there for whoever follows it");
    worker.write_all(b"two\n").unwrap();
    drop(worker);
    assert_eq!(world.hears(), News::Ended(7));
    assert_eq!([world.text("a.old"), world.text("a.log")], ["one\n", "two\n"]);
    assert_eq!(marks::of(&world.log("a.log"), 0).len(), 1, "the old ones were the old file's");
    marks::are_true(&world.log("a.log"), false);
}

#[test]
fn a_file_that_was_copied_and_cut_begins_another_index() {
    let mut world = World::new();
    let (mut worker, outlet) = world.outlet(7, "a.log");
    world.pump.add(outlet);
    for words in ["one\n", "two and more\n"] {
        worker.write_all(words.as_bytes()).unwrap();
        eventually("it is moved", || world.text("a.log").ends_with(words));
    }
    File::options().write(true).open(world.log("a.log")).unwrap().set_len(0).unwrap();
    worker.write_all(b"three, which is as long as all before\n").unwrap();
    drop(worker);
    assert_eq!(world.hears(), News::Ended(7));
    assert_eq!(world.text("a.log"), "three, which is as long as all before\n");
    assert_eq!(marks::of(&world.log("a.log"), 0).iter().map(|mark| mark.offset).collect::<Vec<_>>(), [0]);
}

#[test]
fn an_index_that_cannot_be_written_stops_no_log_and_a_device_has_none() {
    let mut world = World::new();
    fs::create_dir(index::path(&world.log("a.log"))).unwrap();
    std::os::unix::fs::symlink("/dev/null", world.log("null.log")).unwrap();
    for (run, name) in [(7, "a.log"), (8, "null.log")] {
        let (mut worker, outlet) = world.outlet(run, name);
        world.pump.add(outlet);
        worker.write_all(b"one\n").unwrap();
        drop(worker);
        assert_eq!(world.hears(), News::Ended(run));
    }
    assert_eq!(world.text("a.log"), "one\n");
    assert!(!index::path(&world.log("null.log")).exists());
}
