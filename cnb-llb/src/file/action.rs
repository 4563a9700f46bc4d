//! A change, of any kind.

use super::Copy;
use super::MakeDir;
use super::MakeFile;
use super::Remove;
use super::Symlink;
use crate::Capability;
use crate::ops::FileAction;

/// A change, of any kind.
#[derive(Clone, Debug)]
pub(super) enum Action {
    /// Much larger than the others.
    Copy(Box<Copy>),
    MakeFile(MakeFile),
    MakeDir(MakeDir),
    Remove(Remove),
    Symlink(Symlink),
}

impl Action {
    /// `base` is the input with the names of users. The inputs are still to be said.
    pub(super) fn to_message(&self, base: i64) -> FileAction {
        let mut action = FileAction::default();
        match self {
            Self::Copy(copy) => action.copy = Some(copy.to_message(base)),
            Self::MakeFile(file) => action.mkfile = Some(file.to_message(base)),
            Self::MakeDir(directory) => action.mkdir = Some(directory.to_message(base)),
            Self::Remove(remove) => action.rm = Some(remove.to_message()),
            Self::Symlink(link) => action.symlink = Some(link.to_message(base)),
        }
        action
    }

    /// What it needs of a daemon beside file operations.
    pub(super) fn capabilities(&self) -> Vec<Capability> {
        match self {
            Self::Copy(copy) => copy.capabilities().collect(),
            Self::Remove(remove) if remove.wildcards => vec![Capability::FILE_RM_WILDCARD],
            Self::Symlink(_) => vec![Capability::FILE_SYMLINK_CREATE],
            Self::MakeFile(_) | Self::MakeDir(_) | Self::Remove(_) => Vec::new(),
        }
    }
}
