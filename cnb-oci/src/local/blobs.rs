//! Layers of images: blobs of the backend's own store, or of a layout.

use std::sync::Arc;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Image;
use cnb_core::backend::Result;
use cnb_core::digest::DiffId;

use super::error::from_blob;
use super::found::Found;
use crate::blob::Blobs;
use crate::blob_store::BlobStore;
use crate::blob_store::StoredLayer;
use crate::descriptor::Descriptor;
use crate::descriptor::media_type;

/// A blob that is a layer.
#[derive(Clone, Debug)]
pub(super) struct LocalLayer {
    /// Where the blob is, at the latest when it was [fetched](Self::fetch).
    pub blobs: Blobs,
    pub descriptor: Descriptor,
    /// Whether the blob was written or read to its end by this build.
    pub verified: bool,
    /// The image that it is one of; keeps the blobs of an archive, and says where else they are.
    pub image: Option<Arc<Found>>,
    /// What keeps a blob of the store. The image keeps its own.
    _stored: Option<StoredLayer>,
}

impl LocalLayer {
    /// A layer of an image, not verified.
    pub(super) fn of_image(image: &Arc<Found>, blobs: Blobs, descriptor: Descriptor) -> Self {
        Self { blobs, descriptor, verified: false, image: Some(Arc::clone(image)), _stored: None }
    }

    /// Brings the blob here, if it is elsewhere.
    pub(super) fn fetch(&self) -> Result<()> {
        self.image.as_ref().map_or(Ok(()), |image| image.fetch(&self.descriptor))
    }

    /// A layer of a store, which verifies what it gives.
    pub(super) fn stored(store: &BlobStore, layer: StoredLayer) -> Self {
        let descriptor = Descriptor::new(media_type::OCI_LAYER_GZIP, layer.digest.clone(), layer.size);
        Self { blobs: store.blobs().clone(), descriptor, verified: true, image: None, _stored: Some(layer) }
    }
}

/// The layer with this diffID, of an image or of a store. Verified.
pub(super) fn existing(store: &BlobStore, diff_id: &DiffId, image: Option<&Image>) -> Result<LocalLayer> {
    if let Some(image) = image
        && let Some((_, layer)) = Found::of(image)?.layers().find(|(id, _)| *id == diff_id)
    {
        layer.fetch()?;
        layer.blobs.verify(&layer.descriptor.digest, layer.descriptor.size).map_err(from_blob)?;
        return Ok(LocalLayer { verified: true, ..layer });
    }
    let stored = store.layer(diff_id).map_err(from_blob)?.ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("there is no layer with the diffID {diff_id}"))
    })?;
    Ok(LocalLayer::stored(store, stored))
}
