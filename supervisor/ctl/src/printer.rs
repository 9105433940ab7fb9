//! The only module that writes to the terminal. Colour, width and whether a program reads are decided here, once.

use std::cell::Cell;
use std::io::{IsTerminal, Write};

use serde::Serialize;

use crate::exit::{Failure, Mistake};

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
/// To the line's beginning, and everything on it wiped.
const REWRITE: &str = "\r\u{1b}[2K";

/// Writes to standard output and standard error.
///
/// A reader that went away (`betti-ctl status | head -1`) is no reason to fail: what was asked for is still done, only
/// nobody reads about it.
pub struct Printer {
    out_colour: bool,
    error_colour: bool,
    terminal: bool,
    json: bool,
    /// Whether a line that is to be rewritten stands on the terminal.
    live: Cell<bool>,
    gone: Cell<bool>,
}

/// What went wrong, for programs.
#[derive(Serialize)]
struct Error<'f> {
    ok: bool,
    error: &'f str,
    exit: u8,
    #[serde(skip_serializing_if = "<[Mistake]>::is_empty")]
    mistakes: &'f [Mistake],
}

impl Printer {
    /// For this process, as it was started; `json` if a program reads standard output.
    pub fn from_environment(json: bool) -> Self {
        let wanted = !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb");
        let terminal = std::io::stdout().is_terminal();
        Self {
            out_colour: wanted && terminal,
            error_colour: wanted && std::io::stderr().is_terminal(),
            terminal,
            json,
            live: Cell::new(false),
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

    /// Whether a program reads standard output: one JSON document, and nothing else.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether a line can be rewritten while something is waited for.
    pub fn is_live(&self) -> bool {
        self.terminal && !self.json
    }

    /// The terminal's width in columns, which may change while something is waited for; `None` when piped.
    pub fn width(&self) -> Option<u16> {
        let size = if self.terminal { terminal_size::terminal_size_of(std::io::stdout()) } else { None };
        size.map(|(width, _)| width.0)
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

    /// `[Betti] …`: what is being done. Programs are not told.
    pub fn say(&self, text: &str) {
        if !self.json {
            self.line(&format!("{} {text}", self.paint(Tone::Own, "[Betti]")));
        }
    }

    /// The answer for a program.
    ///
    /// # Errors
    /// If it cannot be written as JSON.
    pub fn json(&self, answer: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(answer).map_err(|error| Failure::failed(error.to_string()))?;
        self.line(&text);
        Ok(())
    }

    /// A line that stays until the next output of any kind, on a terminal only.
    pub fn live(&self, text: &str) {
        if self.is_live() {
            self.bytes(format!("{REWRITE}{text}").as_bytes());
            self.live.set(true);
        }
    }

    /// Wipes the line that is to be rewritten, if one stands there.
    pub fn settle(&self) {
        if self.live.get() {
            self.bytes(b"");
        }
    }

    /// Bytes as they are.
    pub fn bytes(&self, bytes: &[u8]) {
        let wipe: &[u8] = if self.live.replace(false) { REWRITE.as_bytes() } else { b"" };
        let bytes = [wipe, bytes].concat();
        let bytes = bytes.as_slice();
        let mut out = std::io::stdout().lock();
        if out.write_all(bytes).and_then(|()| out.flush()).is_err() {
            self.gone.set(true);
        }
    }

    /// Why the verb was not carried out, for whoever reads: people on standard error, programs on standard output as well.
    pub fn failure(&self, failure: &Failure) {
        if !failure.message.is_empty() {
            self.error(&failure.message);
        }
        if self.json {
            let Failure { exit, message, mistakes } = failure;
            // These are a number and texts: there is no way for them not to be JSON.
            let _ = self.json(&Error { ok: false, error: message, exit: *exit as u8, mistakes });
        }
    }

    /// `[Betti][ERROR] …` on standard error.
    pub fn error(&self, text: &str) {
        let prefix = paint(self.error_colour, Tone::Bad, "[Betti][ERROR]");
        self.error_text(&format!("{prefix} {text}\n"));
    }

    /// Text as it is on standard error.
    pub fn error_text(&self, text: &str) {
        self.settle();
        // Nobody is left to be told that standard error cannot be written to.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

/// The text in the tone's colour, if colour is wanted.
pub fn paint(colour: bool, tone: Tone, text: &str) -> String {
    if colour { format!("{}{text}{PLAIN}", tone.escape()) } else { text.to_owned() }
}
