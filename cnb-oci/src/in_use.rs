//! Who uses something that is kept, and when it was used last: said by a file beside it.
//!
//! - Who uses it shares the lock of the file, as long as it is used, and gives the file the time of the beginning.
//! - Who makes or removes it has the lock alone. The kernel gives locks back, however a process ends.
//! - The file goes with what it is for, so who has its lock looks whether it is still there.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::fs::TryLockError;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::Timespec;
use rustix::fs::Timestamps;
use rustix::fs::UTIME_NOW;
use rustix::fs::UTIME_OMIT;

/// Something that stays as long as this value.
#[derive(Debug)]
pub(crate) struct InUse(#[expect(dead_code, reason = "closing the file gives the lock back")] File);

/// The right to make or remove something that nobody uses.
#[derive(Debug)]
pub(crate) struct Alone {
    path: PathBuf,
    _file: File,
}

impl InUse {
    /// Waits until nobody makes or removes it, and marks it as used. Says nothing about whether it is there.
    pub(crate) fn share(path: &Path) -> io::Result<Self> {
        loop {
            let file = open(path)?;
            file.lock_shared()?;
            if is_at(&file, path)? {
                mark(&file);
                return Ok(Self(file));
            }
        }
    }
}

impl Alone {
    /// The right, or nothing if somebody else uses, makes or removes it.
    pub(crate) fn try_take(path: &Path) -> io::Result<Option<Self>> {
        loop {
            let file = open(path)?;
            match file.try_lock() {
                Ok(()) if is_at(&file, path)? => {
                    return Ok(Some(Self { path: path.to_owned(), _file: file }));
                }
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    /// Removes the file, when what it is for is gone.
    pub(crate) fn forget(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

/// When it was used last, in seconds since 1970: the time of its file or, where there is none, its own.
pub(crate) fn last_use(file: &Path, of: &Path) -> u64 {
    let time = |path| fs::symlink_metadata(path).map(|metadata| metadata.mtime());
    time(file).or_else(|_| time(of)).ok().and_then(|time| time.try_into().ok()).unwrap_or(0)
}

/// Network file systems lock for writing only what is open for writing. Elsewhere it is enough to read what another user
/// made: builds as root and without share layers.
fn open(path: &Path) -> io::Result<File> {
    let opened =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o644).open(path);
    opened.or_else(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => File::open(path).map_err(|_| error),
        _ => Err(error),
    })
}

/// The kernel says when: this process looks at no clock.
fn mark(file: &File) {
    let time = |tv_nsec| Timespec { tv_sec: 0, tv_nsec };
    let times = Timestamps { last_access: time(UTIME_OMIT), last_modification: time(UTIME_NOW) };
    if let Err(error) = rustix::fs::futimens(file, &times) {
        tracing::debug!(%error, "a use is not remembered");
    }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) => Ok((ours.dev(), ours.ino()) == (there.dev(), there.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::FileTimes;
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn what_is_used_is_not_removed() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        let users = [InUse::share(&path), InUse::share(&path)];
        assert!(Alone::try_take(&path).expect("no error").is_none());
        drop(users);
        let alone = Alone::try_take(&path).expect("no error").expect("nobody uses it");
        assert!(Alone::try_take(&path).expect("no error").is_none());
        alone.forget().expect("it is there");
        assert!(!path.exists());
        let _user = InUse::share(&path).expect("it can be used again");
    }

    #[test]
    fn who_waited_for_a_file_that_is_gone_has_the_new_one() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        let alone = Alone::try_take(&path).expect("no error").expect("nobody uses it");
        // As if it had been opened before, and the lock came after.
        let old = open(&path).expect("it is there");
        assert!(is_at(&old, &path).expect("no error"));
        alone.forget().expect("it is there");
        assert!(!is_at(&old, &path).expect("no error"));
        let _user = InUse::share(&path).expect("a new file");
        assert!(!is_at(&old, &path).expect("no error"));
        old.lock().expect("nobody has the old one");
    }

    #[test]
    fn a_use_is_remembered() {
        let directory = tempfile::tempdir().expect("a directory");
        let [path, of] = ["file", "of"].map(|name| directory.path().join(name));
        assert_eq!(last_use(&path, &of), 0);
        let at = |path: &Path, time| {
            let times = FileTimes::new().set_modified(UNIX_EPOCH + std::time::Duration::from_secs(time));
            open(path).and_then(|file| file.set_times(times)).expect("a file");
        };
        at(&of, 5);
        assert_eq!(last_use(&path, &of), 5);
        at(&path, 3);
        assert_eq!(last_use(&path, &of), 3);
        drop(Alone::try_take(&path).expect("no error").expect("nobody uses it"));
        assert_eq!(last_use(&path, &of), 3, "that is no use");
        drop(InUse::share(&path).expect("a use"));
        assert!(last_use(&path, &of) > 1_000_000_000);
    }
}
