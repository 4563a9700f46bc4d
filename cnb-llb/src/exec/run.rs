//! What a command leaves.

use crate::state::State;

/// A command that runs on a tree: the trees it leaves.
#[derive(Clone, Debug)]
pub struct Run {
    pub(super) root: State,
    /// By directory.
    pub(super) outputs: Vec<(String, State)>,
}

impl Run {
    /// What it leaves in its root; with a read-only root the tree it was given.
    pub fn root(&self) -> State {
        self.root.clone()
    }

    /// What it leaves at a mounted directory; the tree that was mounted if it could not change it.
    ///
    /// None where nothing is mounted, and where nothing stays: caches, memory, and mounts without output.
    pub fn output(&self, dest: &str) -> Option<State> {
        self.outputs.iter().find(|(known, _)| known == dest).map(|(_, state)| state.clone())
    }
}
