//! Files without a final name.

use std::fs;
use std::fs::File;
use std::fs::TryLockError;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use super::Error;

const PREFIX: &str = ".cnb-partial-";

/// A file that is written, until it gets its name. Removed when dropped; its lock says that somebody still
/// needs it.
#[derive(Debug)]
pub(crate) struct Temporary {
    path: PathBuf,
    file: File,
    renamed: bool,
}

impl Temporary {
    /// An empty file.
    pub(crate) fn new(directory: &Path) -> Result<Self, Error> {
        loop {
            let path = unused(directory);
            match File::create_new(&path) {
                Ok(file) => {
                    let temporary = Self { path, file, renamed: false };
                    if temporary.lock()? {
                        return Ok(temporary);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::io("make", &path)(error)),
            }
        }
    }

    /// Another name of `source`.
    pub(super) fn link(directory: &Path, source: &Path) -> Result<Self, Error> {
        loop {
            let path = unused(directory);
            match fs::hard_link(source, &path) {
                Ok(()) => {
                    let file = File::open(&path).map_err(Error::io("open", &path))?;
                    return Ok(Self { path, file, renamed: false });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::io("link", &path)(error)),
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Writes all to disk and gives the file its name, in place of a file that has it.
    pub(crate) fn persist(mut self, path: &Path) -> Result<(), Error> {
        self.file.sync_all().map_err(Error::io("write", path))?;
        fs::rename(&self.path, path).map_err(Error::io("make", path))?;
        self.renamed = true;
        Ok(())
    }

    /// As [`Temporary::persist`], unless a file has that name.
    pub(crate) fn persist_new(self, path: &Path) -> Result<(), Error> {
        self.file.sync_all().map_err(Error::io("write", path))?;
        match fs::hard_link(&self.path, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(Error::io("make", path)(error)),
            _ => Ok(()),
        }
    }

    /// Locks the file. Between its making and now, somebody may have taken it for a leftover.
    fn lock(&self) -> Result<bool, Error> {
        self.file.lock().map_err(Error::io("lock", &self.path))?;
        let metadata = self.file.metadata().map_err(Error::io("read", &self.path))?;
        Ok(metadata.nlink() > 0)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After a rename the name may be that of somebody else, for example in another PID namespace.
        if !self.renamed {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes the files that nobody locks.
pub(crate) fn remove_leftovers(directory: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(directory).map_err(Error::io("read", directory))? {
        let entry = entry.map_err(Error::io("read", directory))?;
        if !entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            continue;
        }
        let path = entry.path();
        let Ok(file) = File::open(&path) else { continue };
        match file.try_lock() {
            Ok(()) => {
                tracing::debug!(path = %path.display(), "removing what a killed writer left");
                let _ = fs::remove_file(&path);
            }
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
        }
    }
    Ok(())
}

fn unused(directory: &Path) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    directory.join(format!("{PREFIX}{}-{number}", process::id()))
}
