//! How text is cut into lines, whoever wrote it and in whatever pieces it comes.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::rc::Rc;

use proptest::prelude::*;
use protocol::log_index::Mark;

use crate::logs::generation::Generation;
use crate::logs::lines::{LONGEST_LINE, Lines, Piece};

/// Bytes that came together, from one writer.
#[derive(Clone, Debug)]
struct Batch {
    app: u16,
    text: String,
    /// Whether a kill came between the mark and the bytes, so that the mark is there twice.
    is_repeated: bool,
    /// Whether nobody noted it.
    is_unmarked: bool,
}

fn batches() -> impl Strategy<Value = Vec<Batch>> {
    let batch = (0_u16..2, "[ab\n]{1,4}", proptest::bool::weighted(0.1), proptest::bool::weighted(0.2))
        .prop_map(|(app, text, is_repeated, is_unmarked)| Batch { app, text, is_repeated, is_unmarked });
    proptest::collection::vec(batch, 0..12)
}

/// The rule, byte for byte: a line and whose it is.
fn cut(text: &[u8], marks: &[Mark]) -> Vec<(String, Option<u16>)> {
    let mark_at = |offset: usize| marks.iter().rev().find(|mark| mark.offset <= offset as u64).copied();
    let mut lines = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let begun = mark_at(start);
        let is_other =
            |offset: usize| begun.is_some_and(|begun| mark_at(offset).is_some_and(|mark| mark.app != begun.app));
        let mut end = start;
        loop {
            let is_newline = text.get(end) == Some(&b'\n');
            if end == text.len() || end > start && is_other(end) && !is_newline {
                break;
            }
            end += 1;
            if is_newline {
                break;
            }
        }
        lines.push((String::from_utf8_lossy(&text[start..end]).into_owned(), begun.map(|mark| mark.app)));
        start = end;
    }
    lines
}

fn seen(piece: &Piece) -> (String, Option<u16>) {
    (String::from_utf8_lossy(&piece.bytes).into_owned(), piece.mark.map(|mark| mark.app))
}

fn append(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).expect("a file")
}

fn drain(lines: &mut Lines, found: &mut Vec<(String, Option<u16>)>) {
    while let Some(piece) = lines.next().expect("a file") {
        found.push(seen(&piece));
    }
}

proptest! {
    #[test]
    fn lines_are_cut_by_the_rule_also_while_they_are_being_written(batches in batches(), pieces in 1_usize..4) {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("a.log");
        let (mut file, mut index) = (append(&log), append(&folder.path().join("a.log.index")));
        let generation = Generation::newest(&log).expect("a file").expect("it is there");
        let mut following = Lines::new(Rc::clone(&generation), 0, u64::MAX).expect("a file");
        let (mut text, mut marks, mut followed) = (Vec::new(), Vec::new(), Vec::new());
        for batch in batches {
            let mark = Mark { offset: text.len() as u64, app: batch.app, ..Mark::default() };
            if !batch.is_unmarked {
                if batch.is_repeated {
                    index.write_all(&Mark { app: 9, ..mark }.encode()).expect("a file");
                }
                index.write_all(&mark.encode()).expect("a file");
                marks.push(mark);
            }
            for piece in batch.text.as_bytes().chunks(pieces) {
                drain(&mut following, &mut followed);
                file.write_all(piece).expect("a file");
                text.extend_from_slice(piece);
            }
        }
        drain(&mut following, &mut followed);
        followed.extend(following.rest().expect("a file").as_ref().map(seen));
        let expected = cut(&text, &marks);
        prop_assert_eq!(&followed, &expected);
        let mut at_once = Vec::new();
        let mut lines = Lines::new(generation, 0, u64::MAX).expect("a file");
        drain(&mut lines, &mut at_once);
        at_once.extend(lines.rest().expect("a file").as_ref().map(seen));
        prop_assert_eq!(&at_once, &expected);
    }
}

