//! What is wrong in a text that a person wrote, and exactly where.
//!
//! A [`Diagnostic`] is one line as text: `file:line:column: message`. With the feature `render` it can also be
//! shown with the lines it is about, the way rustc does.
//!
//! ```
//! use cnb_core::diagnostic::Diagnostic;
//! use cnb_core::diagnostic::SourceFile;
//!
//! let source = SourceFile::new("project.toml", "[_]\nnaem = 'x'\n");
//! let diagnostic = Diagnostic::warning("unknown-key", "unknown key `naem`").at(&source, 4..8, "");
//! assert_eq!(diagnostic.to_string(), "project.toml:2:1: unknown key `naem`");
//! ```

#[cfg(feature = "render")]
mod render;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A text and what it is called in messages. Cheap to clone.
#[derive(Clone, Eq, PartialEq)]
pub struct SourceFile(Arc<(String, String)>);

impl SourceFile {
    /// The text of the file `name`, which should be as the user wrote it.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self(Arc::new((name.into(), text.into())))
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.0.0
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0.1
    }

    /// The place of the byte at `offset`; the end of the text if there is none.
    pub fn position(&self, offset: usize) -> Position {
        let before = self.text().char_indices().take_while(|(index, _)| *index < offset);
        before.fold(Position { line: 1, column: 1 }, |place, (_, c)| match c {
            '\n' => Position { line: place.line + 1, column: 1 },
            _ => Position { line: place.line, column: place.column + 1 },
        })
    }
}

impl fmt::Debug for SourceFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SourceFile").field(&self.name()).finish()
    }
}

/// A place in a text.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Position {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Bytes `start..end` of a text.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Self { start: range.start, end: range.end }
    }
}

/// A value and where it was written.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it was written, with its quotes if it has any.
    pub span: Span,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Severity {
    /// The text cannot be used.
    Error,
    /// The text can be used, but may not mean what its author thinks.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// A part of a text and what is to be said about it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Label {
    /// The part.
    pub span: Span,
    /// What is to be said; may be empty.
    pub text: String,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// Names the rule, for example `unknown-key`. Stable.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in lower case and without a full stop.
    pub message: String,
    /// The text it is about, where there is one.
    pub source: Option<SourceFile>,
    /// Parts of the text; the first one is where it is wrong.
    pub labels: Vec<Label>,
    /// What could be done about it.
    pub help: Vec<String>,
    /// What else is good to know.
    pub notes: Vec<String>,
}

impl Diagnostic {
    /// Something that makes a text unusable.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, message)
    }

    /// Something that is suspect.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, message)
    }

    /// Something that is wrong.
    pub fn new(code: &'static str, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            code,
            severity,
            message: message.into(),
            source: None,
            labels: Vec::new(),
            help: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds a part of the text, all parts being of one text.
    #[must_use]
    pub fn at(mut self, source: &SourceFile, span: impl Into<Span>, text: impl Into<String>) -> Self {
        self.source = Some(source.clone());
        self.labels.push(Label { span: span.into(), text: text.into() });
        self
    }

    /// Adds what could be done about it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Adds what else is good to know.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Where it is wrong, where that is known.
    pub fn position(&self) -> Option<Position> {
        let source = self.source.as_ref()?;
        self.labels.first().map(|label| source.position(label.span.start))
    }
}

/// `file:line:column: message`, as much of it as is known.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(source) = &self.source {
            write!(f, "{}:", source.name())?;
            if let Some(position) = self.position() {
                write!(f, "{position}:")?;
            }
            f.write_str(" ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Diagnostic {}

/// All that is wrong in one text, in the order of the text.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Whether the text cannot be used.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One after the other.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// The value and the warnings, or everything if there is an error.
    pub fn finish<T>(mut self, value: T) -> Result<(T, Self), Self> {
        let start = |d: &Diagnostic| d.labels.first().map(|label| label.span.start);
        self.0.sort_by_key(start);
        if self.has_errors() { Err(self) } else { Ok((value, self)) }
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: I) {
        self.0.extend(diagnostics);
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// One line each.
impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            let end_of_previous = if index == 0 { "" } else { "\n" };
            write!(f, "{end_of_previous}{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_characters_and_count_from_one() {
        let source = SourceFile::new("f", "aé\nü=x\n");
        for (offset, line, column) in [(0, 1, 1), (1, 1, 2), (3, 1, 3), (4, 2, 1), (6, 2, 2), (99, 3, 1)] {
            assert_eq!(source.position(offset), Position { line, column }, "{offset}");
        }
    }

    #[test]
    fn what_is_not_known_is_left_out_of_the_line() {
        let mut diagnostic = Diagnostic::error("x", "bad");
        assert_eq!(diagnostic.to_string(), "bad");
        diagnostic.source = Some(SourceFile::new("f", ""));
        assert_eq!(diagnostic.to_string(), "f: bad");
    }

    #[test]
    fn warnings_do_not_stand_in_the_way_and_come_in_the_order_of_the_text() {
        let source = SourceFile::new("f", "ab");
        let mut diagnostics = Diagnostics::default();
        diagnostics.push(Diagnostic::warning("x", "second").at(&source, 1..2, ""));
        diagnostics.push(Diagnostic::warning("x", "first").at(&source, 0..1, ""));
        let (value, warnings) = diagnostics.clone().finish(7).expect("no error");
        assert_eq!((value, warnings.to_string()), (7, "f:1:1: first\nf:1:2: second".to_owned()));
        diagnostics.push(Diagnostic::error("x", "third").at(&source, 1..2, ""));
        assert_eq!(diagnostics.finish(7).expect_err("an error").iter().count(), 3);
    }
}
