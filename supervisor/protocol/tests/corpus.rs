//! What a fuzzer once tried, tried again: every file of `tests/fuzz/corpus` that is about a socket.

mod fuzzed;

use std::path::{Path, PathBuf};

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 2] = [("control", fuzzed::control), ("keeper", fuzzed::keeper)];
/// The corpus is kept for what it covers, not for how much it is.
const LARGEST_CORPUS: u64 = 100_000;

fn files(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus").join(target);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    files.map(|file| file.expect("a file of the corpus").path()).collect()
}

#[test]
fn what_was_tried_once_still_holds() {
    for (name, target) in TARGETS {
        let files = files(name);
        assert!(files.len() > 5, "the corpus of {name} is missing");
        for file in files {
            // Named before it is tried, so that a failure says which it was.
            println!("{}", file.display());
            target(&std::fs::read(file).expect("a file of the corpus"));
        }
    }
}

#[test]
fn the_corpus_stays_small() {
    let files = TARGETS.iter().flat_map(|(name, _)| files(name));
    assert!(files.map(|file| file.metadata().expect("a file").len()).sum::<u64>() < LARGEST_CORPUS);
}
