//! What a fuzzer once tried, tried again: every file of `tests/fuzz/corpus`.

mod fuzzed;

use std::path::{Path, PathBuf};

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 4] = [
    ("manifest", fuzzed::manifest),
    ("profile", fuzzed::profile),
    ("pm2_json", fuzzed::pm2_json),
    ("pm2_yaml", fuzzed::pm2_yaml),
];
/// What `protocol`, `daemon` and `api` try again.
const ELSEWHERE: [&str; 4] = ["control", "keeper", "notes", "bodies"];
/// The corpus is kept for what it covers, not for how much it is.
const LARGEST_CORPUS: u64 = 200_000;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    files.map(|file| file.expect("a file of the corpus").path()).collect()
}

#[test]
fn what_was_tried_once_still_holds() {
    for (name, target) in TARGETS {
        let files = files(&corpus().join(name));
        assert!(files.len() > 5, "the corpus of {name} is missing");
        for file in files {
            // Named before it is tried, so that a failure says which it was.
            println!("{}", file.display());
            target(&std::fs::read(file).expect("a file of the corpus"));
        }
    }
}

#[test]
fn the_corpus_stays_small_and_is_all_of_it_used() {
    let folders = files(&corpus());
    let is_used =
        |folder: &PathBuf| TARGETS.iter().map(|(name, _)| name).chain(&ELSEWHERE).any(|name| folder.ends_with(name));
    assert!(folders.iter().all(is_used), "{folders:?}");
    let sizes = folders.iter().flat_map(|folder| files(folder)).map(|file| file.metadata().expect("a file").len());
    assert!(sizes.sum::<u64>() < LARGEST_CORPUS);
}
