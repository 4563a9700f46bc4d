//! Where in a file somebody wrote what became an operation.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::ops::Position;
use crate::ops::Range;
use crate::ops::SourceInfo;
use crate::state::State;

/// A file that somebody wrote, for example `project.toml`. Cheap to clone.
///
/// A definition carries the file and the places in it, so that the daemon and its clients can show the lines
/// that a failed operation comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SourceFile(Arc<SourceInfo>);

impl SourceFile {
    /// A file by the name that its author knows, and what is in it.
    pub fn new(filename: impl Into<String>, contents: impl Into<Vec<u8>>) -> Self {
        let info = SourceInfo { filename: filename.into(), data: contents.into(), ..SourceInfo::default() };
        Self(Arc::new(info))
    }

    /// Says its language, as GitHub's linguist calls it: `TOML`, `Dockerfile`.
    #[must_use]
    pub fn with_language(self, language: impl Into<String>) -> Self {
        self.with(|info| info.language = language.into())
    }

    /// Says which tree has the file.
    #[must_use]
    pub fn with_state(self, state: &State) -> Self {
        self.with(|info| info.definition = Some(state.definition().into_message()))
    }

    /// A line, counted from 1.
    pub fn line(&self, line: u32) -> Location {
        self.lines(line..=line)
    }

    /// The lines from one to another one, counted from 1.
    pub fn lines(&self, lines: RangeInclusive<u32>) -> Location {
        self.span((*lines.start(), 0), (*lines.end(), 0))
    }

    /// From a place to another one, each a line, counted from 1, and a character in it, counted from 0.
    pub fn span(&self, start: (u32, u32), end: (u32, u32)) -> Location {
        let range = Range { start: Some(position(start)), end: Some(position(end)) };
        Location { file: self.clone(), ranges: vec![range] }
    }

    pub(crate) fn info(&self) -> &SourceInfo {
        &self.0
    }

    pub(crate) fn of(info: SourceInfo) -> Self {
        Self(Arc::new(info))
    }

    fn with(mut self, change: impl FnOnce(&mut SourceInfo)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

/// Places in a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Location {
    pub(crate) file: SourceFile,
    pub(crate) ranges: Vec<Range>,
}

impl Location {
    /// These places and the ones of another location of the same file.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.ranges.extend(other.ranges);
        self
    }
}

/// Nobody writes files with more lines than the protocol can count; the last one it can count stands for
/// them.
fn position((line, character): (u32, u32)) -> Position {
    let clamp = |number| i32::try_from(number).unwrap_or(i32::MAX);
    Position { line: clamp(line), character: clamp(character) }
}
