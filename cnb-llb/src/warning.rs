//! What a frontend warns of, and a client is told.

use crate::errdefs::Source;

/// Something that a person should know.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Warning {
    /// The digest of the vertex to show it at; an empty one is shown nowhere.
    pub vertex: String,
    /// How bad it is: 1 is the worst.
    pub level: i64,
    /// In one line.
    pub short: String,
    /// In more lines.
    pub detail: Vec<String>,
    /// Where to read about it; may be empty.
    pub url: String,
    /// What it is about.
    pub source: Option<Source>,
}
