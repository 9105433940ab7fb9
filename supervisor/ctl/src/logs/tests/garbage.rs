//! Nothing that stands in the files does any harm.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use protocol::control::LogSource;
use protocol::log_index::Mark;

use crate::logs::owners::Kind;
use crate::logs::{Look, Sieve, View, Wanted};

/// How many lines are shown, and what could not be read.
fn read(folder: &Path, last: Option<u64>, since_us: Option<i64>) -> (usize, Vec<String>) {
    let file = |name: &str| folder.join(name).display().to_string();
    let (name, namespace) = ("a".to_owned(), "default".to_owned());
    let source = LogSource { id: 0, name, namespace, out_file: file("a.log"), error_file: file("a.log") };
    let sieve = Sieve { pattern: None, since_us };
    let wanted = Wanted { kinds: vec![Kind::Out, Kind::Error], sieve, last, follow: false };
    let mut look = Look::json();
    let mut view = View::new(std::slice::from_ref(&source), &[&source], wanted, Look::json());
    view.look_again();
    let (mut count, mut shown) = (0, Vec::new());
    while let Some((number, line)) = view.next() {
        look.write(number, &line, &mut shown);
        count += 1;
    }
    assert_eq!(shown.iter().filter(|byte| **byte == b'\n').count(), count, "one object a line");
    (count, view.take_troubles())
}

fn compressed(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

/// Marks that are whole and say anything.
fn marks() -> impl Strategy<Value = Vec<u8>> {
    let mark = (any::<u64>(), any::<[i64; 2]>(), any::<[u64; 2]>(), any::<u16>(), any::<[bool; 2]>(), any::<bool>())
        .prop_map(|(offset, [wall_us, uptime], [boot, run], app, [clock_is_right, error], is_near)| Mark {
            offset: if is_near { offset % 64 } else { offset },
            wall_us,
            uptime_us: uptime.cast_unsigned(),
            boot: boot % 3,
            run,
            app,
            clock_is_right,
            error,
        });
    proptest::collection::vec(mark, 0..8).prop_map(|marks| marks.iter().flat_map(Mark::encode).collect())
}

proptest! {
    #[test]
    fn any_files_are_logs(
        texts in any::<[Vec<u8>; 2]>(), indexes in [marks().boxed(), proptest::collection::vec(any::<u8>(), 0..200).boxed()],
        gzip in any::<Vec<u8>>(), cut in any::<usize>(), flipped in any::<usize>(), last in 0_u64..20,
        since_us in proptest::option::of(any::<i64>()),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).expect("a file");
        write("a.log", &texts[0]);
        write("a.log.index", &indexes[0]);
        write("a.log.1", &texts[1]);
        write("a.log.1.index", &indexes[1]);
        write("a.log.2.gz", &gzip);
        write("a.log.2.index", &indexes[0]);
        let mut damaged = compressed(&texts[0]);
        damaged.truncate(1 + cut % damaged.len());
        let flipped = flipped % damaged.len();
        damaged[flipped] ^= 1;
        write("a.log.3.gz", &damaged);
        read(folder.path(), None, since_us);
        read(folder.path(), Some(last), since_us);
        if since_us.is_none() {
            let lines = |text: &[u8]| text.split_inclusive(|byte| *byte == b'\n').count();
            prop_assert!(read(folder.path(), None, None).0 >= lines(&texts[0]) + lines(&texts[1]), "nothing is lost");
        }
    }
}

#[test]
fn what_was_compressed_and_is_damaged_is_shown_as_far_as_it_can_be_read_and_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let text: String = (0..20_000).map(|number| format!("line {number}\n")).collect();
    let mut damaged = compressed(text.as_bytes());
    damaged.truncate(damaged.len() / 2);
    std::fs::write(folder.path().join("a.log.2.gz"), damaged).expect("a file");
    std::fs::write(folder.path().join("a.log"), "last\n").expect("a file");
    let (count, troubles) = read(folder.path(), None, None);
    assert!(count > 1000 && count < 20_000, "{count}");
    assert_eq!(troubles.len(), 1, "{troubles:?}");
    assert!(troubles[0].contains("a.log.2.gz: "), "{troubles:?}");
    assert_eq!(read(folder.path(), Some(1), None), (1, vec![]), "what is not needed is not read");
}
