//! The blobs that a store keeps, for those who look after a disk.
//!
//! What is removed costs time: a blob of an image is pulled again, one of a layer that was made is made again. A process
//! that ends in between leaves at worst an entry of the index that names no blob, or the file of a use of none: they
//! count as missing, and are [swept](sweep).

use std::fs;
use std::fs::DirEntry;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::digest::Digest;

use super::DIFF_IDS;
use super::USES;
use super::forget_vain;
use super::remove;
use super::use_path;
use crate::blob::Blobs;
use crate::blob::Error;
use crate::blob::remove_leftovers;
use crate::in_use::Alone;
use crate::in_use::last_use;

/// A blob of a store.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct KeptBlob {
    /// Its digest.
    pub digest: Digest,
    /// Its bytes.
    pub bytes: u64,
    /// When somebody began to use it last, in seconds since 1970.
    pub used: u64,
    root: PathBuf,
}

/// All blobs of the store in a directory, by digest. There are none when there is no store.
///
/// # Errors
/// [`Error::Io`] when a directory cannot be listed.
pub fn list(directory: &Path) -> Result<Vec<KeptBlob>, Error> {
    let blob = |entry: DirEntry| {
        let digest = digest(&entry)?;
        let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        let used = last_use(&use_path(directory, &digest), &entry.path());
        Some(KeptBlob { digest, bytes: metadata.len(), used, root: directory.to_owned() })
    };
    let blobs = entries(&directory.join("blobs/sha256"))?;
    let mut blobs: Vec<KeptBlob> = blobs.into_iter().filter_map(blob).collect();
    blobs.sort_by(|one, other| one.digest.cmp(&other.digest));
    Ok(blobs)
}

