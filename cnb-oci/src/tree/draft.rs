//! A tree while it is made.

use std::fmt::Display;
use std::fs::File;
use std::io;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::backend;
use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::FileKind;
use cnb_core::backend::Result;
use cnb_core::backend::User;
use rustix::fs::AtFlags;
use rustix::fs::Dev;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::Timespec;
use rustix::fs::Timestamps;
use rustix::io::Errno;
use rustix::path::Arg;

use super::Owners;
use super::error::errno_at;
use super::error::from_io;
use super::inside;
use super::inside::Inside;

/// The time of files that come from outside: 1980-01-01T00:00:01Z, as in image layers, so that steps see the
/// same whenever and from wherever a file was taken.
const TIME: Timespec = Timespec { tv_sec: 315_532_801, tv_nsec: 0 };

/// A directory that becomes a tree.
#[derive(Debug)]
pub(crate) struct Draft {
    path: PathBuf,
    inside: Inside,
    owners: Owners,
}

impl Draft {
    /// The empty directory `path`, which gets mode 0755 and owner `0:0`.
    pub(crate) fn new(path: impl Into<PathBuf>, owners: Owners) -> Result<Self> {
        let path = path.into();
        let inside = Inside::new(&path).map_err(errno_at("open", &path))?;
        let draft = Self { path, inside, owners };
        draft.set_root(0o755, User::ROOT)?;
        Ok(draft)
    }

    pub(crate) fn inside(&self) -> &Inside {
        &self.inside
    }

    /// Where the directory is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes files given as values, in order; a later one replaces what an earlier one wrote.
    pub(crate) fn add(&self, files: &[backend::File]) -> Result<()> {
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
    pub(crate) fn set_root(&self, mode: u32, owner: User) -> Result<()> {
        self.root_attributes(mode, owner).map_err(errno_at("change the owner and mode of", &self.path))
    }

    fn root_attributes(&self, mode: u32, owner: User) -> rustix::io::Result<()> {
        let root = self.inside.open(".", inside::DIRECTORY)?;
        self.owners.set(&root, ".", owner)?;
        rustix::fs::fchmod(&root, Mode::from_raw_mode(mode))
    }

    /// A directory of this mode and owner: what is in one that exists stays.
    pub(crate) fn make_directory(
        &self,
        parent: &OwnedFd,
        name: impl Arg + Copy,
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
    pub(crate) fn make_link(
        &self,
        parent: &OwnedFd,
        name: impl Arg + Copy,
        target: impl Arg,
        owner: User,
    ) -> rustix::io::Result<()> {
        inside::remove(parent, name)?;
        rustix::fs::symlinkat(target, parent, name)?;
        self.owners.set(parent, name, owner)?;
        set_time(parent, name)
    }

    /// A pipe, socket or device in place of what was there. Devices are only for root to make: says whether it
    /// could.
    pub(crate) fn make_special(
        &self,
        parent: &OwnedFd,
        name: impl Arg + Copy,
        kind: FileType,
        device: Dev,
        mode: u32,
        owner: User,
    ) -> rustix::io::Result<bool> {
        inside::remove(parent, name)?;
        match rustix::fs::mknodat(parent, name, kind, Mode::RUSR | Mode::WUSR, device) {
            Err(Errno::PERM) => Ok(false),
            result => {
                result?;
                self.set_owner_and_mode(parent, name, mode, owner)?;
                Ok(true)
            }
        }
    }

    /// Sets what a file that was written is to have.
    pub(crate) fn finish_file(
        &self,
        parent: &OwnedFd,
        name: impl Arg + Copy,
        mode: u32,
        owner: User,
    ) -> rustix::io::Result<()> {
        self.set_owner_and_mode(parent, name, mode, owner)?;
        set_time(parent, name)
    }

    /// Sets the owner and mode of anything but a link.
    pub(crate) fn set_owner_and_mode(
        &self,
        parent: &OwnedFd,
        name: impl Arg + Copy,
        mode: u32,
        owner: User,
    ) -> rustix::io::Result<()> {
        self.owners.set(parent, name, owner)?;
        rustix::fs::chmodat(parent, name, Mode::from_raw_mode(mode), AtFlags::empty())
    }
}

/// The error for a path in a draft that could not be written.
pub(crate) fn unwritable(path: impl Display, error: io::Error) -> Error {
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
pub(crate) fn create(parent: &OwnedFd, name: impl Arg + Copy) -> rustix::io::Result<File> {
    inside::remove(parent, name)?;
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(parent, name, flags, Mode::RUSR | Mode::WUSR).map(File::from)
}

/// A hard link to a file in place of what was there.
pub(crate) fn make_hard_link(
    from: &OwnedFd,
    from_name: impl Arg,
    parent: &OwnedFd,
    name: impl Arg + Copy,
) -> rustix::io::Result<()> {
    inside::remove(parent, name)?;
    rustix::fs::linkat(from, from_name, parent, name, AtFlags::empty())
}

/// Gives what the name is the time of files that come from outside.
pub(crate) fn set_time(parent: &OwnedFd, name: impl Arg) -> rustix::io::Result<()> {
    let times = Timestamps { last_access: TIME, last_modification: TIME };
    rustix::fs::utimensat(parent, name, &times, AtFlags::SYMLINK_NOFOLLOW)
}
