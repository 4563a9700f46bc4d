//! New directories get the owner that a plan says.

use std::os::fd::OwnedFd;
use std::path::Path;

use cnb_core::backend::Result;
use cnb_core::helper::Owned;
use rustix::fs::AtFlags;
use rustix::fs::FileType;
use rustix::fs::Gid;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::Stat;
use rustix::fs::StatxAttributes;
use rustix::fs::StatxFlags;
use rustix::fs::Uid;

use super::hidden::HIDDEN;
use crate::tree::error::errno_at;
use crate::tree::inside;
use crate::tree::inside::DIRECTORY;

/// Gives a directory away, if nobody has it. Who had one that is hidden at times has lost it when it still is: the
/// helper was killed before it could be shown again.
pub(super) fn give(owned: &Owned, is_hidden_at_times: bool) -> Result<()> {
    let path = Path::new(&owned.path);
    let directory = rustix::fs::open(path, DIRECTORY, Mode::empty()).map_err(errno_at("open", path))?;
    let stat = rustix::fs::fstat(&directory).map_err(errno_at("look at", path))?;
    if !is_of_root(&stat) {
        return Ok(());
    }
    let was_hidden = is_hidden_at_times && stat.st_mode & 0o7777 == HIDDEN;
    if !was_hidden && !is_new(&directory).map_err(errno_at("list", path))? {
        return Ok(());
    }
    let (uid, gid) = (Uid::from_raw(owned.owner.uid), Gid::from_raw(owned.owner.gid));
    rustix::fs::fchown(&directory, Some(uid), Some(gid))
        .and_then(|()| rustix::fs::fchmod(&directory, Mode::from_raw_mode(0o755)))
        .map_err(errno_at("change the owner and mode of", path))
}

fn is_of_root(stat: &Stat) -> bool {
    (stat.st_uid, stat.st_gid) == (0, 0)
}

/// Whether there is nothing but what is mounted in the directory, and directories of root on the way there:
/// runtimes make these before the first process starts.
fn is_new(directory: &OwnedFd) -> rustix::io::Result<bool> {
    for name in inside::names(directory)? {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        let found = rustix::fs::statx(directory, &name, flags, StatxFlags::empty())?;
        if found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT) {
            continue;
        }
        let stat = inside::stat(directory, &name)?;
        if inside::kind(&stat) != FileType::Directory || !is_of_root(&stat) {
            return Ok(false);
        }
        let inner = rustix::fs::openat(directory, &name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?;
        if !is_new(&inner)? {
            return Ok(false);
        }
    }
    Ok(true)
}
