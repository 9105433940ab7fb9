//! Several raw streams in one file.

use std::io::Write;

use super::super::pump::Way;
use super::*;

/// Two runs, the second of which comes when the first has begun a line.
fn begun() -> (World, File, File) {
    let mut world = World::new();
    let (mut first, to_first) = world.outlet(1, "a.log");
    let (mut second, to_second) = world.outlet(2, "a.log");
    world.pump.add(to_first);
    first.write_all(b"begun").unwrap();
    eventually("it is moved", || world.text("a.log") == "begun");
    world.pump.add(to_second);
    world.settle();
    second.write_all(b"whole\nhalf").unwrap();
    (world, first, second)
}

#[test]
fn lines_stay_whole_however_they_are_cut() {
    let mut world = World::new();
    let writers: Vec<_> = ["a", "b", "c"]
        .into_iter()
        .zip(1..)
        .map(|(name, run)| {
            let (mut worker, outlet) = world.outlet(run, "a.log");
            world.pump.add(Outlet { shared: true, ..outlet });
            std::thread::spawn(move || {
                let words: String = (0..5000).map(|number| format!("{name} {number}\n")).collect();
                words.as_bytes().chunks(777).for_each(|piece| worker.write_all(piece).unwrap());
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    (0..3).for_each(|_| assert!(matches!(world.hears(), News::Ended(_))));
    let mut next = [0; 3];
    for line in world.text("a.log").lines() {
        let (name, number) = line.split_once(' ').unwrap_or_else(|| panic!("{line:?}"));
        let next = &mut next[usize::from(name.as_bytes()[0] - b'a')];
        assert_eq!(number.parse(), Ok(*next), "{line:?}");
        *next += 1;
    }
    assert_eq!(next, [5000; 3]);
    marks::are_true(&world.log("a.log"), false);
    let tally = world.pump.tallies().apps[&3];
    assert_eq!(tally.written, world.text("a.log").len() as u64);
}

#[test]
fn a_line_that_had_begun_before_others_came_is_ended_first() {
    let (world, mut first, second) = begun();
    first.write_all(b" and ended\nnext\n").unwrap();
    eventually("both are there", || world.text("a.log") == "begun and ended\nnext\nwhole\n");
    drop(second);
    assert_eq!(world.hears(), News::Ended(2));
    first.write_all(b"last\n").unwrap();
    eventually("the last words of the other are there", || {
        world.text("a.log") == "begun and ended\nnext\nwhole\nhalf\nlast\n"
    });
}

#[test]
fn nobody_waits_for_it_for_long() {
    let (world, mut first, _second) = begun();
    eventually("its line is ended for it", || world.text("a.log") == "begun\nwhole\n");
    first.write_all(b" and ended\n").unwrap();
    eventually("it goes on in a line of its own", || world.text("a.log") == "begun\nwhole\n and ended\n");
}

#[test]
fn nobody_waits_for_one_who_is_gone_or_with_much_to_say() {
    let (world, first, _second) = begun();
    drop(first);
    eventually("the others go on", || world.text("a.log") == "begun\nwhole\nhalf");
    let (world, _first, mut second) = begun();
    let much = "x".repeat(100).into_bytes().repeat(8 * 1024);
    second.write_all(&[&much[..], b"\n"].concat()).unwrap();
    eventually("it goes on", || world.text("a.log").starts_with("begun\nwhole\nhalfxxx"));
}

#[test]
fn a_run_is_done_when_what_it_left_behind_anothers_line_is_written() {
    let (world, mut first, second) = begun();
    drop(second);
    assert_eq!(world.hears(), News::Ended(2));
    assert_eq!(world.text("a.log"), "begun\nwhole\nhalf\n", "else nobody would look for it if the supervisor died now");
    first.write_all(b" and ended\n").unwrap();
    eventually("the other goes on", || world.text("a.log") == "begun\nwhole\nhalf\n and ended\n");
}

#[test]
fn a_successor_knows_whose_line_had_begun() {
    let mut world = World::new();
    let (mut first, to_first) = world.outlet(1, "a.log");
    let (mut second, to_second) = world.outlet(2, "a.log");
    world.pump.add(again(&to_first));
    first.write_all(b"begun").unwrap();
    eventually("it is moved", || world.text("a.log") == "begun");
    world.replace_thread();
    second.write_all(b"whole\n").unwrap();
    world.pump.add(Outlet { shared: true, ..to_second });
    world.settle();
    world.pump.add(Outlet { shared: true, ..to_first });
    first.write_all(b" and ended\n").unwrap();
    eventually("both are whole", || world.text("a.log") == "begun and ended\nwhole\n");
}

/// Saves an app whose run is being replaced: both runs are told where to go.
fn told_again(world: &mut World, runs: [u64; 2]) {
    for run in runs {
        let (path, limits) = (world.log("a.log"), limits(u64::MAX - 1));
        let (kind, format) = (Kind::Out, LogFormat::Raw);
        world.pump.redirect(Way { run, kind, path, limits, format, shared: false });
    }
    world.settle();
}

#[test]
fn runs_that_have_a_file_together_share_it_also_after_they_are_told_where_to_go() {
    let mut world = World::new();
    let (mut first, to_first) = world.outlet(1, "a.log");
    let (mut second, to_second) = world.outlet(2, "a.log");
    world.pump.add(to_first);
    world.pump.add(to_second);
    told_again(&mut world, [1, 2]);
    first.write_all(b"begun").unwrap();
    world.settle();
    second.write_all(b"whole\n").unwrap();
    eventually("the whole line is there", || world.text("a.log").contains("whole\n"));
    first.write_all(b" and ended\n").unwrap();
    eventually("both are whole", || world.text("a.log") == "whole\nbegun and ended\n");
}

#[test]
fn a_stream_that_comes_to_anothers_file_shares_it() {
    let mut world = World::new();
    let (mut first, to_first) = world.outlet(1, "a.log");
    let (mut second, to_second) = world.outlet(2, "b.log");
    world.pump.add(to_first);
    world.pump.add(to_second);
    told_again(&mut world, [1, 2]);
    first.write_all(b"begun").unwrap();
    world.settle();
    second.write_all(b"whole\n").unwrap();
    eventually("the whole line is there", || world.text("a.log") == "whole\n");
    first.write_all(b" and ended\n").unwrap();
    eventually("both are whole", || world.text("a.log") == "whole\nbegun and ended\n");
}

#[test]
fn who_is_left_alone_goes_straight_again_and_on_no_line_of_another() {
    let mut world = World::new();
    let (mut first, to_first) = world.outlet(1, "a.log");
    let (mut second, to_second) = world.outlet(2, "a.log");
    world.pump.add(to_first);
    world.pump.add(to_second);
    world.settle();
    first.write_all(b"the last").unwrap();
    second.write_all(b"one\n").unwrap();
    eventually("a line is there", || world.text("a.log") == "one\n");
    world.pump.finish(1);
    assert_eq!(world.hears(), News::Ended(1));
    second.write_all(b"no end").unwrap();
    eventually("what has no end is there", || world.text("a.log") == "one\nthe last\nno end");
}

#[test]
fn a_run_that_follows_another_at_once_has_the_file_to_itself() {
    let mut world = World::new();
    let (mut first, to_first) = world.outlet(1, "a.log");
    let (mut second, to_second) = world.outlet(2, "a.log");
    world.pump.add(to_first);
    first.write_all(b"the last").unwrap();
    world.settle();
    world.pump.finish(1);
    world.pump.add(to_second);
    second.write_all(b"no end").unwrap();
    eventually("what has no end is there", || world.text("a.log") == "the last\nno end");
}

#[test]
fn a_file_that_could_not_be_opened_at_first_is_shared_when_it_can() {
    let mut world = World::new();
    fs::create_dir(world.log("a.log")).unwrap();
    let (mut first, to_first) = world.outlet(1, "a.log");
    let (mut second, to_second) = world.outlet(2, "a.log");
    world.pump.add(Outlet { shared: true, ..to_first });
    world.pump.add(Outlet { shared: true, ..to_second });
    world.settle();
    fs::remove_dir(world.log("a.log")).unwrap();
    first.write_all(b"begun").unwrap();
    world.settle();
    second.write_all(b"whole\n").unwrap();
    eventually("the whole line is there", || world.text("a.log").contains("whole\n"));
    first.write_all(b" and ended\n").unwrap();
    eventually("both are whole", || world.text("a.log") == "whole\nbegun and ended\n");
}
