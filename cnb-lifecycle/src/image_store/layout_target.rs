//! An image that is written to OCI layouts of its own.
//!
//! Source: `layout/` of imgutil: blobs that the run image does not have are left out.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::digest::DiffId;
use cnb_oci::blob;
use cnb_oci::blob::Blobs;
use cnb_oci::compression::Compressor;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::descriptor::Manifest;
use cnb_oci::descriptor::REF_NAME;
use cnb_oci::layout::Layout;

use super::FoundImage;
use super::ImageTarget;
use super::Result;
use super::Saved;
use super::WriteLayer;
use super::layouts::from_blob;
use super::layouts::from_layout;
use super::not_in_previous;

/// One name of an image: a layout and the tag in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Output {
    /// The path of the layout, which need not exist.
    pub(super) path: PathBuf,
    /// The tag.
    pub(super) tag: String,
}

/// Layers go to the layout of the first name; the other layouts get their own in the end.
#[derive(Debug)]
pub(super) struct LayoutTarget {
    layout: Layout,
    outputs: Vec<Output>,
    previous: Option<(FoundImage, Layout)>,
    compressor: Compressor,
    /// Layers of the previous image whose blobs were found to be whole.
    verified: Mutex<BTreeSet<DiffId>>,
}

impl LayoutTarget {
    pub(super) fn new(
        outputs: Vec<Output>,
        base: &FoundImage,
        previous: Option<&FoundImage>,
        compressor: Compressor,
    ) -> Result<Self> {
        let first =
            outputs.first().ok_or_else(|| Error::new(ErrorKind::InvalidInput, "the image has no name"))?;
        let layout = Layout::create(&first.path).map_err(from_layout)?;
        let from = Layout::open(&base.name).map_err(from_layout)?;
        take(&layout, from.blobs(), &base.image.manifest.layers)?;
        let open = |image: &FoundImage| Ok((image.clone(), Layout::open(&image.name).map_err(from_layout)?));
        Ok(Self {
            layout,
            outputs,
            previous: previous.map(open).transpose()?,
            compressor,
            verified: Mutex::default(),
        })
    }

    /// The blob of a layer of the previous image, and where it is.
    fn previous(&self, diff_id: &DiffId) -> Option<(&Descriptor, &Blobs)> {
        let (image, layout) = self.previous.as_ref()?;
        Some((image.layer(diff_id)?, layout.blobs()))
    }

    fn verified(&self) -> MutexGuard<'_, BTreeSet<DiffId>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ImageTarget for LayoutTarget {
    fn name(&self) -> String {
        self.layout.directory().display().to_string()
    }

    fn add(&self, write: &WriteLayer<'_>) -> Result<(DiffId, Descriptor)> {
        let failed = |error| Error::new(blob::kind_of(&error), "writing a layer").with_source(error);
        let mut layer = self.compressor.writer(self.layout.blobs().writer().map_err(from_blob)?);
        let diff_id = write(&mut layer).map_err(failed)?;
        let blob = layer.finish().map_err(failed)?.finish().map_err(from_blob)?;
        let media_type = self.compressor.compression().docker_media_type();
        Ok((diff_id, Descriptor::new(media_type, blob.digest, blob.size)))
    }

    fn prepare_reuse(&self, diff_id: &DiffId) {
        if let Some((blob, blobs)) = self.previous(diff_id)
            && blobs.verify(&blob.digest, blob.size).is_ok()
        {
            self.verified().insert(diff_id.clone());
        }
    }

    fn reuse(&self, diff_id: &DiffId) -> Result<Descriptor> {
        let (blob, blobs) = self.previous(diff_id).ok_or_else(|| not_in_previous(diff_id))?;
        let is_verified = self.verified().contains(diff_id);
        let take = if is_verified { Blobs::take_verified } else { Blobs::take };
        take(self.layout.blobs(), blobs, &blob.digest, blob.size).map_err(from_blob)?;
        Ok(blob.clone())
    }

    fn save(&self, mut manifest: Manifest, config: &[u8]) -> Result<Saved> {
        let blob = self.layout.blobs().put(config).map_err(from_blob)?;
        (manifest.config.digest, manifest.config.size) = (blob.digest, blob.size);
        let mut first = None;
        let mut names = Vec::new();
        for output in &self.outputs {
            let layout = Layout::create(&output.path).map_err(from_layout)?;
            if layout.directory() != self.layout.directory() {
                take(&layout, self.layout.blobs(), manifest.layers.iter().chain([&manifest.config]))?;
            }
            let mut manifest = manifest.clone();
            manifest.annotations.insert(REF_NAME.to_owned(), output.tag.clone().into());
            let descriptor = layout.put_only_image(&output.tag, &manifest).map_err(from_layout)?;
            first.get_or_insert(descriptor);
            names.push((output.path.display().to_string(), Ok(())));
        }
        let first = first.expect("there is an output");
        let identifier = format!("{}@{}", self.name(), first.digest);
        Ok(Saved::new(names, identifier, None, first.size))
    }
}

/// Copies the blobs that there are.
fn take<'a>(layout: &Layout, from: &Blobs, blobs: impl IntoIterator<Item = &'a Descriptor>) -> Result<()> {
    for blob in blobs {
        match layout.blobs().take(from, &blob.digest, blob.size) {
            Ok(()) | Err(blob::Error::Missing { .. }) => {}
            Err(error) => return Err(from_blob(error)),
        }
    }
    Ok(())
}
