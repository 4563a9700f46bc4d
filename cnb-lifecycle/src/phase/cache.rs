//! Keeps the layers with `cache = true` for the next build.
//!
//! Source: `phase/cache.go` of the lifecycle.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::io::Read as _;
use std::path::Path;

use cnb_core::api::PlatformApi;
use cnb_core::backend::Ownership;
use cnb_core::backend::User;
use cnb_core::digest::DiffId;
use cnb_core::labels::lifecycle::CacheMetadata;
use cnb_core::labels::lifecycle::LifecycleMetadata;
use cnb_oci::layer;
use cnb_oci::layer::Dialect;
use cnb_oci::layer::LayerWriter;
use cnb_oci::layer::Selection;
use sha2::Digest as _;
use sha2::Sha256;

use crate::causes::with_causes;
use crate::export::cache;
use crate::export::cache::CachePlan;
use crate::export::cache::CachedLayer;
use crate::export::snapshot::Snapshot;
use crate::layer_cache::CacheError;
use crate::layer_cache::LayerCache;

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
    /// The diffIDs that are known already, by the path of the directory in `<layers>`: layers of the image that was
    /// exported need not be hashed again.
    pub known: &'a BTreeMap<String, DiffId>,
}

/// Does what can be done while an image is exported: lets the store check those of its layers that the previous image
/// has too, as they are probably the same in this build.
pub fn prepare(previous: &LifecycleMetadata, store: &dyn LayerCache) {
    // Whoever saves meets what is wrong with the metadata again.
    let Ok(old) = store.metadata() else { return };
    for buildpack in &previous.buildpacks {
        for (name, layer) in &buildpack.layers {
            let is_same = old.layer(&buildpack.id, name).is_some_and(|cached| cached.sha == layer.sha);
            if let Some(diff_id) = layer.sha.parse().ok().filter(|_| is_same) {
                store.prepare_reuse(&diff_id);
            }
        }
    }
}

/// Replaces the content of the cache. A layer that cannot be kept is skipped with a warning.
///
/// # Errors
/// When the cache cannot be written: then it has its old content.
pub fn save(inputs: &Inputs<'_>, store: Box<dyn LayerCache>) -> Result<(), CacheError> {
    save_plan(inputs, &cache::plan(inputs.snapshot, inputs.api), store)
}

/// Replaces the content of a cache by the layers of a plan.
pub(super) fn save_plan(
    inputs: &Inputs<'_>,
    plan: &CachePlan,
    store: Box<dyn LayerCache>,
) -> Result<(), CacheError> {
    if !store.exists() {
        tracing::info!("Layer cache not found");
    }
    let old = store.metadata()?;
    for (id, reason) in &plan.skipped {
        tracing::warn!("Failed to cache layer '{id}' {reason}");
    }
    let mut diff_ids = Vec::new();
    for layer in &plan.layers {
        match save_layer(inputs, layer, plan.previous(layer, &old), &*store) {
            Ok(diff_id) => diff_ids.push(Some(diff_id)),
            Err(error) => {
                tracing::warn!("Failed to cache layer '{}': {}", layer.id, with_causes(&error));
                diff_ids.push(None);
            }
        }
    }
    store.commit(&plan.metadata(&diff_ids))
}

#[derive(Debug, thiserror::Error)]
enum SaveError {
    #[error(transparent)]
    Cache(#[from] CacheError),
    #[error("creating layer")]
    Layer(#[from] layer::Error),
}

fn save_layer(
    inputs: &Inputs<'_>,
    layer: &CachedLayer,
    previous: Option<&str>,
    store: &dyn LayerCache,
) -> Result<DiffId, SaveError> {
    let path = inputs.layers.join(&layer.path);
    if let Some(diff_id) = archived(&path, previous)
        && reuse(layer, &diff_id, store)?
    {
        tracing::info!("Adding cache layer '{}'", layer.id);
        return Ok(diff_id);
    }
    let ownership = Ownership { owner: inputs.owner, parents: layer::parents_on_disk(&path)? };
    let tar = |out: &mut dyn io::Write| {
        let mut writer = LayerWriter::new(out, Dialect::Lifecycle);
        writer.directory(&path, &path, &Selection::Walk, &ownership)?;
        writer.finish().map(|(_, written)| written.diff_id)
    };
    let diff_id = match inputs.known.get(&layer.path) {
        Some(diff_id) => diff_id.clone(),
        None => tar(&mut io::sink())?,
    };
    let is_reused = previous == Some(diff_id.as_str()) && reuse(layer, &diff_id, store)?;
    // The Go lifecycle says this of reused layers as well, and platforms look for it.
    tracing::info!("Adding cache layer '{}'", layer.id);
    if !is_reused {
        store.add(&diff_id, &|out| tar(out).map_err(io::Error::other))?;
    }
    Ok(diff_id)
}

/// The digest of a layer that was [given back](super::launch_layers::complete) as the archive that the cache has.
fn archived(path: &Path, previous: Option<&str>) -> Option<DiffId> {
    if !path.is_file() {
        return None;
    }
    let mut file = File::open(path).ok()?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer).ok()? {
            0 => break,
            read => hash.update(&buffer[..read]),
        }
    }
    let diff_id = DiffId::from_bytes(hash.finalize().into());
    Some(diff_id).filter(|diff_id| previous == Some(diff_id.as_str()))
}

/// Whether the cache still holds the layer.
fn reuse(layer: &CachedLayer, diff_id: &DiffId, store: &dyn LayerCache) -> Result<bool, CacheError> {
    match store.reuse(diff_id) {
        Ok(()) => {
            tracing::info!("Reusing cache layer '{}'", layer.id);
            Ok(true)
        }
        Err(CacheError::Unusable(reason)) => {
            tracing::warn!("Skipping reuse for layer {}: {reason}", layer.id);
            Ok(false)
        }
        Err(error) => Err(error),
    }
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
