//! A cache in an image in a registry.
//!
//! Source: `cache/image_cache.go` of the lifecycle: an OCI image without architecture whose label has the metadata.
//! Other than there, a layer that is kept is in the image once.

use std::io::Read;
use std::sync::Mutex;
use std::sync::PoisonError;

use cnb_cache::volume::METADATA;
use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::digest::DiffId;
use cnb_core::encode::go_json;
use cnb_core::labels;
use cnb_core::labels::lifecycle::CacheMetadata;
use cnb_core::reference::Reference;
use cnb_oci::compression::Compressor;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::descriptor::Manifest;
use cnb_oci::descriptor::media_type;
use cnb_oci::layer::Dialect;
use cnb_oci::layer::LayerWriter;
use cnb_oci::registry::Registry;

use super::CacheError;
use super::LayerCache;
use crate::export::config::Config;
use crate::image_store::FoundImage;
use crate::image_store::ImageStore;
use crate::image_store::WriteLayer;
use crate::image_store::registry::RegistryStore;
use crate::image_store::registry::from_registry;

/// A cache image with what is staged for its next version.
#[derive(Debug)]
pub struct CacheImage {
    registry: Registry,
    name: String,
    reference: Reference,
    old: Option<FoundImage>,
    /// Whether an old version is removed, as the Go lifecycle does before Platform API 0.13.
    removes_old: bool,
    staged: Mutex<Vec<(DiffId, Descriptor)>>,
    compressor: Compressor,
}

impl CacheImage {
    /// The cache image with this name, which need not exist.
    ///
    /// # Errors
    /// When the text is not a name, or it cannot be told whether there is such an image.
    pub fn open(registry: Registry, name: &str, removes_old: bool) -> Result<Self, CacheError> {
        let reference = name.parse().map_err(|error| {
            Error::new(ErrorKind::InvalidInput, format!("creating new cache image {name:?}"))
                .with_source(error)
        })?;
        let old = RegistryStore::new(registry.clone()).find(name)?;
        let (name, staged) = (name.to_owned(), Mutex::default());
        Ok(Self { registry, name, reference, old, removes_old, staged, compressor: Compressor::default() })
    }

    fn old_layer(&self, diff_id: &DiffId) -> Result<(&FoundImage, &Descriptor), CacheError> {
        let found = self.old.as_ref().and_then(|image| Some((image, image.layer(diff_id)?)));
        found.ok_or_else(|| missing(diff_id.as_str()))
    }

    /// Each layer is in the image once.
    fn stage(&self, diff_id: &DiffId, descriptor: Descriptor) {
        let mut staged = self.staged.lock().unwrap_or_else(PoisonError::into_inner);
        if staged.iter().all(|(id, _)| id != diff_id) {
            staged.push((diff_id.clone(), descriptor));
        }
    }

    fn upload(&self, write: &WriteLayer<'_>) -> Result<Descriptor, CacheError> {
        let blob = self.registry.upload(&self.reference, &|out| {
            let mut layer = self.compressor.writer(out);
            write(&mut layer)?;
            layer.finish().map(|_| ())
        });
        let blob = blob.map_err(from_registry)?;
        Ok(Descriptor::new(media_type::OCI_LAYER_GZIP, blob.digest, blob.size))
    }

    /// Containerd refuses images without layers, so an empty cache has an empty one.
    fn stage_empty(&self) -> Result<(), CacheError> {
        let empty = |out: &mut dyn std::io::Write| {
            let written =
                LayerWriter::new(out, Dialect::Lifecycle).finish().map_err(std::io::Error::other)?;
            Ok(written.1.diff_id)
        };
        let diff_id = empty(&mut std::io::sink())
            .map_err(|error| Error::new(ErrorKind::Other, "writing an empty layer").with_source(error))?;
        let descriptor = self.upload(&empty)?;
        self.stage(&diff_id, descriptor);
        Ok(())
    }
}

impl LayerCache for CacheImage {
    fn exists(&self) -> bool {
        self.old.is_some()
    }

    fn metadata(&self) -> Result<CacheMetadata, CacheError> {
        let Some(old) = &self.old else { return Ok(CacheMetadata::default()) };
        let store = RegistryStore::new(self.registry.clone());
        if !store.is_complete(old).unwrap_or(false) {
            tracing::info!("Ignoring cache image {:?} because it was corrupt", self.name);
            return Ok(CacheMetadata::default());
        }
        let label = old.image.config.label(METADATA);
        Ok(label.and_then(|label| labels::read(label).ok()).unwrap_or_default())
    }

    fn read(&self, diff_id: &str) -> Result<Box<dyn Read + Send>, CacheError> {
        let diff_id = diff_id.parse().map_err(|_| missing(diff_id))?;
        let (old, _) = self.old_layer(&diff_id)?;
        Ok(RegistryStore::new(self.registry.clone()).layer(old, &diff_id)?)
    }

    fn reuse(&self, diff_id: &DiffId) -> Result<(), CacheError> {
        let (_, descriptor) = self.old_layer(diff_id)?;
        if !self.registry.has_blob(&self.reference, &descriptor.digest).map_err(from_registry)? {
            return Err(missing(diff_id.as_str()));
        }
        self.stage(
            diff_id,
            Descriptor::new(media_type::OCI_LAYER_GZIP, descriptor.digest.clone(), descriptor.size),
        );
        Ok(())
    }

    fn add(&self, diff_id: &DiffId, write: &WriteLayer<'_>) -> Result<(), CacheError> {
        let descriptor = self.upload(write)?;
        self.stage(diff_id, descriptor);
        Ok(())
    }

    fn commit(self: Box<Self>, metadata: &CacheMetadata) -> Result<(), CacheError> {
        if self.staged.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            self.stage_empty()?;
        }
        let staged = self.staged.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut config = Config::empty("linux");
        config.set_label(METADATA, &go_json::to_string(metadata).expect("all keys are strings"));
        for (diff_id, _) in &staged {
            config.add_layer(diff_id, "");
        }
        config.set_created(crate::export::config::DEFAULT_EPOCH, false);
        let config = self.registry.put_blob(&self.reference, &config.to_bytes()).map_err(from_registry)?;
        let config = Descriptor::new(media_type::OCI_CONFIG, config.digest, config.size);
        let manifest = Manifest::new(config, staged.into_iter().map(|(_, descriptor)| descriptor).collect());
        let bytes = serde_json::to_vec(&manifest).expect("all keys are strings");
        let new = self.registry.put_manifest(&self.reference, &manifest.media_type, &bytes);
        let new = new.map_err(from_registry)?;
        let old =
            self.old.as_ref().filter(|old| self.removes_old && old.image.descriptor.digest != new.digest);
        if let Some(reference) = old.and_then(|old| old.identifier.parse().ok())
            && let Err(error) = self.registry.delete_manifest(&reference)
        {
            // It does no harm.
            tracing::warn!("Unable to delete cache image: {error}");
        }
        Ok(())
    }
}

fn missing(diff_id: &str) -> CacheError {
    CacheError::Unusable(format!("failed to find cache layer with SHA '{diff_id}'"))
}
