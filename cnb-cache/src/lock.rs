//! Locks that end with the process that holds them.

use std::fs::File;
use std::fs::OpenOptions;
use std::fs::TryLockError;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// The right to change what is at a path. Given back when dropped.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "closing the file gives the lock back")] File);

impl Lock {
    /// Waits until nobody else has the lock of a file or directory that exists.
    ///
    /// # Errors
    /// When there is nothing at the path, or its file system has no locks.
    pub fn wait(path: &Path) -> io::Result<Self> {
        loop {
            let file = File::open(path)?;
            file.lock()?;
            // While we waited, the holder may have removed what was there: its lock is worth nothing.
            if is_at(&file, path)? {
                return Ok(Self(file));
            }
        }
    }

    /// Takes the lock, or says that somebody else has it.
    ///
    /// # Errors
    /// As for [`wait`](Self::wait).
    pub fn try_take(path: &Path) -> io::Result<Option<Self>> {
        let file = File::open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(is_at(&file, path)?.then_some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Waits until nobody else has the lock of a file that is never removed, and is made if it does not exist.
    pub(crate) fn of_file(path: &Path) -> io::Result<Self> {
        let file = lock_file(path)?;
        file.lock()?;
        Ok(Self(file))
    }

    /// The same, or nothing if somebody else has it.
    pub(crate) fn try_of_file(path: &Path) -> io::Result<Option<Self>> {
        let file = lock_file(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// The same, but with others that share it.
    pub(crate) fn share_file(path: &Path) -> io::Result<Self> {
        let file = lock_file(path)?;
        file.lock_shared()?;
        Ok(Self(file))
    }
}

/// Network file systems lock for writing only what is open for writing.
fn lock_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let (ours, there) = (file.metadata()?, std::fs::metadata(path)?);
    Ok((ours.dev(), ours.ino()) == (there.dev(), there.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_has_the_lock_of_a_directory() {
        let directory = tempfile::tempdir().expect("a directory");
        let lock = Lock::wait(directory.path()).expect("a lock");
        assert!(Lock::try_take(directory.path()).expect("no error").is_none());
        drop(lock);
        assert!(Lock::try_take(directory.path()).expect("no error").is_some());
        assert!(Lock::wait(&directory.path().join("none")).is_err());
    }

    #[test]
    fn a_lock_is_shared_or_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("lock");
        let shared = [Lock::share_file(&path), Lock::share_file(&path)];
        assert!(Lock::try_take(&path).expect("no error").is_none());
        drop(shared);
        let _alone = Lock::of_file(&path).expect("a lock");
        assert!(Lock::try_take(&path).expect("no error").is_none());
    }
}
