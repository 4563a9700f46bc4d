//! What earlier layers have.

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::os::fd::OwnedFd;

use rustix::fs::AtFlags;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::io::Result;

use crate::inside;
use crate::inside::DIRECTORY;
use crate::inside::MAX_DEPTH;

/// The names that the current layer has made, which whiteouts do not touch.
///
/// A directory is named by its device and inode: the same one can be reached on several paths.
#[derive(Debug, Default)]
pub(super) struct Upper {
    names: BTreeSet<(u64, u64, Vec<u8>)>,
}

impl Upper {
    /// Notes that the layer has made the name in a directory.
    pub(super) fn add(&mut self, directory: &OwnedFd, name: &[u8]) -> Result<()> {
        let stat = rustix::fs::fstat(directory)?;
        self.names.insert((stat.st_dev, stat.st_ino, name.to_vec()));
        Ok(())
    }

    /// Removes what earlier layers have of the name in a directory, if anything.
    pub(super) fn hide(&self, directory: &OwnedFd, name: &CStr) -> Result<()> {
        self.hide_one(directory, name, 0).map(|_| ())
    }

    /// Removes what earlier layers have in a directory.
    pub(super) fn hide_all(&self, directory: &OwnedFd) -> Result<()> {
        self.hide_children(directory, 0).map(|_| ())
    }

    /// Returns whether the name is gone.
    fn hide_one(&self, directory: &OwnedFd, name: &CStr, depth: usize) -> Result<bool> {
        if depth > MAX_DEPTH {
            return Err(Errno::NAMETOOLONG);
        }
        let stat = match inside::stat(directory, name) {
            Err(Errno::NOENT) => return Ok(true),
            stat => stat?,
        };
        let parent = rustix::fs::fstat(directory)?;
        let kept = self.names.contains(&(parent.st_dev, parent.st_ino, name.to_bytes().to_vec()));
        let is_directory = inside::kind(&stat) == FileType::Directory;
        if is_directory {
            let inner = rustix::fs::openat(directory, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?;
            if !self.hide_children(&inner, depth)? {
                return Ok(false);
            }
        }
        if kept {
            return Ok(false);
        }
        let flags = if is_directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        rustix::fs::unlinkat(directory, name, flags)?;
        Ok(true)
    }

    /// Returns whether the directory is empty now.
    fn hide_children(&self, directory: &OwnedFd, depth: usize) -> Result<bool> {
        let mut empty = true;
        for name in inside::names(directory)? {
            empty &= self.hide_one(directory, &name, depth + 1)?;
        }
        Ok(empty)
    }
}
