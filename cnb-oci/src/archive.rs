//! Images in one file: `oci-archive` and `docker-archive` of containers-transports(5).
//!
//! An archive is a function of the images in it: same images, same bytes. It gets its name when it is
//! complete.

use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::backend::ErrorKind;

pub mod docker;
pub mod oci;

use crate::blob;
use crate::blob::Blob;
use crate::blob::Blobs;
use crate::blob::Temporary;
use crate::copy::copy;
use crate::layer::header::BLOCK;
use crate::layer::header::Header;
use crate::layer::header::Kind;
use crate::layout;

/// A tar while it is written.
struct ArchiveWriter<'a> {
    temporary: Temporary,
    path: &'a Path,
}

impl<'a> ArchiveWriter<'a> {
    fn new(path: &'a Path) -> Result<Self, Error> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        blob::remove_leftovers(parent)?;
        Ok(Self { temporary: Temporary::new(parent)?, path })
    }

    fn directory(&mut self, path: &str) -> Result<(), Error> {
        self.header(path, Kind::Directory, 0o755)
    }

    fn file(&mut self, path: &str, content: &[u8]) -> Result<(), Error> {
        self.content(path, &mut &*content, content.len() as u64)
    }

    /// Adds a blob, which is verified on the way.
    fn blob(&mut self, blobs: &Blobs, Blob { digest, size }: &Blob) -> Result<(), Error> {
        let mut reader = blobs.open(digest, *size)?;
        self.content(&blob_path(digest.hex()), &mut reader, *size)
    }

    fn finish(mut self) -> Result<(), Error> {
        self.write(&[0; 2 * BLOCK])?;
        Ok(self.temporary.persist(self.path)?)
    }

    fn content(&mut self, path: &str, content: &mut dyn Read, size: u64) -> Result<(), Error> {
        self.header(path, Kind::Regular { size }, 0o644)?;
        let write_failed = blob::Error::io("write", self.path);
        copy(content, self.temporary.file(), blob::Error::from_read(self.path), write_failed)?;
        let padding = usize::try_from(size.next_multiple_of(BLOCK as u64) - size).expect("less than a block");
        self.write(&[0; BLOCK][..padding])
    }

    fn header(&mut self, path: &str, kind: Kind<'_>, mode: u32) -> Result<(), Error> {
        let header = Header { path: path.as_bytes(), kind, mode, uid: 0, gid: 0, mtime: 0 };
        self.write(&header.encode())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        Ok(self.temporary.file().write_all(bytes).map_err(blob::Error::io("write", self.path))?)
    }
}

fn blob_path(hex: &str) -> String {
    format!("blobs/sha256/{hex}")
}

/// Why an archive could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A blob or another file cannot be read or written.
    #[error(transparent)]
    Blob(#[from] blob::Error),
    /// The layout cannot be read.
    #[error(transparent)]
    Layout(#[from] layout::Error),
    /// The archive has no layout in it.
    #[error("{} is not an archive of an OCI layout: it has no `{missing}`", path.display())]
    NoLayout {
        /// The archive.
        path: PathBuf,
        /// The entry that it should have.
        missing: &'static str,
    },
    /// The archive is not a tar, or is cut off.
    #[error("cannot read the archive {}", path.display())]
    Tar {
        /// The archive.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Error {
    /// The error of a reader of `path`. What the reader of tars quotes is not repeated: a file that is no tar
    /// may be anybody's secret.
    fn tar(path: &Path, source: io::Error) -> Self {
        let from_system = source.raw_os_error().is_some() || source.kind() == io::ErrorKind::UnexpectedEof;
        let source =
            if from_system { source } else { io::Error::new(io::ErrorKind::InvalidData, "it is not a tar") };
        Self::Tar { path: path.to_owned(), source }
    }

    /// What a backend says of this error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Blob(error) => error.kind(),
            Self::Layout(error) => error.kind(),
            Self::NoLayout { .. } => ErrorKind::InvalidInput,
            Self::Tar { .. } => ErrorKind::Corrupt,
        }
    }
}
