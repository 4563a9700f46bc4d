//! Images are written to layouts and archives.

use std::sync::Arc;

use bytes::Bytes;
use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Exported;
use cnb_core::backend::ImagePlan;
use cnb_core::backend::Layer;
use cnb_core::backend::Result;
use cnb_core::image_name::ImageName;

use super::blobs::LocalLayer;
use super::error::from_archive;
use super::error::from_blob;
use super::error::from_layout;
use super::found::Found;
use super::machine::Machine;
#[cfg(feature = "registry")]
use super::remote;

use crate::archive;
use crate::config::ImageConfig;
use crate::descriptor::Descriptor;
use crate::descriptor::Manifest;
use crate::descriptor::media_type;
use crate::layout::Layout;
use crate::parallel;
use crate::platform::Platform;

/// Writes an image to each output.
pub(super) fn images(machine: &Machine, plan: &ImagePlan, outputs: &[ImageName]) -> Result<Vec<Exported>> {
    let layers = layers(plan)?;
    let write =
        |output| image(machine, &layers, &plan.config, output).map_err(|error| error.with("output", output));
    outputs.iter().map(write).collect()
}

fn image(machine: &Machine, layers: &[LocalLayer], config: &Bytes, output: &ImageName) -> Result<Exported> {
    let descriptor = match output {
        ImageName::Oci { directory, tag } => {
            let layout = Layout::create(directory).map_err(from_layout)?;
            write(&layout, layers, config, tag.as_deref())?
        }
        ImageName::OciArchive { file, tag } => {
            let scratch = machine.session.work()?;
            let layout = Layout::create(scratch.path()).map_err(from_layout)?;
            let descriptor = write(&layout, layers, config, tag.as_deref())?;
            archive::oci::write(&layout, file).map_err(from_archive)?;
            descriptor
        }
        ImageName::DockerArchive { file, reference } => {
            let scratch = machine.session.work()?;
            let layout = Layout::create(scratch.path()).map_err(from_layout)?;
            let descriptor = write(&layout, layers, config, None)?;
            let image = layout.image(None, &Platform::host()).map_err(from_layout)?;
            archive::docker::write(&layout, &image, reference.as_deref(), file).map_err(from_archive)?;
            descriptor
        }
        #[cfg(feature = "registry")]
        ImageName::Docker { reference } => remote::push(machine, layers, config, reference)?,
        name => {
            let message = format!(
                "images cannot be written to `{name}`; use `docker://`, `oci:`, `oci-archive:` or `docker-archive:`"
            );
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
    };
    let image_id = crate::digest(config);
    Ok(Exported::new(output.clone(), image_id, descriptor.digest, descriptor.size))
}

fn write(layout: &Layout, layers: &[LocalLayer], config: &Bytes, tag: Option<&str>) -> Result<Descriptor> {
    let descriptors = parallel::map(layers.iter().collect(), |layer| take(layout, layer))?;
    let blob = layout.blobs().put(config).map_err(from_blob)?;
    let config = Descriptor::new(media_type::OCI_CONFIG, blob.digest, blob.size);
    layout.put_image(tag, &Manifest::new(config, descriptors)).map_err(from_layout)
}

/// Brings the blob of a layer into the layout.
fn take(layout: &Layout, layer: &LocalLayer) -> Result<Descriptor> {
    layer.fetch()?;
    let LocalLayer { blobs, descriptor: Descriptor { digest, size, .. }, verified, .. } = layer;
    let taken = if *verified {
        layout.blobs().take_verified(blobs, digest, *size)
    } else {
        layout.blobs().take(blobs, digest, *size)
    };
    taken.map_err(from_blob)?;
    Ok(outward(&layer.descriptor))
}

/// What OCI manifests say about a layer.
pub(super) fn outward(layer: &Descriptor) -> Descriptor {
    let media_type = match layer.media_type.as_str() {
        media_type::DOCKER_LAYER_GZIP => media_type::OCI_LAYER_GZIP,
        known => known,
    };
    Descriptor::new(media_type, layer.digest.clone(), layer.size)
}

/// The blobs of the base and of the layers, which must be those that the config names.
fn layers(plan: &ImagePlan) -> Result<Vec<LocalLayer>> {
    let base: &Arc<Found> = Found::of(&plan.base)?;
    let config = ImageConfig::parse(plan.config.clone()).map_err(|error| {
        Error::new(ErrorKind::InvalidInput, "the config of the image is not valid").with_source(error)
    })?;
    let planned = base.diff_ids().iter().chain(plan.layers.iter().map(|layer| &layer.diff_id));
    if !planned.eq(config.diff_ids()) {
        let message = "the diffIDs in the config of the image are not those of the base and the layers";
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    let mut layers: Vec<LocalLayer> = base.layers().map(|(_, layer)| layer).collect();
    for layer in &plan.layers {
        layers.push(of(layer)?.clone());
    }
    Ok(layers)
}

fn of(layer: &Layer) -> Result<&LocalLayer> {
    layer.downcast_ref().ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, format!("the layer {} is one of another backend", layer.id))
    })
}
