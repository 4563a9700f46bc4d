//! Images in registries, as sources and as outputs.

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Result;
use cnb_core::reference::Reference;

use super::blobs::LocalLayer;
use super::error::from_blob;
use super::error::from_registry;
use super::export::outward;
use super::found::Origin;
use super::machine::Machine;
use super::stop::Stop;
use crate::blob;
use crate::blob::Blobs;
use crate::copy::copy;
use crate::descriptor::Descriptor;
use crate::descriptor::Manifest;
use crate::descriptor::media_type;
use crate::image::Image;
use crate::parallel;
use crate::platform::Platform;
use crate::registry::Registry;

/// An image in a registry.
#[derive(Debug)]
pub(super) struct Remote {
    registry: Registry,
    reference: Reference,
    stop: Stop,
}

/// Finds an image. Its layers stay where they are.
pub(super) fn find(machine: &Machine, reference: &Reference, platform: &Platform) -> Result<(Image, Remote)> {
    let (registry, reference) = (machine.registry()?.clone(), reference.clone());
    let image = registry.image(&reference, platform).map_err(from_registry)?;
    let image =
        image.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no image `{reference}`")))?;
    Ok((image, Remote { registry, reference, stop: machine.stop.clone() }))
}

impl Origin for Remote {
    fn fetch(&self, into: &Blobs, descriptor: &Descriptor) -> Result<()> {
        let path = into.path(&descriptor.digest);
        if path.exists() {
            return Ok(());
        }
        let reader = self.registry.blob(&self.reference, descriptor).map_err(from_registry)?;
        let mut reader = self.stop.wrap(reader);
        let mut writer = into.writer().map_err(from_blob)?;
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
