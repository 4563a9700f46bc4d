//! The story of a detection. When no group passes, all of it is of interest.

/// What was tried and what came of it, in order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Transcript {
    /// The lines.
    pub lines: Vec<Line>,
}

/// One thing that happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// Who wants to know it.
    pub level: Level,
    /// What happened; the output of a buildpack may be many lines.
    pub text: String,
}

/// Who wants to know a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Level {
    /// Who wonders why a group did not pass.
    Debug,
    /// Everybody.
    Info,
}

impl Transcript {
    /// Adds a line.
    pub(super) fn add(&mut self, level: Level, text: impl Into<String>) {
        self.lines.push(Line { level, text: text.into() });
    }

    /// Adds a line for who wonders why a group did not pass.
    pub(super) fn debug(&mut self, text: impl Into<String>) {
        self.add(Level::Debug, text);
    }

    /// Adds a line for everybody.
    pub(super) fn info(&mut self, text: impl Into<String>) {
        self.add(Level::Info, text);
    }
}
