//! Compression of layers, on all cores.
//!
//! What is written is cut into blocks of one MiB that are compressed apart from each other. For gzip, the blocks are
//! one stream, as RFC 1951 lets blocks follow each other, and one member, as some readers stop after the first; for
//! zstd, each is a frame, which RFC 8878 lets follow each other. The bytes depend on the input and on the
//! [`Compression`] alone, not on how many cores there are.
//!
//! ```
//! use std::io::Read as _;
//! use std::io::Write as _;
//!
//! use cnb_oci::compression::Compressor;
//!
//! // One for all layers: it has the threads and the buffers.
//! let compressor = Compressor::default();
//! let mut layer = compressor.writer(Vec::new());
//! layer.write_all(b"hello")?;
//! let bytes = layer.finish()?;
//!
//! let mut text = String::new();
//! flate2::read::GzDecoder::new(&*bytes).read_to_string(&mut text)?;
//! assert_eq!(text, "hello");
//! # Ok::<(), std::io::Error>(())
//! ```

use std::fmt;
use std::str::FromStr;

use crate::descriptor::media_type;

mod encoder;
mod pool;
mod writer;

pub use pool::Compressor;
pub use writer::CompressWriter;

/// How to compress.
///
/// As text: the name of the algorithm, and a level where it has some: `gzip`, `gzip:9`, `zstd:3`, `uncompressed`.
///
/// ```
/// use cnb_oci::compression::Compression;
///
/// assert_eq!("gzip".parse(), Ok(Compression::default()));
/// assert_eq!("gzip:9".parse::<Compression>()?.to_string(), "gzip:9");
/// # Ok::<(), cnb_oci::compression::InvalidCompression>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Compression {
    algorithm: Algorithm,
    /// One that the algorithm has.
    level: u8,
}

/// What compresses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Algorithm {
    /// RFC 1952, levels 1 to 9.
    Gzip,
    /// Nothing.
    Uncompressed,
    /// RFC 8878, levels 1 to 19.
    #[cfg(feature = "zstd")]
    Zstd,
}

impl Compression {
    /// Which algorithm.
    pub fn algorithm(self) -> Algorithm {
        self.algorithm
    }

    /// Higher levels are slower and give fewer bytes.
    pub fn level(self) -> u8 {
        self.level
    }

    /// The media type of layers that the Go lifecycle uses: Docker's, where it has one.
    pub fn docker_media_type(self) -> &'static str {
        match self.algorithm {
            Algorithm::Gzip => media_type::DOCKER_LAYER_GZIP,
            Algorithm::Uncompressed => media_type::DOCKER_LAYER,
            #[cfg(feature = "zstd")]
            Algorithm::Zstd => media_type::OCI_LAYER_ZSTD,
        }
    }

    /// The media type of layers of OCI images.
    pub fn oci_media_type(self) -> &'static str {
        match self.algorithm {
            Algorithm::Gzip => media_type::OCI_LAYER_GZIP,
            Algorithm::Uncompressed => media_type::OCI_LAYER,
            #[cfg(feature = "zstd")]
            Algorithm::Zstd => media_type::OCI_LAYER_ZSTD,
        }
    }
}

impl Default for Compression {
    /// Gzip at the level of the Go lifecycle: building often matters more than the last tenth of the size.
    fn default() -> Self {
        Self { algorithm: Algorithm::Gzip, level: 1 }
    }
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Uncompressed => "uncompressed",
            #[cfg(feature = "zstd")]
            Self::Zstd => "zstd",
        }
    }

    fn named(name: &str) -> Option<Self> {
        let all = [
            Self::Gzip,
            Self::Uncompressed,
            #[cfg(feature = "zstd")]
            Self::Zstd,
        ];
        all.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// The level without one, and the highest.
    fn levels(self) -> (u8, u8) {
        match self {
            Self::Gzip => (1, 9),
            Self::Uncompressed => (0, 0),
            #[cfg(feature = "zstd")]
            Self::Zstd => (3, 19),
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.algorithm {
            Algorithm::Uncompressed => f.write_str(self.algorithm.name()),
            _ => write!(f, "{}:{}", self.algorithm.name(), self.level),
        }
    }
}

impl FromStr for Compression {
    type Err = InvalidCompression;

    fn from_str(text: &str) -> Result<Self, InvalidCompression> {
        let invalid = || InvalidCompression { text: text.to_owned() };
        let (name, level) = text.split_once(':').map_or((text, None), |(name, level)| (name, Some(level)));
        let algorithm = Algorithm::named(name).ok_or_else(invalid)?;
        let (default, highest) = algorithm.levels();
        let level = level.map_or(Ok(default), str::parse).map_err(|_| invalid())?;
        if level != default && !(1..=highest).contains(&level) {
            return Err(invalid());
        }
        Ok(Self { algorithm, level })
    }
}

/// A text names no compression.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{text}` is no compression: there are {}", known())]
pub struct InvalidCompression {
    /// The text.
    pub text: String,
}

fn known() -> &'static str {
    if cfg!(feature = "zstd") {
        "`gzip[:1 to 9]`, `zstd[:1 to 19]` and `uncompressed`"
    } else {
        "`gzip[:1 to 9]` and `uncompressed`"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_name_compressions() {
        for (text, expected) in [
            ("gzip", Some("gzip:1")),
            ("gzip:6", Some("gzip:6")),
            ("uncompressed", Some("uncompressed")),
            ("gzip:0", None),
            ("gzip:10", None),
            ("gzip:", None),
            ("gzip:-1", None),
            ("uncompressed:1", None),
            ("GZIP", None),
            ("", None),
            ("zstd", cfg!(feature = "zstd").then_some("zstd:3")),
            ("zstd:19", cfg!(feature = "zstd").then_some("zstd:19")),
            ("zstd:20", None),
        ] {
            let parsed = text.parse::<Compression>().map(|compression| compression.to_string());
            assert_eq!(parsed.ok().as_deref(), expected, "{text}");
        }
    }
}
