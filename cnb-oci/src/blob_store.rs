//! Layer blobs by digest, found by the diffID of their tars.
//!
//! ```text
//! blobs/sha256/<digest>     gzip-compressed layer tars
//! diffids/<diffID>.json     which blob has a tar: {"digest":"sha256:…","size":123}
//! uses/<digest>             locked by those who use a blob; its time says when that began last
//! ```
//!
//! Files appear under their final names whole or not at all, and are verified whenever a layer is asked for:
//! what is damaged counts as missing, and is removed unless somebody uses it. Processes may share a store.
//!
//! A blob stays as long as somebody uses it; [`kept`] lists and removes those that nobody does. A use begins before a blob
//! is looked for or gets its name, so none is lost in between. The lock of `diffids` is shared by who writes an entry, and
//! taken alone by who removes one that names nothing. A blob may have more names, in layouts: it is
//! no file of ours alone, and its own time says nothing.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use cnb_core::backend::ErrorKind;
use cnb_core::digest::DiffId;
use cnb_core::digest::Digest;
use serde::Deserialize;
use serde::Serialize;

pub mod kept;

use crate::blob::BlobWriter;
use crate::blob::Blobs;
use crate::blob::Error;
use crate::blob::Temporary;
use crate::compression::CompressWriter;
use crate::compression::Compressor;
use crate::in_use::Alone;
use crate::in_use::InUse;

/// A store in a directory.
#[derive(Clone, Debug)]
pub struct BlobStore {
    root: PathBuf,
    blobs: Blobs,
    compressor: Compressor,
}

