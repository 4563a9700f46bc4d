//! Paths inside a directory that no link leads out of.

use std::os::fd::AsRawFd as _;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::User;
use rustix::fs::AtFlags;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::ResolveFlags;
use rustix::fs::Stat;
use rustix::io::Errno;
use rustix::io::Result;

use super::owner::Owners;

/// A directory that is the root of everything reached through it.
#[derive(Debug)]
pub(super) struct Inside {
    root: OwnedFd,
}

impl Inside {
    pub(super) fn new(root: &Path) -> Result<Self> {
        Ok(Self { root: rustix::fs::open(root, DIRECTORY, Mode::empty())? })
    }

    /// The directory for this process, as long as this value is there.
    pub(super) fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}/.", self.root.as_raw_fd()).into()
    }

    /// Gives the directory itself to `owner`.
    pub(super) fn set_owner(&self, owners: Owners, owner: User) -> Result<()> {
        owners.set(&self.root, ".", owner)
    }

    /// Opens what is at a path; all links are followed.
    pub(super) fn open(&self, path: &str, flags: OFlags) -> Result<OwnedFd> {
        rustix::fs::openat2(&self.root, path, flags | OFlags::CLOEXEC, Mode::empty(), IN_ROOT)
    }

    /// Opens the directory at a path in which no name is a link.
    pub(super) fn open_canonical(&self, path: &str) -> Result<OwnedFd> {
        let flags = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS;
        rustix::fs::openat2(&self.root, path, DIRECTORY, Mode::empty(), flags)
    }

    /// The path of a directory without links and dots.
    pub(super) fn canonical(&self, path: &str) -> Result<String> {
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

    /// Opens the directory at a path, and makes it and those above it where they are missing: mode 0755,
    /// owned by this process.
    pub(super) fn open_or_make_directory(&self, path: &str) -> Result<OwnedFd> {
        match self.open(path, DIRECTORY) {
            Err(Errno::NOENT) => {}
            opened => return opened,
        }
        let (parent, name) = split(path).ok_or(Errno::NOENT)?;
        let parent = self.open_or_make_directory(parent)?;
        match rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o755)) {
            Ok(()) => rustix::fs::chmodat(&parent, name, Mode::from_raw_mode(0o755), AtFlags::empty())?,
            Err(Errno::EXIST) => return Err(Errno::NOTDIR),
            Err(errno) => return Err(errno),
        }
        self.open(path, DIRECTORY)
    }
}

/// How to open directories.
pub(super) const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// As many links as the kernel follows on one path.
const MAX_LINKS: usize = 40;

const IN_ROOT: ResolveFlags = ResolveFlags::IN_ROOT.union(ResolveFlags::NO_MAGICLINKS);

/// Refuses paths that are not absolute or have `.` or `..` as a part.
pub(super) fn check(path: &str) -> std::result::Result<(), Error> {
    if path.starts_with('/') && path.split('/').all(|name| !matches!(name, "." | "..")) {
        return Ok(());
    }
    let message = format!("the path `{path}` is not absolute or has a part `.` or `..`");
    Err(Error::new(ErrorKind::InvalidInput, message))
}

/// The directory of a path and the last name in it; nothing for `/`.
pub(super) fn split(path: &str) -> Option<(&str, &str)> {
    let path = path.trim_end_matches('/');
    let (parent, name) = path.rsplit_once('/')?;
    (!matches!(name, "" | "." | "..")).then_some((if parent.is_empty() { "/" } else { parent }, name))
}

/// What the name in a directory is, without following a link.
pub(super) fn stat(directory: &OwnedFd, name: &str) -> Result<Stat> {
    rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
}

pub(super) fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// Removes what the name in a directory is, with all that is in it, if there is anything.
pub(super) fn remove(directory: &OwnedFd, name: &str) -> Result<()> {
    match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(Errno::ISDIR) => remove_directory(directory, name),
        Err(errno) => Err(errno),
    }
}

fn remove_directory(directory: &OwnedFd, name: &str) -> Result<()> {
    let inner = rustix::fs::openat(directory, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?;
    for entry in names(&inner)? {
        match rustix::fs::unlinkat(&inner, &*entry, AtFlags::empty()) {
            Err(Errno::ISDIR) => {
                let name = entry.to_str().map_err(|_| Errno::ILSEQ)?;
                remove_directory(&inner, name)?;
            }
            removed => removed?,
        }
    }
    rustix::fs::unlinkat(directory, name, AtFlags::REMOVEDIR)
}

/// The names in a directory in byte order.
pub(super) fn names(directory: &OwnedFd) -> Result<Vec<std::ffi::CString>> {
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(directory)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}
