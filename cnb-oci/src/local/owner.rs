//! Who owns the files of trees.

use std::os::fd::OwnedFd;

use cnb_core::backend::User;
use rustix::fs::AtFlags;
use rustix::fs::Gid;
use rustix::fs::Uid;
use rustix::io::Result;

use super::userns::Mapping;
use super::userns::Mode;

/// Gives files to users.
///
/// With a single mapped user ([`Mode::Single`]) every file is that user's, who is 0 here and the user of the
/// step in a container.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owners {
    mapping: Mapping,
}

impl Owners {
    pub(super) fn new(mapping: Mapping) -> Self {
        Self { mapping }
    }

    /// Gives what the name in a directory is to `owner`.
    pub(super) fn set(self, directory: &OwnedFd, name: &str, owner: User) -> Result<()> {
        if self.mapping.mode() == Mode::Single {
            return Ok(());
        }
        let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
        rustix::fs::chownat(directory, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
    }
}
