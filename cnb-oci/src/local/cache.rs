//! Directories that keep their content between steps.

use std::fs;
use std::fs::File;
use std::fs::TryLockError;
use std::io;
use std::io::PipeReader;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use cnb_core::backend::CacheId;
use cnb_core::backend::Result;
use cnb_core::backend::User;

use super::container::is_cancelled;
use super::error::at;
use super::error::errno_at;
use super::stop::Stop;
use super::store;
use crate::tree::Owners;
use crate::tree::inside::Inside;

/// How often a step looks whether another has given back a cache. A lock cannot be waited for and cancelled.
const INTERVAL: Duration = Duration::from_millis(20);

/// The files of a cache, in its directory.
pub(super) const FILES: &str = "files";

/// They while they are made or removed.
pub(super) const UNFINISHED: &str = "new";

/// A cache that nobody else has, or that is shared.
#[derive(Debug)]
pub(super) struct Held {
    directory: PathBuf,
    _lock: File,
}

impl Held {
    pub(super) fn path(&self) -> &Path {
        &self.directory
    }
}

/// Waits until nobody has the cache, and forgets what is in it, unless it is stopped before.
pub(super) fn forget(caches: &Path, id: &CacheId, stop: &Stop) -> Result<()> {
    let parent = caches.join(id.as_str());
    if !parent.exists() {
        return Ok(());
    }
    let path = parent.join("lock");
    let lock = store::open_lock(&path).map_err(at("open", &path))?;
    if wait(&path, || lock.try_lock(), || stop.pause(INTERVAL).is_err())? { clear(&parent) } else { Ok(()) }
}

/// Tries until the lock is there. Says no when stopped.
fn wait(
    path: &Path,
    lock: impl Fn() -> std::result::Result<(), TryLockError>,
    is_stopped: impl Fn() -> bool,
) -> Result<bool> {
    loop {
        match lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(at("lock", path)(error)),
        }
        if is_stopped() {
            return Ok(false);
        }
    }
}

/// Removes what is in a cache whose lock the caller has.
pub(super) fn clear(parent: &Path) -> Result<()> {
    discard(&parent.join(FILES), &parent.join(UNFINISHED))
}

/// Removes a directory by way of a passing name, of which the caller has the lock. It is gone at once: nobody takes what
/// is left of it for the directory, however this ends.
pub(super) fn discard(directory: &Path, passing: &Path) -> Result<()> {
    remove_all(passing)?;
    match fs::rename(directory, passing) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        renamed => {
            renamed.map_err(at("remove", directory))?;
            remove_all(passing)
        }
    }
}

/// Removes a directory, if it is there.
pub(super) fn remove_all(directory: &Path) -> Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at("remove", directory)(error)),
        _ => Ok(()),
    }
}

/// Waits for caches, for a step.
#[derive(Clone, Copy)]
pub(super) struct Taking<'a> {
    /// The directory of all caches.
    pub(super) caches: &'a Path,
    /// Who runs the step.
    pub(super) user: User,
    pub(super) owners: Owners,
    pub(super) cancel: &'a PipeReader,
}

impl Taking<'_> {
    /// Waits until nobody has the cache, and takes it. Returns nothing when cancelled.
    pub(super) fn take(self, id: &CacheId) -> Result<Option<Held>> {
        let (parent, lock) = self.open(id)?;
        if !self.wait(&parent, || lock.try_lock())? {
            return Ok(None);
        }
        let directory = parent.join(FILES);
        if !directory.exists() {
            create(&parent, &directory, self.user, self.owners)?;
        }
        Ok(Some(Held { directory, _lock: lock }))
    }

    /// Waits until nobody has the cache alone, and takes it together with others that share it. Returns nothing when
    /// cancelled.
    pub(super) fn share(self, id: &CacheId) -> Result<Option<Held>> {
        let (parent, lock) = self.open(id)?;
        loop {
            if !self.wait(&parent, || lock.try_lock_shared())? {
                return Ok(None);
            }
            let directory = parent.join(FILES);
            if directory.exists() {
                return Ok(Some(Held { directory, _lock: lock }));
            }
            // It is made by one alone, who then may lose it before it is shared.
            lock.unlock().map_err(at("unlock", &parent))?;
            if self.take(id)?.is_none() {
                return Ok(None);
            }
        }
    }

    fn open(self, id: &CacheId) -> Result<(PathBuf, File)> {
        let parent = self.caches.join(id.as_str());
        store::make_private(&parent)?;
        let path = parent.join("lock");
        let lock = store::open_lock(&path).map_err(at("open", &path))?;
        Ok((parent, lock))
    }

    /// Tries until the lock is there. Says no when cancelled.
    fn wait(self, parent: &Path, lock: impl Fn() -> std::result::Result<(), TryLockError>) -> Result<bool> {
        wait(&parent.join("lock"), lock, || is_cancelled(self.cancel, INTERVAL))
    }
}

/// Makes the directory of a new cache; it appears complete or not at all.
fn create(parent: &Path, directory: &Path, user: User, owners: Owners) -> Result<()> {
    let new = parent.join(UNFINISHED);
    remove_all(&new)?;
    fs::create_dir(&new).map_err(at("create", &new))?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).map_err(at("change the mode of", &new))?;
    let inside = Inside::new(&new).map_err(errno_at("open", &new))?;
    inside.set_owner(owners, user).map_err(errno_at("change the owner of", &new))?;
    fs::rename(&new, directory).map_err(at("create", directory))
}
