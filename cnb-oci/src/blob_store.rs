//! Layer blobs by digest, found by the diffID of their tars.
//!
//! ```text
//! blobs/sha256/<digest>     gzip-compressed layer tars
//! diffids/<diffID>.json     which blob has a tar: {"digest":"sha256:…","size":123}
//! tmp/                      blobs on their way
//! lock                      shared by all processes that use the store
//! ```
//!
//! Files appear under their final names whole or not at all, and are verified whenever a layer is asked for:
//! what is damaged is removed and counts as missing. Processes may share a store.

use std::fs;
use std::fs::File;
use std::io;
use std::io::BufWriter;
use std::io::Read as _;
use std::io::Write;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use cnb_core::digest::DiffId;
use cnb_core::digest::Digest;
use serde::Deserialize;
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::gzip::GzipWriter;
use crate::hash::Hasher;

/// A store in a directory.
#[derive(Clone, Debug)]
pub struct BlobStore {
    root: PathBuf,
    /// Held as long as anybody might write to `tmp`.
    _in_use: Arc<File>,
}

/// A layer that a store has.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct StoredLayer {
    /// The digest of the tar.
    pub diff_id: DiffId,
    /// The digest of the gzip-compressed tar.
    pub digest: Digest,
    /// Bytes of the gzip-compressed tar.
    pub size: u64,
    /// Where the gzip-compressed tar is. Not to be changed; hard links are fine.
    pub path: PathBuf,
}

/// A store could not be used.
#[derive(Debug, thiserror::Error)]
#[error("failed to {action} `{}`", path.display())]
pub struct Error {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl Error {
    /// The reason that the system gave.
    pub fn io(&self) -> &io::Error {
        &self.source
    }
}

#[derive(Deserialize, Serialize)]
struct IndexEntry {
    digest: Digest,
    size: u64,
}

impl BlobStore {
    /// The store in `root`, which is made if it does not exist.
    ///
    /// # Errors
    /// When a directory cannot be made.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, Error> {
        let root = root.into();
        for directory in ["blobs/sha256", "diffids", "tmp"] {
            let path = root.join(directory);
            fs::create_dir_all(&path).map_err(failed("create", &path))?;
        }
        let lock = root.join("lock");
        let in_use = File::create(&lock).map_err(failed("create", &lock))?;
        // Nobody else is here: what lies in `tmp` is from processes that were killed.
        if in_use.try_lock().is_ok() {
            remove_all(&root.join("tmp"))?;
            in_use.unlock().map_err(failed("unlock", &lock))?;
        }
        in_use.lock_shared().map_err(failed("lock", &lock))?;
        Ok(Self { root, _in_use: Arc::new(in_use) })
    }

    /// The layer with this diffID, if its blob is there and whole.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn layer(&self, diff_id: &DiffId) -> Result<Option<StoredLayer>, Error> {
        let index = self.index_path(diff_id);
        let Some(text) = read_if_exists(&index)? else { return Ok(None) };
        let entry: Option<IndexEntry> = serde_json::from_slice(&text).ok();
        if let Some(entry) = entry {
            let path = self.blob_path(&entry.digest);
            if is_whole(&path, &entry)? {
                let IndexEntry { digest, size } = entry;
                return Ok(Some(StoredLayer { diff_id: diff_id.clone(), digest, size, path }));
            }
            remove(&path)?;
        }
        remove(&index)?;
        Ok(None)
    }

    /// A new blob: the tar of a layer is written to it, [`NewBlob::commit`] makes it a layer of the store.
    ///
    /// # Errors
    /// When no file can be made.
    pub fn create(&self) -> Result<NewBlob, Error> {
        let directory = self.root.join("tmp");
        let file = new_file(&directory)?;
        let out = Hashing { out: BufWriter::new(file), hasher: Hasher::new() };
        Ok(NewBlob { store: self.clone(), gzip: GzipWriter::new(out) })
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.root.join("blobs/sha256").join(digest.hex())
    }

    fn index_path(&self, diff_id: &DiffId) -> PathBuf {
        self.root.join("diffids").join(format!("{}.json", diff_id.hex()))
    }
}

/// A blob that is being written. Dropping it removes it.
#[derive(Debug)]
pub struct NewBlob {
    store: BlobStore,
    gzip: GzipWriter<Hashing<BufWriter<NamedTempFile>>>,
}

