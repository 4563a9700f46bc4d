//! Which layers go into the cache.
//!
//! Source: `phase/cache.go` of the lifecycle.

use cnb_core::api::PlatformApi;
use cnb_core::digest::DiffId;
use cnb_core::labels::lifecycle;
use cnb_core::labels::lifecycle::CacheMetadata;

use super::plan::layer_metadata;
use super::snapshot::Snapshot;

/// The layers to keep for the next build.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CachePlan {
    /// The layers, in the order of the group and then of their names; the SBOM last.
    pub layers: Vec<CachedLayer>,
    /// The identifiers of layers that are to be kept but cannot, with the reason.
    pub skipped: Vec<(String, String)>,
    buildpacks: Vec<lifecycle::BuildpackLayers>,
}

/// A layer to keep.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CachedLayer {
    /// What it is called in messages.
    pub id: String,
    /// Its directory in `<layers>`.
    pub path: String,
    place: Place,
    metadata: lifecycle::Layer,
}

#[derive(Clone, Debug)]
enum Place {
    Buildpack { index: usize, name: String },
    Sbom,
}

/// Says which layers to keep.
pub fn plan(snapshot: &Snapshot, api: PlatformApi) -> CachePlan {
    let mut layers = Vec::new();
    let mut skipped = Vec::new();
    let mut buildpacks = Vec::new();
    for (index, directory) in snapshot.buildpacks.iter().enumerate() {
        buildpacks.push(lifecycle::BuildpackLayers {
            id: directory.buildpack.id.to_string(),
            version: directory.buildpack.version.clone(),
            ..lifecycle::BuildpackLayers::default()
        });
        for layer in &directory.layers {
            let id = directory.identifier(layer);
            let file = match &layer.file {
                Ok(file) if file.types.cache => file,
                _ => continue,
            };
            if !layer.has_contents {
                skipped.push((id, "because it has no contents".to_owned()));
                continue;
            }
            let place = Place::Buildpack { index, name: layer.name.clone() };
            match layer_metadata(file) {
                Ok(metadata) => layers.push(CachedLayer { id, path: directory.path(layer), place, metadata }),
                Err(reason) => skipped.push((id, format!("because of its metadata: {reason}"))),
            }
        }
    }
    if api.at_least(8) && snapshot.cache_sbom {
        layers.push(CachedLayer {
            id: "buildpacksio/lifecycle:cache.sbom".to_owned(),
            path: "sbom/cache".to_owned(),
            place: Place::Sbom,
            metadata: lifecycle::Layer::default(),
        });
    }
    CachePlan { layers, skipped, buildpacks }
}

impl CachePlan {
    /// The buildpack and the name of a layer; none for the SBOM.
    pub fn place<'a>(&'a self, layer: &'a CachedLayer) -> Option<(&'a str, &'a str)> {
        match &layer.place {
            Place::Buildpack { index, name } => Some((&self.buildpacks[*index].id, name)),
            Place::Sbom => None,
        }
    }

    /// The metadata of a cache that holds the layers which have a diffID.
    pub fn metadata(&self, diff_ids: &[Option<DiffId>]) -> CacheMetadata {
        let mut metadata = CacheMetadata { buildpacks: self.buildpacks.clone(), ..CacheMetadata::default() };
        for (layer, diff_id) in self.layers.iter().zip(diff_ids) {
            let Some(diff_id) = diff_id else { continue };
            match &layer.place {
                Place::Sbom => metadata.sbom.sha = diff_id.to_string(),
                Place::Buildpack { index, name } => {
                    let entry = lifecycle::Layer { sha: diff_id.to_string(), ..layer.metadata.clone() };
                    metadata.buildpacks[*index].layers.insert(name.clone(), entry);
                }
            }
        }
        metadata
    }
}
