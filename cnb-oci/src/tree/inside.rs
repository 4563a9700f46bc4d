//! Paths in trees, which are text.

use std::os::fd::OwnedFd;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use rustix::fs::FileType;
use rustix::fs::ResolveFlags;
use rustix::io::Errno;
use rustix::io::Result;

pub(crate) use crate::inside::DIRECTORY;
pub(crate) use crate::inside::Inside;
use crate::inside::MAX_LINKS;
pub(crate) use crate::inside::kind;
pub(crate) use crate::inside::names;
use crate::inside::open_below;
pub(crate) use crate::inside::remove;
pub(crate) use crate::inside::stat;

impl Inside {
    /// Opens the directory at a path in which no name is a link.
    pub(crate) fn open_canonical(&self, path: &str) -> Result<OwnedFd> {
        let flags = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS;
        open_below(self.root(), path, DIRECTORY, flags)
    }

    /// The path of a directory without links and dots.
    pub(crate) fn canonical(&self, path: &str) -> Result<String> {
        let mut pending: Vec<String> = path.rsplit('/').map(str::to_owned).collect();
        let mut done = String::new();
        let mut links = 0;
        while let Some(name) = pending.pop() {
            match name.as_str() {
                "" | "." => continue,
                ".." => {
                    done.truncate(done.rfind('/').unwrap_or(0));
                    continue;
                }
                _ => {}
            }
            let parent = self.open_canonical(if done.is_empty() { "/" } else { &done })?;
            if kind(&stat(&parent, &name)?) != FileType::Symlink {
                done = format!("{done}/{name}");
                continue;
            }
            links += 1;
            if links > MAX_LINKS {
                return Err(Errno::LOOP);
            }
            let target = rustix::fs::readlinkat(&parent, &name, Vec::new())?;
            let target = target.to_str().map_err(|_| Errno::ILSEQ)?;
            if target.starts_with('/') {
                done.clear();
            }
            pending.extend(target.rsplit('/').map(str::to_owned));
        }
        Ok(if done.is_empty() { "/".to_owned() } else { done })
    }
}

/// Refuses paths that are not absolute or have `.` or `..` as a part.
pub(crate) fn check(path: &str) -> std::result::Result<(), Error> {
    if path.starts_with('/') && path.split('/').all(|name| !matches!(name, "." | "..")) {
        return Ok(());
    }
    let message = format!("the path `{path}` is not absolute or has a part `.` or `..`");
    Err(Error::new(ErrorKind::InvalidInput, message))
}

/// The directory of a path and the last name in it; nothing for `/`.
pub(crate) fn split(path: &str) -> Option<(&str, &str)> {
    let path = path.trim_end_matches('/');
    let (parent, name) = path.rsplit_once('/')?;
    (!matches!(name, "" | "." | "..")).then_some((if parent.is_empty() { "/" } else { parent }, name))
}
