//! A mistake, where it is, and how to mend it.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

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
    /// What elsewhere in the file it collides with.
    pub related: Option<Related>,
    /// The likely fix.
    pub help: Option<String>,
}

/// Another place that a mistake has to do with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// Where, in bytes of the file.
    pub span: Range<usize>,
    /// What is there.
    pub label: String,
}

/// Every mistake in a file, in its order. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    path: PathBuf,
    text: String,
    mistakes: Vec<Diagnostic>,
}

impl Diagnostics {
    pub(crate) fn new(path: &Path, text: &str, mut mistakes: Vec<Mistake>) -> Self {
        mistakes.sort_by_key(|mistake| (mistake.span.start, mistake.span.end));
        let mistakes = mistakes.into_iter().map(|mistake| mistake.placed_in(text)).collect();
        Self { path: path.to_owned(), text: text.to_owned(), mistakes }
    }

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
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let path = self.path.display().to_string();
        let shown = self.mistakes.iter().map(|mistake| mistake.shown(&renderer, &path, &self.text));
        shown.collect::<Vec<_>>().join("\n\n")
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

impl Diagnostic {
    fn shown(&self, renderer: &Renderer, path: &str, text: &str) -> String {
        let mut snippet = Snippet::source(text).path(path).annotation(AnnotationKind::Primary.span(self.span.clone()));
        if let Some(Related { span, label }) = &self.related {
            snippet = snippet.annotation(AnnotationKind::Context.span(span.clone()).label(label));
        }
        let mut group = Level::ERROR.primary_title(&self.message).element(snippet);
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help));
        }
        renderer.render(&[group])
    }
}

/// A mistake as it is noticed: in bytes, not yet in lines.
#[derive(Clone, Debug)]
pub(crate) struct Mistake {
    span: Range<usize>,
    message: String,
    related: Option<Related>,
    help: Option<String>,
}

impl Mistake {
    pub(crate) fn new(span: Range<usize>, message: impl AsRef<str>) -> Self {
        Self { span, message: printable(message.as_ref()), related: None, help: None }
    }

    /// Names what the message calls "this", so that the message says it all without the file beside it.
    pub(crate) fn about(mut self, name: &str) -> Self {
        if let Some(rest) = self.message.strip_prefix("this ") {
            self.message = printable(&format!("`{name}` {rest}"));
        }
        self
    }

    pub(crate) fn help(mut self, help: impl AsRef<str>) -> Self {
        self.help = Some(printable(help.as_ref()));
        self
    }

    pub(crate) fn maybe_help(self, help: Option<String>) -> Self {
        match help {
            Some(help) => self.help(help),
            None => self,
        }
    }

    pub(crate) fn related(mut self, span: Range<usize>, label: impl AsRef<str>) -> Self {
        self.related = Some(Related { span, label: printable(label.as_ref()) });
        self
    }

    fn placed_in(self, text: &str) -> Diagnostic {
        let span = within(text, self.span);
        let before = &text[..span.start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Diagnostic {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            related: self.related.map(|related| Related { span: within(text, related.span), ..related }),
            message: self.message,
            help: self.help,
            span,
        }
    }
}

impl From<Mistake> for Vec<Mistake> {
    fn from(one: Mistake) -> Self {
        vec![one]
    }
}

/// The span moved onto the text and its characters' edges, whatever a parser said.
fn within(text: &str, span: Range<usize>) -> Range<usize> {
    let edge = |place: usize| text.floor_char_boundary(place.min(text.len()));
    let start = edge(span.start);
    start..edge(span.end).max(start)
}

/// A name from a file may hold an escape sequence, which a terminal must not obey, or a character that turns the
/// direction of what follows or is not seen at all, by which a message would lie.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || is_unseen(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

const fn is_unseen(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(text: &str, span: Range<usize>) -> (usize, usize) {
        let diagnostic = Mistake::new(span, "x").placed_in(text);
        (diagnostic.line, diagnostic.column)
    }

    #[test]
    fn lines_and_columns_count_from_one_and_in_characters() {
        assert_eq!(placed("ab\ncd", 0..1), (1, 1));
        assert_eq!(placed("ab\ncd", 4..5), (2, 2));
        assert_eq!(placed("äö = 1", 4..5), (1, 3));
        assert_eq!(placed("ab", 99..120), (1, 3));
        assert_eq!(placed("ä", 1..1), (1, 1));
    }

    #[test]
    fn what_a_file_names_cannot_steer_a_terminal() {
        assert_eq!(Mistake::new(0..0, "\u{1b}[2Jkey").message, "\\u{1b}[2Jkey");
        assert_eq!(Mistake::new(0..0, "\u{202a}yek").message, "\\u{202a}yek");
    }
}
