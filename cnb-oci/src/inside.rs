//! Paths inside a directory that no link leads out of.

use std::ffi::CStr;
use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::AtFlags;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::ResolveFlags;
use rustix::fs::Stat;
use rustix::io::Errno;
use rustix::io::Result;
use rustix::path::Arg;

/// A directory that is the root of everything reached through it.
#[derive(Debug)]
pub(crate) struct Inside {
    root: OwnedFd,
}

/// How often to try what the kernel asks to try again.
const ATTEMPTS: usize = 10_000;

/// Opens a path below a directory as `openat2` does.
///
/// Where a path has `..`, in itself or in a link, and something is renamed or mounted meanwhile anywhere on the machine,
/// the kernel cannot tell whether it stays below, and asks to try again.
pub(crate) fn open_below(
    root: &OwnedFd,
    path: impl Arg,
    flags: OFlags,
    resolve: ResolveFlags,
) -> Result<OwnedFd> {
    let path = path.into_c_str()?;
    for _ in 0..ATTEMPTS {
        match rustix::fs::openat2(root, &*path, flags, Mode::empty(), resolve) {
            Err(Errno::AGAIN) => std::thread::yield_now(),
            opened => return opened,
        }
    }
    Err(Errno::AGAIN)
}

impl Inside {
    pub(crate) fn new(root: &Path) -> Result<Self> {
        Ok(Self { root: rustix::fs::open(root, DIRECTORY, Mode::empty())? })
    }

    /// The directory itself.
    pub(crate) fn root(&self) -> &OwnedFd {
        &self.root
    }

    /// Opens what is at a path; all links are followed.
    pub(crate) fn open(&self, path: impl Arg, flags: OFlags) -> Result<OwnedFd> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        open_below(&self.root, path, flags | OFlags::CLOEXEC, resolve)
    }

    /// Opens the directory at a path, and makes it and those above it where they are missing, also where a
    /// link leads to: mode 0755, owned by this process.
    pub(crate) fn open_or_make_directory(&self, path: impl AsRef<[u8]>) -> Result<OwnedFd> {
        let path = path.as_ref();
        match self.open(path, DIRECTORY) {
            Err(Errno::NOENT) => self.make_directories(path),
            opened => opened,
        }
    }

    /// Resolves a path name by name, as the kernel does it, but makes what is missing.
    fn make_directories(&self, path: &[u8]) -> Result<OwnedFd> {
        let mut pending = names_from_last(path);
        let mut above: Vec<OwnedFd> = Vec::new();
        let mut links = 0;
        while let Some(name) = pending.pop() {
            match &*name {
                b"" | b"." => continue,
                b".." => {
                    above.pop();
                    continue;
                }
                _ => {}
            }
            let parent = above.last().unwrap_or(self.root());
            match rustix::fs::openat(parent, &name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty()) {
                Ok(directory) => above.push(directory),
                Err(Errno::NOENT) => above.push(make_directory(parent, &name)?),
                Err(Errno::LOOP | Errno::NOTDIR) => {
                    let target = rustix::fs::readlinkat(parent, &name, Vec::new()).map_err(not_a_link)?;
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(Errno::LOOP);
                    }
                    if target.to_bytes().starts_with(b"/") {
                        above.clear();
                    }
                    pending.extend(names_from_last(target.to_bytes()));
                }
                Err(errno) => return Err(errno),
            }
        }
        above.pop().map_or_else(|| self.root().try_clone().map_err(|_| Errno::MFILE), Ok)
    }
}

/// How to open directories.
pub(crate) const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// As many links as the kernel follows on one path.
pub(crate) const MAX_LINKS: usize = 40;

/// What the name in a directory is, without following a link.
pub(crate) fn stat(directory: &OwnedFd, name: impl Arg) -> Result<Stat> {
    rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
}

pub(crate) fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// Removes what the name in a directory is, with all that is in it, if there is anything.
pub(crate) fn remove(directory: &OwnedFd, name: impl Arg + Copy) -> Result<()> {
    match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(Errno::ISDIR) => name.into_with_c_str(|name| remove_directory(directory, name, 0)),
        Err(errno) => Err(errno),
    }
}

/// Deeper trees are refused: each level takes an open file and a piece of the stack.
pub(crate) const MAX_DEPTH: usize = 512;

fn remove_directory(directory: &OwnedFd, name: &CStr, depth: usize) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(Errno::NAMETOOLONG);
    }
    let inner = rustix::fs::openat(directory, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?;
    for entry in names(&inner)? {
        match rustix::fs::unlinkat(&inner, &*entry, AtFlags::empty()) {
            Err(Errno::ISDIR) => remove_directory(&inner, &entry, depth + 1)?,
            removed => removed?,
        }
    }
    rustix::fs::unlinkat(directory, name, AtFlags::REMOVEDIR)
}

/// The names in a directory in byte order.
pub(crate) fn names(directory: &OwnedFd) -> Result<Vec<CString>> {
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

fn make_directory(parent: &OwnedFd, name: &[u8]) -> Result<OwnedFd> {
    rustix::fs::mkdirat(parent, name, Mode::RWXU)?;
    let directory = rustix::fs::openat(parent, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?;
    rustix::fs::fchmod(&directory, Mode::from_raw_mode(0o755))?;
    Ok(directory)
}

fn names_from_last(path: &[u8]) -> Vec<Vec<u8>> {
    path.rsplit(|&byte| byte == b'/').map(<[u8]>::to_vec).collect()
}

/// The kernel says `EINVAL` when it is asked for the target of anything else.
fn not_a_link(errno: Errno) -> Errno {
    if errno == Errno::INVAL { Errno::NOTDIR } else { errno }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn what_others_rename_meanwhile_is_no_error() {
        let root = tempfile::tempdir().expect("there is a directory");
        for name in ["a", "b", "elsewhere"] {
            std::fs::create_dir(root.path().join(name)).expect("it is new");
        }
        let inside = Inside::new(root.path()).expect("it is there");
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (one, other) = (root.path().join("elsewhere"), root.path().join("renamed"));
                while !done.load(Ordering::Relaxed) {
                    std::fs::rename(&one, &other).expect("it is there");
                    std::fs::rename(&other, &one).expect("it is there");
                }
            });
            let path = "a/../b/../".repeat(100) + "b";
            let opened = (0..2000).map(|_| inside.open(path.as_str(), DIRECTORY)).find(Result::is_err);
            done.store(true, Ordering::Relaxed);
            assert!(opened.is_none(), "{opened:?}");
        });
    }
}
