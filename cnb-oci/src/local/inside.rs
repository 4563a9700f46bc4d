//! Directories by their paths, for who can do with nothing else.

use std::os::fd::AsRawFd as _;
use std::path::PathBuf;

use cnb_core::backend::User;
use rustix::io::Result;

use crate::tree::Owners;
use crate::tree::inside::Inside;

impl Inside {
    /// The directory for this process, as long as this value is there.
    pub(super) fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}/.", self.root().as_raw_fd()).into()
    }

    /// Gives the directory itself to `owner`.
    pub(super) fn set_owner(&self, owners: Owners, owner: User) -> Result<()> {
        owners.set(self.root(), ".", owner)
    }
}
