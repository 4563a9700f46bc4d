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
use cnb_core::backend::User;
use cnb_core::helper::LayerPlanContent;
use cnb_core::helper::TreePart;
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
    /// What it takes to make it where it is needed.
    pub(super) taken: Option<Arc<Taken>>,
    /// Layers of it that are there already.
    pub(super) ahead: Arc<[Ahead]>,
}

/// A layer that the command that left a tree made of it.
#[derive(Clone, Debug)]
pub(super) struct Ahead {
    /// What of the tree, the root of which is not said.
    pub(super) content: LayerPlanContent,
    /// The files of the layer.
    pub(super) files: State,
    /// What has the diffIDs of the layers of the command.
    pub(super) report: Graph,
    /// Which of these layers it is.
    pub(super) number: usize,
}

/// Files of a directory, as git sees them. Commands that change the tree take them out of that directory themselves, which
/// spares one that does nothing else.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub(super) directory: State,
    pub(super) owner: User,
    pub(super) include: Option<Vec<String>>,
    pub(super) exclude: Option<Vec<String>>,
}

impl Taken {
    /// Whether not all files of the directory are asked for.
    pub(super) fn leaves_out(&self) -> bool {
        self.include.is_some() || self.exclude.is_some()
    }

    /// What the helper has to do where the directory is mounted at `root`.
    pub(super) fn part(&self, root: String) -> TreePart {
        let Self { owner, include, exclude, .. } = self.clone();
        TreePart::Load { root, owner, include, exclude }
    }
}

impl Graph {
    /// A state, or a directory of it.
    pub(super) fn new(state: State, root: &str) -> Self {
        Self { state, root: root.to_owned(), seen: Arc::default(), taken: None, ahead: Arc::default() }
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

    /// Whether it has the same files as another, as far as one can say without looking.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.state == other.state && self.root == other.root
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
