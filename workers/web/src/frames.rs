//! Where one WebSocket frame ends and the next begins (RFC 6455, 5.2), so that a word can be put between two of them.
//! What is in them is not looked at, but for one thing: whether somebody said goodbye.

use std::hash::{BuildHasher, RandomState};

/// First byte of a close frame: the last fragment of a message, opcode 8.
const CLOSE: u8 = 0x88;
const OPCODE: u8 = 0x0f;
const MASKED: u8 = 0x80;
/// Lengths that mean that the length follows in two bytes, or in eight.
const IN_TWO_BYTES: u8 = 126;
const IN_EIGHT_BYTES: u8 = 127;
const MASK_LENGTH: usize = 4;
/// Two bytes, a length of eight, a mask.
const LONGEST_HEAD: usize = 2 + 8 + MASK_LENGTH;

/// Follows one direction of a WebSocket.
#[derive(Debug, Default)]
pub struct Frames {
    /// The head of the frame that has begun, as far as it has come.
    head: [u8; LONGEST_HEAD],
    come: usize,
    /// What is missing of that frame's payload, in bytes.
    left: u64,
    is_closed: bool,
}

/// Who sends a frame: what a client sends is masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    Client,
    Server,
}

impl Frames {
    /// Whether the last frame is complete and the next has not begun.
    pub fn is_between(&self) -> bool {
        self.come == 0 && self.left == 0
    }

    /// Whether a close frame has passed: nothing may follow it.
    pub fn is_closed(&self) -> bool {
        self.is_closed && self.is_between()
    }

    /// These bytes pass.
    pub fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = &bytes[self.pass_one(bytes)..];
        }
    }

    /// These bytes pass, up to the end of a frame; returns how many that were.
    pub fn pass_one(&mut self, bytes: &[u8]) -> usize {
        let mut passed = 0;
        while let Some(byte) = bytes.get(passed) {
            if self.left > 0 {
                let payload = u64::try_from(bytes.len() - passed).unwrap_or(u64::MAX).min(self.left);
                self.left -= payload;
                passed += usize::try_from(payload).unwrap_or(usize::MAX);
            } else {
                self.take_head(*byte);
                passed += 1;
            }
            if self.is_between() {
                break;
            }
        }
        passed
    }

    fn take_head(&mut self, byte: u8) {
        self.head[self.come] = byte;
        self.come += 1;
        let Some((length, head_length)) = length(&self.head[..self.come]) else { return };
        if self.come == head_length {
            self.is_closed |= self.head[0] & OPCODE == CLOSE & OPCODE;
            self.left = length;
            self.come = 0;
        }
    }
}

/// The payload's length and the head's, as soon as they are known.
fn length(head: &[u8]) -> Option<(u64, usize)> {
    let second = *head.get(1)?;
    let mask = if second & MASKED == 0 { 0 } else { MASK_LENGTH };
    match second & !MASKED {
        IN_TWO_BYTES => Some((u16::from_be_bytes(head.get(2..4)?.try_into().ok()?).into(), 4 + mask)),
        IN_EIGHT_BYTES => Some((u64::from_be_bytes(head.get(2..10)?.try_into().ok()?), 10 + mask)),
        short => Some((short.into(), 2 + mask)),
    }
}

/// A close frame. `reason` has at most 123 bytes; what is more is cut off.
pub fn close(sender: Sender, code: u16, reason: &str) -> Vec<u8> {
    /// The longest payload of a control frame.
    const MOST: usize = 125;
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend_from_slice(reason.as_bytes());
    payload.truncate(MOST);
    let length = u8::try_from(payload.len()).unwrap_or_default();
    match sender {
        Sender::Server => [&[CLOSE, length][..], &payload].concat(),
        Sender::Client => {
            // Any mask will do that nobody can foresee.
            let mask = RandomState::new().hash_one(code).to_be_bytes();
            let masked = payload.iter().zip(mask.iter().take(MASK_LENGTH).cycle()).map(|(byte, mask)| byte ^ mask);
            let masked: Vec<u8> = masked.collect();
            [&[CLOSE, MASKED | length][..], &mask[..MASK_LENGTH], &masked].concat()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(opcode: u8, length: usize, masked: bool) -> Vec<u8> {
        let mask = if masked { MASKED } else { 0 };
        let mut frame = match length {
            0..126 => vec![opcode, mask | length as u8],
            126..65536 => [&[opcode, mask | IN_TWO_BYTES][..], &(length as u16).to_be_bytes()].concat(),
            _ => [&[opcode, mask | IN_EIGHT_BYTES][..], &(length as u64).to_be_bytes()].concat(),
        };
        if masked {
            frame.extend([1, 2, 3, 4]);
        }
        // A payload that looks like close frames.
        frame.extend(std::iter::repeat_n(CLOSE, length));
        frame
    }

    #[test]
    fn frames_end_where_they_end_however_they_are_cut() {
        for length in [0, 1, 125, 126, 127, 65535, 65536] {
            for masked in [true, false] {
                let whole = frame(0x81, length, masked);
                let mut by_byte = Frames::default();
                for (at, byte) in whole.iter().enumerate() {
                    assert_eq!(by_byte.is_between(), at == 0, "{length} {masked}: byte {at}");
                    by_byte.pass(&[*byte]);
                }
                assert!(by_byte.is_between() && !by_byte.is_closed(), "{length} {masked}");
                let mut at_once = Frames::default();
                let (first, rest) = whole.split_at(whole.len() / 2);
                at_once.pass(first);
                assert_eq!(at_once.pass_one(&[rest, &whole].concat()), rest.len(), "{length} {masked}");
                assert!(at_once.is_between());
            }
        }
    }

    #[test]
    fn a_goodbye_is_seen_once_it_is_complete() {
        for sender in [Sender::Client, Sender::Server] {
            let mut frames = Frames::default();
            let bytes = [frame(0x81, 300, false), close(sender, 1012, "Server restarting")].concat();
            let (most, last) = bytes.split_at(bytes.len() - 1);
            frames.pass(most);
            assert!(!frames.is_closed() && !frames.is_between(), "{sender:?}");
            frames.pass(last);
            assert!(frames.is_closed(), "{sender:?}");
        }
    }

    #[test]
    fn a_close_frame_is_what_the_standard_says() {
        assert_eq!(close(Sender::Server, 1012, "bye"), [0x88, 5, 0x03, 0xf4, b'b', b'y', b'e']);
        let masked = close(Sender::Client, 1001, "bye");
        assert_eq!(masked[..2], [0x88, 0x85]);
        let open: Vec<u8> =
            masked[6..].iter().zip(masked[2..6].iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        assert_eq!(open, [0x03, 0xe9, b'b', b'y', b'e']);
        assert_eq!(close(Sender::Server, 1000, &"x".repeat(200)).len(), 2 + 125);
    }
}
