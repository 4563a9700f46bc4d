//! Who owns the files of trees.

use std::os::fd::AsFd;

use cnb_core::backend::User;
use rustix::fs::AtFlags;
use rustix::fs::Gid;
use rustix::fs::Uid;
use rustix::io::Result;
use rustix::path::Arg;

/// Gives files to users.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Owners {
    /// To those they are for. Needs to be root, at least in a user namespace that has them.
    Asked,
    /// To nobody: every file belongs to the user of this process.
    #[cfg_attr(not(any(feature = "local", test)), expect(dead_code, reason = "nobody is without root here"))]
    Process,
}

impl Owners {
    /// Gives what the name in a directory is to `owner`.
    pub(crate) fn set(self, directory: impl AsFd, name: impl Arg, owner: User) -> Result<()> {
        match self {
            Self::Asked => {
                let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
                rustix::fs::chownat(directory, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
            }
            Self::Process => Ok(()),
        }
    }
}
