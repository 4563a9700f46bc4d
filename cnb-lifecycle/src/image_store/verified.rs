//! Tars of layers are verified while they are read.

use std::io;
use std::io::Read;

use cnb_core::digest::DiffId;
use sha2::Digest as _;
use sha2::Sha256;

/// A tar whose end is reached only when it has the expected digest; else reading fails with [`WrongDigest`] inside
/// of an [`io::Error`].
pub(super) struct Verified<R> {
    tar: R,
    expected: DiffId,
    hash: Sha256,
}

/// A tar is not what its digest says.
#[derive(Debug, thiserror::Error)]
#[error("expected layer contents to have SHA '{expected}'; found '{found}'")]
pub struct WrongDigest {
    /// What names the tar.
    pub expected: DiffId,
    /// What its bytes say.
    pub found: DiffId,
}

impl<R> Verified<R> {
    pub(super) fn new(tar: R, expected: DiffId) -> Self {
        Self { tar, expected, hash: Sha256::new() }
    }
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.tar.read(buffer)?;
        self.hash.update(&buffer[..read]);
        if read > 0 || buffer.is_empty() {
            return Ok(read);
        }
        let found = DiffId::from_bytes(self.hash.clone().finalize().into());
        if found == self.expected {
            return Ok(0);
        }
        let expected = self.expected.clone();
        Err(io::Error::new(io::ErrorKind::InvalidData, WrongDigest { expected, found }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_reached_with_the_right_digest_only() {
        let digest = cnb_oci::digest(b"abc");
        for (bytes, is_right) in [(&b"abc"[..], true), (b"abd", false), (b"ab", false), (b"", false)] {
            let mut read = Vec::new();
            let result = Verified::new(bytes, digest.clone()).read_to_end(&mut read);
            assert_eq!((result.is_ok(), read.as_slice()), (is_right, bytes));
        }
    }
}
