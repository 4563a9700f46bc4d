//! Trees of files that a graph makes.

use std::sync::Arc;

use crate::definition::Definition;
use crate::op::Kind;
use crate::op::Vertex;
use crate::wire::Message;

/// A tree of files: nothing, or what a vertex makes. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct State(Option<Arc<Vertex>>);

impl State {
    /// No files.
    pub fn scratch() -> Self {
        Self(None)
    }

    /// The digest of the vertex that makes it; none for no files.
    pub fn digest(&self) -> Option<&str> {
        self.0.as_ref().map(|vertex| vertex.digest.as_str())
    }

    /// The graph that makes it, for a solve.
    pub fn definition(&self) -> Definition {
        Definition::of(self.0.as_ref())
    }

    pub(crate) fn of(vertex: Arc<Vertex>) -> Self {
        Self(Some(vertex))
    }

    pub(crate) fn vertex(&self) -> Option<&Arc<Vertex>> {
        self.0.as_ref()
    }
}

/// Puts trees on top of each other, the last one topmost. Empty ones fall away, and a single one is itself.
pub fn merge<'a>(states: impl IntoIterator<Item = &'a State>) -> State {
    let inputs: Vec<Arc<Vertex>> = states.into_iter().filter_map(State::vertex).cloned().collect();
    if inputs.len() < 2 {
        return State(inputs.into_iter().next());
    }
    // `pb.MergeOp`: each `pb.MergeInput` is an index into the inputs; equal ones stay apart.
    let input = |index| Message::default().int(1, index);
    let operation =
        (0..).take(inputs.len()).fold(Message::default(), |all, index| all.message(1, input(index)));
    State::of(Vertex::new(inputs, None, Kind::Merge, operation, vec!["mergeop"]))
}
