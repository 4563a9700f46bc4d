//! What vertices are known by.

use std::fmt;

use sha2::Digest as _;
use sha2::Sha256;

const PREFIX: &[u8] = b"sha256:";
const LENGTH: usize = PREFIX.len() + 64;

/// `sha256:` and the SHA-256 of a marshalled operation.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Digest([u8; LENGTH]);

impl Digest {
    /// The digest of a marshalled operation.
    pub fn of(bytes: &[u8]) -> Self {
        let mut text = [0; LENGTH];
        text[..PREFIX.len()].copy_from_slice(PREFIX);
        for (digits, byte) in text[PREFIX.len()..].chunks_exact_mut(2).zip(Sha256::digest(bytes)) {
            digits[0] = digit(byte >> 4);
            digits[1] = digit(byte & 0xf);
        }
        Self(text)
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("it is ASCII")
    }
}

fn digit(value: u8) -> u8 {
    b"0123456789abcdef"[usize::from(value)]
}

impl AsRef<str> for Digest {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_nothing_is_the_known_one() {
        let known = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::of(b"").to_string(), known);
    }
}
