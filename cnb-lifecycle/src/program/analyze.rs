//! The phase `analyze`.

use std::env::consts::ARCH;
use std::path::Path;

use cnb_core::analyzed::Analyzed;
use cnb_core::encode::go_toml;
use cnb_core::os_release::go_arch;
use cnb_oci::config::ImageConfig;
use flate2::read::MultiGzDecoder;

use super::Invocation;
use super::documents;
use super::failure::Failure;
use super::failure::code;
use super::privileges;
use super::resolve;
use super::resolve::Images;
use crate::layout_directory::LayoutDirectory;
use crate::layout_directory::LayoutImage;
use crate::phase::analyze;
use crate::phase::analyze::Subject;
use crate::restore::extract::extract;

/// Writes what is known about the previous image and the run image to analyzed.toml.
pub(super) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let images = resolve::analyze(invocation)?;
    let inputs = &invocation.inputs;
    let directories = [inputs.layers_dir.as_str(), &inputs.cache_dir, &inputs.launch_cache_dir];
    privileges::become_user(inputs.uid, inputs.gid, &directories)?;
    analyze(invocation, &images).map(|_| ())
}

/// Analyzes images and writes analyzed.toml.
pub(super) fn analyze(invocation: &Invocation, images: &Images) -> Result<Analyzed, Failure> {
    let inputs = &invocation.inputs;
    if !inputs.use_layout {
        let why = "this lifecycle reads images from OCI layouts only: use -layout and -layout-dir";
        return Err(Failure::new("initialize analyzer", why).with_code(code::ANALYZE));
    }
    let directory = LayoutDirectory::new(&inputs.layout_dir);
    let previous = find(&directory, &images.previous)?;
    let previous = if previous.is_usable()? { Some(previous) } else { None };
    let run_image = find(&directory, &images.run_image)?;
    let analyzed =
        analyze::analyze(previous.as_ref().map(Found::subject), run_image.subject(), invocation.api)
            .map_err(failed)?;
    let wants_sbom = invocation.api.at_least(8) && !inputs.skip_layers;
    if let Some(previous) = previous.and_then(|previous| previous.image).filter(|_| wants_sbom) {
        restore_sbom(&previous, Path::new(&inputs.layers_dir))?;
    }
    let text = go_toml::to_string(&analyzed).map_err(failed)?;
    documents::write("analyzed", Path::new(&inputs.analyzed_path), &text)?;
    Ok(analyzed)
}

/// What was looked for. An image that does not exist counts as an empty one for this machine, as in Go.
struct Found {
    name: String,
    identifier: String,
    config: ImageConfig,
    image: Option<LayoutImage>,
}

impl Found {
    fn subject(&self) -> Subject<'_> {
        Subject { name: &self.name, identifier: &self.identifier, config: &self.config }
    }

    /// An image that lost layers cannot be reused.
    fn is_usable(&self) -> Result<bool, Failure> {
        let Some(image) = &self.image else { return Ok(true) };
        let is_complete = image.is_complete().map_err(failed)?;
        if !is_complete {
            tracing::info!("Ignoring image {:?} because it was corrupt", self.name);
        }
        Ok(is_complete)
    }
}

fn find(directory: &LayoutDirectory, name: &str) -> Result<Found, Failure> {
    let path = directory.path(name).map_err(failed)?;
    let name = path.display().to_string();
    let Some(image) = LayoutImage::find(&path).map_err(failed)? else {
        tracing::info!("Image with name {name:?} not found");
        let config = ImageConfig::empty("linux", go_arch(ARCH));
        return Ok(Found { name, identifier: String::new(), config, image: None });
    };
    let identifier = image.identifier();
    tracing::debug!("Found image with identifier {identifier:?}");
    Ok(Found { name, identifier, config: image.image.config.clone(), image: Some(image) })
}

/// Unpacks the launch SBOM of the previous image; the restorer gives it to the buildpacks.
fn restore_sbom(image: &LayoutImage, layers: &Path) -> Result<(), Failure> {
    let label = analyze::metadata(&image.image.config).unwrap_or_default();
    let Some(diff_id) = label.sbom.as_ref().and_then(|sbom| sbom.get()) else { return Ok(()) };
    tracing::info!("Restoring data for SBOM from previous image");
    let action = "retrieving launch SBOM layer";
    let missing =
        || Failure::new(action, format!("the image has no layer {diff_id}")).with_code(code::ANALYZE);
    let diff_id = diff_id.parse().map_err(|_| missing())?;
    let blob = image.layer(&diff_id).ok_or_else(missing)?;
    let layer = image.layout.blobs().open(&blob.digest, blob.size).map_err(failed)?;
    if blob.media_type.ends_with("gzip") {
        extract(MultiGzDecoder::new(layer), layers).map_err(failed)
    } else {
        extract(layer, layers).map_err(failed)
    }
}

fn failed(error: impl std::error::Error + 'static) -> Failure {
    Failure::new("analyze", error).with_code(code::ANALYZE)
}
