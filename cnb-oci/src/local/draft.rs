//! A tree while it is made.

use std::fs::File;
use std::io;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use cnb_core::backend;
use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::FileKind;
use cnb_core::backend::Result;
use cnb_core::backend::User;
use rustix::fs::AtFlags;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::Timespec;
use rustix::fs::Timestamps;
use rustix::io::Errno;

use super::error::errno_at;
use super::error::from_io;
use super::inside;
use super::inside::Inside;
use super::owner::Owners;
use super::store::Scratch;
use super::store::Session;
use super::tree::FILES;
use super::tree::LocalTree;
use super::userns::Mapping;

/// The time of files that come from outside: 1980-01-01T00:00:01Z, as in image layers, so that steps see the
/// same whenever and from wherever a file was taken.
const TIME: Timespec = Timespec { tv_sec: 315_532_801, tv_nsec: 0 };

/// A new directory that becomes a tree.
#[derive(Debug)]
pub(super) struct Draft {
    scratch: Scratch,
    path: PathBuf,
    inside: Inside,
    owners: Owners,
}

impl Draft {
    /// An empty directory with mode 0755 that `0:0` owns.
    pub(super) fn new(session: &Arc<Session>, mapping: Mapping) -> Result<Self> {
        let scratch = session.tree()?;
        let path = scratch.create(FILES)?;
        let inside = Inside::new(&path).map_err(errno_at("open", &path))?;
        let draft = Self { scratch, path, inside, owners: Owners::new(mapping) };
        draft.set_root(0o755, User::ROOT)?;
        Ok(draft)
    }

    /// What was made.
    pub(super) fn finish(self) -> LocalTree {
        LocalTree::new(self.scratch)
    }

    pub(super) fn inside(&self) -> &Inside {
        &self.inside
    }

    /// Where the directory is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes files given as values, in order; a later one replaces what an earlier one wrote.
    pub(super) fn add(&self, files: &[backend::File]) -> Result<()> {
        for file in files {
            inside::check(&file.path)?;
            self.add_one(file).map_err(|error| unwritable(&file.path, error))?;
        }
        Ok(())
    }

    fn add_one(&self, file: &backend::File) -> io::Result<()> {
        let Some((parent, name)) = inside::split(&file.path) else {
            return match file.kind {
                FileKind::Directory => Ok(self.root_attributes(file.mode, file.owner)?),
                _ => Err(io::ErrorKind::IsADirectory.into()),
            };
        };
        let parent = self.inside.open_or_make_directory(parent)?;
        match &file.kind {
            FileKind::Directory => self.make_directory(&parent, name, file.mode, file.owner)?,
            FileKind::Regular(content) => {
                let mut output = create(&parent, name)?;
                output.write_all(content)?;
                self.finish_file(&parent, name, file.mode, file.owner)?;
            }
            FileKind::Symlink(target) => self.make_link(&parent, name, target, file.owner)?,
        }
        Ok(())
    }

    /// Sets the mode and owner of the root directory.
    pub(super) fn set_root(&self, mode: u32, owner: User) -> Result<()> {
        self.root_attributes(mode, owner).map_err(errno_at("change the owner and mode of", &self.path))
    }

    fn root_attributes(&self, mode: u32, owner: User) -> rustix::io::Result<()> {
        let root = self.inside.open(".", inside::DIRECTORY)?;
        self.owners.set(&root, ".", owner)?;
        rustix::fs::fchmod(&root, Mode::from_raw_mode(mode))
    }

    /// A directory of this mode and owner: what is in one that exists stays.
    pub(super) fn make_directory(
        &self,
        parent: &OwnedFd,
        name: &str,
        mode: u32,
        owner: User,
    ) -> rustix::io::Result<()> {
        let exists = inside::stat(parent, name).is_ok_and(|stat| inside::kind(&stat) == FileType::Directory);
        if !exists {
            inside::remove(parent, name)?;
            rustix::fs::mkdirat(parent, name, Mode::RWXU)?;
        }
        self.owners.set(parent, name, owner)?;
        rustix::fs::chmodat(parent, name, Mode::from_raw_mode(mode), AtFlags::empty())
    }

    /// A symbolic link in place of what was there.
    pub(super) fn make_link(
        &self,
        parent: &OwnedFd,
        name: &str,
        target: &str,
        owner: User,
    ) -> rustix::io::Result<()> {
        inside::remove(parent, name)?;
        rustix::fs::symlinkat(target, parent, name)?;
        self.owners.set(parent, name, owner)?;
        set_time(parent, name)
    }

    /// Sets what a file that was written is to have.
    pub(super) fn finish_file(
        &self,
        parent: &OwnedFd,
        name: &str,
        mode: u32,
        owner: User,
    ) -> rustix::io::Result<()> {
        self.set_owner_and_mode(parent, name, mode, owner)?;
        set_time(parent, name)
    }

    /// Sets the owner and mode of anything but a link.
    pub(super) fn set_owner_and_mode(
        &self,
        parent: &OwnedFd,
        name: &str,
        mode: u32,
        owner: User,
    ) -> rustix::io::Result<()> {
        self.owners.set(parent, name, owner)?;
        rustix::fs::chmodat(parent, name, Mode::from_raw_mode(mode), AtFlags::empty())
    }
}

/// The error for a path in a draft that could not be written.
pub(super) fn unwritable(path: &str, error: io::Error) -> Error {
    let message = format!("could not write {path} in a tree");
    if Errno::from_io_error(&error) == Some(Errno::INVAL) {
        let message = format!("{message}: its owner is not in the range of users of this machine");
        return Error::new(ErrorKind::InvalidInput, message).with_source(error);
    }
    if error.kind() == io::ErrorKind::InvalidInput {
        return Error::new(ErrorKind::InvalidInput, message).with_source(error);
    }
    from_io(message, error)
}

/// An empty file in place of what was there.
pub(super) fn create(parent: &OwnedFd, name: &str) -> rustix::io::Result<File> {
    inside::remove(parent, name)?;
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(parent, name, flags, Mode::RUSR | Mode::WUSR).map(File::from)
}

/// A hard link to a file of another tree in place of what was there.
pub(super) fn make_hard_link(
    (from, from_name): (&OwnedFd, &str),
    parent: &OwnedFd,
    name: &str,
) -> rustix::io::Result<()> {
    inside::remove(parent, name)?;
    rustix::fs::linkat(from, from_name, parent, name, AtFlags::empty())
}

fn set_time(parent: &OwnedFd, name: &str) -> rustix::io::Result<()> {
    let times = Timestamps { last_access: TIME, last_modification: TIME };
    rustix::fs::utimensat(parent, name, &times, AtFlags::SYMLINK_NOFOLLOW)
}
