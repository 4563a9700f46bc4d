//! A directory with the layers that the next build finds again, as the Go lifecycle keeps them.
//!
//! ```text
//! committed/sha256:<diffID>.tar                         a layer, not compressed
//! committed/io.buildpacks.lifecycle.cache.metadata      which layer is what: JSON and a line feed
//! staging/                                              the next content, while it is written
//! committed-backup/                                     the last content, while it is replaced
//! ```
//!
//! Source: `cache/volume_cache.go` of the lifecycle. Other than there, the directory is locked while it is open,
//! a content that was being replaced when a build was killed comes back, and a directory that cannot be written can
//! be read.

use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use cnb_core::digest::DiffId;
use cnb_core::digest::Digest;
use cnb_core::encode::go_json;
use cnb_core::labels;
use cnb_core::labels::lifecycle::CacheMetadata;
use sha2::Digest as _;
use sha2::Sha256;

use crate::atomic;
use crate::lock::Lock;

/// The name of the metadata file, and of the label of a cache image.
pub const METADATA: &str = "io.buildpacks.lifecycle.cache.metadata";

/// A volume cache that nobody else has open.
///
/// ```
/// use std::io::Read;
/// use std::io::Write;
///
/// use cnb_cache::volume::VolumeCache;
/// use cnb_core::labels::lifecycle::CacheMetadata;
///
/// # let directory = tempfile::tempdir()?;
/// # let directory = directory.path();
/// let cache = VolumeCache::open(directory)?;
/// let id = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".parse()?;
/// cache.add(&id, |file| file.write_all(b"abc"))?;
/// cache.commit(&CacheMetadata::default())?;
///
/// let cache = VolumeCache::open(directory)?;
/// let mut tar = Vec::new();
/// cache.read(id.as_str())?.read_to_end(&mut tar)?;
/// assert_eq!(tar, b"abc");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct VolumeCache {
    directory: PathBuf,
    /// Layers whose bytes were found to have their digests.
    verified: Mutex<BTreeSet<String>>,
    /// Why nothing can be staged.
    unwritable: Option<String>,
    _lock: Lock,
}

impl VolumeCache {
    /// Opens the cache in a directory that exists, when nobody else has it open any more. What was staged and
    /// not committed is gone. A directory that is full or must not be changed can be read, and nothing else.
    ///
    /// # Errors
    /// When there is no such directory, or it cannot be used.
    pub fn open(directory: &Path) -> Result<Self, VolumeError> {
        let lock = lock(directory).map_err(opening(directory))?;
        let mut cache = Self {
            directory: directory.to_owned(),
            verified: Mutex::default(),
            unwritable: None,
            _lock: lock,
        };
        match cache.prepare() {
            Err(VolumeError::Io { path, source, .. }) if only_forbids_changes(&source) => {
                tracing::debug!("the cache is only read: {}: {source}", path.display());
                cache.unwritable = Some(source.to_string());
            }
            prepared => prepared?,
        }
        Ok(cache)
    }

    fn prepare(&self) -> Result<(), VolumeError> {
        let (committed, staging, backup) = (self.committed(), self.staging(), self.backup());
        if !committed.exists() && backup.exists() {
            fs::rename(&backup, &committed).map_err(opening(&committed))?;
        }
        fs::create_dir_all(&committed).map_err(opening(&committed))?;
        atomic::remove_directory(&staging).map_err(opening(&staging))?;
        if let Err(error) = atomic::remove_directory(&backup) {
            tracing::debug!("an old content of the cache stays in {}: {error}", backup.display());
        }
        fs::create_dir_all(&staging).map_err(opening(&staging))
    }

