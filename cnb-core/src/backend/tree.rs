//! Trees of files and what they are made of.

use std::any::Any;
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use super::handle::Handle;
use super::image::Image;
use super::step::User;
use crate::digest::DiffId;
use crate::digest::Digest;
use crate::project::Files;

/// A reference to an immutable tree of files that a backend keeps.
#[derive(Clone, Debug)]
pub struct Tree(Handle);

impl Tree {
    /// Wraps a backend's own value; for backends.
    pub fn new<T: Any + Debug + Send + Sync>(value: T) -> Self {
        Self(Handle::new(value))
    }

    /// The backend's own value, if it is a `T`; for backends.
    pub fn downcast_ref<T: Any>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }
}

/// Decides which files of a directory a [`Source`] takes.
pub trait Filter: Debug + Send + Sync {
    /// Whether to take `path`, which is relative to the directory, `/`-separated, without a leading `/`.
    ///
    /// A directory that is refused is not entered.
    fn takes(&self, path: &str, is_directory: bool) -> bool;
}

/// Files from outside.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Source {
    /// A directory of the machine that calls.
    Directory {
        /// Where it is.
        path: PathBuf,
        /// Which files to take; all when there is none.
        filter: Option<Arc<dyn Filter>>,
        /// Who owns everything in the tree, its root included.
        owner: User,
    },
    /// A directory that the backend has under a name, for example what a client of it calls its context. Its files get
    /// the modes and times of [`Self::Directory`].
    Context {
        /// Its name.
        name: String,
        /// Which files to take.
        files: Files,
        /// Who owns everything in the tree, its root included.
        owner: User,
    },
    /// Files given as values, in a root directory with mode 0755 that `0:0` owns, unless `/` is one of them.
    Files(Vec<File>),
    /// What one layer of an image adds, with its owners and modes.
    Layer {
        /// The digest of its tar.
        diff_id: DiffId,
        /// An image that has it; the backend's own store is searched as well.
        image: Option<Image>,
    },
}

/// A file given as a value. Directories above it that do not exist get mode 0755 and owner `0:0`; links among
/// them are followed inside the tree. It takes the place of a file or link that is there already.
#[derive(Clone, Debug)]
pub struct File {
    /// Absolute path in the tree.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
    /// Permission bits, for example `0o644`.
    pub mode: u32,
    /// Who owns it.
    pub owner: User,
}

impl File {
    /// A regular file with mode 0644 that `0:0` owns.
    pub fn regular(path: impl Into<String>, content: impl Into<Bytes>) -> Self {
        Self { path: path.into(), kind: FileKind::Regular(content.into()), mode: 0o644, owner: User::ROOT }
    }

    /// A directory with mode 0755 that `0:0` owns.
    pub fn directory(path: impl Into<String>) -> Self {
        Self { path: path.into(), kind: FileKind::Directory, mode: 0o755, owner: User::ROOT }
    }

    /// A symbolic link that `0:0` owns.
    pub fn symlink(path: impl Into<String>, target: impl Into<String>) -> Self {
        Self { path: path.into(), kind: FileKind::Symlink(target.into()), mode: 0o777, owner: User::ROOT }
    }

    /// The same file with other permission bits.
    #[must_use]
    pub fn with_mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// The same file with another owner.
    #[must_use]
    pub fn with_owner(mut self, owner: User) -> Self {
        self.owner = owner;
        self
    }
}

/// What a [`File`] is.
#[derive(Clone, Debug)]
pub enum FileKind {
    /// A directory.
    Directory,
    /// A regular file with this content.
    Regular(Bytes),
    /// A symbolic link with this target.
    Symlink(String),
}

/// One name in a directory.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The name, without any `/`.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits with set-uid, set-gid and sticky.
    pub mode: u32,
    /// Who owns it. Without the capability `users`, the user of the backend.
    pub owner: User,
    /// Bytes of a regular file, else 0.
    pub size: u64,
}

/// What an [`Entry`] is.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A pipe, socket or device.
    Other,
    /// A regular file.
    Regular,
    /// A symbolic link with this target.
    Symlink(String),
}

/// Something in a tree, and what it contains.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Digested {
    /// Its absolute path in the tree.
    pub path: String,
    /// What it is; the name is the last one of the path, and empty for the tree itself.
    pub entry: Entry,
    /// The SHA-256 of what a regular file contains.
    pub digest: Option<Digest>,
}

/// A piece of a composed [`Tree`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Part {
    /// What is at `from` in `tree`, with owners and modes, at `to`; of a link the link itself. A directory is
    /// merged into one that exists, which takes its owner and mode.
    Copy {
        /// The tree to copy from.
        tree: Tree,
        /// A path in it; `/` for all of it.
        from: String,
        /// Where it goes.
        to: String,
    },
    /// Files given as values.
    Files(Vec<File>),
}
