//! What must hold whatever a run says over `sd_notify`. Used by the replay of the kept corpus, below, and by the fuzzer
//! (`tests/fuzz`), which takes this file and the reader's into a crate of its own.

use std::mem::discriminant;

use super::notify::{Word, main_pid_in, words};

/// A datagram.
pub fn notes(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let said = words(&text);
    for (place, word) in said.iter().enumerate() {
        assert!(said[..place].iter().all(|before| discriminant(before) != discriminant(word)), "{said:?}");
    }
    let main_pid = said.iter().find_map(|word| if let Word::MainPid(pid) = word { Some(*pid) } else { None });
    assert!(main_pid_in(&text) == main_pid && main_pid.is_none_or(|pid| pid > 1), "{main_pid:?}");
    // The free text comes last: at the end of a line, what ends lines elsewhere would not be the text's own.
    let (texts, others): (Vec<&Word>, Vec<&Word>) = said.iter().partition(|word| matches!(word, Word::Status(_)));
    let written: Vec<String> = others.into_iter().chain(texts).map(written).collect();
    assert_eq!(words(&written.join("\n")), said, "{written:?}");
}

/// As the run would write it.
fn written(word: &Word) -> String {
    match word {
        Word::MainPid(pid) => format!("MAINPID={pid}"),
        Word::Status(text) => format!("STATUS={text}"),
        Word::WatchdogInterval(time) => format!("WATCHDOG_USEC={}", time.as_micros()),
        Word::Extend(time) => format!("EXTEND_TIMEOUT_USEC={}", time.as_micros()),
        Word::Stopping => "STOPPING=1".to_owned(),
        Word::Ready => "READY=1".to_owned(),
        Word::Watchdog => "WATCHDOG=1".to_owned(),
        Word::WatchdogTrigger => "WATCHDOG=trigger".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_was_tried_once_still_holds() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus/notes");
        let files: Vec<_> = std::fs::read_dir(folder).expect("the corpus").collect();
        assert!(files.len() > 5, "the corpus is missing");
        for file in files {
            let file = file.expect("a file of the corpus").path();
            // Named before it is tried, so that a failure says which it was.
            println!("{}", file.display());
            notes(&std::fs::read(file).expect("a file of the corpus"));
        }
    }
}
