//! The contents of a store, as files.

use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::fs::FileTimes;
use std::io;
use std::io::Read;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::UNIX_EPOCH;

use cnb_core::digest::Digest;
use sha2::Digest as _;
use sha2::Sha256;

use super::index::Named;
use super::make_directory;
use crate::atomic;
use crate::lock::Lock;
use crate::store::error::StoreError;

/// The directories of contents.
#[derive(Clone, Debug)]
pub(in crate::store) struct Blobs {
    root: PathBuf,
    directory: PathBuf,
    new: PathBuf,
}

/// A content that has no name yet.
#[derive(Debug)]
pub(in crate::store) struct NewBlob {
    content: Content,
    digest: Digest,
    size: u64,
}

#[derive(Debug)]
enum Content {
    /// It is small: when the store has it already, no disk is waited for.
    Memory(Vec<u8>),
    File(NewFile),
}

/// A file with a passing name. Removed when dropped.
#[derive(Debug)]
pub(in crate::store) struct NewFile {
    path: PathBuf,
    file: File,
    /// Then the passing name may be that of another one already.
    is_named: bool,
}

/// Bytes that are kept in memory while a content is received.
const SMALL: u64 = 256 * 1024;

const LOCK: &str = "lock";

const BUFFER: usize = 256 * 1024;

