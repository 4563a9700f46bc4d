//! A tree to make out of parts of others.

use serde::Deserialize;
use serde::Serialize;

use crate::backend::User;

/// Makes a tree out of parts, as [`Backend::compose`](crate::backend::Backend::compose) and
/// [`Backend::load`](crate::backend::Backend::load) do it: in order, a later part replaces what an earlier one
/// wrote.
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub struct TreePlan {
    /// The root that becomes the tree: an empty directory. It gets mode 0755 and owner `0:0`, unless a part
    /// says otherwise.
    pub to: String,
    /// What the tree is made of.
    pub parts: Vec<TreePart>,
}

/// A piece of a tree.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub enum TreePart {
    /// What is at a path of a root, with owners and modes: [`Part::Copy`](crate::backend::Part::Copy).
    Copy {
        /// The root to copy from.
        root: String,
        /// A path inside it.
        from: String,
        /// Where it goes: a path inside the tree.
        to: String,
    },
    /// What is in a root the way git sees it, owned by one user, in the root directory of the tree, which gets
    /// that owner and mode 0755: [`Source::Directory`](crate::backend::Source::Directory).
    Load {
        /// The root to copy from.
        root: String,
        /// Who owns everything.
        owner: User,
        /// Patterns of which one has to match, if there are any, as [`Files::Include`] has them.
        ///
        /// [`Files::Include`]: crate::project::Files::Include
        include: Option<Vec<String>>,
        /// Patterns that must not match, if there are any, as [`Files::Exclude`] has them.
        ///
        /// [`Files::Exclude`]: crate::project::Files::Exclude
        exclude: Option<Vec<String>>,
    },
    /// Files one by one: [`Part::Files`](crate::backend::Part::Files).
    Files(Vec<PlanFile>),
}

/// A file given one by one. [`File`](crate::backend::File) with the content somewhere else.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct PlanFile {
    /// Where it goes: a path inside the tree.
    pub path: String,
    /// What it is.
    pub kind: PlanFileKind,
    /// Permission bits, for example `0o644`.
    pub mode: u32,
    /// Who owns it.
    pub owner: User,
}

/// What a [`PlanFile`] is.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub enum PlanFileKind {
    /// A directory.
    Directory,
    /// A regular file.
    Regular {
        /// The root that has a file with the content.
        root: String,
        /// The path of that file inside the root.
        path: String,
    },
    /// A symbolic link with this target.
    Symlink(String),
}
