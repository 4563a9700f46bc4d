//! All that a name names: an image, or an index with images for several platforms.

use std::sync::Arc;

use bytes::Bytes;
use cnb_core::api::PlatformApi;
use cnb_core::backend::ErrorKind;
use cnb_core::event::Event;
use cnb_core::event::EventSink;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::descriptor::Index;
use cnb_oci::descriptor::Manifest;

use super::Error;
use super::RebaseRequest;
use super::RebasedImage;
use super::error::Cause;
use super::error::During as _;
use super::place::Place;
use super::run_image;
use super::run_image::RunImages;
use crate::image_store::FoundImage;
use crate::phase::rebase;
use crate::phase::rebase::Inputs;
use crate::phase::rebase::RebaseError;

mod attestation;

/// What is to be at each output.
pub(super) struct Whole {
    /// What names it, as the layout or registry that it comes from says it.
    pub(super) entry: Descriptor,
    /// The index, or the one manifest.
    pub(super) bytes: Bytes,
    /// Each manifest.
    pub(super) parts: Vec<Part>,
}

/// A manifest and what it names.
pub(super) struct Part {
    pub(super) descriptor: Descriptor,
    pub(super) manifest: Bytes,
    /// The config, if it is new.
    pub(super) config: Option<Bytes>,
    /// Where all other blobs are.
    pub(super) blobs: Vec<(Descriptor, Arc<Place>)>,
}

/// Rebases what `source` names: what it becomes, and each image of it.
pub(super) fn rebase(
    source: &Arc<Place>,
    (entry, bytes): (Descriptor, Bytes),
    run_images: &RunImages<'_>,
    request: &RebaseRequest,
    events: &dyn EventSink,
) -> Result<(Whole, Vec<RebasedImage>), Error> {
    let rebasing = Rebasing { source, run_images, request, events };
    if entry.is_index() {
        return rebasing.index(entry, &bytes);
    }
    let (part, image) = rebasing.image(&entry, bytes)?;
    let entry = entry.replaced(part.descriptor.digest.clone(), part.descriptor.size);
    let entry = Descriptor { media_type: part.descriptor.media_type.clone(), ..entry };
    Ok((Whole { entry, bytes: part.manifest.clone(), parts: vec![part] }, vec![image]))
}

struct Rebasing<'a> {
    source: &'a Arc<Place>,
    run_images: &'a RunImages<'a>,
    request: &'a RebaseRequest,
    events: &'a dyn EventSink,
}

