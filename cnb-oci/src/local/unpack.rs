//! Layers of images become files.

use std::io;
use std::io::Read;
use std::path::Path;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Result;
use cnb_core::digest::DiffId;

use super::error::from_apply;
use super::error::from_blob;
use super::stop::Stop;
use super::userns::Mapping;
use super::userns::Mode;
use crate::apply;
use crate::apply::Options;
use crate::apply::Owners;
use crate::blob::Blobs;
use crate::descriptor::Descriptor;
use crate::hash::Hasher;

/// Who gets the files of layers.
pub(super) fn owners(mapping: Mapping) -> Owners {
    match mapping.mode() {
        Mode::Single => Owners::Process,
        _ => Owners::Layer { ids: mapping.ids() },
    }
}

/// Applies the layer with this diffID to a directory.
pub(super) fn layer(
    blobs: &Blobs,
    descriptor: &Descriptor,
    diff_id: &DiffId,
    into: &Path,
    options: &Options,
    stop: &Stop,
) -> Result<()> {
    let name = descriptor.digest.as_str();
    let blob = blobs.open(&descriptor.digest, descriptor.size).map_err(from_blob)?;
    let tar = apply::decompress(&descriptor.media_type, stop.wrap(blob)).map_err(|error| {
        Error::new(ErrorKind::Unsupported, format!("cannot read layer {name}")).with_source(error)
    })?;
    let mut tar = Hashing { tar, hasher: Hasher::new() };
    let applied = apply::apply(into, name, &mut tar, options);
    // What makes no sense as a tar may do so because its bytes are others.
    let verify = || if stop.is_set() { Ok(()) } else { blobs.verify(&descriptor.digest, descriptor.size) };
    let report = applied.map_err(|error| verify().map_or_else(from_blob, |()| from_apply(error, into)))?;
    let actual = tar.hasher.finish();
    if actual != *diff_id {
        let message = format!("layer {name} is corrupt: its diffID is {actual}, not {diff_id}");
        return Err(Error::new(ErrorKind::Corrupt, message));
    }
    for skipped in report.skipped {
        tracing::debug!(layer = name, entry = skipped.entry, what = ?skipped.what, "left out of a layer");
    }
    Ok(())
}

/// Hashes what is read.
struct Hashing<R> {
    tar: R,
    hasher: Hasher,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.tar.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}
