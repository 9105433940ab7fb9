//! A run is told of once when it says what is expected of it.

use std::io::Write;

use super::*;

fn expecting(outlet: Outlet, format: &LogFormat) -> Outlet {
    Outlet { expect: Some("listening on".to_owned()), format: format.clone(), ..outlet }
}

fn formats() -> [LogFormat; 3] {
    [LogFormat::Raw, LogFormat::Stamped("%S".to_owned()), LogFormat::Json { pattern: None }]
}

#[test]
fn once_for_both_streams_even_if_the_line_comes_in_pieces() {
    for format in formats() {
        let mut world = World::new();
        let (mut out, to_out) = world.outlet(7, "out.log");
        let (mut error, to_error) = world.outlet(7, "error.log");
        world.pump.add(expecting(to_out, &format));
        world.pump.add(Outlet { kind: Kind::Error, ..expecting(to_error, &format) });
        for piece in ["not yet\nnow liste", "ning ", "on 80"] {
            error.write_all(piece.as_bytes()).unwrap();
            world.settle();
        }
        assert_eq!(world.hears(), News::Said(7), "before the line ends");
        out.write_all(b"listening on 81\n").unwrap();
        error.write_all(b"\nlistening on 82\n").unwrap();
        drop((out, error));
        assert_eq!([world.hears(), world.hears()], [News::Ended(7), News::Ended(7)]);
        assert_eq!(world.text("error.log").matches("listening on 8").count(), 2, "nothing is lost by looking");
    }
}

#[test]
fn a_successor_knows_what_was_said_and_what_had_begun() {
    for format in formats() {
        let mut world = World::new();
        let (mut worker, outlet) = world.outlet(7, "a.log");
        let outlet = expecting(outlet, &format);
        world.pump.add(again(&outlet));
        worker.write_all(b"one\nnow liste").unwrap();
        world.settle();
        world.replace_thread();
        world.pump.add(again(&outlet));
        worker.write_all(b"ning on 80\n").unwrap();
        assert_eq!(world.hears(), News::Said(7));
        world.replace_thread();
        world.pump.add(again(&outlet));
        assert_eq!(world.hears(), News::Said(7), "to a predecessor");
        world.pump.finish(7);
        assert_eq!(world.hears(), News::Ended(7));
        assert!(!world.log("spool/7-said").exists());
    }
}

#[test]
fn nothing_is_noted_any_longer_of_who_says_it_with_its_last_words() {
    let mut world = World::new();
    let (mut worker, outlet) = world.outlet(7, "a.log");
    world.pump.add(expecting(outlet, &LogFormat::Raw));
    world.settle();
    worker.write_all(b"listening on 80\n").unwrap();
    world.pump.finish(7);
    assert_eq!([world.hears(), world.hears()], [News::Said(7), News::Ended(7)]);
    assert!(!world.log("spool/7-said").exists());
}

#[test]
fn another_runs_words_do_not_count() {
    let mut world = World::new();
    let (mut first, to_first) = world.outlet(7, "a.log");
    let (mut second, to_second) = world.outlet(8, "a.log");
    world.pump.add(to_first);
    world.pump.add(expecting(to_second, &LogFormat::Raw));
    first.write_all(b"listening on 80\nlistening o").unwrap();
    world.settle();
    second.write_all(b"n 81\n").unwrap();
    drop(second);
    assert_eq!(world.hears(), News::Ended(8));
}
