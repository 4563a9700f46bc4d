//! Contents are hashed while they are read.

use std::io;
use std::io::Read;

use cnb_core::digest::Digest;
use sha2::Digest as _;
use sha2::Sha256;

use super::entry::Entry;
use super::error::StoreError;

/// A reader that ends only if it gave exactly the content of an entry; else reading fails with
/// [`StoreError::Damaged`] inside of an [`io::Error`]. Stores wrap what they open in it.
#[derive(Debug)]
pub struct Verified<R> {
    inner: R,
    key: String,
    digest: Digest,
    /// Bytes that are still to come.
    left: u64,
    hash: Sha256,
}

impl<R: Read> Verified<R> {
    /// Reads the content of an entry.
    pub fn new(inner: R, entry: &Entry) -> Self {
        let Entry { key, digest, size, .. } = entry;
        Self { inner, key: key.clone(), digest: digest.clone(), left: *size, hash: Sha256::new() }
    }

    fn damaged(&self, reason: String) -> io::Error {
        let error = StoreError::Damaged { what: format!("the entry `{}`", self.key), reason };
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let Some(left) = self.left.checked_sub(read as u64) else {
            return Err(self.damaged("it is longer than it was".to_owned()));
        };
        self.left = left;
        self.hash.update(&buffer[..read]);
        if read > 0 || buffer.is_empty() {
            return Ok(read);
        }
        if left > 0 {
            return Err(self.damaged(format!("its last {left} bytes are missing")));
        }
        let found = Digest::from_bytes(self.hash.clone().finalize().into());
        if found == self.digest {
            Ok(0)
        } else {
            Err(self.damaged(format!("expected a content with the digest {}, found {found}", self.digest)))
        }
    }
}
