//! The caches that steps left, for those who look after a disk. No backend is needed.

use std::collections::BTreeSet;
use std::fs;
use std::fs::DirEntry;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::backend::CacheId;
use cnb_core::backend::Result;

use super::cache;
use super::cache::FILES;
use super::cache::UNFINISHED;
use super::error::at;
use super::store;

/// A cache with something in it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct StepCache {
    /// The mode of user namespaces whose cache it is: `root`, `range` or `single`.
    pub mode: String,
    /// Its name.
    pub id: CacheId,
    /// Bytes of its files, as far as they can be seen.
    pub bytes: u64,
    /// When something was made or removed in its directory last, in seconds since 1970. A restorer does that when it
    /// opens a cache.
    pub used: u64,
    directory: PathBuf,
}

/// All caches below the directory of caches, by mode and name. There are none when there is no such directory.
///
/// # Errors
/// When a directory cannot be listed.
pub fn list(directory: &Path) -> Result<Vec<StepCache>> {
    let mut found = Vec::new();
    for mode in directories(directory)? {
        for cache in directories(&mode.path())? {
            let name = |entry: &DirEntry| entry.file_name().into_string().ok();
            let (Some(mode), Some(id)) = (name(&mode), name(&cache).and_then(CacheId::new)) else { continue };
            let directory = cache.path();
            // What could not be removed, or was not to the end, takes space, too.
            let parts = [FILES, UNFINISHED].map(|name| directory.join(name));
            let used = parts.iter().find_map(|part| Some(fs::symlink_metadata(part).ok()?.mtime()));
            if let Some(used) = used {
                let mut seen = BTreeSet::new();
                let bytes = parts.iter().map(|part| bytes_below(part, &mut seen)).sum();
                let used = used.try_into().unwrap_or(0);
                found.push(StepCache { mode, id, bytes, used, directory });
            }
        }
    }
    found.sort_by(|one, other| (&one.mode, &one.id).cmp(&(&other.mode, &other.id)));
    Ok(found)
}

impl StepCache {
    /// Removes what is in the cache, unless a step has it. Says whether it was removed.
    ///
    /// # Errors
    /// When it cannot be locked or removed: files of the mode `range` belong to the users of that range. They are no cache
    /// any more then, and the next step that wants one removes them.
    pub fn remove(&self) -> Result<bool> {
        let path = self.directory.join("lock");
        let lock = store::open_lock(&path).map_err(at("open", &path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Ok(false),
            Err(fs::TryLockError::Error(error)) => return Err(at("lock", &path)(error)),
        }
        // The lock stays, for those who wait for it.
        cache::clear(&self.directory).map(|()| true)
    }
}

pub(super) fn directories(path: &Path) -> Result<Vec<DirEntry>> {
    let is_directory = |entry: &DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    Ok(entries(path)?.into_iter().filter(is_directory).collect())
}

/// What is in a directory; nothing if there is none.
pub(super) fn entries(path: &Path) -> Result<Vec<DirEntry>> {
    match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries.and_then(Iterator::collect).map_err(at("list", path)),
    }
}

/// Bytes of all files; those with several names count once.
pub(super) fn bytes_below(directory: &Path, seen: &mut BTreeSet<(u64, u64)>) -> u64 {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    let of_entry = |entry: DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path(), seen),
        Ok(metadata) if metadata.nlink() == 1 || seen.insert((metadata.dev(), metadata.ino())) => {
            metadata.len()
        }
        _ => 0,
    };
    entries.filter_map(io::Result::ok).map(of_entry).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_are_found_and_removed_unless_somebody_has_them() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name);
        assert_eq!(list(&path("none")).expect("no directory"), []);
        for (file, content) in
            [("range/b/files/x/y", "12345"), ("range/b/files/z", "1"), ("root/a/files/x", "")]
        {
            fs::create_dir_all(path(file).parent().expect("a directory")).expect("a directory");
            fs::write(path(file), content).expect("a file");
        }
        fs::hard_link(path("range/b/files/z"), path("range/b/files/again")).expect("a link");
        std::os::unix::fs::symlink(path("range/b"), path("root/linked")).expect("a link");
        fs::create_dir_all(path("root/forgotten")).expect("a directory");

        let caches = list(directory.path()).expect("they can be read");
        let told: Vec<_> = caches.iter().map(|it| (it.mode.as_str(), it.id.as_str(), it.bytes)).collect();
        assert_eq!(told, [("range", "b", 6), ("root", "a", 0)]);
        assert!(caches.iter().all(|cache| cache.used > 0));

        let held = store::lock(&path("range/b/lock")).expect("a lock");
        assert!(!caches[0].remove().expect("somebody has it"));
        assert!(path("range/b/files/z").exists());
        drop(held);
        assert!(caches[0].remove().expect("nobody has it"));
        assert!(caches[0].remove().expect("it is gone already"));
        assert_eq!(list(directory.path()).expect("they can be read"), caches[1..]);
    }

    #[test]
    fn what_is_left_of_a_cache_is_none_but_takes_space() {
        let directory = tempfile::tempdir().expect("a directory");
        let left = directory.path().join("root/a").join(UNFINISHED);
        fs::create_dir_all(&left).expect("a directory");
        fs::write(left.join("x"), "12345").expect("a file");
        let caches = list(directory.path()).expect("they can be read");
        assert_eq!(caches.iter().map(|cache| cache.bytes).collect::<Vec<_>>(), [5]);
        assert!(caches[0].remove().expect("nobody has it"));
        assert!(!left.exists());
        assert_eq!(list(directory.path()).expect("they can be read"), []);
    }
}
