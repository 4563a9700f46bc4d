//! Blobs on disk, by digest.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::path::PathBuf;

use bytes::Bytes;
use cnb_core::backend::ErrorKind;
use cnb_core::digest::Digest;

mod reader;
mod temporary;
mod writer;

pub use reader::BlobReader;
pub(crate) use temporary::Temporary;
pub(crate) use temporary::remove_leftovers;
pub use writer::BlobWriter;

use crate::copy::copy;

/// The largest manifest, index or config that is read into memory, in bytes.
pub(crate) const MAX_DOCUMENT: u64 = 16 << 20;

/// The blobs of a directory, at `blobs/sha256/<hexadecimal digits>`.
///
/// A blob has its name only when it is complete and on disk. What is read is verified. Files that killed
/// writers left are removed when the directory is opened the next time.
#[derive(Clone, Debug)]
pub struct Blobs {
    root: PathBuf,
}

/// Names a blob that was written.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Blob {
    /// Its digest.
    pub digest: Digest,
    /// Its bytes.
    pub size: u64,
}

impl Blobs {
    /// The blobs below `root`. Makes the directories.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn create(root: impl Into<PathBuf>) -> Result<Self, Error> {
        let blobs = Self { root: root.into() };
        let directory = blobs.root.join("blobs/sha256");
        fs::create_dir_all(&directory).map_err(Error::io("make", &directory))?;
        remove_leftovers(&blobs.root)?;
        Ok(blobs)
    }

    /// The blobs below a directory that nobody writes to.
    pub(crate) fn read_only(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where the blob with this digest is, if it is there.
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.root.join("blobs/sha256").join(digest.hex())
    }

    /// Opens a blob. Reading fails at the end when it is not what `digest` and `size` say.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Size`], [`Error::Io`].
    pub fn open(&self, digest: &Digest, size: u64) -> Result<BlobReader, Error> {
        let path = self.path(digest);
        let file = File::open(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => {
                Error::Missing { directory: self.root.clone(), digest: digest.clone() }
            }
            _ => Error::io("open", &path)(source),
        })?;
        let actual = file.metadata().map_err(Error::io("read", &path))?.len();
        if actual != size {
            return Err(Error::Size { path, digest: digest.clone(), expected: size, actual });
        }
        Ok(BlobReader::new(file, path, digest.clone()))
    }

    /// Reads a document, which is verified before it is returned.
    ///
    /// # Errors
    /// As [`Blobs::open`]; [`Error::Corrupt`]; [`Error::Large`] for more than 16 MiB.
    pub fn read(&self, digest: &Digest, size: u64) -> Result<Bytes, Error> {
        if size > MAX_DOCUMENT {
            return Err(Error::Large { digest: digest.clone(), size });
        }
        let mut reader = self.open(digest, size)?;
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(Error::from_read(&self.path(digest)))?;
        Ok(bytes.into())
    }

    /// Reads a blob to its end.
    ///
    /// # Errors
    /// As [`Blobs::open`]; [`Error::Corrupt`].
    pub fn verify(&self, digest: &Digest, size: u64) -> Result<(), Error> {
        let mut reader = self.open(digest, size)?;
        let path = self.path(digest);
        copy(&mut reader, &mut io::sink(), Error::from_read(&path), Error::io("verify", &path))
    }

    /// Starts a blob.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn writer(&self) -> Result<BlobWriter, Error> {
        Ok(BlobWriter::new(Temporary::new(&self.root)?, self.clone()))
    }

    /// Writes a blob.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn put(&self, bytes: &[u8]) -> Result<Blob, Error> {
        let mut writer = self.writer()?;
        writer.append(bytes)?;
        writer.finish()
    }

    /// Makes the names of all blobs survive a crash of the machine; their contents do before they get names.
    pub(crate) fn sync_names(&self) -> Result<(), Error> {
        sync_directory(&self.root.join("blobs/sha256"))
    }

    /// Takes over a blob of another directory: by a hard link where possible, else as a copy. It is verified
    /// on the way.
    ///
    /// # Errors
    /// As [`Blobs::open`] of `from`; [`Error::Corrupt`].
    pub fn take(&self, from: &Self, digest: &Digest, size: u64) -> Result<(), Error> {
        self.take_checked(from, digest, size, || from.verify(digest, size))
    }

    /// As [`Blobs::take`] of a blob that was written or [verified](Self::verify) already: it is read only to be
    /// copied.
    ///
    /// # Errors
    /// As [`Blobs::take`].
    pub fn take_verified(&self, from: &Self, digest: &Digest, size: u64) -> Result<(), Error> {
        self.take_checked(from, digest, size, || Ok(()))
    }

    fn take_checked(
        &self,
        from: &Self,
        digest: &Digest,
        size: u64,
        check: impl FnOnce() -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (source, target) = (from.path(digest), self.path(digest));
        if is_same_file(&source, &target) {
            return check();
        }
        if let Ok(link) = Temporary::link(&self.root, &source) {
            check()?;
            if link.persist(&target).is_ok() {
                return Ok(());
            }
        }
        let mut writer = self.writer()?;
        let mut reader = from.open(digest, size)?;
        writer.copy_from(&mut reader, &source)?;
        writer.finish().map(|_| ())
    }
}

