//! An image that is written to an OCI layout of its own.
//!
//! Source: `layout/` of imgutil: manifest and config keep the media types of the run image, new layers always have
//! Docker's, and blobs that the run image does not have are left out.

use std::path::PathBuf;

use cnb_core::digest::DiffId;
use cnb_oci::blob;
use cnb_oci::blob::BlobWriter;
use cnb_oci::blob::Blobs;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::descriptor::Manifest;
use cnb_oci::descriptor::REF_NAME;
use cnb_oci::descriptor::media_type;
use cnb_oci::gzip::GzipWriter;
use cnb_oci::layout;
use cnb_oci::layout::Layout;

use crate::layout_directory::LayoutImage;

/// One name of an image: a layout and the tag in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Output {
    /// The path of the layout, which need not exist.
    pub path: PathBuf,
    /// The tag.
    pub tag: String,
}

/// Where an image goes, and what it is based on.
#[derive(Debug)]
pub struct LayoutTarget {
    layout: Layout,
    tag: String,
    others: Vec<Output>,
    run_image: LayoutImage,
    previous: Option<LayoutImage>,
    layers: Vec<Descriptor>,
}

/// An image that was written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Saved {
    /// The paths of its layouts.
    pub names: Vec<String>,
    /// The first path with the digest of the manifest.
    pub identifier: String,
    /// Bytes of the manifest.
    pub manifest_size: u64,
}

/// Why an image cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// A layer cannot be compressed.
    #[error("saving a layer")]
    Compress(#[source] std::io::Error),
    /// A blob cannot be read or written.
    #[error("saving image")]
    Blob(#[from] blob::Error),
    /// The layout cannot be changed.
    #[error("saving image")]
    Layout(#[from] layout::Error),
    /// The previous image does not have the layer any more.
    #[error("reusing layer: previous image has no layer with diff ID '{0}'")]
    NoLayer(DiffId),
}

impl LayoutTarget {
    /// An image in the layout of `output`, that is copied to `others` in the end.
    ///
    /// # Errors
    /// When the layout cannot be made, or the layers of the run image cannot be copied to it.
    pub fn new(
        output: Output,
        others: Vec<Output>,
        run_image: LayoutImage,
        previous: Option<LayoutImage>,
    ) -> Result<Self, TargetError> {
        let layout = Layout::create(output.path)?;
        let layers = run_image.image.manifest.layers.clone();
        take(&layout, run_image.layout.blobs(), &layers)?;
        Ok(Self { layout, tag: output.tag, others, run_image, previous, layers })
    }

    /// The path of the layout.
    pub fn name(&self) -> String {
        self.layout.directory().display().to_string()
    }

    /// The config of the run image.
    pub fn run_image_config(&self) -> &[u8] {
        self.run_image.image.config.bytes()
    }

    /// Puts a layer of the previous image on top.
    ///
    /// # Errors
    /// When the previous image does not have it.
    pub fn reuse(&mut self, diff_id: &DiffId) -> Result<(), TargetError> {
        let found = self.previous.as_ref().and_then(|image| Some((image, image.layer(diff_id)?)));
        let (previous, descriptor) = found.ok_or_else(|| TargetError::NoLayer(diff_id.clone()))?;
        self.layout.blobs().take(previous.layout.blobs(), &descriptor.digest, descriptor.size)?;
        self.layers.push(descriptor.clone());
        Ok(())
    }

    /// Starts a layer.
    ///
    /// # Errors
    /// When no file can be made.
    pub fn new_layer(&self) -> Result<GzipWriter<BlobWriter>, TargetError> {
        Ok(GzipWriter::new(self.layout.blobs().writer()?))
    }

    /// Puts a layer that was written on top.
    ///
    /// # Errors
    /// When its last bytes cannot be written.
    pub fn add(&mut self, layer: GzipWriter<BlobWriter>, diff_id: &DiffId) -> Result<(), TargetError> {
        let blob = layer.finish().map_err(TargetError::Compress)?.finish()?;
        tracing::debug!("Layer {diff_id} has {} bytes", blob.size);
        self.layers.push(Descriptor::new(media_type::DOCKER_LAYER_GZIP, blob.digest, blob.size));
        Ok(())
    }

    /// Writes the image.
    ///
    /// # Errors
    /// When something cannot be written: then the layout has its old image.
    pub fn save(self, config: &[u8]) -> Result<Saved, TargetError> {
        let blob = self.layout.blobs().put(config)?;
        let base = &self.run_image.image.manifest;
        let mut annotations = base.annotations.clone();
        annotations.insert(REF_NAME.to_owned(), self.tag.clone().into());
        let config = Descriptor::new(&base.config.media_type, blob.digest, blob.size);
        let manifest = Manifest {
            media_type: base.media_type.clone(),
            annotations,
            ..Manifest::new(config, self.layers.clone())
        };
        let descriptor = self.layout.put_only_image(&self.tag, &manifest)?;
        let mut names = vec![self.name()];
        for other in &self.others {
            let layout = Layout::create(&other.path)?;
            take(&layout, self.layout.blobs(), manifest.layers.iter().chain([&manifest.config]))?;
            let mut manifest = manifest.clone();
            manifest.annotations.insert(REF_NAME.to_owned(), other.tag.clone().into());
            layout.put_only_image(&other.tag, &manifest)?;
            names.push(other.path.display().to_string());
        }
        let identifier = format!("{}@{}", names[0], descriptor.digest);
        Ok(Saved { names, identifier, manifest_size: descriptor.size })
    }
}

/// Copies the blobs that there are.
fn take<'a>(
    layout: &Layout,
    from: &Blobs,
    blobs: impl IntoIterator<Item = &'a Descriptor>,
) -> Result<(), TargetError> {
    for blob in blobs {
        match layout.blobs().take(from, &blob.digest, blob.size) {
            Ok(()) | Err(blob::Error::Missing { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// What the Go lifecycle records as the run image of an application image in a layout: the path of the run image
/// with the digest of an image without layers, which it opens by mistake.
///
/// Source: `initLayoutAppImage` in `cmd/lifecycle/exporter.go`.
pub fn recorded_run_image(path: &str, architecture: &str) -> String {
    let config = format!(
        r#"{{"architecture":"{architecture}","created":"0001-01-01T00:00:00Z","os":"linux","rootfs":{{"type":"layers","diff_ids":[]}},"config":{{}}}}"#
    );
    let config =
        Descriptor::new(media_type::OCI_CONFIG, cnb_oci::digest(config.as_bytes()), config.len() as u64);
    // Size before digest, as Go's struct has them.
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"{}","size":{},"digest":"{}"}},"layers":[]}}"#,
        media_type::OCI_MANIFEST,
        config.media_type,
        config.size,
        config.digest
    );
    format!("{path}@{}", cnb_oci::digest(manifest.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The digest is the one in every case `export-layout-*` that was recorded from the Go lifecycle.
    #[test]
    fn the_run_image_is_recorded_as_by_the_go_lifecycle() {
        let recorded = "/run@sha256:9bff545fd88403019875bc484da593c84761e6c89bae9058b76d1054d54548d0";
        assert_eq!(recorded_run_image("/run", "amd64"), recorded);
    }
}
