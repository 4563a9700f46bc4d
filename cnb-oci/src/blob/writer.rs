//! Blobs are hashed while they are written.

use std::io;
use std::io::Read;
use std::io::Write;
use std::num::NonZeroU64;
use std::path::Path;

use cnb_core::digest::Digest;
use rustix::fs::Advice;

use super::Blob;
use super::Blobs;
use super::Error;
use super::Temporary;
use crate::copy::copy;
use crate::hash::Hasher;

/// A blob without a name. It gets its name from [`BlobWriter::finish`]; dropped before, it leaves nothing.
#[derive(Debug)]
pub struct BlobWriter {
    temporary: Temporary,
    blobs: Blobs,
    hasher: Hasher,
    /// Bytes that the system was told to write to the disk.
    sent: u64,
}

/// Bytes after which the system is told.
const SEND: u64 = 8 << 20;

impl BlobWriter {
    pub(super) fn new(temporary: Temporary, blobs: Blobs) -> Self {
        Self { temporary, blobs, hasher: Hasher::new(), sent: 0 }
    }

    /// Writes the rest to disk and gives the blob its name.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn finish(self) -> Result<Blob, Error> {
        let size = self.hasher.size();
        let digest = self.hasher.finish();
        self.temporary.persist(&self.blobs.path(&digest))?;
        Ok(Blob { digest, size })
    }

    /// The digest of what was written so far.
    pub(crate) fn digest(&self) -> Digest {
        self.hasher.clone().finish()
    }

    /// As [`BlobWriter::finish`] for a blob whose digest is known; `path` names it in errors.
    pub(crate) fn finish_as(self, expected: &Digest, path: &Path) -> Result<(), Error> {
        let actual = self.digest();
        if actual != *expected {
            return Err(Error::Corrupt { path: path.to_owned(), expected: expected.clone(), actual });
        }
        self.finish().map(|_| ())
    }

    /// Lets the disk work while the rest is made, rather than when [`BlobWriter::finish`] waits for it. On Linux this
    /// advice starts to write, and what is not written yet stays in memory.
    fn send_to_disk(&mut self) {
        let length = NonZeroU64::new(self.hasher.size() - self.sent);
        // It is advice: without it the same happens later.
        let _ = rustix::fs::fadvise(self.temporary.file(), self.sent, length, Advice::DontNeed);
        self.sent = self.hasher.size();
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.write_all(bytes).map_err(Error::from_write(self.temporary.path()))
    }

    pub(crate) fn copy_from(&mut self, reader: &mut dyn Read, path: &Path) -> Result<(), Error> {
        let write_failed = Error::from_write(self.temporary.path());
        copy(reader, self, Error::from_read(path), write_failed)
    }
}

impl Write for BlobWriter {
    /// An error names the file: what writes tars does not know where they go.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.temporary.file().write(bytes).map_err(|source| {
            io::Error::new(source.kind(), Error::io("write", self.temporary.path())(source))
        })?;
        self.hasher.update(&bytes[..written]);
        if self.hasher.size() - self.sent >= SEND {
            self.send_to_disk();
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temporary.file().flush()
    }
}