/// Why a blob could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not what the digest says.
    #[error("the blob {} is corrupt: its digest is {actual}, not {expected}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What names it.
        expected: Digest,
        /// What its bytes say.
        actual: Digest,
    },
    /// The system refuses something.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A document is too large to be read into memory.
    #[error("the document {digest} has {size} bytes, too many")]
    Large {
        /// Its digest.
        digest: Digest,
        /// Its bytes.
        size: u64,
    },
    /// There is no such blob.
    #[error("there is no blob {digest} in {}", directory.display())]
    Missing {
        /// The directory above `blobs`.
        directory: PathBuf,
        /// The blob.
        digest: Digest,
    },
    /// The file has another size than the descriptor says.
    #[error("the blob {} is corrupt: it has {actual} bytes, not the {expected} of {digest}", path.display())]
    Size {
        /// The file.
        path: PathBuf,
        /// The blob.
        digest: Digest,
        /// What its descriptor says.
        expected: u64,
        /// What the file has.
        actual: u64,
    },
}

impl Error {
    /// What a backend says of this error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Corrupt { .. } | Self::Size { .. } => ErrorKind::Corrupt,
            Self::Io { source, .. } => kind_of(source),
            Self::Large { .. } => ErrorKind::InvalidInput,
            Self::Missing { .. } => ErrorKind::NotFound,
        }
    }

    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// Takes the error of a [`BlobReader`] out of an I/O error.
    pub(crate) fn from_read(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        Self::from_io("read", path)
    }

    /// Takes the error of a [`BlobWriter`] out of an I/O error.
    pub(crate) fn from_write(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        Self::from_io("write", path)
    }

    fn from_io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |error| match error.downcast::<Self>() {
            Ok(error) => error,
            Err(source) => Self::Io { action, path, source },
        }
    }
}

/// What a backend says of an I/O error. One that has only carried another error to its place says what that says.
pub fn kind_of(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::Other => carried(error).map_or(ErrorKind::Other, kind_of),
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Denied,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::OutOfMemory => {
            ErrorKind::Exhausted
        }
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => ErrorKind::Corrupt,
        _ => ErrorKind::Other,
    }
}

fn carried(error: &io::Error) -> Option<&io::Error> {
    let first: &(dyn std::error::Error + 'static) = error.get_ref()?;
    std::iter::successors(Some(first), |error| error.source()).find_map(|error| error.downcast_ref())
}

pub(crate) fn sync_directory(path: &Path) -> Result<(), Error> {
    let directory = File::open(path).map_err(Error::io("open", path))?;
    directory.sync_all().map_err(Error::io("write", path))
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    let id = |path| fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()));
    id(a).is_some_and(|a| Some(a) == id(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_an_error_that_was_carried_is_its_own() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let path = Path::new("/disk/blob");
        let named = io::Error::new(io::ErrorKind::StorageFull, Error::io("write", path)(full()));
        let carried = io::Error::other(crate::layer::Error::Write { source: named });
        assert_eq!(kind_of(&carried), ErrorKind::Exhausted);
        assert_eq!(kind_of(&io::Error::other("something")), ErrorKind::Other);
        let error = Error::from_write(path)(io::Error::other(Error::io("write", path)(full())));
        assert_eq!(error.kind(), ErrorKind::Exhausted);
    }
}
