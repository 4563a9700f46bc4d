//! Which layers go into the cache, and which are kept beside it for platforms without a previous image.
//!
//! Source: `phase/cache.go` of the lifecycle.

use cnb_core::api::PlatformApi;
use cnb_core::buildpack::layer::LayerTypes;
use cnb_core::digest::DiffId;
use cnb_core::labels::lifecycle;
use cnb_core::labels::lifecycle::CacheMetadata;

use super::plan::layer_metadata;
use super::plan::store;
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

/// Says which layers go into the cache.
pub fn plan(snapshot: &Snapshot, api: PlatformApi) -> CachePlan {
    let sbom = api.has_sboms() && snapshot.cache_sbom;
    keep(snapshot, |types| types.cache, sbom.then_some("cache"))
}

/// Says which layers are in the image and not in the cache. Stores of buildpacks are in the metadata, as in the label
/// of an image.
pub fn launch_plan(snapshot: &Snapshot, api: PlatformApi) -> CachePlan {
    let sbom = api.has_sboms() && snapshot.launch_sbom;
    let mut plan = keep(snapshot, |types| types.launch && !types.cache, sbom.then_some("launch"));
    for (buildpack, directory) in plan.buildpacks.iter_mut().zip(&snapshot.buildpacks) {
        // A store that cannot be in a label is told when there is one.
        buildpack.store = store(directory).ok().flatten();
    }
    plan
}

fn keep(snapshot: &Snapshot, wanted: fn(&LayerTypes) -> bool, sbom: Option<&str>) -> CachePlan {
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
                Ok(file) if wanted(&file.types) => file,
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
    if let Some(kind) = sbom {
        layers.push(CachedLayer {
            id: format!("buildpacksio/lifecycle:{kind}.sbom"),
            path: format!("sbom/{kind}"),
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use cnb_core::encode::go_json;

    use super::*;
    use crate::export::snapshot::BuildpackDirectory;
    use crate::export::snapshot::DirectoryEntry;

    fn snapshot() -> Snapshot {
        let files = [
            ("a.toml", "[types]\ncache = true\nlaunch = true\n[metadata]\nk = 1\n"),
            ("empty.toml", "[types]\ncache = true\n"),
            ("broken.toml", "x"),
            ("launch.toml", ""),
            ("other.toml", "[types]\nlaunch = true\n"),
        ];
        let names = files.iter().map(|(name, _)| (*name, false)).chain([("a", true), ("other", true)]);
        let entries: Vec<_> = names
            .map(|(name, is_directory)| DirectoryEntry { name: name.to_owned(), is_directory })
            .collect();
        let documents: BTreeMap<_, _> =
            files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect();
        let buildpack = toml::from_str("id = 'x/y'\nversion = '1'\n").expect("a buildpack");
        let directory = BuildpackDirectory::read(Path::new("/layers/x_y"), &buildpack, &entries, &documents)
            .expect("a directory");
        Snapshot { buildpacks: vec![directory], cache_sbom: true, ..Snapshot::default() }
    }

    #[test]
    fn layers_with_contents_and_the_sbom_are_kept() {
        let plan = plan(&snapshot(), PlatformApi::v0(8));
        let paths: Vec<_> =
            plan.layers.iter().map(|layer| (layer.id.as_str(), layer.path.as_str())).collect();
        assert_eq!(paths, [("x/y:a", "x_y/a"), ("buildpacksio/lifecycle:cache.sbom", "sbom/cache")]);
        assert_eq!(plan.skipped, [("x/y:empty".to_owned(), "because it has no contents".to_owned())]);
        assert_eq!(plan.place(&plan.layers[0]), Some(("x/y", "a")));
        assert_eq!(plan.place(&plan.layers[1]), None);
    }

    #[test]
    fn metadata_names_what_was_really_kept() {
        let plan = plan(&snapshot(), PlatformApi::v0(8));
        let digest = |byte| Some(DiffId::from_bytes([byte; 32]));
        let written = |diff_ids: &[_]| go_json::to_string(&plan.metadata(diff_ids)).expect("json");
        let (one, two) = ("01".repeat(32), "02".repeat(32));
        assert_eq!(
            written(&[digest(1), digest(2)]),
            format!(
                "{{\"sbom\":{{\"sha\":\"sha256:{two}\"}},\"buildpacks\":[{{\"key\":\"x/y\",\"version\":\"1\",\
                 \"layers\":{{\"a\":{{\"sha\":\"sha256:{one}\",\"data\":{{\"k\":1}},\"build\":false,\
                 \"launch\":true,\"cache\":true}}}}}}]}}"
            )
        );
        assert_eq!(
            written(&[None, None]),
            r#"{"sbom":{"sha":""},"buildpacks":[{"key":"x/y","version":"1","layers":{}}]}"#
        );
    }

    #[test]
    fn before_platform_api_0_8_there_is_no_sbom() {
        assert_eq!(plan(&snapshot(), PlatformApi::v0(7)).layers.len(), 1);
    }
}
