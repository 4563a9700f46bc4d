//! Trees and layers as states of graphs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Result;
use cnb_core::backend::Tree;
use tokio::sync::OnceCell;

use crate::Mount;
use crate::State;
use crate::gateway::Entry;
use crate::gateway::Reference;

/// Where trees are whose root directories have an owner and a mode of their own: operations on files cannot change
/// those of the root of a state, and Docker Engine's classic store forgets them when it is changed.
pub(super) const BELOW: &str = "/tree";

/// What is behind a [`Tree`]: a directory of a state.
#[derive(Clone, Debug)]
pub(super) struct Graph {
    pub(super) state: State,
    /// `/`, or the directory that is the root of the tree.
    pub(super) root: String,
    /// What was seen of the files.
    pub(super) seen: Arc<Seen>,
}

impl Graph {
    /// A state, or a directory of it.
    pub(super) fn new(state: State, root: &str) -> Self {
        Self { state, root: root.to_owned(), seen: Arc::default() }
    }

    pub(super) fn of(tree: &Tree) -> Result<&Self> {
        let foreign = || Error::new(ErrorKind::InvalidInput, "the tree is one of another backend");
        tree.downcast_ref().ok_or_else(foreign)
    }

    pub(super) fn into_tree(self) -> Tree {
        Tree::new(self)
    }

    /// Mounts it.
    pub(super) fn mount(&self, target: &str) -> Mount {
        Mount::bind(&self.state, target).selector(self.root.trim_end_matches('/'))
    }

    /// Where in its state a path of the tree is.
    pub(super) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.root.trim_end_matches('/'))
    }

    pub(super) fn is_whole(&self) -> bool {
        self.root == "/"
    }
}

/// What was seen of the files of a tree, which never change.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The files, once somebody asked for them.
    pub(super) reference: OnceCell<Option<Reference>>,
    /// Directories by their paths in the state.
    directories: Mutex<BTreeMap<String, Arc<[Entry]>>>,
}

impl Seen {
    /// Keeps the files.
    pub(super) fn found(&self, reference: Option<Reference>) {
        // They may be there already: then these are the same.
        let _ = self.reference.set(reference);
    }

    /// The entries of a directory, if somebody saw them.
    pub(super) fn directory(&self, path: &str) -> Option<Arc<[Entry]>> {
        self.directories().get(path).cloned()
    }

    /// Keeps the entries of a directory.
    pub(super) fn keep(&self, path: &str, entries: Vec<Entry>) -> Arc<[Entry]> {
        let entries: Arc<[Entry]> = entries.into();
        self.directories().insert(path.to_owned(), Arc::clone(&entries));
        entries
    }

    fn directories(&self) -> MutexGuard<'_, BTreeMap<String, Arc<[Entry]>>> {
        self.directories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is behind a [`Layer`](cnb_core::backend::Layer): a state with the files of the layer, as they are in the image.
#[derive(Clone, Debug)]
pub(super) struct LayerFiles(pub(super) State);
