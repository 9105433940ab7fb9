//! Where the last lines of a file begin, without reading all of it.

use std::io::{self, Read, Seek, SeekFrom};

/// How much is read at a time, from the end backwards, in bytes.
const BLOCK: u64 = 16 * 1024;

/// The offset at which the last `lines` lines begin. A last line without its end counts as one.
pub fn start_of_last(file: &mut (impl Read + Seek), lines: usize) -> io::Result<u64> {
    let length = file.seek(SeekFrom::End(0))?;
    if lines == 0 {
        return Ok(length);
    }
    let (mut block_end, mut found) = (length, 0);
    while block_end > 0 {
        let block_start = block_end.saturating_sub(BLOCK);
        let mut block = Vec::new();
        file.seek(SeekFrom::Start(block_start))?;
        file.by_ref().take(block_end - block_start).read_to_end(&mut block)?;
        for (place, _) in block.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n') {
            let after = block_start + place as u64 + 1;
            // The newline at the very end ends the last line and begins none.
            if after < length {
                found += 1;
                if found == lines {
                    return Ok(after);
                }
            }
        }
        block_end = block_start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn last(text: &str, lines: usize) -> &str {
        let start = start_of_last(&mut Cursor::new(text.as_bytes()), lines).expect("memory can be read");
        &text[usize::try_from(start).expect("small")..]
    }

    #[test]
    fn the_last_lines_are_found() {
        let rows = [
            ("", 3, ""),
            ("a\nb\nc\n", 0, ""),
            ("a\nb\nc\n", 1, "c\n"),
            ("a\nb\nc\n", 2, "b\nc\n"),
            ("a\nb\nc\n", 3, "a\nb\nc\n"),
            ("a\nb\nc\n", 9, "a\nb\nc\n"),
            ("a\nb\nopen", 1, "open"),
            ("a\nb\nopen", 2, "b\nopen"),
            ("\n\n\n", 2, "\n\n"),
        ];
        for (text, lines, expected) in rows {
            assert_eq!(last(text, lines), expected, "{text:?} {lines}");
        }
    }

    #[test]
    fn lines_may_be_longer_than_a_block() {
        let long = "x".repeat(40_000);
        let text = format!("first\n{long}\n{long}\nlast\n");
        assert_eq!(last(&text, 2), format!("{long}\nlast\n"));
        assert_eq!(last(&text, 4), text);
    }
}
