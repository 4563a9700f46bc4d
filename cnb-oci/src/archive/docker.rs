//! `docker-archive`: what `docker load` reads.
//!
//! Layers stay compressed, as in what Docker itself writes with the containerd image store. Source:
//! `image/tarexport/load.go` of Docker Engine.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;

use super::ArchiveWriter;
use super::Error;
use super::blob_path;
use crate::blob::Blob;
use crate::image::Image;
use crate::layout::Layout;

/// Writes one image of a layout, in place of a file of that name. `reference` is its repository and tag, for
/// example `example/app:1`.
///
/// # Errors
/// [`Error::Blob`], also when a blob is corrupt: no archive is written then.
pub fn write(layout: &Layout, image: &Image, reference: Option<&str>, file: &Path) -> Result<(), Error> {
    let path = |descriptor: &crate::descriptor::Descriptor| blob_path(descriptor.digest.hex());
    let manifest = json!([{
        "Config": path(&image.manifest.config),
        "RepoTags": reference.into_iter().collect::<Vec<_>>(),
        "Layers": image.manifest.layers.iter().map(path).collect::<Vec<_>>(),
    }]);
    let parts = image.manifest.layers.iter().chain([&image.manifest.config]);
    let blobs: BTreeSet<Blob> =
        parts.map(|part| Blob { digest: part.digest.clone(), size: part.size }).collect();
    let mut archive = ArchiveWriter::new(file)?;
    archive.file("manifest.json", manifest.to_string().as_bytes())?;
    archive.directory("blobs")?;
    archive.directory("blobs/sha256")?;
    for blob in &blobs {
        archive.blob(layout.blobs(), blob)?;
    }
    archive.finish()
}
