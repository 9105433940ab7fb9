//! Makes what apps wrote harmless on a terminal: colours pass, and every other control character is shown instead of obeyed.
//! Else a line could move the cursor, set the title, answer in the operator's place, or hide what stands beside it.

use super::palette::PLAIN;

const ESCAPE: u8 = 0x1b;
/// A colour with more bytes than this is none.
const LONGEST_COLOUR: usize = 64;

/// Adds the line, without its end, to what is shown. Colours pass if they are wanted, else they are left out; one that is
/// still on at the end is ended.
pub fn write(line: &[u8], colour: bool, to: &mut Vec<u8>) {
    // Half of an end as Windows has it.
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (mut rest, mut is_coloured) = (line, false);
    while !rest.is_empty() {
        let length = match rest[0] {
            ESCAPE => match colour_length(rest) {
                Some(length) => {
                    if colour {
                        to.extend_from_slice(&rest[..length]);
                        is_coloured = true;
                    }
                    length
                }
                None => shown(rest[0], to),
            },
            b'\t' | b' '..=b'~' => {
                to.push(rest[0]);
                1
            }
            0..=0x1f | 0x7f => shown(rest[0], to),
            _ => character(rest, to),
        };
        rest = &rest[length..];
    }
    if is_coloured {
        to.extend_from_slice(PLAIN.as_bytes());
    }
}

/// As `cat -v` shows it.
fn shown(byte: u8, to: &mut Vec<u8>) -> usize {
    to.extend_from_slice(&[b'^', byte ^ 0x40]);
    1
}

/// A character beyond ASCII. Those from U+0080 to U+009F are control characters too, alone as well as in UTF-8.
fn character(rest: &[u8], to: &mut Vec<u8>) -> usize {
    let length = rest.utf8_chunks().next().map_or(0, |chunk| chunk.valid().chars().next().map_or(0, char::len_utf8));
    match (length, rest) {
        (0, [byte @ 0x80..=0x9f, ..]) => {
            to.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
            1
        }
        (2, [0xc2, byte @ 0x80..=0x9f, ..]) => {
            to.extend_from_slice(format!("\\u{{{byte:x}}}").as_bytes());
            2
        }
        (length, _) => {
            let length = length.max(1);
            to.extend_from_slice(&rest[..length]);
            length
        }
    }
}

/// How long the sequence is, if it is one for colours (SGR): `ESC [ 1 ; 31 m`.
fn colour_length(rest: &[u8]) -> Option<usize> {
    let parameters = rest.get(1..)?.strip_prefix(b"[")?;
    let is_parameter = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b';' | b':');
    let end = parameters.iter().take(LONGEST_COLOUR).position(|byte| !is_parameter(byte))?;
    (parameters[end] == b'm').then_some(2 + end + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn harmless(line: &[u8], colour: bool) -> Vec<u8> {
        let mut to = Vec::new();
        write(line, colour, &mut to);
        to
    }

    #[test]
    fn colours_pass_and_what_would_be_obeyed_is_shown() {
        for (line, expected) in [
            ("plain ä €\tx", "plain ä €\tx"),
            ("\u{1b}[1;31mred", "\u{1b}[1;31mred\u{1b}[0m"),
            ("\u{1b}[38:5:3mx\u{1b}[m", "\u{1b}[38:5:3mx\u{1b}[m\u{1b}[0m"),
            ("\u{1b}[2J\u{1b}[H", "^[[2J^[[H"),
            ("\u{1b}]0;title\u{7}", "^[]0;title^G"),
            ("\u{1b}c\u{1b}", "^[c^["),
            ("a\rb\r", "a^Mb"),
            ("\u{9b}2J \u{7f}\u{0}", "\\u{9b}2J ^?^@"),
        ] {
            assert_eq!(String::from_utf8(harmless(line.as_bytes(), true)).expect("text"), expected);
        }
        assert_eq!(harmless(b"\xff\x9b\xe9", true), b"\xff\\x9b\xe9");
        assert_eq!(harmless(b"\x1b[31mred\x1b[2J", false), b"red^[[2J");
    }

    proptest! {
        #[test]
        fn no_control_character_is_left_but_those_of_colours(line in any::<Vec<u8>>()) {
            let shown = harmless(&line, false);
            let is_control = |byte: &u8| *byte != b'\t' && (*byte < b' ' || *byte == 0x7f);
            prop_assert!(!shown.iter().any(is_control), "{:?}", shown);
            let c1 = String::from_utf8_lossy(&shown).chars().any(|character| ('\u{80}'..='\u{9f}').contains(&character));
            prop_assert!(!c1);
        }
    }
}
