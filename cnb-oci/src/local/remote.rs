//! Images in registries, as sources and as outputs.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Result;
use cnb_core::digest::Digest;
use cnb_core::reference::Reference;

use super::blobs::LocalLayer;
use super::error::from_blob;
use super::error::from_registry;
use super::export::outward;
use super::found::Origin;
use super::machine::Machine;
use super::stop::Stop;
use crate::blob;
use crate::blob_store::BlobStore;
use crate::copy::copy;
use crate::descriptor::Descriptor;
use crate::descriptor::Manifest;
use crate::descriptor::media_type;
use crate::image::Image;
use crate::in_use::InUse;
use crate::parallel;
use crate::platform::Platform;
use crate::registry::Registry;

/// An image in a registry. What came here of it stays as long as this value.
#[derive(Debug)]
pub(super) struct Remote {
    registry: Registry,
    reference: Reference,
    stop: Stop,
    store: BlobStore,
    in_use: Mutex<BTreeMap<Digest, InUse>>,
}

/// Finds an image. Its layers stay where they are.
pub(super) fn find(machine: &Machine, reference: &Reference, platform: &Platform) -> Result<(Image, Remote)> {
    let (registry, reference) = (machine.registry()?.clone(), reference.clone());
    let image = registry.image(&reference, platform).map_err(from_registry)?;
    let image =
        image.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no image `{reference}`")))?;
    let (stop, store) = (machine.stop.clone(), machine.layers.clone());
    Ok((image, Remote { registry, reference, stop, store, in_use: Mutex::default() }))
}

impl Remote {
    fn hold(&self, digest: &Digest) -> Result<()> {
        let mut in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        if !in_use.contains_key(digest) {
            in_use.insert(digest.clone(), self.store.hold(digest).map_err(from_blob)?);
        }
        Ok(())
    }
}

impl Origin for Remote {
    fn fetch(&self, descriptor: &Descriptor) -> Result<()> {
        self.hold(&descriptor.digest)?;
        let blobs = self.store.blobs();
        let path = blobs.path(&descriptor.digest);
        if path.exists() {
            return Ok(());
        }
        let reader = self.registry.blob(&self.reference, descriptor).map_err(from_registry)?;
        let mut reader = self.stop.wrap(reader);
        let mut writer = blobs.writer().map_err(from_blob)?;
        let pulling = |source| {
            Error::new(ErrorKind::Other, format!("could not pull {}", descriptor.digest)).with_source(source)
        };
        copy(&mut reader, &mut writer, pulling, |error| from_blob(blob::Error::io("write", &path)(error)))?;
        writer.finish_as(&descriptor.digest, &path).map_err(from_blob)
    }

    fn reference(&self) -> &Reference {
        &self.reference
    }
}

/// Writes an image to a registry. What it has already is not sent: its own layers of before, and those that other
/// repositories have.
pub(super) fn push(
    machine: &Machine,
    layers: &[LocalLayer],
    config: &[u8],
    to: &Reference,
) -> Result<Descriptor> {
    let registry = machine.registry()?;
    let descriptors = parallel::map(layers.iter().collect(), |layer| push_layer(registry, layer, to))?;
    let blob = registry.put_blob(to, config).map_err(from_registry)?;
    let manifest =
        Manifest::new(Descriptor::new(media_type::OCI_CONFIG, blob.digest, blob.size), descriptors);
    let bytes = serde_json::to_vec(&manifest).expect("all keys are strings");
    registry.put_manifest(to, &manifest.media_type, &bytes).map_err(from_registry)
}

fn push_layer(registry: &Registry, layer: &LocalLayer, to: &Reference) -> Result<Descriptor> {
    let origin = layer.image.as_ref().and_then(|image| image.origin());
    match origin {
        Some(from) => registry.copy_blob((registry, from), to, &layer.descriptor),
        None => registry.push_blob(to, &layer.blobs, &layer.descriptor),
    }
    .map_err(from_registry)?;
    Ok(outward(&layer.descriptor))
}
