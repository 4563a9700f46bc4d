//! Directories that a process must not enter.

use std::os::fd::OwnedFd;
use std::path::Path;

use cnb_core::backend::Result;
use rustix::fs::Gid;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::Stat;
use rustix::fs::Uid;

use crate::tree::error::errno_at;
use crate::tree::inside::DIRECTORY;

/// The mode of a directory that is hidden. It is root's then.
pub(super) const HIDDEN: u32 = 0o700;

/// Does work while nobody but root can enter the directories. They are as before afterwards, also when the work
/// fails.
pub(super) fn hiding<T>(directories: &[String], work: impl FnOnce() -> Result<T>) -> Result<T> {
    let mut hidden = Vec::new();
    let hide = |path| Hidden::new(Path::new(path)).map(|directory| hidden.push(directory));
    let done = directories.iter().try_for_each(hide).and_then(|()| work());
    // The last first: a directory that is named twice gets back what it had at first.
    let shown: Vec<Result<()>> = hidden.iter().rev().map(Hidden::show).collect();
    done.and_then(|value| shown.into_iter().collect::<Result<()>>().map(|()| value))
}

struct Hidden<'a> {
    path: &'a Path,
    directory: OwnedFd,
    before: Stat,
}

impl<'a> Hidden<'a> {
    fn new(path: &'a Path) -> Result<Self> {
        // What a process of before put in the place of the directory is not touched.
        let flags = DIRECTORY | OFlags::NOFOLLOW;
        let directory = rustix::fs::open(path, flags, Mode::empty()).map_err(errno_at("open", path))?;
        let before = rustix::fs::fstat(&directory).map_err(errno_at("look at", path))?;
        let hidden = Self { path, directory, before };
        hidden.set(0, 0, HIDDEN).map_err(errno_at("hide", path))?;
        Ok(hidden)
    }

    fn show(&self) -> Result<()> {
        let Stat { st_uid, st_gid, st_mode, .. } = self.before;
        self.set(st_uid, st_gid, st_mode & 0o7777).map_err(errno_at("show again", self.path))
    }

    /// The owner first: whoever loses a directory must not keep it by its mode, and whoever gets it back waits
    /// until it is its own.
    fn set(&self, uid: u32, gid: u32, mode: u32) -> rustix::io::Result<()> {
        rustix::fs::fchown(&self.directory, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
        rustix::fs::fchmod(&self.directory, Mode::from_raw_mode(mode))
    }
}
