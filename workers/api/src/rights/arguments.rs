//! `betti-api export` and `betti-api erase`.

use std::{ffi::OsString, path::PathBuf};

use clap::{Parser, Subcommand};

/// The first words that are meant for this; everything else is the worker's.
const OURS: [&str; 2] = ["export", "erase"];

/// Everything that is kept about a resident, to hand it out or to have it gone
///
/// Exit codes: 0 done, 1 failed or refused, 2 misuse.
#[derive(Parser)]
#[command(name = "betti-api", version)]
struct Arguments {
    #[command(subcommand)]
    asked: Asked,
}

/// What is asked for.
#[derive(Debug, PartialEq, Subcommand)]
pub enum Asked {
    /// Write everything that is kept about a resident to a zip file: JSON, FHIR R4, and a CSV file for each table
    Export {
        /// The resident's number, as GET /api/v1/residents says it
        #[arg(long, value_name = "N")]
        resident: i64,
        /// The file to write, which must not be there yet
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// Have everything gone that is kept about a resident; there is no way back
    Erase {
        /// The resident's number, as GET /api/v1/residents says it
        #[arg(long, value_name = "N")]
        resident: i64,
        /// The same number again, so that nobody is erased by a slip; asked for on a terminal unless given
        #[arg(long, value_name = "N")]
        confirm: Option<i64>,
    },
}

/// What is asked for, if it is one of these.
pub fn read(words: impl Iterator<Item = OsString>) -> Option<Result<Asked, clap::Error>> {
    let words: Vec<OsString> = words.collect();
    let is_ours = words.get(1).and_then(|word| word.to_str()).is_some_and(|word| OURS.contains(&word));
    is_ours.then(|| Arguments::try_parse_from(words).map(|arguments| arguments.asked))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn asked(line: &str) -> Option<Result<Asked, clap::Error>> {
        read(line.split(' ').map(OsString::from))
    }

    #[test]
    fn only_these_words_are_not_the_workers() {
        Arguments::command().debug_assert();
        for other in ["betti-api", "betti-api serve", "betti-api token --role service", "betti-api --help"] {
            assert!(asked(other).is_none(), "{other}");
        }
        let export = Asked::Export { resident: 2, to: "x.zip".into() };
        assert_eq!(asked("betti-api export --resident 2 --to x.zip").unwrap().unwrap(), export);
        let erase = Asked::Erase { resident: 2, confirm: Some(2) };
        assert_eq!(asked("betti-api erase --resident 2 --confirm 2").unwrap().unwrap(), erase);
        for misuse in ["betti-api erase", "betti-api erase --resident anna", "betti-api export --resident 1"] {
            assert_eq!(asked(misuse).unwrap().unwrap_err().exit_code(), 2, "{misuse}");
        }
    }
}
