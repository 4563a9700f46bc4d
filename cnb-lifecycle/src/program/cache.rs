//! The cache that a phase is started with.

use std::path::Path;

use cnb_cache::volume::VolumeCache;

use super::Invocation;
use super::access::Access;
use super::failure::Failure;
use crate::layer_cache::LayerCache;

/// Warns when nothing will be kept.
pub(super) fn warn_if_none(invocation: &Invocation) {
    if invocation.inputs.cache_image.is_empty() && invocation.inputs.cache_dir.is_empty() {
        tracing::warn!("No cached data will be used, no cache specified.");
    }
}

/// Opens the cache, if there is one. An image wins over a directory.
pub(super) fn open(invocation: &Invocation, access: &Access) -> Result<Option<Box<dyn LayerCache>>, Failure> {
    let inputs = &invocation.inputs;
    if !inputs.cache_image.is_empty() {
        return access.cache_image(invocation).map(Some);
    }
    volume(invocation)
}

/// Opens the cache in a directory, if there is one.
pub(super) fn volume(invocation: &Invocation) -> Result<Option<Box<dyn LayerCache>>, Failure> {
    let directory = &invocation.inputs.cache_dir;
    if directory.is_empty() {
        return Ok(None);
    }
    let cache = VolumeCache::open(Path::new(directory));
    let cache = cache.map_err(|error| Failure::new("create volume cache", error))?;
    Ok(Some(Box::new(cache)))
}
