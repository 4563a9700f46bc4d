//! The cache that a phase is started with.

use std::path::Path;

use cnb_cache::volume::VolumeCache;

use super::Invocation;
use super::failure::Failure;

/// Warns when nothing will be kept.
pub(super) fn warn_if_none(invocation: &Invocation) {
    if invocation.inputs.cache_image.is_empty() && invocation.inputs.cache_dir.is_empty() {
        tracing::warn!("No cached data will be used, no cache specified.");
    }
}

/// Opens the cache, if there is one.
pub(super) fn open(invocation: &Invocation) -> Result<Option<VolumeCache>, Failure> {
    let inputs = &invocation.inputs;
    if !inputs.cache_image.is_empty() {
        return Err(Failure::new("create image cache", "this lifecycle cannot reach registries"));
    }
    if inputs.cache_dir.is_empty() {
        return Ok(None);
    }
    let cache = VolumeCache::open(Path::new(&inputs.cache_dir));
    cache.map(Some).map_err(|error| Failure::new("create volume cache", error))
}
