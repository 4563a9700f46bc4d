//! What a command leaves.

use std::sync::Arc;

use super::Mount;
use crate::ops::Platform;
use crate::state::State;
use crate::vertex::NONE;
use crate::vertex::Vertex;

/// Where the root is mounted.
pub(super) const ROOT: &str = "/";

/// A command that runs on a tree: the trees it leaves.
#[derive(Clone, Debug)]
pub struct Run {
    root: State,
    /// By directory.
    outputs: Vec<(String, State)>,
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

    /// `mounts` with their outputs; `platform` is what the command was told, not what it took from its root.
    pub(super) fn new(
        vertex: &Arc<Vertex>,
        mounts: impl Iterator<Item = (Mount, i64)>,
        platform: Option<&Platform>,
    ) -> Self {
        let left = mounts.filter_map(|(mount, output)| {
            if output == NONE {
                return mount.keeps_tree().then_some((mount.message.dest, mount.state));
            }
            let state = mount.state.with_output(vertex, output);
            let state = platform.into_iter().cloned().fold(state, State::with_platform);
            Some((mount.message.dest, state))
        });
        let outputs: Vec<(String, State)> = left.collect();
        let root = outputs.iter().find(|(dest, _)| dest == ROOT).map(|(_, state)| state.clone());
        Self { root: root.expect("the root is mounted with an output or read-only"), outputs }
    }
}