impl Blobs {
    pub(in crate::store) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), directory: root.join("blobs/sha256"), new: root.join("new") }
    }

    /// Keeps contents and files from being removed until something names them.
    pub(in crate::store) fn share(&self) -> Result<Lock, StoreError> {
        make_directory(&self.root)?;
        let path = self.root.join(LOCK);
        Lock::share_file(&path).map_err(StoreError::at("locking", &path))
    }

    /// Waits until nobody has a content or a file that is not named yet.
    pub(in crate::store) fn take(&self) -> Result<Lock, StoreError> {
        let path = self.root.join(LOCK);
        Lock::of_file(&path).map_err(StoreError::at("locking", &path))
    }

    /// Reads a content to its end; into a file, once it is too large for memory.
    pub(in crate::store) fn receive(&self, key: &str, content: &mut dyn Read) -> Result<NewBlob, StoreError> {
        NewBlob::receive(key, content, || {
            let _shared = self.share()?;
            self.create()
        })
    }

    /// When a content was used last, if it seems to be there.
    pub(in crate::store) fn used(&self, digest: &Digest, size: u64) -> Option<u64> {
        used(&self.path(digest)).filter(|(found, _)| *found == size).map(|(_, used)| used)
    }

    /// The file of a content of this size.
    pub(super) fn open(&self, named: &Named) -> Result<File, StoreError> {
        let path = self.path(&named.digest);
        let file = open_content(&path, &named.key)?;
        let found = file.metadata().map_err(StoreError::at("reading", &path))?.len();
        if found == named.size {
            return Ok(file);
        }
        let reason = format!("it has {found} bytes instead of {}", named.size);
        Err(StoreError::Damaged { what: format!("the entry `{}`", named.key), reason })
    }

    /// A file that gets its name by [`keep`](Self::keep). The caller shares the store: what is not locked is removed
    /// by who takes it.
    fn create(&self) -> Result<NewFile, StoreError> {
        make_directory(&self.new)?;
        let mut number = 0_u64;
        loop {
            let path = self.new.join(number.to_string());
            let failed = StoreError::at("making", &path);
            match File::create_new(&path) {
                Ok(file) => {
                    let new = NewFile { path: path.clone(), file, is_named: false };
                    new.file.lock().map_err(failed)?;
                    return Ok(new);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// Gives a content its name, on the disk. The caller shares the store until something names the content.
    pub(in crate::store) fn keep(&self, blob: NewBlob, used: u64) -> Result<(), StoreError> {
        let path = self.path(&blob.digest);
        if let Content::Memory(bytes) = &blob.content
            && let Some(file) = same(&path, bytes)
        {
            mark(&file, used);
            return Ok(());
        }
        let mut new = self.in_file(blob)?;
        mark(&new.file, used);
        make_directory(&self.directory)?;
        make_room(&path)?;
        fs::rename(&new.path, &path).map_err(StoreError::at("naming", &path))?;
        new.is_named = true;
        atomic::sync_directory(&self.directory).map_err(StoreError::at("naming", &path))
    }

    /// A content as a file on the disk. The caller shares the store.
    pub(in crate::store) fn in_file(&self, blob: NewBlob) -> Result<NewFile, StoreError> {
        match blob.content {
            Content::Memory(bytes) => {
                let mut new = self.create()?;
                new.write(&bytes)?;
                new.file.sync_all().map_err(StoreError::at("writing", &new.path))?;
                Ok(new)
            }
            Content::File(new) => Ok(new),
        }
    }

    /// Removes files of processes that did not end well. The caller has the store alone.
    pub(in crate::store) fn remove_unfinished(&self) -> Result<(), StoreError> {
        for entry in atomic::list(&self.new).map_err(StoreError::at("listing", &self.new))? {
            let is_in_use = entry.file_type().is_ok_and(|kind| kind.is_file())
                && matches!(Lock::try_take(&entry.path()), Ok(None));
            if !is_in_use {
                remove_any(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Removes all but these, and files of processes that did not end well. The caller has the store alone.
    pub(in crate::store) fn retain(&self, named: &BTreeSet<Digest>) -> Result<u64, StoreError> {
        self.remove_unfinished()?;
        let mut bytes = 0;
        for entry in atomic::list(&self.directory).map_err(StoreError::at("listing", &self.directory))? {
            let name = entry.file_name();
            let digest = name.to_str().and_then(|hex| format!("sha256:{hex}").parse::<Digest>().ok());
            if !digest.is_some_and(|digest| named.contains(&digest)) {
                bytes += fs::symlink_metadata(entry.path()).map_or(0, |metadata| metadata.len());
                remove_any(&entry.path())?;
            }
        }
        Ok(bytes)
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.directory.join(digest.hex())
    }
}

impl NewBlob {
    fn receive(
        key: &str,
        content: &mut dyn Read,
        create: impl FnOnce() -> Result<NewFile, StoreError>,
    ) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Content { key: key.to_owned(), source };
        let mut start = Vec::new();
        content.take(SMALL + 1).read_to_end(&mut start).map_err(failed)?;
        let (mut hash, mut size) = (Sha256::new_with_prefix(&start), start.len() as u64);
        if size <= SMALL {
            let digest = Digest::from_bytes(hash.finalize().into());
            return Ok(Self { content: Content::Memory(start), digest, size });
        }
        let mut new = create()?;
        new.write(&start)?;
        let mut buffer = vec![0; BUFFER];
        loop {
            let read = match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(error)),
            };
            hash.update(&buffer[..read]);
            size += read as u64;
            new.write(&buffer[..read])?;
        }
        new.file.sync_all().map_err(StoreError::at("writing", &new.path))?;
        Ok(Self { content: Content::File(new), digest: Digest::from_bytes(hash.finalize().into()), size })
    }

    pub(in crate::store) fn digest(&self) -> &Digest {
        &self.digest
    }

    pub(in crate::store) fn size(&self) -> u64 {
        self.size
    }
}

impl NewFile {
    /// Where it is until it is dropped.
    pub(in crate::store) fn path(&self) -> &Path {
        &self.path
    }

    /// The open file.
    pub(in crate::store) fn file(&self) -> &File {
        &self.file
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.write_all(bytes).map_err(StoreError::at("writing", &self.path))
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_named {
            // What stays is removed by the next one who prunes.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Bytes of a file, and when it was used last; nothing if there is no file.
pub(in crate::store) fn used(path: &Path) -> Option<(u64, u64)> {
    let metadata = fs::symlink_metadata(path).ok()?;
    metadata.is_file().then(|| (metadata.len(), metadata.mtime().try_into().unwrap_or(0)))
}

/// Remembers when a content was used. One that must not be changed can be read all the same.
pub(in crate::store) fn mark(file: &File, used: u64) {
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(used)).unwrap_or(UNIX_EPOCH);
    if let Err(error) = file.set_times(FileTimes::new().set_modified(time)) {
        tracing::debug!("a use of the cache is not remembered: {error}");
    }
}

/// Reads a file of at most `limit` bytes. [`io::ErrorKind::InvalidData`] for anything else.
pub(in crate::store) fn read_small(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_file(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(unusable(format!("it has more than {limit} bytes")));
    }
    Ok(bytes)
}

/// Removes what is in the way of a file that is about to get this name.
pub(in crate::store) fn make_room(path: &Path) -> Result<(), StoreError> {
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir()) { remove_any(path) } else { Ok(()) }
}

/// Removes a file, a link, or a directory with everything in it.
pub(in crate::store) fn remove_any(path: &Path) -> Result<(), StoreError> {
    atomic::remove_any(path).map_err(StoreError::at("removing", path))
}

/// Opens the file of a content.
pub(in crate::store) fn open_content(path: &Path, key: &str) -> Result<File, StoreError> {
    open_file(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => StoreError::Missing { key: key.to_owned() },
        io::ErrorKind::InvalidData => {
            StoreError::Damaged { what: format!("the entry `{key}`"), reason: error.to_string() }
        }
        _ => StoreError::at("reading", path)(error),
    })
}

/// Opens a file that is there itself: links may lead anywhere, and opening a pipe would wait for somebody who writes to
/// it.
fn open_file(path: &Path) -> io::Result<File> {
    let there = fs::symlink_metadata(path)?;
    if !there.is_file() {
        return Err(unusable("it is no file".to_owned()));
    }
    let file = File::open(path)?;
    let opened = file.metadata()?;
    if (there.dev(), there.ino()) == (opened.dev(), opened.ino()) {
        Ok(file)
    } else if opened.is_file() {
        // It was replaced just now, by a file that is as good.
        open_file(path)
    } else {
        Err(unusable("it is no file".to_owned()))
    }
}

/// The file, if it is there and has this content.
fn same(path: &Path, content: &[u8]) -> Option<File> {
    let mut file = open_file(path).ok()?;
    let mut found = Vec::new();
    (&mut file).take(content.len() as u64 + 1).read_to_end(&mut found).ok()?;
    (found == content).then_some(file)
}

fn unusable(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
