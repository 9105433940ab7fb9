//! How many bytes all logs together may take, those of an app and those of the house. Pure: it is told what there is.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::limits::Limits;

/// However many logs there are, none is put aside before it has so many bytes.
const LEAST: u64 = 1024;

/// All logs that there may be, and what they may take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct House {
    /// Bytes of all together, with what was put aside; no limit if there is none.
    pub most: Option<u64>,
    pub apps: Vec<AppLogs>,
    /// Whether the wall clock is right although nobody told the kernel.
    pub trusts_clock: bool,
}

/// The logs of one app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppLogs {
    /// Each once.
    pub files: Vec<PathBuf>,
    /// Bytes of all of them together, with what was put aside.
    pub most: Option<u64>,
}

/// One that was put aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Which log it is of.
    pub log: usize,
    pub number: u32,
    pub bytes: u64,
    pub written: SystemTime,
}

impl House {
    /// When a log is to be put aside: early enough that the present ones take no more than half of what all may take.
    pub fn limits_of(&self, log: &Path, asked: Limits) -> Limits {
        let all: usize = self.apps.iter().map(|app| app.files.len()).sum();
        let app = self.apps.iter().find(|app| app.files.iter().any(|file| file == log));
        let shares = [share(self.most, all), app.and_then(|app| share(app.most, app.files.len()))];
        let bytes = shares.into_iter().flatten().fold(asked.bytes, u64::min);
        Limits { bytes, ..asked }
    }
}

fn share(most: Option<u64>, files: usize) -> Option<u64> {
    most.map(|most| (most / 2 / files.max(1) as u64).max(LEAST))
}

/// Which ones have to go, so that they and the present files, which take `present` bytes, take no more than `most`: always the
/// one that was written longest ago, of each log the one with the highest number.
pub fn too_many(present: u64, mut stored: Vec<Stored>, most: u64) -> Vec<Stored> {
    let mut bytes = stored.iter().fold(present, |sum, stored| sum.saturating_add(stored.bytes));
    let mut gone = Vec::new();
    while bytes > most {
        let is_last = |at: &usize| {
            !stored.iter().any(|other| {
                (other.log, other.number) > (stored[*at].log, stored[*at].number) && other.log == stored[*at].log
            })
        };
        let oldest = (0..stored.len()).filter(is_last).min_by_key(|at| (stored[*at].written, stored[*at].log));
        let Some(oldest) = oldest else { break };
        let goes = stored.swap_remove(oldest);
        bytes -= goes.bytes;
        gone.push(goes);
    }
    gone
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn stored(log: usize, number: u32, bytes: u64, written: u64) -> Stored {
        Stored { log, number, bytes, written: SystemTime::UNIX_EPOCH + Duration::from_secs(written) }
    }

    #[test]
    fn the_oldest_go_first_whosever_they_are() {
        let all = || vec![stored(0, 1, 10, 50), stored(0, 2, 10, 20), stored(1, 1, 10, 40), stored(1, 2, 10, 30)];
        for (most, expected) in [
            (45, &[][..]),
            (44, &[(0, 2)]),
            (30, &[(0, 2), (1, 2)]),
            (15, &[(0, 2), (1, 2), (1, 1)]),
            (1, &[(0, 2), (1, 2), (1, 1), (0, 1)]),
        ] {
            let gone: Vec<_> = too_many(5, all(), most).iter().map(|gone| (gone.log, gone.number)).collect();
            assert_eq!(gone, expected, "{most}");
        }
    }

    #[test]
    fn many_logs_are_put_aside_early() {
        let limits = Limits { bytes: 10_000, age: None, kept: 5 };
        let files = |names: &[&str]| names.iter().map(PathBuf::from).collect();
        let bytes = |most: Option<u64>, app: Option<u64>| {
            let apps = vec![
                AppLogs { files: files(&["a", "b"]), most: app },
                AppLogs { files: files(&["c", "d"]), most: None },
            ];
            let house = House { most, apps, trusts_clock: false };
            ["a", "c", "z"].map(|log| house.limits_of(Path::new(log), limits).bytes)
        };
        assert_eq!(bytes(None, None), [10_000; 3]);
        assert_eq!(bytes(Some(80_000), None), [10_000; 3]);
        assert_eq!(bytes(Some(40_000), None), [5_000; 3]);
        assert_eq!(bytes(None, Some(12_000)), [3_000, 10_000, 10_000]);
        assert_eq!(bytes(Some(40_000), Some(1)), [LEAST, 5_000, 5_000]);
    }

    proptest! {
        #[test]
        fn no_more_is_left_than_may_be_and_no_more_goes_than_has_to(
            sizes in proptest::collection::vec((0_usize..4, 1_u64..100, 0_u64..50), 0..30), present in 0_u64..200, most in 0_u64..2000
        ) {
            let mut numbers = [0; 4];
            let all: Vec<Stored> = sizes.iter().map(|(log, bytes, written)| {
                numbers[*log] += 1;
                stored(*log, numbers[*log], *bytes, *written)
            }).collect();
            let gone = too_many(present, all.clone(), most);
            let sum = |stored: &[Stored]| stored.iter().map(|stored| stored.bytes).sum::<u64>();
            let left = present + sum(&all) - sum(&gone);
            prop_assert!(left <= most || gone.len() == all.len());
            if let Some(last) = gone.last() {
                prop_assert!(left + last.bytes > most);
            }
            for gone_one in &gone {
                let later = |other: &Stored| other.log == gone_one.log && other.number > gone_one.number;
                prop_assert!(all.iter().filter(|other| later(other)).all(|other| gone.contains(other)));
            }
        }
    }
}
