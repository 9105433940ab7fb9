//! What is shown of any logs: all that is asked for, once, in order.

use std::path::Path;

use proptest::prelude::*;
use protocol::control::LogSource;

use super::written::{BEGINNING_US, Expected, written};
use crate::logs::owners::Kind;
use crate::logs::{Look, Sieve, View, Wanted, pattern};

/// What came out: the log's number, and the line with its place in the order of time.
type Shown = (usize, String, bool, i64);

fn shown(folder: &Path, logs: usize, last: Option<u64>, sieve: Sieve) -> Vec<Shown> {
    let file = |number: usize| folder.join(format!("{number}.log")).display().to_string();
    let source = |number: usize| LogSource {
        id: u32::try_from(number).expect("few"),
        name: number.to_string(),
        namespace: "default".into(),
        out_file: file(number),
        error_file: file(999),
    };
    let sources: Vec<LogSource> = (0..logs).map(source).collect();
    let wanted = Wanted { kinds: vec![Kind::Out], sieve, last, follow: false };
    let mut view = View::new(&sources, &sources.iter().collect::<Vec<_>>(), wanted, Look::raw());
    view.look_again();
    let mut all = Vec::new();
    while let Some((number, line)) = view.next() {
        let text = String::from_utf8(line.bytes).expect("text");
        all.push((number, text, line.time.is_some(), line.order_us));
    }
    assert_eq!(view.take_troubles(), Vec::<String>::new());
    all
}

fn of(all: &[Shown], number: usize) -> Vec<Expected> {
    let own = all.iter().filter(|(log, ..)| *log == number);
    own.map(|(_, text, is_known, at)| Expected { text: text.clone(), is_known: *is_known, at_latest_us: *at }).collect()
}

fn suffix(all: &[Expected], count: usize) -> Vec<Expected> {
    all[all.len().saturating_sub(count)..].to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_whole_is_every_line_once_in_order_and_the_tail_is_its_end(
        logs in proptest::collection::vec(written(), 0..4), last in 0_usize..12, since in 0_i64..400, digit in 0_u8..10
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let expected: Vec<Vec<Expected>> =
            logs.iter().enumerate().map(|(number, log)| log.write(folder.path(), &number.to_string())).collect();
        let read = |last: Option<usize>, sieve| shown(folder.path(), logs.len(), last.map(|last| last as u64), sieve);

        let all = read(None, Sieve::default());
        prop_assert!(all.is_sorted_by_key(|(.., at)| *at), "{:?}", all);
        let tail = read(Some(last), Sieve::default());
        prop_assert!(tail.is_sorted_by_key(|(.., at)| *at), "{:?}", tail);
        let since_us = BEGINNING_US + since;
        let recent = read(None, Sieve { pattern: None, since_us: Some(since_us) });
        let grep = || Sieve { pattern: Some(pattern(&format!("{digit}$"), false).expect("good")), since_us: Some(since_us) };
        let found = read(Some(last), grep());
        for (number, expected) in expected.iter().enumerate() {
            prop_assert_eq!(&of(&all, number), expected);
            prop_assert_eq!(of(&tail, number), suffix(expected, last));
            let late: Vec<Expected> = expected.iter().filter(|line| line.at_latest_us >= since_us).cloned().collect();
            prop_assert_eq!(&of(&recent, number), &late);
            let matching: Vec<Expected> =
                late.into_iter().filter(|line| line.text.trim_end().ends_with(char::from(b'0' + digit))).collect();
            prop_assert_eq!(of(&found, number), suffix(&matching, last));
        }
    }
}
