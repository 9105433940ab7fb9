//! What a power cut leaves at the end of a file that only grows: a line that never came to its end, or zeros in place of bytes
//! that never reached the disk. Whoever goes on writing there begins after the last whole line.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// How far back a line is looked for; what has no ends is cut nowhere. No line that we write is longer.
const LONGEST_LINE: u64 = 1024 * 1024;
const CHUNK: u64 = 64 * 1024;

/// Cuts a file behind its last whole line, or behind its last byte that is no zero, where there are no lines. Returns how many
/// bytes went.
pub fn cut_torn_end(file: &File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let written = end_of(file, length, 0, |byte| byte != 0)?.unwrap_or(0);
    let line = end_of(file, written, written.saturating_sub(LONGEST_LINE), |byte| byte == b'\n')?;
    let end = match line {
        Some(end) => end,
        None if written > LONGEST_LINE => written,
        None => 0,
    };
    if end < length {
        file.set_len(end)?;
    }
    Ok(length - end)
}

/// Behind the last byte of a kind before `length`, looked for back to `start`.
fn end_of(file: &File, length: u64, start: u64, is_it: impl Fn(u8) -> bool) -> io::Result<Option<u64>> {
    let mut end = length;
    let mut bytes = vec![0; usize::try_from(CHUNK).unwrap_or(usize::MAX)];
    while end > start {
        let begin = end.saturating_sub(CHUNK).max(start);
        let chunk = &mut bytes[..usize::try_from(end - begin).unwrap_or(usize::MAX)];
        file.read_exact_at(chunk, begin)?;
        if let Some(at) = chunk.iter().rposition(|byte| is_it(*byte)) {
            return Ok(Some(begin + at as u64 + 1));
        }
        end = begin;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use super::*;

    fn left_of(text: &[u8]) -> Vec<u8> {
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), text).unwrap();
        let file = OpenOptions::new().read(true).write(true).open(path.path()).unwrap();
        let cut = cut_torn_end(&file).unwrap();
        let left = std::fs::read(path.path()).unwrap();
        assert_eq!(left.len() as u64 + cut, text.len() as u64);
        left
    }

    #[test]
    fn what_is_left_ends_with_a_whole_line() {
        for (before, after) in [
            (&b""[..], &b""[..]),
            (b"one\n", b"one\n"),
            (b"one\ntw", b"one\n"),
            (b"one\n\0\0\0", b"one\n"),
            (b"one\ntw\0\0", b"one\n"),
            (b"one\n\0\n", b"one\n\0\n"),
            (b"torn", b""),
            (b"\0\0", b""),
        ] {
            assert_eq!(left_of(before), after, "{before:?}");
        }
    }

    #[test]
    fn however_much_is_torn_it_is_found_and_what_has_no_lines_is_kept() {
        let most = usize::try_from(LONGEST_LINE).unwrap();
        let zeros = [&b"one\n"[..], &vec![0; 3 * most]].concat();
        assert_eq!(left_of(&zeros), b"one\n");
        let line = [&b"one\n"[..], &vec![b'x'; most - 1]].concat();
        assert_eq!(left_of(&line), b"one\n");
        let without = [vec![b'x'; most + 5], vec![0; 9]].concat();
        assert_eq!(left_of(&without).len(), most + 5);
    }
}
