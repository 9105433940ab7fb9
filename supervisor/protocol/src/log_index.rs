//! The index beside a log file: when and by whom its bytes were written. Logs themselves stay raw; times, order across files and
//! whose line it is come from here.
//!
//! `a.log` has `a.log.index`, `a.log.1` has `a.log.1.index`; one that was compressed, `a.log.2.gz`, has `a.log.2.index`, whose
//! offsets are those of what it was before. An index is a list of [`Mark`]s of [`LENGTH`] bytes, little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 0..8 | offset in the log at which the batch begins |
//! | 8..16 | `CLOCK_REALTIME` in microseconds since 1970, as it was then, signed |
//! | 16..24 | `CLOCK_BOOTTIME` in microseconds |
//! | 24..32 | the boot: the first eight bytes of its id (`/proc/sys/kernel/random/boot_id`) |
//! | 32..40 | the run, numbered as everywhere; 0 for the supervisor's own words |
//! | 40..42 | flags: 1 the wall clock was known to be right, 2 standard error |
//! | 42..44 | the number that operators know the app by (`pm_id`) at that time; 65535 where it is nobody's |
//! | 44..48 | FNV-1a of the 44 bytes before |
//!
//! A mark is written before its bytes are moved, so a batch without bytes is possible after a kill, and bytes without a mark are
//! not. Of several marks with one offset the last counts. A mark whose sum is wrong was torn by a power cut and is passed over.
//! A log without an index, or bytes before its first mark, have no known time.

/// The length of a mark, in bytes.
pub const LENGTH: usize = 48;
/// What is put behind a log's name, in place of `.gz` if it was compressed.
pub const SUFFIX: &str = ".index";

/// The number of no app.
pub const NOBODY: u16 = u16::MAX;

const CLOCK_IS_RIGHT: u16 = 1;
const STANDARD_ERROR: u16 = 2;
const SUMMED: usize = LENGTH - 4;

/// A batch of bytes of one log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Where it begins in the log.
    pub offset: u64,
    /// When it was written by the wall clock, in microseconds since 1970.
    pub wall_us: i64,
    /// When it was written, in microseconds since that boot.
    pub uptime_us: u64,
    /// Which boot.
    pub boot: u64,
    /// Which run wrote it; 0 where it is nobody's.
    pub run: u64,
    /// The app's number at that time (PM2's `pm_id`); [`NOBODY`] where it is nobody's.
    pub app: u16,
    /// Whether the kernel was told that its wall clock is right.
    pub clock_is_right: bool,
    /// Whether it came from standard error.
    pub error: bool,
}

impl Mark {
    /// As it is written.
    #[must_use]
    pub fn encode(&self) -> [u8; LENGTH] {
        let right = if self.clock_is_right { CLOCK_IS_RIGHT } else { 0 };
        let flags = right | if self.error { STANDARD_ERROR } else { 0 };
        let mut bytes = [0; LENGTH];
        bytes[..8].copy_from_slice(&self.offset.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.wall_us.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.uptime_us.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.boot.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.run.to_le_bytes());
        bytes[40..42].copy_from_slice(&flags.to_le_bytes());
        bytes[42..SUMMED].copy_from_slice(&self.app.to_le_bytes());
        let sum = fnv_1a(&bytes[..SUMMED]);
        bytes[SUMMED..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// `None` if it was torn.
    #[must_use]
    pub fn decode(bytes: &[u8; LENGTH]) -> Option<Self> {
        let eight = |at: usize| bytes[at..at + 8].try_into().map(u64::from_le_bytes).unwrap_or_default();
        let two = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let flags = two(40);
        let sum = u32::from_le_bytes([bytes[44], bytes[45], bytes[46], bytes[47]]);
        (sum == fnv_1a(&bytes[..SUMMED])).then(|| Self {
            offset: eight(0),
            wall_us: eight(8).cast_signed(),
            uptime_us: eight(16),
            boot: eight(24),
            run: eight(32),
            app: two(42),
            clock_is_right: flags & CLOCK_IS_RIGHT != 0,
            error: flags & STANDARD_ERROR != 0,
        })
    }
}

/// All marks of an index that are whole.
pub fn marks(index: &[u8]) -> impl Iterator<Item = Mark> + '_ {
    index.chunks_exact(LENGTH).filter_map(|bytes| Mark::decode(bytes.try_into().ok()?))
}

/// The boot that an id as the kernel writes it stands for: `6b1d3b3e-1c0f-4f0a-…`; `None` if it is no such id.
#[must_use]
pub fn boot(id: &str) -> Option<u64> {
    let digits: String = id.chars().filter(char::is_ascii_hexdigit).take(16).collect();
    (digits.len() == 16).then(|| u64::from_str_radix(&digits, 16).ok()).flatten()
}

fn fnv_1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: Mark = Mark {
        offset: 1,
        wall_us: -2,
        uptime_us: 3,
        boot: 0x0405_0607_0809_0a0b,
        run: 12,
        app: 258,
        clock_is_right: true,
        error: true,
    };

    #[test]
    fn a_mark_is_read_as_it_was_written_and_written_as_it_always_was() {
        let bytes = MARK.encode();
        assert_eq!(Mark::decode(&bytes), Some(MARK));
        assert_eq!(&bytes[24..44], &[11, 10, 9, 8, 7, 6, 5, 4, 12, 0, 0, 0, 0, 0, 0, 0, 3, 0, 2, 1]);
        let plain = Mark { clock_is_right: false, error: false, ..MARK };
        assert_eq!(Mark::decode(&plain.encode()), Some(plain));
    }

    #[test]
    fn torn_marks_are_passed_over() {
        let mut index = [MARK.encode(), MARK.encode(), MARK.encode()].concat();
        index[LENGTH + 5] ^= 1;
        index.extend_from_slice(&MARK.encode()[..LENGTH - 1]);
        assert_eq!(marks(&index).count(), 2);
        assert_eq!(Mark::decode(&[0; LENGTH]), None, "a block that was never written");
    }

    #[test]
    fn a_boot_is_known_by_its_id() {
        assert_eq!(boot("01234567-89ab-cdef-0011-223344556677\n"), Some(0x0123_4567_89ab_cdef));
        assert_eq!(boot("none"), None);
    }
}
