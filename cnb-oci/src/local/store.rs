//! Where the local backend keeps its files.
//!
//! ```text
//! STATE/MODE/sessions/lock           held while sessions are made and swept
//! STATE/MODE/sessions/NAME/lock      held as long as the process with this session lives
//! STATE/MODE/sessions/NAME/trees/N   a directory of a tree
//! STATE/MODE/sessions/NAME/work/N    a step: its bundle and what is mounted
//! STATE/MODE/sessions/NAME/runtime   what the OCI runtime keeps
//! STATE/MODE/sessions/NAME/init      a copy of `cnb-init` that every user may run
//! STATE/MODE/roots/CHAINID           the unpacked root file system of an image: see [roots](super::roots)
//! STATE/{blobs,diffids,uses}         layers of images, of all modes: see [`blob_store`](crate::blob_store)
//! ```
//!
//! Each [mode](super::userns::Mode) has its own files: their owners are not the same.

use std::fs;
use std::fs::DirBuilder;
use std::fs::File;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use cnb_core::backend::Result;

use super::error::at;

/// The files of one process. Removed with the last reference, or by another process when this one is killed.
#[derive(Debug)]
pub(super) struct Session {
    directory: PathBuf,
    next: AtomicU64,
    _lock: File,
}

impl Session {
    /// Makes a session in the directory of a mode. Hands sessions of dead processes to `sweep`, then removes
    /// them.
    pub(super) fn new(mode: &Path, sweep: impl Fn(&Path)) -> Result<Arc<Self>> {
        let sessions = mode.join("sessions");
        make_private(&sessions)?;
        let _making = lock(&sessions.join("lock"))?;
        remove_dead(&sessions, sweep)?;
        let directory = unused(&sessions)?;
        let lock = lock(&directory.join("lock"))?;
        for name in ["trees", "work", "runtime", "empty"] {
            make_private(&directory.join(name))?;
        }
        Ok(Arc::new(Self { directory, next: AtomicU64::new(0), _lock: lock }))
    }

    /// A directory with nothing in it.
    pub(super) fn empty(&self) -> PathBuf {
        self.directory.join("empty")
    }

    /// Where the copy of `cnb-init` is.
    pub(super) fn init(&self) -> PathBuf {
        self.directory.join("init")
    }

    /// Where an OCI runtime keeps its files.
    pub(super) fn runtime(&self) -> PathBuf {
        self.directory.join("runtime")
    }

    /// A new directory below `trees`.
    pub(super) fn tree(self: &Arc<Self>) -> Result<Scratch> {
        self.scratch("trees")
    }

    /// A new directory below `work`.
    pub(super) fn work(self: &Arc<Self>) -> Result<Scratch> {
        self.scratch("work")
    }

    fn scratch(self: &Arc<Self>, kind: &str) -> Result<Scratch> {
        let name = self.next.fetch_add(1, Ordering::Relaxed).to_string();
        let path = self.directory.join(kind).join(&name);
        fs::create_dir(&path).map_err(at("create", &path))?;
        Ok(Scratch { name, path, _session: Arc::clone(self) })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        remove(&self.directory);
    }
}

/// A directory that is removed with its last reference.
#[derive(Debug)]
pub(super) struct Scratch {
    name: String,
    path: PathBuf,
    _session: Arc<Session>,
}

impl Scratch {
    /// A name that no other directory of the session has.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a directory in it.
    pub(super) fn create(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        fs::create_dir(&path).map_err(at("create", &path))?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// Creates a directory, and those above, that only its owner may enter.
pub(super) fn make_private(path: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(at("create", path))
}

/// Waits for a lock and takes it. The file stays.
pub(super) fn lock(path: &Path) -> Result<File> {
    let file = open_lock(path).map_err(at("open", path))?;
    file.lock().map_err(at("lock", path))?;
    Ok(file)
}

pub(super) fn open_lock(path: &Path) -> io::Result<File> {
    File::options().create(true).truncate(false).write(true).open(path)
}

/// Removes a directory that nobody uses any more. What cannot be removed now is when its session is swept.
pub(super) fn remove(path: &Path) {
    if let Err(error) = fs::remove_dir_all(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "could not remove a directory");
    }
}

fn remove_dead(sessions: &Path, sweep: impl Fn(&Path)) -> Result<()> {
    for entry in fs::read_dir(sessions).map_err(at("list", sessions))? {
        let directory = entry.map_err(at("list", sessions))?.path();
        if !directory.is_dir() {
            continue;
        }
        let path = directory.join("lock");
        match open_lock(&path) {
            Ok(lock) if lock.try_lock().is_ok() => {
                sweep(&directory);
                remove(&directory);
            }
            // Its process removed it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(at("open", &path)(error)),
            Ok(_) => {}
        }
    }
    Ok(())
}

fn unused(sessions: &Path) -> Result<PathBuf> {
    let process = std::process::id();
    let mut number = 0_u32;
    loop {
        let path = sessions.join(format!("{process}-{number}"));
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(at("create", &path)(error)),
        }
    }
}