    /// Which layers the cache holds; none when its metadata cannot be understood.
    ///
    /// # Errors
    /// When there is metadata that cannot be read.
    pub fn metadata(&self) -> Result<CacheMetadata, VolumeError> {
        let path = self.committed().join(METADATA);
        let read = || -> io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            open_file(&path)?.read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        match read() {
            Ok(bytes) => Ok(first_document(&bytes).unwrap_or_default()),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | NO_FILE) => {
                Ok(CacheMetadata::default())
            }
            Err(error) => Err(VolumeError::at("reading", &path)(error)),
        }
    }

    /// The tar of a layer.
    ///
    /// # Errors
    /// [`VolumeError::Unusable`] when the layer is missing or unreadable: then a build can go on without it.
    pub fn read(&self, diff_id: &str) -> Result<CachedTar, VolumeError> {
        let path = layer(&self.committed(), diff_id)?;
        let file = open_file(&path).map_err(|error| unusable(diff_id, &path, error))?;
        let size = file.metadata().map_err(VolumeError::at("reading", &path))?.len();
        Ok(CachedTar { file, size, diff_id: diff_id.to_owned(), hash: Sha256::new() })
    }

    /// Reads a layer to its end, so that it can be reused soon.
    ///
    /// # Errors
    /// [`VolumeError::Unusable`] when the layer is missing, unreadable or damaged.
    pub fn verify(&self, diff_id: &str) -> Result<(), VolumeError> {
        self.read(diff_id)?.verify().map_err(|error| match error.downcast() {
            Ok(error) => error,
            Err(source) => VolumeError::at("reading", &self.committed())(source),
        })?;
        self.verified().insert(diff_id.to_owned());
        Ok(())
    }

    /// Stages a layer that the cache holds already, after [verifying](Self::verify) it unless that was done.
    ///
    /// # Errors
    /// As for [`verify`](Self::verify), and when nothing can be staged.
    pub fn reuse(&self, diff_id: &str) -> Result<(), VolumeError> {
        self.check_writable()?;
        let is_verified = self.verified().contains(diff_id);
        if !is_verified {
            self.verify(diff_id)?;
        }
        let path = layer(&self.staging(), diff_id)?;
        match fs::hard_link(layer(&self.committed(), diff_id)?, &path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(VolumeError::at("reusing", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Stages a layer whose tar `write` writes, unless it is staged already. The bytes are hashed when they are
    /// [read](Self::read).
    ///
    /// # Errors
    /// When the layer cannot be written.
    pub fn add(
        &self,
        diff_id: &DiffId,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<(), VolumeError> {
        self.check_writable()?;
        let path = layer(&self.staging(), diff_id.as_str())?;
        if path.exists() {
            return Ok(());
        }
        let stage = || {
            let mut file = File::create(&path)?;
            write(&mut file)?;
            file.sync_all()
        };
        stage().map_err(|error| {
            // A part of a layer must not be committed; if it cannot be removed, it will be found damaged.
            let _ = fs::remove_file(&path);
            VolumeError::at("writing", &path)(error)
        })
    }

    /// Stages a layer that the cache holds, without reading it: when it is damaged, it stays so.
    ///
    /// # Errors
    /// [`VolumeError::Unusable`] when the layer is missing; and when nothing can be staged.
    pub fn keep(&self, diff_id: &str) -> Result<(), VolumeError> {
        let (path, committed) = (layer(&self.staging(), diff_id)?, layer(&self.committed(), diff_id)?);
        if !path.exists() {
            if !fs::symlink_metadata(&committed).is_ok_and(|metadata| metadata.is_file()) {
                return Err(missing(diff_id));
            }
            fs::hard_link(&committed, &path).map_err(VolumeError::at("reusing", &path))?;
        }
        Ok(())
    }

    /// Stages a layer that is a file already, on the same disk.
    pub(crate) fn add_file(&self, diff_id: &DiffId, file: &Path) -> Result<(), VolumeError> {
        self.check_writable()?;
        let path = layer(&self.staging(), diff_id.as_str())?;
        fs::hard_link(file, &path).map_err(VolumeError::at("writing", &path))
    }

    /// Where the tar of a layer is, if the cache holds it.
    pub(crate) fn tar(&self, diff_id: &DiffId) -> PathBuf {
        self.committed().join(format!("{diff_id}.tar"))
    }

    /// Makes what was staged the content of the cache. When that is its content already, nothing is written: waiting for
    /// a disk takes longer than most builds without a change.
    ///
    /// # Errors
    /// When that fails: then the old content stays.
    pub fn commit(self, metadata: &CacheMetadata) -> Result<(), VolumeError> {
        self.check_writable()?;
        let result = self.replace(metadata);
        if result.is_err() {
            // A disk that is full is so no longer for others.
            let _ = atomic::remove_directory(&self.staging());
        }
        result
    }

    /// The directory of the cache.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn replace(&self, metadata: &CacheMetadata) -> Result<(), VolumeError> {
        let (committed, staging, backup) = (self.committed(), self.staging(), self.backup());
        let path = staging.join(METADATA);
        let mut json = go_json::to_string(metadata).expect("all keys are strings");
        json.push('\n');
        if self.is_unchanged(&json).unwrap_or(false) {
            return atomic::remove_directory(&staging).map_err(VolumeError::at("committing", &staging));
        }
        let write = || {
            let mut file = File::create(&path)?;
            file.write_all(json.as_bytes())?;
            file.sync_all()?;
            atomic::sync_directory(&staging)
        };
        write().map_err(VolumeError::at("writing", &path))?;
        fs::rename(&committed, &backup).map_err(VolumeError::at("backing up", &committed))?;
        if let Err(error) = fs::rename(&staging, &committed) {
            fs::rename(&backup, &committed).map_err(VolumeError::at("rolling back", &committed))?;
            return Err(VolumeError::at("committing", &committed)(error));
        }
        atomic::sync_directory(&self.directory).map_err(VolumeError::at("committing", &committed))?;
        if let Err(error) = atomic::remove_directory(&backup) {
            tracing::debug!("the last content of the cache stays in {}: {error}", backup.display());
        }
        Ok(())
    }

    /// Whether the content consists of the files that were staged and of this metadata.
    fn is_unchanged(&self, json: &str) -> io::Result<bool> {
        let committed = self.committed();
        let mut known = Vec::new();
        open_file(&committed.join(METADATA))?.read_to_end(&mut known)?;
        if known != json.as_bytes() {
            return Ok(false);
        }
        let mut staged = 0;
        for entry in fs::read_dir(self.staging())? {
            let entry = entry?;
            let (new, old) = (entry.metadata()?, fs::symlink_metadata(committed.join(entry.file_name()))?);
            if (new.dev(), new.ino()) != (old.dev(), old.ino()) {
                return Ok(false);
            }
            staged += 1;
        }
        Ok(fs::read_dir(committed)?.count() == staged + 1)
    }

    fn check_writable(&self) -> Result<(), VolumeError> {
        match &self.unwritable {
            Some(reason) => {
                Err(VolumeError::ReadOnly { path: self.directory.clone(), reason: reason.clone() })
            }
            None => Ok(()),
        }
    }

    fn verified(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn committed(&self) -> PathBuf {
        self.directory.join("committed")
    }

    fn staging(&self) -> PathBuf {
        self.directory.join("staging")
    }

    fn backup(&self) -> PathBuf {
        self.directory.join("committed-backup")
    }
}

/// The tar of a layer. Its end is reached only when it has the digest that names it; else reading fails with
/// [`VolumeError::Unusable`] inside of an [`io::Error`].
#[derive(Debug)]
pub struct CachedTar {
    file: File,
    size: u64,
    diff_id: String,
    hash: Sha256,
}

impl CachedTar {
    /// Bytes of its file.
    pub fn size(&self) -> u64 {
        self.size
    }

    fn verify(mut self) -> io::Result<()> {
        let mut buffer = vec![0; 256 * 1024];
        loop {
            match self.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
        }
    }
}

impl io::Read for CachedTar {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.hash.update(&buffer[..read]);
        if read > 0 || buffer.is_empty() {
            return Ok(read);
        }
        let found = Digest::from_bytes(self.hash.clone().finalize().into());
        if found.as_str() == self.diff_id {
            return Ok(0);
        }
        let reason = format!("expected layer contents to have SHA '{}'; found '{found}'", self.diff_id);
        Err(io::Error::new(io::ErrorKind::InvalidData, VolumeError::Unusable(reason)))
    }
}

/// Why a cache cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VolumeError {
    /// A file or directory cannot be used.
    #[error("{doing} {} of the cache", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The cache can be read, but not changed.
    #[error("the cache in {} cannot be changed: {reason}", path.display())]
    ReadOnly {
        /// Its directory.
        path: PathBuf,
        /// What the system said when it was opened.
        reason: String,
    },
    /// One layer is missing, unreadable or damaged.
    #[error("{0}")]
    Unusable(String),
}

impl VolumeError {
    fn at(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }
}

/// The kind of the error that something else is where a file should be.
const NO_FILE: io::ErrorKind = io::ErrorKind::InvalidData;

/// Opens a file. Opening a pipe would wait for somebody who writes to it.
fn open_file(path: &Path) -> io::Result<File> {
    if fs::metadata(path)?.is_file() { File::open(path) } else { Err(NO_FILE.into()) }
}

fn lock(directory: &Path) -> io::Result<Lock> {
    if let Some(lock) = Lock::try_take(directory)? {
        return Ok(lock);
    }
    tracing::info!("Waiting for another build to end its work on the cache in {}", directory.display());
    Lock::wait(directory)
}

/// Whether what could not be changed may still be read.
fn only_forbids_changes(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::PermissionDenied | Kind::QuotaExceeded | Kind::ReadOnlyFilesystem | Kind::StorageFull
    )
}

/// Metadata may say anything: what is no digest is no file of the cache.
fn layer(directory: &Path, diff_id: &str) -> Result<PathBuf, VolumeError> {
    match diff_id.parse::<DiffId>() {
        Ok(diff_id) => Ok(directory.join(format!("{diff_id}.tar"))),
        Err(_) => Err(missing(diff_id)),
    }
}

fn opening(path: &Path) -> impl Fn(io::Error) -> VolumeError {
    VolumeError::at("opening", path)
}

fn unusable(diff_id: &str, path: &Path, error: io::Error) -> VolumeError {
    match error.kind() {
        io::ErrorKind::NotFound => missing(diff_id),
        io::ErrorKind::PermissionDenied => VolumeError::Unusable(format!(
            "failed to read cache layer with SHA '{diff_id}' due to insufficient permissions"
        )),
        NO_FILE => VolumeError::Unusable(format!("cache layer with SHA '{diff_id}' is no file")),
        _ => VolumeError::at("reading", path)(error),
    }
}

fn missing(diff_id: &str) -> VolumeError {
    VolumeError::Unusable(format!("failed to find cache layer with SHA '{diff_id}'"))
}

/// The metadata in the first value of JSON: what follows it does not count, as in Go.
fn first_document(bytes: &[u8]) -> Option<CacheMetadata> {
    let value = serde_json::Deserializer::from_slice(bytes).into_iter().next()?.ok()?;
    labels::from_value(value).ok()
}

#[cfg(test)]
mod tests {
    use cnb_core::labels::lifecycle::BuildpackLayers;
    use cnb_core::labels::lifecycle::Layer;

    use super::*;

    fn id(content: &[u8]) -> DiffId {
        Digest::from_bytes(Sha256::digest(content).into())
    }

    fn add(cache: &VolumeCache, content: &[u8]) {
        cache.add(&id(content), |file| file.write_all(content)).expect("a layer");
    }

    fn metadata(content: &[u8]) -> CacheMetadata {
        let layer = Layer { sha: id(content).to_string(), cache: true, ..Layer::default() };
        let buildpack = BuildpackLayers {
            id: "a".to_owned(),
            version: "1".to_owned(),
            layers: [("l".to_owned(), layer)].into(),
            store: None,
        };
        CacheMetadata { buildpacks: vec![buildpack], ..CacheMetadata::default() }
    }

    fn filled() -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a directory");
        let cache = VolumeCache::open(directory.path()).expect("a cache");
        assert_eq!(cache.metadata().expect("no metadata"), CacheMetadata::default());
        add(&cache, b"one");
        cache.commit(&metadata(b"one")).expect("committed");
        directory
    }

    #[test]
    fn files_are_those_of_the_go_lifecycle() {
        let directory = filled();
        let file = directory.path().join("committed").join(METADATA);
        let one = id(b"one");
        let expected = format!(
            "{{\"sbom\":{{\"sha\":\"\"}},\"buildpacks\":[{{\"key\":\"a\",\"version\":\"1\",\"layers\":{{\"l\":\
             {{\"sha\":\"{one}\",\"data\":null,\"build\":false,\"launch\":false,\"cache\":true}}}}}}]}}\n"
        );
        assert_eq!(fs::read_to_string(file).expect("metadata"), expected);
        let tar = directory.path().join(format!("committed/{one}.tar"));
        assert_eq!(fs::read(tar).expect("a layer"), b"one");
        let names: Vec<_> = fs::read_dir(directory.path()).expect("a directory").collect();
        assert_eq!(names.len(), 1, "{names:?}");
    }

    #[test]
    fn what_is_not_staged_again_is_gone_and_what_is_not_committed_too() {
        let directory = filled();
        let cache = VolumeCache::open(directory.path()).expect("a cache");
        cache.reuse(id(b"one").as_str()).expect("a layer");
        add(&cache, b"one");
        add(&cache, b"two");
        cache.commit(&metadata(b"two")).expect("committed");

        let cache = VolumeCache::open(directory.path()).expect("a cache");
        assert_eq!(cache.metadata().expect("metadata"), metadata(b"two"));
        cache.verify(id(b"one").as_str()).expect("a layer that was reused");
        add(&cache, b"three");
        drop(cache);

        let cache = VolumeCache::open(directory.path()).expect("a cache");
        cache.read(id(b"three").as_str()).expect_err("a layer that was never committed");
        cache.commit(&CacheMetadata::default()).expect("committed");
        let cache = VolumeCache::open(directory.path()).expect("a cache");
        cache.read(id(b"two").as_str()).expect_err("a layer that was not staged again");
    }

    #[test]
    fn what_is_there_already_is_not_written_again() {
        let directory = filled();
        let file = directory.path().join("committed").join(METADATA);
        let number = || fs::metadata(&file).expect("metadata").ino();
        let before = number();
        let cache = VolumeCache::open(directory.path()).expect("a cache");
        cache.reuse(id(b"one").as_str()).expect("a layer");
        cache.commit(&metadata(b"one")).expect("committed");
        assert_eq!(number(), before);
        let names: Vec<_> = fs::read_dir(directory.path()).expect("a directory").collect();
        assert_eq!(names.len(), 1, "{names:?}");

        let damaged = directory.path().join(format!("committed/{}.tar", id(b"one")));
        fs::write(&damaged, "One").expect("a file");
        let cache = VolumeCache::open(directory.path()).expect("a cache");
        add(&cache, b"one");
        cache.commit(&metadata(b"one")).expect("committed");
        assert_eq!(fs::read(&damaged).expect("a layer"), b"one");
    }

    #[test]
    fn layers_are_verified() {
        let directory = filled();
        let one = id(b"one");
        fs::write(directory.path().join(format!("committed/{one}.tar")), "One").expect("a file");
        let cache = VolumeCache::open(directory.path()).expect("a cache");
        let found = id(b"One");
        let absent = id(b"none");
        for (diff_id, expected) in [
            (one.as_str(), format!("expected layer contents to have SHA '{one}'; found '{found}'")),
            (absent.as_str(), format!("failed to find cache layer with SHA '{absent}'")),
            ("../../x", "failed to find cache layer with SHA '../../x'".to_owned()),
        ] {
            for result in [cache.verify(diff_id), cache.reuse(diff_id)] {
                let error = result.expect_err(diff_id);
                assert!(matches!(error, VolumeError::Unusable(_)));
                assert_eq!(error.to_string(), expected);
            }
        }
        let tar = directory.path().join(format!("committed/{one}.tar"));
        fs::remove_file(&tar).expect("a file");
        fs::create_dir(&tar).expect("a directory");
        let error = cache.read(one.as_str()).expect_err("no file");
        assert_eq!(error.to_string(), format!("cache layer with SHA '{one}' is no file"));
    }

    #[test]
    fn a_killed_build_leaves_the_cache_as_it_was() {
        let directory = filled();
        let at = |name: &str| directory.path().join(name);
        // Killed while staging, and between the two renames of a commit.
        fs::create_dir(at("staging")).expect("a directory");
        fs::write(at("staging/half"), "x").expect("a file");
        fs::rename(at("committed"), at("committed-backup")).expect("renamed");
        let cache = VolumeCache::open(directory.path()).expect("a cache");
        assert_eq!(cache.metadata().expect("metadata"), metadata(b"one"));
        cache.verify(id(b"one").as_str()).expect("a layer");
        assert!(!at("staging/half").exists() && !at("committed-backup").exists());
    }

    #[test]
    fn metadata_that_makes_no_sense_is_an_empty_cache() {
        let directory = filled();
        for text in ["", "garbage", "[]", r#"{"buildpacks":1}"#] {
            fs::write(directory.path().join("committed").join(METADATA), text).expect("a file");
            let cache = VolumeCache::open(directory.path()).expect("a cache");
            assert_eq!(cache.metadata().expect("an empty cache"), CacheMetadata::default(), "{text}");
        }
        let file = directory.path().join("committed").join(METADATA);
        fs::remove_file(&file).expect("a file");
        fs::create_dir(&file).expect("a directory");
        let cache = VolumeCache::open(directory.path()).expect("a cache");
        assert_eq!(cache.metadata().expect("an empty cache"), CacheMetadata::default());
    }

    #[test]
    fn a_layer_that_was_written_in_part_is_not_staged() {
        let directory = filled();
        let cache = VolumeCache::open(directory.path()).expect("a cache");
        let full = |file: &mut File| {
            file.write_all(b"tw")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        };
        cache.add(&id(b"two"), full).expect_err("a full disk");
        assert_eq!(fs::read_dir(directory.path().join("staging")).expect("a directory").count(), 0);
        assert!(VolumeCache::open(&directory.path().join("none")).is_err());
    }
}
