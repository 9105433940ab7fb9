//! How this program ends.

use std::process::ExitCode;

use serde::Serialize;

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
    /// In words, with what to do.
    pub message: String,
    /// The mistakes in a file, if that is why. They were shown already.
    pub mistakes: Vec<Mistake>,
}

/// A mistake in a file, for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// What is wrong.
    pub message: String,
    /// The line it is on, from 1.
    pub line: usize,
    /// The character of the line that it starts at, from 1.
    pub column: usize,
    /// The likely fix.
    pub help: Option<String>,
}

impl From<&manifest::Diagnostic> for Mistake {
    fn from(mistake: &manifest::Diagnostic) -> Self {
        let manifest::Diagnostic { message, line, column, help, .. } = mistake;
        Self { message: message.clone(), line: *line, column: *column, help: help.clone() }
    }
}

impl Failure {
    /// Failed or refused.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, message: message.into(), mistakes: Vec::new() }
    }

    /// A bad command line or a bad file.
    pub fn misuse(message: impl Into<String>) -> Self {
        Self { exit: Exit::Misuse, ..Self::failed(message) }
    }

    /// Nobody is there.
    pub fn no_supervisor() -> Self {
        let message = "no supervisor is running: betti-ctl start brings it up";
        Self { exit: Exit::NoSupervisor, ..Self::failed(message) }
    }
}

/// How a verb ends.
pub type Outcome = Result<Exit, Failure>;
