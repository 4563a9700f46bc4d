//! Places in files that people wrote.

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;

use crate::Location;
use crate::ops as graph;
use crate::pb::ops;

/// Lines of a file that a person wrote.
///
/// A [`SourceFile`](crate::SourceFile) has them for graphs and for errors:
///
/// ```
/// use cnb_llb::SourceFile;
/// use cnb_llb::errdefs::{BuildError, Code};
///
/// let file = SourceFile::new("build.toml", "image = \"rust:1\"\nrun = 3\n").with_language("TOML");
/// let error = BuildError::new(Code::InvalidArgument, "`run` is no text").with_source(file.line(2).into());
/// assert!(error.sources().next().is_some_and(|source| source.excerpt().contains("   2 | >>> run = 3\n")));
/// ```
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Source {
    /// The file.
    pub info: SourceInfo,
    /// The lines, as the frontend ordered them.
    pub ranges: Vec<Range>,
}

/// A file that a person wrote.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct SourceInfo {
    /// Its name, for example `project.toml`.
    pub filename: String,
    /// For example `TOML`; empty if nobody said.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub language: String,
    /// All of it.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub data: Vec<u8>,
}

/// A part of a file, from the first character to the last.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Range {
    /// Where it starts.
    pub start: Position,
    /// Where it ends.
    pub end: Position,
}

/// A place in a file.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(default)]
pub struct Position {
    /// The line, from 1.
    pub line: i32,
    /// The character in the line, from 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub character: i32,
}

impl Source {
    /// Whole lines of a file, the first and the last.
    pub fn lines(filename: impl Into<String>, data: impl Into<Vec<u8>>, first: i32, last: i32) -> Self {
        let info = SourceInfo { filename: filename.into(), language: String::new(), data: data.into() };
        let position = |line| Position { line, character: 0 };
        Self { info, ranges: vec![Range { start: position(first), end: position(last) }] }
    }

    /// The lines with some around them, as `buildctl` shows them: marked by `>>>`. Empty if there are none.
    pub fn excerpt(&self) -> String {
        let text = String::from_utf8_lossy(&self.info.data);
        let lines: Vec<&str> = text.split('\n').collect();
        let Some((first, last)) = self.extent() else {
            return String::new();
        };
        if first < 1 || first > lines.len() {
            return String::new();
        }
        let last = last.clamp(first, lines.len());
        let around = if first == last { 2 } else { 1 };
        let shown = first.saturating_sub(around).max(1)..=(last + around).min(lines.len());
        let rule = "-".repeat(20);
        let mut excerpt = format!("{}:{first}\n{rule}\n", self.info.filename);
        for number in shown {
            let mark = if self.contains(number) { ">>>" } else { "   " };
            // Writing to a string cannot fail.
            let _ = writeln!(excerpt, " {number:3} | {mark} {}", lines[number - 1]);
        }
        excerpt + &rule + "\n"
    }

    fn extent(&self) -> Option<(usize, usize)> {
        let first = self.ranges.iter().map(|range| range.start.line).min()?;
        let last = self.ranges.iter().map(Range::last_line).max()?;
        Some((usize::try_from(first).ok()?, usize::try_from(last).ok()?))
    }

    fn contains(&self, number: usize) -> bool {
        let number = i32::try_from(number).unwrap_or(i32::MAX);
        self.ranges.iter().any(|range| (range.start.line..=range.last_line()).contains(&number))
    }
}

impl Range {
    fn last_line(&self) -> i32 {
        self.end.line.max(self.start.line)
    }
}

impl From<ops::Range> for Range {
    fn from(range: ops::Range) -> Self {
        let position = |position: Option<ops::Position>| {
            position.map_or_else(Position::default, |at| Position { line: at.line, character: at.character })
        };
        Self { start: position(range.start), end: position(range.end) }
    }
}

impl From<Range> for ops::Range {
    fn from(range: Range) -> Self {
        let position = |at: Position| Some(ops::Position { line: at.line, character: at.character });
        Self { start: position(range.start), end: position(range.end) }
    }
}

impl From<Location> for Source {
    /// The place that an operation is at, for an error or a warning about the same.
    fn from(location: Location) -> Self {
        let graph::SourceInfo { filename, language, data, .. } = location.file.info().clone();
        let position = |at: Option<graph::Position>| {
            at.map_or_else(Position::default, |at| Position { line: at.line, character: at.character })
        };
        let range = |range: graph::Range| Range { start: position(range.start), end: position(range.end) };
        Self {
            info: SourceInfo { filename, language, data },
            ranges: location.ranges.into_iter().map(range).collect(),
        }
    }
}

impl From<ops::SourceInfo> for SourceInfo {
    fn from(info: ops::SourceInfo) -> Self {
        Self { filename: info.filename, language: info.language, data: info.data }
    }
}

impl From<SourceInfo> for ops::SourceInfo {
    fn from(info: SourceInfo) -> Self {
        Self { filename: info.filename, language: info.language, data: info.data, definition: None }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &i32) -> bool {
    *number == 0
}

fn to_base64<S: Serializer>(data: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64_STANDARD.encode(data))
}

/// Go writes no bytes as `null`.
fn from_base64<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text: Option<String> = Deserialize::deserialize(deserializer)?;
    BASE64_STANDARD.decode(text.unwrap_or_default()).map_err(serde::de::Error::custom)
}
