//! Layers of images become files.

use std::io::Read;
use std::path::Path;

use cnb_core::backend::Result;
use cnb_core::digest::DiffId;
use flate2::read::MultiGzDecoder;

use super::error::at;
use super::error::from_blob;
use super::userns::Mapping;
use super::userns::Mode;
use crate::blob::Blobs;
use crate::descriptor::Descriptor;

/// Applies a layer to a directory.
pub(super) fn layer(
    blobs: &Blobs,
    descriptor: &Descriptor,
    _diff_id: &DiffId,
    into: &Path,
    mapping: Mapping,
) -> Result<()> {
    let blob = blobs.open(&descriptor.digest, descriptor.size).map_err(from_blob)?;
    let tar: Box<dyn Read> = if descriptor.media_type.ends_with("gzip") {
        Box::new(MultiGzDecoder::new(blob))
    } else {
        Box::new(blob)
    };
    let mut archive = tar::Archive::new(tar);
    archive.set_preserve_permissions(true);
    archive.set_preserve_ownerships(mapping.mode() != Mode::Single);
    archive.unpack(into).map_err(at("unpack a layer into", into))
}
