//! Files that are part of the graph.

use crate::op::Kind;
use crate::op::Vertex;
use crate::state::State;
use crate::wire::Message;

/// The input of an action that has none, and the time of a file that shall get none.
const NONE: i64 = -1;

/// A file to make.
#[derive(Clone, Debug)]
pub struct MakeFile {
    path: String,
    mode: u32,
    content: Vec<u8>,
    timestamp: i64,
}

impl MakeFile {
    /// A file with these permission bits, for example `0o644`. Its directory must exist.
    pub fn new(path: impl Into<String>, mode: u32, content: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), mode, content: content.into(), timestamp: NONE }
    }

    /// Sets the time it was changed, in nanoseconds since 1970; the time of the build if not said.
    #[must_use]
    pub fn with_timestamp(mut self, nanoseconds: i64) -> Self {
        self.timestamp = nanoseconds;
        self
    }

    /// `pb.FileActionMkFile`.
    fn message(&self) -> Message {
        let head = Message::default().bytes(1, &self.path).int(2, self.mode.into());
        head.bytes(3, &self.content).int(5, self.timestamp)
    }
}

impl State {
    /// These files and one more.
    #[must_use]
    pub fn make_file(&self, file: &MakeFile) -> Self {
        let input = if self.vertex().is_some() { 0 } else { NONE };
        // `pb.FileAction`: the first input, no second one, output 0.
        let action = Message::default().int(1, input).int(2, NONE).message(5, file.message());
        let inputs = self.vertex().cloned().into_iter().collect();
        let operation = Message::default().message(2, action);
        Self::of(Vertex::new(inputs, None, Kind::File, operation, vec!["file.base"]))
    }
}
