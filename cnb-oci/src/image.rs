//! Images that were found: manifest, config and layers.

use bytes::Bytes;
use cnb_core::digest::DiffId;

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
    /// The layers with the digests of their tars, lowest first.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = (&DiffId, &Descriptor)> {
        self.config.diff_ids().iter().zip(&self.manifest.layers)
    }
}
