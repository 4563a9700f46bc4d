//! What happens while a BuildKit solves.

use std::time::SystemTime;

use crate::Warning;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A vertex belongs to the graph. Comes once for each, before anything else about it.
    Declared(Vertex),
    /// Work on a vertex starts. Comes again when it starts again, for example to load what it made.
    Started {
        /// The digest of the vertex.
        vertex: String,
        /// When.
        at: SystemTime,
    },
    /// Work on a vertex is over.
    Completed {
        /// The digest of the vertex.
        vertex: String,
        /// When.
        at: SystemTime,
        /// Nothing was done: the result was there.
        cached: bool,
        /// Why it failed, if it did.
        error: Option<String>,
    },
    /// A part of the work on a vertex gets on.
    Progress(Progress),
    /// A process writes.
    Log(Log),
    /// Something that a person should know.
    Warning(Warning),
}

/// One operation of a graph, or a step of BuildKit's own.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Vertex {
    /// What identifies it.
    pub digest: String,
    /// The digests of what it needs.
    pub inputs: Vec<String>,
    /// What to call it. BuildKit's own steps start with `[internal] `.
    pub name: String,
    /// The name of the group to show it in, if it has one.
    pub group: Option<String>,
}

/// A part of the work on a vertex, for example a layer that is pulled.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// The digest of the vertex.
    pub vertex: String,
    /// What identifies the part within the vertex.
    pub id: String,
    /// What to call it; empty to use the identifier.
    pub name: String,
    /// How much is done, mostly in bytes.
    pub current: i64,
    /// How much there is to do; 0 if nobody knows.
    pub total: i64,
    /// When it started.
    pub started: Option<SystemTime>,
    /// When it was done.
    pub completed: Option<SystemTime>,
}

/// Something that a process wrote.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Log {
    /// The digest of the vertex.
    pub vertex: String,
    /// Where it wrote to.
    pub stream: Stream,
    /// What it wrote; any bytes, not line by line.
    pub bytes: Vec<u8>,
    /// When.
    pub at: Option<SystemTime>,
}

/// Where a process writes to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Stream {
    /// Standard output.
    #[default]
    Stdout,
    /// Standard error.
    Stderr,
}
