//! Images that were found: manifest, config and layers.

use bytes::Bytes;
use cnb_core::backend::ErrorKind;
use cnb_core::digest::DiffId;
use cnb_core::digest::Digest;

use crate::config;
use crate::config::ImageConfig;
use crate::descriptor::Descriptor;
use crate::descriptor::Manifest;

/// An image whose manifest and config are verified. Its layers are not read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Image {
    /// What names the manifest.
    pub descriptor: Descriptor,
    /// The manifest, byte for byte.
    pub manifest_bytes: Bytes,
    /// The manifest.
    pub manifest: Manifest,
    /// The config.
    pub config: ImageConfig,
}

impl Image {
    /// Puts together what was read and verified.
    pub(crate) fn new(
        descriptor: Descriptor,
        manifest_bytes: Bytes,
        manifest: Manifest,
        config: Bytes,
    ) -> Result<Self, Error> {
        let config = ImageConfig::parse(config)
            .map_err(|source| Error::Config { digest: manifest.config.digest.clone(), source })?;
        let (layers, diff_ids) = (manifest.layers.len(), config.diff_ids().len());
        if layers != diff_ids {
            return Err(Error::Layers { digest: descriptor.digest, layers, diff_ids });
        }
        Ok(Self { descriptor, manifest_bytes, manifest, config })
    }

    /// The layers with the digests of their tars, lowest first.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = (&DiffId, &Descriptor)> {
        self.config.diff_ids().iter().zip(&self.manifest.layers)
    }
}

/// Why documents do not make an image.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The config cannot be read.
    #[error("the image config {digest} is not valid")]
    Config {
        /// The config.
        digest: Digest,
        /// Why not.
        source: config::Error,
    },
    /// Manifest and config do not agree.
    #[error("the manifest {digest} has {layers} layers, but its config has {diff_ids} diffIDs")]
    Layers {
        /// The manifest.
        digest: Digest,
        /// Its layers.
        layers: usize,
        /// The diffIDs of the config.
        diff_ids: usize,
    },
}

impl Error {
    /// What a backend says of this error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Config { .. } | Self::Layers { .. } => ErrorKind::Corrupt,
        }
    }
}