fn lines_of(folder: &Path) -> Lines {
    let generation = Generation::newest(&folder.join("a.log")).expect("a file").expect("it is there");
    Lines::new(generation, 0, u64::MAX).expect("a file")
}

#[test]
fn a_line_without_end_is_shown_in_pieces() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.log"), vec![b'x'; 2 * LONGEST_LINE + 5]).expect("a file");
    let mut lines = lines_of(folder.path());
    for _ in 0..2 {
        assert_eq!(lines.next().expect("a file").map(|piece| piece.bytes.len()), Some(LONGEST_LINE));
    }
    assert_eq!(lines.next().expect("a file"), None);
    assert_eq!(lines.rest().expect("a file").map(|piece| piece.bytes.len()), Some(5));
    assert_eq!(lines.rest().expect("a file"), None);
}

#[test]
fn a_line_that_is_too_long_is_not_cut_within_a_character() {
    let folder = tempfile::tempdir().expect("a folder");
    for (character, before) in [("é", 1), ("€", 1), ("€", 2), ("🦀", 1), ("🦀", 3), ("🦀", 0)] {
        let text = format!("{}{}\n", "x".repeat(before), character.repeat(LONGEST_LINE / 2));
        std::fs::write(folder.path().join("a.log"), &text).expect("a file");
        let (mut lines, mut found) = (lines_of(folder.path()), String::new());
        while let Some(piece) = lines.next().expect("a file") {
            assert_eq!(piece.is_cut, !piece.bytes.ends_with(b"\n"));
            found.push_str(std::str::from_utf8(&piece.bytes).expect("whole characters"));
        }
        assert_eq!(found.len(), text.len());
    }
}

#[test]
fn a_log_that_was_emptied_is_read_from_its_beginning_whether_it_was_noticed_or_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let (log, index) = (folder.path().join("a.log"), folder.path().join("a.log.index"));
    let mark = |offset: u64, run: u64| Mark { offset, run, ..Mark::default() }.encode();
    append(&index).write_all(&mark(0, 1)).expect("a file");
    append(&log).write_all(b"one\nhalf").expect("a file");
    let mut lines = lines_of(folder.path());
    let next = |lines: &mut Lines| {
        let piece = lines.next().expect("a file")?;
        Some((String::from_utf8_lossy(&piece.bytes).into_owned(), piece.mark.map(|mark| mark.run)))
    };
    assert_eq!(next(&mut lines), Some(("one\n".into(), Some(1))));
    assert_eq!(next(&mut lines), None);
    // Noticed: it is shorter than it was. Its index goes on.
    std::fs::write(&log, "").expect("a file");
    assert_eq!(next(&mut lines), None);
    append(&index).write_all(&mark(0, 2)).expect("a file");
    append(&log).write_all(b"two\n").expect("a file");
    assert_eq!(next(&mut lines), Some(("two\n".into(), Some(2))));
    assert_eq!(next(&mut lines), None);
    // Not noticed: it has grown beyond that again. Its index tells.
    std::fs::write(&log, "three\nfour\n").expect("a file");
    append(&index).write_all(&[mark(0, 3), mark(6, 4)].concat()).expect("a file");
    assert_eq!(next(&mut lines), Some(("three\n".into(), Some(3))));
    assert_eq!(next(&mut lines), Some(("four\n".into(), Some(4))));
    // The same with an index that begins anew.
    assert_eq!(next(&mut lines), None);
    std::fs::write(&log, "five\nsix\nseven\n").expect("a file");
    std::fs::write(&index, [mark(0, 5), mark(5, 6), mark(9, 7)].concat()).expect("a file");
    let rest = [next(&mut lines), next(&mut lines), next(&mut lines), next(&mut lines)];
    let expected = [("five\n", 5), ("six\n", 6), ("seven\n", 7)].map(|(text, run)| Some((text.to_owned(), Some(run))));
    assert_eq!(rest[..3], expected);
    assert_eq!(rest[3], None);
}
