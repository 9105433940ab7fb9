//! A log that is put aside, compressed and removed faster than anybody reads.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use protocol::control::LogSource;
use protocol::log_index::Mark;

use crate::logs::generation::{Generation, Identity};
use crate::logs::owners::Kind;
use crate::logs::place::{self, Place};
use crate::logs::{Look, Sieve, View, Wanted};

/// How many files are written. Each takes as many renames as there are already.
const FILES: u32 = 150;
/// How many lines are in each.
const LINES: u32 = 4;

fn rename(from: &Path, to: &Path) {
    // Not all of them are there.
    drop(fs::rename(from, to));
}

fn plain(number: u32) -> Place {
    Place { number, compressed: false }
}

fn gzip(number: u32) -> Place {
    Place { number, compressed: true }
}

/// In the order in which the writer does it: the oldest first, the index after its file.
fn put_aside(log: &Path, last: u32) {
    for number in (0..last).rev() {
        rename(&plain(number).path(log), &plain(number + 1).path(log));
        rename(&gzip(number).path(log), &gzip(number + 1).path(log));
        rename(&place::index(log, number), &place::index(log, number + 1));
    }
}

fn write(log: &Path, file: u32) {
    let mark = Mark { wall_us: i64::from(file), clock_is_right: true, ..Mark::default() };
    let mut written = File::create(log).expect("a file");
    fs::write(place::index(log, 0), mark.encode()).expect("a file");
    for line in 0..LINES {
        writeln!(written, "{}", file * LINES + line).expect("a file");
    }
}

/// Compresses some file from the second on, whatever number it has by then.
fn compress(log: &Path, names: &Mutex<u32>) {
    let places = place::all(log).expect("a folder");
    let Some(found) = places.into_iter().find(|place| place.number > 1 && !place.compressed) else { return };
    let Ok(raw) = File::open(found.path(log)) else { return };
    let ours = Identity::of(&raw.metadata().expect("a file"));
    let unfinished = log.with_extension("gz.tmp");
    let mut encoder = GzEncoder::new(File::create(&unfinished).expect("a file"), Compression::fast());
    std::io::copy(&mut &raw, &mut encoder).expect("a file");
    let times = fs::FileTimes::new().set_modified(raw.metadata().and_then(|found| found.modified()).expect("a time"));
    encoder.finish().and_then(|file| file.set_times(times)).expect("a file");
    let last = names.lock().unwrap_or_else(PoisonError::into_inner);
    let number = (2..=*last).find(|number| Identity::at(&plain(*number).path(log)) == Some(ours));
    if let Some(number) = number {
        rename(&unfinished, &gzip(number).path(log));
        fs::remove_file(plain(number).path(log)).expect("it is there");
    }
}

fn view(log: &Path) -> View {
    let text = |path: PathBuf| path.display().to_string();
    let source = LogSource {
        id: 0,
        name: "a".into(),
        namespace: "default".into(),
        out_file: text(log.to_owned()),
        error_file: text(log.with_extension("none")),
    };
    let wanted = Wanted { kinds: vec![Kind::Out], sieve: Sieve::default(), last: None, follow: true };
    View::new(std::slice::from_ref(&source), &[&source], wanted, Look::raw())
}

#[test]
fn whoever_follows_misses_nothing_while_it_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().canonicalize().expect("a folder").join("a.log");
    let names = Mutex::new(0);
    let is_over = AtomicBool::new(false);
    write(&log, 0);
    let mut next = 0;
    let mut view = view(&log);
    thread::scope(|scope| {
        scope.spawn(|| {
            for file in 1..FILES {
                let mut last = names.lock().unwrap_or_else(PoisonError::into_inner);
                *last += 1;
                put_aside(&log, *last);
                drop(last);
                write(&log, file);
            }
            is_over.store(true, Ordering::Release);
        });
        scope.spawn(|| {
            while !is_over.load(Ordering::Acquire) {
                compress(&log, &names);
            }
        });
        while next < FILES * LINES {
            view.look_again();
            while let Some((_, line)) = view.next() {
                assert_eq!(String::from_utf8(line.bytes).expect("text"), format!("{next}\n"));
                assert_eq!(line.time.map(|time| time.us), Some(i64::from(next / LINES)), "its own mark's");
                next += 1;
            }
            assert_eq!(view.take_losses(), Vec::<String>::new());
        }
    });
    let oldest = Generation::newest(&log).expect("a folder").expect("it is there");
    let count = std::iter::successors(Some(oldest), |newer: &Rc<Generation>| newer.older().expect("a folder")).count();
    assert_eq!(count, usize::try_from(FILES).expect("few"));
}
