//! `betti-api export` and `betti-api erase`.

use std::path::PathBuf;

use clap::Subcommand;

/// What is asked for.
#[derive(Subcommand)]
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
