//! The only module that writes to the terminal. Colour and width are decided here, once.

use std::cell::Cell;
use std::io::{IsTerminal, Write};

/// What a text is about, and so its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Done, online.
    Good,
    /// On its way.
    Busy,
    /// Held back, or going to be tried again.
    Uneasy,
    /// Failed.
    Bad,
    /// Betti's own voice.
    Own,
}

impl Tone {
    const fn escape(self) -> &'static str {
        match self {
            Self::Good => "\u{1b}[32m",
            Self::Busy => "\u{1b}[34m",
            Self::Uneasy => "\u{1b}[33m",
            Self::Bad => "\u{1b}[31m",
            Self::Own => "\u{1b}[36m",
        }
    }
}

const PLAIN: &str = "\u{1b}[0m";

/// Writes to standard output and standard error.
///
/// A reader that went away (`betti-ctl status | head -1`) is no reason to fail: what was asked for is still done, only
/// nobody reads about it.
pub struct Printer {
    out_colour: bool,
    error_colour: bool,
    width: Option<u16>,
    terminal: bool,
    gone: Cell<bool>,
}

impl Printer {
    /// For this process, as it was started.
    pub fn from_environment() -> Self {
        let wanted = !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb");
        let terminal = std::io::stdout().is_terminal();
        let width = if terminal { terminal_size::terminal_size_of(std::io::stdout()) } else { None };
        Self {
            out_colour: wanted && terminal,
            error_colour: wanted && std::io::stderr().is_terminal(),
            width: width.map(|(width, _)| width.0),
            terminal,
            gone: Cell::new(false),
        }
    }

    /// Whether standard output is coloured.
    pub fn colour(&self) -> bool {
        self.out_colour
    }

    /// Whether standard error is coloured.
    pub fn error_colour(&self) -> bool {
        self.error_colour
    }

    /// Whether a person reads standard output.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// The terminal's width in columns; `None` when piped.
    pub fn width(&self) -> Option<u16> {
        self.width
    }

    /// Whether nobody reads standard output any more.
    pub fn is_unread(&self) -> bool {
        self.gone.get()
    }

    /// The text in the tone's colour, for standard output.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        paint(self.out_colour, tone, text)
    }

    /// A line for whoever reads the answer.
    pub fn line(&self, text: &str) {
        self.bytes(format!("{text}\n").as_bytes());
    }

    /// `[Betti] …`: what is being done.
    pub fn say(&self, text: &str) {
        self.line(&format!("{} {text}", self.paint(Tone::Own, "[Betti]")));
    }

    /// Bytes as they are.
    pub fn bytes(&self, bytes: &[u8]) {
        let mut out = std::io::stdout().lock();
        if out.write_all(bytes).and_then(|()| out.flush()).is_err() {
            self.gone.set(true);
        }
    }

    /// `[Betti][ERROR] …` on standard error.
    pub fn error(&self, text: &str) {
        let prefix = paint(self.error_colour, Tone::Bad, "[Betti][ERROR]");
        self.error_text(&format!("{prefix} {text}\n"));
    }

    /// Text as it is on standard error.
    pub fn error_text(&self, text: &str) {
        // Nobody is left to be told that standard error cannot be written to.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

fn paint(colour: bool, tone: Tone, text: &str) -> String {
    if colour { format!("{}{text}{PLAIN}", tone.escape()) } else { text.to_owned() }
}
