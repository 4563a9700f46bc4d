//! Keeps the layers with `cache = true` for the next build.
//!
//! Source: `phase/cache.go` of the lifecycle.

use std::fs::File;
use std::io;
use std::io::Write as _;
use std::path::Path;

use cnb_cache::volume::VolumeCache;
use cnb_cache::volume::VolumeError;
use cnb_core::api::PlatformApi;
use cnb_core::backend::Ownership;
use cnb_core::backend::User;
use cnb_core::digest::DiffId;
use cnb_core::labels::lifecycle::CacheMetadata;
use cnb_oci::layer;
use cnb_oci::layer::Dialect;
use cnb_oci::layer::LayerWriter;
use cnb_oci::layer::Selection;

use crate::causes::with_causes;
use crate::export::cache;
use crate::export::cache::CachePlan;
use crate::export::cache::CachedLayer;
use crate::export::snapshot::Snapshot;

/// What to keep, and from where.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The version of the platform.
    pub api: PlatformApi,
    /// `<layers>`, absolute.
    pub layers: &'a Path,
    /// What is in it.
    pub snapshot: &'a Snapshot,
    /// Who owns the files of layers.
    pub owner: User,
}

/// Replaces the content of the cache. A layer that cannot be kept is skipped with a warning.
///
/// # Errors
/// When the cache cannot be written: then it has its old content.
pub fn save(inputs: &Inputs<'_>, volume: VolumeCache) -> Result<(), VolumeError> {
    let old = volume.metadata()?;
    let plan = cache::plan(inputs.snapshot, inputs.api);
    for (id, reason) in &plan.skipped {
        tracing::warn!("Failed to cache layer '{id}' {reason}");
    }
    let mut diff_ids = Vec::new();
    for layer in &plan.layers {
        match save_layer(inputs, layer, plan.previous(layer, &old), &volume) {
            Ok(diff_id) => diff_ids.push(Some(diff_id)),
            Err(error) => {
                tracing::warn!("Failed to cache layer '{}': {}", layer.id, with_causes(&error));
                diff_ids.push(None);
            }
        }
    }
    volume.commit(&plan.metadata(&diff_ids))
}

#[derive(Debug, thiserror::Error)]
enum SaveError {
    #[error("creating layer")]
    Layer(#[from] layer::Error),
    #[error(transparent)]
    Volume(#[from] VolumeError),
}

fn save_layer(
    inputs: &Inputs<'_>,
    layer: &CachedLayer,
    previous: Option<&str>,
    volume: &VolumeCache,
) -> Result<DiffId, SaveError> {
    let path = inputs.layers.join(&layer.path);
    let ownership = Ownership { owner: inputs.owner, parents: layer::parents_on_disk(&path)? };
    let tar = |out: &mut dyn io::Write| {
        let mut writer = LayerWriter::new(out, Dialect::Lifecycle);
        writer.directory(&path, &path, &Selection::Walk, &ownership)?;
        writer.finish().map(|(_, written)| written.diff_id)
    };
    let diff_id = tar(&mut io::sink())?;
    if previous == Some(diff_id.as_str()) {
        match volume.reuse(diff_id.as_str()) {
            Ok(()) => tracing::info!("Reusing cache layer '{}'", layer.id),
            Err(VolumeError::Unusable(reason)) => {
                tracing::warn!("Skipping reuse for layer {}: {reason}", layer.id);
            }
            Err(error) => return Err(error.into()),
        }
    }
    // The Go lifecycle says this of reused layers as well, and platforms look for it.
    tracing::info!("Adding cache layer '{}'", layer.id);
    volume.add(&diff_id, |file: &mut File| {
        let mut file = io::BufWriter::with_capacity(1 << 20, file);
        tar(&mut file).map_err(io::Error::other)?;
        file.flush()
    })?;
    Ok(diff_id)
}

impl CachePlan {
    /// The digest of the layer in the cache, if the cache has one of that name.
    fn previous<'a>(&self, layer: &CachedLayer, old: &'a CacheMetadata) -> Option<&'a str> {
        match self.place(layer) {
            Some((buildpack, name)) => old.layer(buildpack, name).map(|layer| layer.sha.as_str()),
            None => old.sbom.get(),
        }
    }
}
