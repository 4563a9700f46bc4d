//! Rebases images wherever they are: in registries, layouts and archives, for one platform or several.
//!
//! What may be rebased and what becomes of it says [`phase::rebase`](crate::phase::rebase). No layer is unpacked or
//! compressed: those above the base keep their blobs, those of the new base are mounted, linked or copied where they are
//! missing, and of an image that stays where it is, config and manifest alone are written.
//!
//! An index stays one: each of its images gets the run image for its platform. Attestations of images that became others
//! are left out, as they are about what was before.

use std::path::Path;
use std::sync::Arc;

use cnb_core::digest::Digest;
use cnb_core::event::EventSink;
use cnb_core::image_name::ImageName;
use cnb_oci::registry::Registry;

mod error;
mod output;
mod place;
mod run_image;
mod whole;

pub use error::Error;

use error::During as _;
use place::Place;
use run_image::RunImages;

use crate::phase::rebase::Manner;

/// What to rebase, and on what.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RebaseRequest {
    /// The image: `docker://`, `oci:` or `oci-archive:`.
    pub image: ImageName,
    /// The new run image; when not given, the one that the label of the image names, or a mirror of it: beside the
    /// image, in the same layout or archive, else in a registry, that of an output or of the image before others.
    ///
    /// In a registry it has a name, which must be one that the image knows; elsewhere it only has a place, and counts as
    /// the one that the label names.
    pub run_image: Option<ImageName>,
    /// Where the image goes; where it is when there is none.
    pub outputs: Vec<ImageName>,
    /// Whether what speaks against the rebase is a warning.
    pub force: bool,
    /// How much of the image stays as it is.
    pub manner: Manner,
}

impl RebaseRequest {
    /// A rebase onto the run image that the image names, where it is.
    pub fn new(image: ImageName) -> Self {
        Self { image, run_image: None, outputs: Vec::new(), force: false, manner: Manner::Lossless }
    }
}

/// What a rebase made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rebased {
    /// The digest of the manifest or, of several platforms, of the index.
    pub digest: Digest,
    /// The images: one, or those of the index in its order.
    pub images: Vec<RebasedImage>,
    /// The outputs in the order of the request.
    pub outputs: Vec<Output>,
}

/// The image for one platform.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RebasedImage {
    /// For example `linux/amd64`.
    pub platform: String,
    /// The digest of the config.
    pub image_id: Digest,
    /// The digest of the manifest.
    pub digest: Digest,
    /// The run image that the image is on now, as its label has it.
    pub run_image: String,
    /// Whether it was on another one before.
    pub is_changed: bool,
}

/// Where the image went.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Output {
    /// The name.
    pub name: ImageName,
    /// Whether something was written there. The very same image may have been there before.
    pub is_written: bool,
}

/// Rebases an image and writes it to every output.
///
/// Archives are unpacked below `scratch`. `events` gets warnings.
///
/// # Errors
/// [`Error`]. An output that could not be written has the image that it had before.
pub fn rebase(
    request: &RebaseRequest,
    registry: &Registry,
    scratch: &Path,
    events: &dyn EventSink,
) -> Result<Rebased, Error> {
    let outputs =
        if request.outputs.is_empty() { std::slice::from_ref(&request.image) } else { &request.outputs };
    outputs.iter().try_for_each(output::check)?;
    let surroundings = Surroundings { registry, scratch };
    let name = &request.image;
    let reading = || format!("read the image `{name}`");
    let source = Arc::new(Place::open(name, &surroundings).during(reading)?);
    let (entry, bytes) = source.root().during(reading)?;
    let run_images = RunImages::new(request, outputs, &surroundings, &source)?;
    let (whole, images) = whole::rebase(&source, (entry, bytes), &run_images, request, events)?;
    outputs.iter().try_for_each(|output| output::check_whole(output, &whole))?;
    let outputs = outputs.iter().map(|output| {
        let is_written = output::write(output, &whole, &source, &surroundings)?;
        Ok(Output { name: output.clone(), is_written })
    });
    let outputs = outputs.collect::<Result<_, Error>>()?;
    Ok(Rebased { digest: whole.entry.digest, images, outputs })
}

/// What every part needs.
#[derive(Clone, Copy, Debug)]
struct Surroundings<'a> {
    registry: &'a Registry,
    scratch: &'a Path,
}
