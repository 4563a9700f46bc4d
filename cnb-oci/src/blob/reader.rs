//! Blobs are verified while they are read.

use std::fs::File;
use std::io;
use std::io::Read;
use std::path::PathBuf;

use cnb_core::digest::Digest;

use super::Error;
use crate::hash::Hasher;

/// The bytes of a blob. The end is reached only when they are what the digest says; else reading fails with
/// [`Error::Corrupt`] inside of an [`io::Error`].
#[derive(Debug)]
pub struct BlobReader {
    file: File,
    path: PathBuf,
    digest: Digest,
    hasher: Hasher,
}

impl BlobReader {
    pub(super) fn new(file: File, path: PathBuf, digest: Digest) -> Self {
        Self { file, path, digest, hasher: Hasher::new() }
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = self.file.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        if read > 0 {
            return Ok(read);
        }
        let actual = self.hasher.clone().finish();
        if actual == self.digest {
            return Ok(0);
        }
        let (path, expected) = (self.path.clone(), self.digest.clone());
        Err(io::Error::new(io::ErrorKind::InvalidData, Error::Corrupt { path, expected, actual }))
    }
}
