//! Compressions of layers.

use std::io::Read;

use flate2::read::MultiGzDecoder;

/// What is compressed in `blob`, a layer of this media type, OCI's or Docker's.
///
/// # Errors
/// [`UnsupportedCompression`].
pub fn decompress<'a>(
    media_type: &str,
    blob: impl Read + Send + 'a,
) -> Result<Box<dyn Read + Send + 'a>, UnsupportedCompression> {
    // The names of layers that may not be distributed have the same ends.
    match media_type.rsplit_once(".tar") {
        Some((_, "")) => Ok(Box::new(blob)),
        Some((_, "+gzip" | ".gzip")) => Ok(Box::new(MultiGzDecoder::new(blob))),
        #[cfg(feature = "zstd")]
        Some((_, "+zstd" | ".zstd")) => {
            let decoder = zstd::Decoder::new(blob);
            Ok(Box::new(decoder.map_err(|_| UnsupportedCompression { media_type: media_type.to_owned() })?))
        }
        _ => Err(UnsupportedCompression { media_type: media_type.to_owned() }),
    }
}

/// A layer cannot be read, for example because it is compressed with zstd and the feature `zstd` is off.
#[derive(Debug, thiserror::Error)]
#[error("layers of media type {media_type} are not supported: only {} are", known())]
pub struct UnsupportedCompression {
    /// The media type.
    pub media_type: String,
}

fn known() -> &'static str {
    if cfg!(feature = "zstd") { "tar, gzip and zstd" } else { "tar and gzip" }
}
