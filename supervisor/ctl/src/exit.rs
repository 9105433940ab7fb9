//! How this program ends.

use std::process::ExitCode;

/// The exit codes, all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, and true.
    Done = 0,
    /// Failed or refused.
    Failed = 1,
    /// Misuse of the command line (clap ends with the same code), or a bad file.
    Misuse = 2,
    /// No supervisor is running.
    NoSupervisor = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a verb was not carried out, and how to end.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// In words, with what to do. Already printed if empty.
    pub message: String,
}

impl Failure {
    /// Failed or refused.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, message: message.into() }
    }

    /// A bad command line or a bad file.
    pub fn misuse(message: impl Into<String>) -> Self {
        Self { exit: Exit::Misuse, message: message.into() }
    }

    /// Nobody is there.
    pub fn no_supervisor() -> Self {
        Self { exit: Exit::NoSupervisor, message: "no supervisor is running: betti-ctl start brings it up".into() }
    }
}

/// How a verb ends.
pub type Outcome = Result<Exit, Failure>;