/// Removes entries of the index whose blobs are gone, and what killed processes left.
///
/// # Errors
/// [`Error::Io`].
pub fn sweep(directory: &Path) -> Result<(), Error> {
    let blobs = Blobs::read_only(directory);
    let diff_ids = directory.join(DIFF_IDS);
    if !diff_ids.is_dir() {
        return Ok(());
    }
    remove_leftovers(directory)?;
    forget_vain(directory, entries(&diff_ids)?.iter().map(DirEntry::path))?;
    for entry in entries(&directory.join(USES))? {
        let is_gone = || digest(&entry).is_none_or(|digest| !blobs.path(&digest).exists());
        let path = entry.path();
        if is_gone()
            && let Some(alone) = Alone::try_take(&path).map_err(Error::io("lock", &path))?
            && is_gone()
        {
            alone.forget().map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}

impl KeptBlob {
    /// Removes it unless somebody uses it. Returns how many bytes of the disk are free now: none when it has other
    /// names, as in a layout; nothing when it is used. The index is [swept](sweep) later.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn remove(&self) -> Result<Option<u64>, Error> {
        let uses = self.root.join(USES);
        fs::create_dir_all(&uses).map_err(Error::io("make", &uses))?;
        let lock = use_path(&self.root, &self.digest);
        let Some(alone) = Alone::try_take(&lock).map_err(Error::io("lock", &lock))? else { return Ok(None) };
        let path = Blobs::read_only(&self.root).path(&self.digest);
        let freed = fs::metadata(&path).map_or(0, |blob| if blob.nlink() == 1 { blob.len() } else { 0 });
        remove(&path)?;
        alone.forget().map_err(Error::io("remove", &lock))?;
        Ok(Some(freed))
    }
}

fn digest(entry: &DirEntry) -> Option<Digest> {
    format!("sha256:{}", entry.file_name().to_str()?).parse().ok()
}

fn entries(directory: &Path) -> Result<Vec<DirEntry>, Error> {
    match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries.and_then(Iterator::collect).map_err(Error::io("list", directory)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::blob_store::BlobStore;
    use crate::blob_store::StoredLayer;

    fn put(store: &BlobStore, tar: &[u8]) -> StoredLayer {
        let mut blob = store.create().expect("a blob");
        blob.write_all(tar).expect("space");
        blob.commit(&crate::digest(tar)).expect("a layer")
    }

    fn names(directory: &Path) -> Vec<String> {
        let files = ["blobs/sha256", DIFF_IDS, USES].map(|name| entries(&directory.join(name)));
        let files = files.into_iter().flat_map(|files| files.expect("a directory"));
        files.map(|file| file.file_name().into_string().expect("text")).collect()
    }

    #[test]
    fn blobs_are_removed_unless_somebody_uses_them() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path();
        assert_eq!(list(&root.join("none")).expect("no store"), []);
        sweep(&root.join("none")).expect("no store");
        let store = BlobStore::open(root).expect("a store");
        let made = put(&store, b"one");
        drop(put(&store, b"two"));

        let kept = list(root).expect("readable");
        assert_eq!(kept.len(), 2);
        assert!(kept.iter().all(|blob| blob.used > 0 && blob.bytes > 0));
        let one = kept.iter().find(|blob| blob.digest == made.digest).expect("it is kept");
        let two = kept.iter().find(|blob| blob.digest != made.digest).expect("it is kept");
        assert_eq!(one.remove().expect("no error"), None, "whoever made it has it");
        assert_eq!(two.remove().expect("no error"), Some(two.bytes));
        sweep(root).expect("no error");
        assert_eq!(store.layer(&crate::digest(b"two")).expect("readable"), None);

        drop(made);
        let found = store.layer(&crate::digest(b"one")).expect("readable").expect("it is there");
        // As another process has it, for another image.
        let other = BlobStore::open(root).expect("a store");
        let again = other.layer(&crate::digest(b"one")).expect("readable").expect("it is there");
        drop(found);
        assert_eq!(one.remove().expect("no error"), None, "whoever else found it has it");
        let clone = again.clone();
        drop(again);
        assert_eq!(one.remove().expect("no error"), None, "a clone is as good");
        drop(clone);
        assert_eq!(one.remove().expect("no error"), Some(one.bytes));
        assert_eq!(one.remove().expect("it is gone already"), Some(0));
        sweep(root).expect("no error");
        assert_eq!(names(root), [""; 0]);
    }

    #[test]
    fn a_blob_with_another_name_frees_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let [root, other] = ["store", "layout"].map(|name| directory.path().join(name));
        let store = BlobStore::open(&root).expect("a store");
        let StoredLayer { digest, size, .. } = put(&store, b"tar");
        let layout = Blobs::create(other).expect("a directory");
        layout.take(store.blobs(), &digest, size).expect("a link");
        let [kept] = &list(&root).expect("readable")[..] else { panic!("there is one") };
        assert_eq!((kept.bytes, kept.remove().expect("no error")), (size, Some(0)));
        layout.verify(&digest, size).expect("it is as it was");
    }

    #[test]
    fn only_what_is_left_over_is_swept() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path();
        let store = BlobStore::open(root).expect("a store");
        let made = put(&store, b"tar");
        let expected = names(root);
        let hex = |byte| Digest::from_bytes([byte; 32]).hex().to_owned();
        let gone = format!(r#"{{"digest":"sha256:{}","size":1}}"#, hex(7));
        for (name, text) in [
            (format!("{DIFF_IDS}/{}.json", hex(1)), gone.as_str()),
            (format!("{DIFF_IDS}/{}.json", hex(2)), "garbage"),
            (format!("{USES}/{}", hex(7)), ""),
            (".cnb-partial-0-0".to_owned(), "half a blob"),
        ] {
            fs::write(root.join(name), text).expect("a file");
        }
        let coming = store.hold(&Digest::from_bytes([8; 32])).expect("it is being pulled");
        sweep(root).expect("no error");
        assert_eq!(names(root).len(), expected.len() + 1, "a use of what is to come stays");
        drop(coming);
        sweep(root).expect("no error");
        assert_eq!(names(root), expected);
        assert!(!root.join(".cnb-partial-0-0").exists());
        assert_eq!(store.layer(&made.diff_id).expect("readable"), Some(made));
    }
}
