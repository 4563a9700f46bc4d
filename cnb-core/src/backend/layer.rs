//! Image layers: where their files come from, and what becomes of them.

use std::any::Any;
use std::fmt::Debug;

use super::handle::Handle;
use super::image::Image;
use super::step::User;
use super::tree::File;
use super::tree::Tree;
use crate::digest::DiffId;

/// A layer to make.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LayerSource {
    /// What to call it in events and errors, for example `example/pip:dependencies`.
    pub id: String,
    /// Where its files come from.
    pub content: LayerContent,
    /// The diffID it had last time: an equal one spares the compression.
    pub expected: Option<DiffId>,
}

impl LayerSource {
    /// A layer that was never made before.
    pub fn new(id: impl Into<String>, content: LayerContent) -> Self {
        Self { id: id.into(), content, expected: None }
    }

    /// Says which diffID the layer had last time.
    #[must_use]
    pub fn with_expected(mut self, diff_id: DiffId) -> Self {
        self.expected = Some(diff_id);
        self
    }
}

/// Where the files of a layer come from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LayerContent {
    /// A part of a tree.
    ///
    /// With the capability `archived_layers` it can be a regular file: a tar, not compressed, that has the directory at
    /// the path which it has in the image, as layers have it. This is the same layer as of the directory. What else is in
    /// the tar does not count.
    Tree {
        /// The tree.
        tree: Tree,
        /// The directory in it.
        from: String,
        /// The absolute path that the directory has in the image.
        to: String,
        /// Which entries, in which order.
        select: Select,
        /// Who owns them.
        ownership: Ownership,
    },
    /// Files given as values, in this order, with no other entries. Their modes and owners are kept.
    Files(Vec<File>),
    /// The blob of a layer that already exists, as it is.
    Existing {
        /// The digest of its tar.
        diff_id: DiffId,
        /// An image that has it; the backend's own store is searched as well.
        image: Option<Image>,
    },
}

/// A part of a tree that becomes a layer: [`LayerContent::Tree`] without the tree.
#[derive(Clone, Debug)]
pub struct LayerPart {
    /// The directory in it.
    pub from: String,
    /// The absolute path that the directory has in the image.
    pub to: String,
    /// Which entries, in which order.
    pub select: Select,
    /// Who owns them.
    pub ownership: Ownership,
}

impl LayerPart {
    /// The layer of this part of a tree.
    #[must_use]
    pub fn of(self, tree: Tree) -> LayerContent {
        let Self { from, to, select, ownership } = self;
        LayerContent::Tree { tree, from, to, select, ownership }
    }
}

/// Which entries below a directory become part of a layer, in which order.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Select {
    /// All, the directory itself first, depth first, names of one directory in byte order.
    Walk,
    /// All, the directory itself included, in byte order of their paths: `a`, `a-b`, `a/c`.
    Sorted,
    /// These, in this order: paths relative to the directory, `.` for itself. Directories are entered only
    /// by naming what is in them.
    Paths(Vec<String>),
}

/// Who owns the entries of a layer. An input, never read from a file system: images must be the same
/// whoever builds them.
#[derive(Clone, Debug)]
pub struct Ownership {
    /// The owner of the directory itself and everything below.
    pub owner: User,
    /// The entries for the directories above, outermost first.
    pub parents: Vec<Parent>,
}

/// A directory above the files of a layer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Parent {
    /// Its absolute path in the image.
    pub path: String,
    /// Who owns it.
    pub owner: User,
    /// Its permission bits.
    pub mode: u32,
}

/// A finished layer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Layer {
    /// What it is called in events and errors.
    pub id: String,
    /// The digest of its tar.
    pub diff_id: DiffId,
    /// Whether no blob had to be made for it.
    pub reused: bool,
    handle: Handle,
}

impl Layer {
    /// A finished layer around a backend's own value; for backends.
    pub fn new<T: Any + Debug + Send + Sync>(
        id: impl Into<String>,
        diff_id: DiffId,
        reused: bool,
        value: T,
    ) -> Self {
        Self { id: id.into(), diff_id, reused, handle: Handle::new(value) }
    }

    /// The backend's own value, if it is a `T`; for backends.
    pub fn downcast_ref<T: Any>(&self) -> Option<&T> {
        self.handle.downcast_ref()
    }
}
