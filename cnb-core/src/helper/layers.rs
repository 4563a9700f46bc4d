//! Layers of an image to make.

use serde::Deserialize;
use serde::Serialize;

use super::tree::PlanFile;
use crate::backend;
use crate::backend::User;

/// Makes the tree of each layer and says their diffIDs.
///
/// A layer is written as it is in the image, beginning at `/`. Directories of which the plan says nothing get
/// mode 0755 and owner `0:0`. All times are 1980-01-01T00:00:01Z, nothing has extended attributes, and no two
/// names are hard links of each other.
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub struct LayersPlan {
    /// The layers, in order.
    pub layers: Vec<LayerPlan>,
    /// The file, an absolute path in the container, that gets the diffIDs: a JSON array of
    /// [`DiffId`](crate::digest::DiffId), one for each layer in the same order. Each is the digest of the tar
    /// that BuildKit makes of what is written.
    pub report: String,
}

/// A layer to make.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct LayerPlan {
    /// The root that becomes the tree of the layer: an empty directory, but for [`LayerPlanContent::Made`].
    pub to: String,
    /// Where its files come from.
    pub content: LayerPlanContent,
}

/// Where the files of a layer come from: [`LayerContent`](backend::LayerContent).
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub enum LayerPlanContent {
    /// A part of a tree.
    Tree {
        /// The root that is the tree, or a file that is a tar in which the directory is where it is in the image; `from` is
        /// `/` then.
        root: String,
        /// The path of the directory inside it.
        from: String,
        /// The path that the directory has in the image.
        at: String,
        /// Which entries.
        select: PlanSelect,
        /// Who owns them; modes are those of the tree.
        owner: User,
        /// The directories above, outermost first. A layer that has no entries does not have them either.
        parents: Vec<PlanParent>,
    },
    /// Files one by one, with their modes and owners.
    Files(Vec<PlanFile>),
    /// The tree of the layer is there already, and stays as it is.
    Made,
}

/// Which entries of a directory become part of a layer. The order of [`Select`](backend::Select) is not here:
/// the tar of a tree has but one.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub enum PlanSelect {
    /// All, the directory itself included.
    All,
    /// These: paths relative to the directory, `.` for itself. Directories are entered only by naming what is
    /// in them.
    Paths(Vec<String>),
}

impl From<backend::Select> for PlanSelect {
    fn from(select: backend::Select) -> Self {
        match select {
            backend::Select::Paths(paths) => Self::Paths(paths),
            backend::Select::Sorted | backend::Select::Walk => Self::All,
        }
    }
}

/// A directory above the files of a layer.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct PlanParent {
    /// Its absolute path in the image.
    pub path: String,
    /// Who owns it.
    pub owner: User,
    /// Its permission bits.
    pub mode: u32,
}

impl From<backend::Parent> for PlanParent {
    fn from(parent: backend::Parent) -> Self {
        let backend::Parent { path, owner, mode } = parent;
        Self { path, owner, mode }
    }
}