/// A layer that a store has. Its blob stays as long as this value and its clones.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoredLayer {
    /// The digest of the tar.
    pub diff_id: DiffId,
    /// The digest of the gzip-compressed tar.
    pub digest: Digest,
    /// Bytes of the gzip-compressed tar.
    pub size: u64,
    _in_use: Arc<InUse>,
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
    /// [`Error::Io`] when a directory cannot be made.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, Error> {
        let root = root.into();
        for directory in [DIFF_IDS, USES].map(|name| root.join(name)) {
            fs::create_dir_all(&directory).map_err(Error::io("make", &directory))?;
        }
        Ok(Self { blobs: Blobs::create(&root)?, root, compressor: Compressor::default() })
    }

    /// The blobs themselves.
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// The layer with this diffID, if its blob is there and whole.
    ///
    /// # Errors
    /// [`Error::Io`] when a file cannot be read.
    pub fn layer(&self, diff_id: &DiffId) -> Result<Option<StoredLayer>, Error> {
        let index = self.index_path(diff_id);
        let Some(text) = read(&index)? else { return Ok(None) };
        if let Ok(IndexEntry { digest, size }) = serde_json::from_slice(&text) {
            let in_use = self.hold(&digest)?;
            match self.blobs.verify(&digest, size) {
                Ok(()) => {
                    let (diff_id, in_use) = (diff_id.clone(), Arc::new(in_use));
                    return Ok(Some(StoredLayer { diff_id, digest, size, _in_use: in_use }));
                }
                Err(error) if error.kind() == ErrorKind::Corrupt => {
                    drop(in_use);
                    self.remove_damaged(&digest, size)?;
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        forget_vain(&self.root, [index])?;
        Ok(None)
    }

    /// A new blob: the tar of a layer is written to it, [`NewBlob::commit`] makes it a layer of the store.
    ///
    /// # Errors
    /// [`Error::Io`] when no file can be made.
    pub fn create(&self) -> Result<NewBlob, Error> {
        Ok(NewBlob { store: self.clone(), gzip: self.compressor.writer(self.blobs.writer()?) })
    }

    /// Begins to use a blob, which may still have to be made.
    pub(crate) fn hold(&self, digest: &Digest) -> Result<InUse, Error> {
        let path = use_path(&self.root, digest);
        InUse::share(&path).map_err(Error::io("lock", &path))
    }

    /// Removes a damaged blob, unless somebody uses it: who makes it anew replaces it.
    fn remove_damaged(&self, digest: &Digest, size: u64) -> Result<(), Error> {
        let lock = use_path(&self.root, digest);
        let alone = Alone::try_take(&lock).map_err(Error::io("lock", &lock))?;
        if alone.is_some() && self.blobs.verify(digest, size).is_err() {
            remove(&self.blobs.path(digest))?;
        }
        Ok(())
    }

    fn index_path(&self, diff_id: &DiffId) -> PathBuf {
        self.root.join(DIFF_IDS).join(format!("{}.json", diff_id.hex()))
    }
}

/// A blob that is being written. Dropping it removes it.
#[derive(Debug)]
pub struct NewBlob {
    store: BlobStore,
    gzip: CompressWriter<BlobWriter>,
}

impl NewBlob {
    /// Makes it the layer `diff_id`, which is the digest of the bytes that were written.
    ///
    /// # Errors
    /// [`Error::Io`] when the files cannot be written.
    pub fn commit(self, diff_id: &DiffId) -> Result<StoredLayer, Error> {
        let Self { store, gzip } = self;
        let writer = gzip.finish().map_err(Error::io("write a blob in", &store.root))?;
        let in_use = Arc::new(store.hold(&writer.digest())?);
        let blob = writer.finish()?;
        let entry = IndexEntry { digest: blob.digest, size: blob.size };
        let text = serde_json::to_vec(&entry).expect("all keys are strings");
        let mut index = Temporary::new(&store.root)?;
        index.file().write_all(&text).map_err(Error::io("write", index.path()))?;
        let diff_ids = store.root.join(DIFF_IDS);
        let shared = File::open(&diff_ids).map_err(Error::io("open", &diff_ids))?;
        // Nobody finds out meanwhile that the entry which is replaced names no blob any more.
        shared.lock_shared().map_err(Error::io("lock", &diff_ids))?;
        index.persist(&store.index_path(diff_id))?;
        let IndexEntry { digest, size } = entry;
        Ok(StoredLayer { diff_id: diff_id.clone(), digest, size, _in_use: in_use })
    }
}

impl PartialEq for StoredLayer {
    fn eq(&self, other: &Self) -> bool {
        (&self.diff_id, &self.digest, self.size) == (&other.diff_id, &other.digest, other.size)
    }
}

impl Eq for StoredLayer {}

impl Write for NewBlob {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.gzip.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.gzip.flush()
    }
}

const DIFF_IDS: &str = "diffids";

const USES: &str = "uses";

fn use_path(root: &Path, digest: &Digest) -> PathBuf {
    root.join(USES).join(digest.hex())
}

/// Removes those of these entries of the index that name no blob. A blob has its name before an entry names it.
fn forget_vain(root: &Path, entries: impl IntoIterator<Item = PathBuf>) -> Result<(), Error> {
    let (blobs, diff_ids) = (Blobs::read_only(root), root.join(DIFF_IDS));
    let alone = File::open(&diff_ids).map_err(Error::io("open", &diff_ids))?;
    alone.lock().map_err(Error::io("lock", &diff_ids))?;
    for path in entries {
        let Some(text) = read(&path)? else { continue };
        let named = serde_json::from_slice(&text).ok();
        if !named.is_some_and(|IndexEntry { digest, .. }| blobs.path(&digest).exists()) {
            remove(&path)?;
        }
    }
    Ok(())
}

/// What a file has, if it is there.
fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        text => text.map(Some).map_err(Error::io("read", path)),
    }
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
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
        assert_eq!(stored.digest, digest(&fs::read(store.blobs().path(&stored.digest)).expect("a blob")));
        assert_eq!(store.layer(&digest(b"other")).expect("readable"), None);

        let path = store.blobs().path(&stored.digest);
        fs::write(&path, b"damaged").expect("writable");
        assert_eq!(store.layer(&diff_id).expect("readable"), None, "damaged");
        assert!(path.exists(), "somebody uses it, who may replace it now");
        let digest = stored.digest.clone();
        drop(stored);
        assert_eq!(store.layer(&diff_id).expect("readable"), None, "still");
        assert!(!path.exists(), "what is damaged is removed");
        assert_eq!(put(&store, b"tar").digest, digest, "and can be made again");
        fs::write(&path, b"damaged").expect("writable");
        assert_eq!(put(&store, b"tar").digest, digest, "or replaced");
        assert!(store.layer(&diff_id).expect("readable").is_some());

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
        for part in ["blobs/sha256", "diffids"] {
            let left = fs::read_dir(directory.path().join(part)).expect("a directory").count();
            assert_eq!(left, 0, "{part}");
        }
    }
}
