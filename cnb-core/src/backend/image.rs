//! Images: found, planned, written.

use bytes::Bytes;

use super::layer::Layer;
use super::tree::Tree;
use crate::digest::Digest;
use crate::image_name::ImageName;

/// Which image to find.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ImageRequest {
    /// Where it is.
    pub name: ImageName,
    /// Operating system and architecture to choose from an image index, for example `linux/amd64`; the
    /// backend's own when there is none.
    pub platform: Option<String>,
}

impl ImageRequest {
    /// Asks for an image of the backend's own platform.
    pub fn new(name: ImageName) -> Self {
        Self { name, platform: None }
    }

    /// Asks for another platform, for example `linux/arm64/v8`.
    #[must_use]
    pub fn with_platform(mut self, platform: impl Into<String>) -> Self {
        self.platform = Some(platform.into());
        self
    }
}

/// An image that a backend found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Image {
    /// The digest of its manifest.
    pub digest: Digest,
    /// Its config, byte for byte.
    pub config: Bytes,
    /// Its root file system. Unpacked when something needs it.
    pub root: Tree,
}

impl Image {
    /// An image with these parts; for backends.
    pub fn new(digest: Digest, config: impl Into<Bytes>, root: Tree) -> Self {
        Self { digest, config: config.into(), root }
    }
}

/// An image to write.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ImagePlan {
    /// The image whose layers come first.
    pub base: Image,
    /// The layers on top, lowest first.
    pub layers: Vec<Layer>,
    /// The config, byte for byte.
    pub config: Bytes,
}

impl ImagePlan {
    /// An image of `layers` on `base`.
    pub fn new(base: Image, layers: Vec<Layer>, config: impl Into<Bytes>) -> Self {
        Self { base, layers, config: config.into() }
    }
}

/// An image that was written.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Exported {
    /// Where to.
    pub output: ImageName,
    /// The digest of the config: the image ID.
    pub image_id: Digest,
    /// The digest of the manifest.
    pub digest: Digest,
    /// Bytes of the manifest.
    pub manifest_size: u64,
}

impl Exported {
    /// An image that was written; for backends.
    pub fn new(output: ImageName, image_id: Digest, digest: Digest, manifest_size: u64) -> Self {
        Self { output, image_id, digest, manifest_size }
    }
}