impl Rebasing<'_> {
    fn index(&self, entry: Descriptor, bytes: &Bytes) -> Result<(Whole, Vec<RebasedImage>), Error> {
        let mut index: Index = parse(bytes).during(|| self.reading())?;
        let (mut images, mut parts) = (Vec::new(), Vec::new());
        let mut unchanged = Vec::new();
        for descriptor in &mut index.manifests {
            if attestation::is_one(descriptor) {
                continue;
            }
            if !descriptor.is_manifest() {
                let (image, what) = (&self.request.image, &descriptor.media_type);
                let message =
                    format!("`{image}` cannot be rebased: it has a part that is no image, but a `{what}`");
                return Err(Error::Unsupported(message));
            }
            let manifest = self.source.document(descriptor).during(|| self.reading())?;
            let (part, image) = self.image(descriptor, manifest)?;
            if !image.is_changed {
                unchanged.push(image.digest.clone());
            }
            let new = descriptor.replaced(part.descriptor.digest.clone(), part.descriptor.size);
            *descriptor = Descriptor { media_type: part.descriptor.media_type.clone(), ..new };
            parts.push(part);
            images.push(image);
        }
        if images.is_empty() {
            return Err(Error::Unsupported(format!(
                "`{}` has no image for any platform",
                self.request.image
            )));
        }
        let before = index.manifests.len();
        index.manifests.retain(|descriptor| {
            !attestation::is_one(descriptor)
                || attestation::is_about(descriptor, &unchanged)
                || unchanged.len() == images.len()
        });
        if before > index.manifests.len() {
            let message = format!(
                "{} attestation(s) of `{}` are left out: they are about images that are other ones now",
                before - index.manifests.len(),
                self.request.image
            );
            self.events.event(Event::Warning { message });
        }
        for descriptor in index.manifests.iter().filter(|descriptor| attestation::is_one(descriptor)) {
            parts.push(self.attestation(descriptor)?);
        }
        if unchanged.len() == images.len() {
            return Ok((Whole { entry, bytes: bytes.clone(), parts }, images));
        }
        let bytes = Bytes::from(serde_json::to_vec(&index).expect("all keys are strings"));
        let entry = entry.replaced(cnb_oci::digest(&bytes), bytes.len() as u64);
        Ok((Whole { entry, bytes, parts }, images))
    }

    fn image(&self, descriptor: &Descriptor, manifest: Bytes) -> Result<(Part, RebasedImage), Error> {
        let app = self.source.image_of(descriptor, manifest).during(|| self.reading())?;
        let base = self.run_images.find(&app)?;
        let name = self.request.image.to_string();
        let platform = run_image::platform(&app).to_string();
        let app = FoundImage::new(&name, app.descriptor.digest.to_string(), app);
        let inputs =
            Inputs { api: PlatformApi::NEWEST, app: &app, new_base: &base.found, force: self.request.force };
        let mut warn = |objection| {
            let message = format!("`{name}` for {platform}: {objection}");
            self.events.event(Event::Warning { message });
        };
        let planned = rebase::plan(&inputs, self.request.manner, &mut warn).map_err(|error| match error {
            RebaseError::Refused(objection) => Error::Refused { image: name.clone(), objection },
            source => Error::Rebase { image: name.clone(), source },
        })?;
        let is_changed = planned.is_changed;
        let part = if is_changed {
            let lower = planned.manifest.layers.len() - planned.kept.len();
            let place = |index| if index < lower { &base.place } else { self.source };
            let layers = planned.manifest.layers.iter().cloned().enumerate();
            let blobs = layers.map(|(index, layer)| (layer, Arc::clone(place(index)))).collect();
            let manifest = Bytes::from(serde_json::to_vec(&planned.manifest).expect("all keys are strings"));
            let descriptor = Descriptor::new(
                &planned.manifest.media_type,
                cnb_oci::digest(&manifest),
                manifest.len() as u64,
            );
            Part { descriptor, manifest, config: Some(planned.config.clone()), blobs }
        } else {
            self.as_it_is(&app.image.descriptor, app.image.manifest_bytes.clone(), &app.image.manifest)
        };
        let image = RebasedImage {
            platform: platform.clone(),
            image_id: cnb_oci::digest(&planned.config),
            digest: part.descriptor.digest.clone(),
            run_image: base.found.identifier,
            is_changed,
        };
        Ok((part, image))
    }

    fn attestation(&self, descriptor: &Descriptor) -> Result<Part, Error> {
        let bytes = self.source.document(descriptor).during(|| self.reading())?;
        let manifest: Manifest = parse(&bytes).during(|| self.reading())?;
        Ok(self.as_it_is(descriptor, bytes, &manifest))
    }

    fn as_it_is(&self, descriptor: &Descriptor, bytes: Bytes, manifest: &Manifest) -> Part {
        let blobs = manifest.layers.iter().chain([&manifest.config]);
        let blobs = blobs.map(|blob| (blob.clone(), Arc::clone(self.source))).collect();
        Part { descriptor: descriptor.clone(), manifest: bytes, config: None, blobs }
    }

    fn reading(&self) -> String {
        format!("read the image `{}`", self.request.image)
    }
}

fn parse<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Cause> {
    serde_json::from_slice(bytes)
        .map_err(|error| Cause::new(ErrorKind::Corrupt, format!("a document of it is not valid: {error}")))
}