impl NewBlob {
    /// Makes it the layer `diff_id`, which is the digest of the bytes that were written.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn commit(self, diff_id: &DiffId) -> Result<StoredLayer, Error> {
        let Self { store, gzip } = self;
        let tmp = store.root.join("tmp");
        let hashing = gzip.finish().map_err(failed("write a blob in", &tmp))?;
        let file =
            hashing.out.into_inner().map_err(|error| failed("write a blob in", &tmp)(error.into_error()))?;
        let (size, digest) = (hashing.hasher.size(), hashing.hasher.finish());
        let path = store.blob_path(&digest);
        file.as_file().sync_all().map_err(failed("write", &path))?;
        persist(file, &path)?;
        let entry = IndexEntry { digest: digest.clone(), size };
        let text = serde_json::to_vec(&entry).expect("all keys are strings");
        let mut index = new_file(&tmp)?;
        index.write_all(&text).map_err(failed("write", index.path()))?;
        persist(index, &store.index_path(diff_id))?;
        Ok(StoredLayer { diff_id: diff_id.clone(), digest, size, path })
    }
}

impl Write for NewBlob {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.gzip.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.gzip.flush()
    }
}

/// Hashes what passes through.
#[derive(Debug)]
struct Hashing<W> {
    out: W,
    hasher: Hasher,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A file that others may read once it has its name.
fn new_file(directory: &Path) -> Result<NamedTempFile, Error> {
    let readable = fs::Permissions::from_mode(0o644);
    let file = tempfile::Builder::new().permissions(readable).tempfile_in(directory);
    file.map_err(failed("create a file in", directory))
}

fn persist(file: NamedTempFile, path: &Path) -> Result<(), Error> {
    file.persist(path).map_err(|error| failed("write", path)(error.error))?;
    Ok(())
}

fn is_whole(path: &Path, expected: &IndexEntry) -> Result<bool, Error> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed("open", path)(error)),
    };
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => hasher.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed("read", path)(error)),
        }
    }
    Ok(hasher.size() == expected.size && hasher.finish() == expected.digest)
}

fn read_if_exists(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}

fn remove_all(directory: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(directory).map_err(failed("read", directory))? {
        remove(&entry.map_err(failed("read", directory))?.path())?;
    }
    Ok(())
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
    let path = path.to_owned();
    move |source| Error { action, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::digest;

    fn put(store: &BlobStore, tar: &[u8]) -> StoredLayer {
        let mut blob = store.create().expect("a blob");
        blob.write_all(tar).expect("space");
        blob.commit(&digest(tar)).expect("a layer")
    }

    #[test]
    fn a_layer_is_found_while_its_blob_is_whole() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let store = BlobStore::open(directory.path()).expect("a store");
        let stored = put(&store, b"tar");
        let diff_id = digest(b"tar");
        assert_eq!(store.layer(&diff_id).expect("readable").as_ref(), Some(&stored));
        assert_eq!(stored.digest, digest(&fs::read(&stored.path).expect("a blob")));
        assert_eq!(store.layer(&digest(b"other")).expect("readable"), None);

        fs::write(&stored.path, b"damaged").expect("writable");
        assert_eq!(store.layer(&diff_id).expect("readable"), None, "damaged");
        assert!(!stored.path.exists(), "what is damaged is removed");
        assert_eq!(put(&store, b"tar"), stored, "and can be made again");

        fs::write(directory.path().join("diffids").join(format!("{}.json", diff_id.hex())), b"{")
            .expect("writable");
        assert_eq!(store.layer(&diff_id).expect("readable"), None, "a damaged index");
    }

    #[test]
    fn a_blob_that_is_not_committed_leaves_nothing() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let store = BlobStore::open(directory.path()).expect("a store");
        let mut blob = store.create().expect("a blob");
        blob.write_all(&vec![1; 3 << 20]).expect("space");
        drop(blob);
        for part in ["tmp", "blobs/sha256", "diffids"] {
            let left = fs::read_dir(directory.path().join(part)).expect("a directory").count();
            assert_eq!(left, 0, "{part}");
        }
    }

    #[test]
    fn what_a_killed_process_left_is_removed_once_nobody_uses_the_store() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let store = BlobStore::open(directory.path()).expect("a store");
        let left = directory.path().join("tmp/left");
        fs::write(&left, "half").expect("writable");
        BlobStore::open(directory.path()).expect("a second user");
        assert!(left.exists(), "it may belong to the first user");
        drop(store);
        BlobStore::open(directory.path()).expect("the only user");
        assert!(!left.exists());
    }
}
