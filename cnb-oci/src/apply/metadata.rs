//! Owners, modes, attributes and times of files.

use std::os::fd::AsRawFd as _;
use std::os::fd::OwnedFd;

use cnb_core::backend::User;
use rustix::fs::AtFlags;
use rustix::fs::Gid;
use rustix::fs::Mode;
use rustix::fs::Timespec;
use rustix::fs::Timestamps;
use rustix::fs::Uid;
use rustix::fs::XattrFlags;
use rustix::io::Errno;
use rustix::io::Result;

use super::Owners;
use super::What;

/// A name in an open directory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub directory: &'a OwnedFd,
    pub name: &'a [u8],
}

/// The permission bits that give the rights of the owner.
const SET_ID: u32 = 0o6000;

impl Place<'_> {
    /// Sets the owner; returns false where it does not exist here.
    pub(super) fn set_owner(self, owners: Owners, owner: User) -> Result<bool> {
        match owners {
            Owners::Layer { ids } if owner.uid >= ids || owner.gid >= ids => Ok(false),
            Owners::Layer { .. } => {
                let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
                let flags = AtFlags::SYMLINK_NOFOLLOW;
                rustix::fs::chownat(self.directory, self.name, Some(uid), Some(gid), flags)?;
                Ok(true)
            }
            Owners::Process => Ok(true),
        }
    }

    /// Sets the mode of anything but a link.
    pub(super) fn set_mode(self, mode: u32, has_owner: bool) -> Result<()> {
        let mode = if has_owner { mode } else { mode & !SET_ID };
        rustix::fs::chmodat(self.directory, self.name, Mode::from_raw_mode(mode), AtFlags::empty())
    }

    /// Sets extended attributes; returns what had to be left out.
    pub(super) fn set_attributes(self, all: &[(Vec<u8>, Vec<u8>)]) -> Result<Vec<What>> {
        let mut skipped = Vec::new();
        for (name, value) in all {
            let set = if is_of_overlay(name) {
                Err(Errno::PERM)
            } else {
                rustix::fs::lsetxattr(self.path(), name.as_slice(), value, XattrFlags::empty())
            };
            match set {
                Ok(()) => {}
                Err(Errno::PERM | Errno::ACCESS | Errno::NOTSUP | Errno::INVAL) => {
                    skipped.push(What::Attribute(String::from_utf8_lossy(name).into_owned()));
                }
                Err(errno) => return Err(errno),
            }
        }
        Ok(skipped)
    }

    /// Sets the time of the last change, and that of the last access with it.
    pub(super) fn set_time(self, time: Timespec) -> Result<()> {
        let times = Timestamps { last_access: time, last_modification: time };
        rustix::fs::utimensat(self.directory, self.name, &times, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// There is no call that takes a directory and a name for attributes.
    fn path(self) -> Vec<u8> {
        let mut path = format!("/proc/self/fd/{}/", self.directory.as_raw_fd()).into_bytes();
        path.extend_from_slice(self.name);
        path
    }
}

/// Whether an attribute would tell an overlay what a layer has no say in.
fn is_of_overlay(name: &[u8]) -> bool {
    name.starts_with(b"trusted.overlay.") || name.starts_with(b"user.overlay.")
}
