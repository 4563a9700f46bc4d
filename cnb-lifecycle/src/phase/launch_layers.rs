//! Launch layers of the last build, kept for platforms that cannot take layers from a previous image one by one.
//!
//! They are in a cache of their own, in the form of the lifecycle's cache with the layers that are in an image and not
//! in the cache. Around the phases of a build:
//!
//! 1. [`recall`] says what the last build left, as the label of its image would: the restorer then restores the
//!    metadata of those layers, and the cache their contents if it has them;
//! 2. after the buildpacks have built, [`complete`] gives contents back to layers that a buildpack kept without any;
//! 3. [`remember`] keeps the launch layers of this build.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::backend::Ownership;
use cnb_core::backend::User;
use cnb_core::buildpack::group::GroupElement;
use cnb_core::labels::lifecycle::BuildpackLayers;
use cnb_core::labels::lifecycle::LifecycleMetadata;
use cnb_oci::layer;
use cnb_oci::layer::Dialect;
use cnb_oci::layer::LayerWriter;
use cnb_oci::layer::Selection;

use super::cache;
use super::cache::Inputs;
use crate::causes::with_causes;
use crate::export::cache::launch_plan;
use crate::export::snapshot::fs::SnapshotError;
use crate::export::snapshot::fs::layers_snapshot;
use crate::layer_cache::CacheError;
use crate::layer_cache::LayerCache;
use crate::restore::extract::ExtractError;
use crate::restore::extract::extract;

/// Why layers cannot be given back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchLayersError {
    /// The layers of the last build cannot be used.
    #[error("using the launch layers of the last build")]
    Cache(#[from] CacheError),
    /// A layer cannot be unpacked.
    #[error("giving back layer {id}")]
    Extract {
        /// Its identifier.
        id: String,
        /// Why.
        source: ExtractError,
    },
    /// The tar of a layer cannot be written.
    #[error("giving back layer {id} as an archive")]
    Put {
        /// Its identifier.
        id: String,
        /// Why.
        source: io::Error,
    },
    /// A layer of the previous image cannot be read.
    #[error("reading layer {id} of the previous image")]
    Read {
        /// Its identifier.
        id: String,
        /// Why.
        source: layer::Error,
    },
    /// `<layers>` cannot be read.
    #[error("reading layers")]
    Layers(#[from] SnapshotError),
    /// Nobody has the contents of a layer that a buildpack kept.
    #[error("cannot reuse '{0}': neither the last build nor the previous image has its contents")]
    NothingToReuse(String),
}

/// What the last build left, as the label of its image: layers that are there and whole, in `launch` or in the cache.
/// The launch SBOM is unpacked into `<layers>`.
///
/// # Errors
/// When the caches cannot be read.
pub fn recall(
    layers: &Path,
    launch: &dyn LayerCache,
    cache: Option<&dyn LayerCache>,
) -> Result<LifecycleMetadata, LaunchLayersError> {
    let record = launch.metadata()?;
    let mut buildpacks = Vec::new();
    let cached = cache.map(LayerCache::metadata).transpose()?.unwrap_or_default();
    for BuildpackLayers { id, version, layers, store } in record.buildpacks {
        let mut known: BTreeMap<_, _> = layers
            .into_iter()
            .filter(|(name, layer)| is_whole(launch, &format!("{id}:{name}"), &layer.sha))
            .collect();
        let in_cache = cached.buildpacks.iter().find(|buildpack| buildpack.id == id);
        let both = in_cache.iter().flat_map(|buildpack| &buildpack.layers).filter(|(_, layer)| layer.launch);
        known.extend(both.map(|(name, layer)| (name.clone(), layer.clone())));
        buildpacks.push(BuildpackLayers { id, version, layers: known, store });
    }
    if let Some(digest) = record.sbom.get() {
        unpack(launch, "buildpacksio/lifecycle:launch.sbom", digest, &layers.join("sbom/launch"))?;
    }
    Ok(LifecycleMetadata { buildpacks, ..LifecycleMetadata::default() })
}

/// Who gives contents back, and how.
#[derive(Clone, Copy, Debug, Default)]
pub struct Giving<'a> {
    /// The layers of the last build.
    pub launch: Option<&'a dyn LayerCache>,
    /// The root of the previous image, whose layers come before those of the last build.
    pub previous: Option<&'a Path>,
    /// Whether layers of the last build are left as they are in the cache: in place of the directory of each there is
    /// its tar. Who makes images of them need not read what is in it to find out that it is as before.
    pub archives: bool,
}

/// Gives contents to launch layers that buildpacks kept without any.
///
/// # Errors
/// When nobody has them, or they cannot be written.
pub fn complete(layers: &Path, group: &[GroupElement], giving: &Giving<'_>) -> Result<(), LaunchLayersError> {
    let Giving { launch, previous, archives } = *giving;
    let snapshot = layers_snapshot(layers, group)?;
    let record = launch.map(LayerCache::metadata).transpose()?.unwrap_or_default();
    for directory in &snapshot.buildpacks {
        for layer in &directory.layers {
            let is_kept = layer.file.as_ref().is_ok_and(|file| file.types.launch && !file.types.cache)
                && !layer.has_contents;
            if !is_kept {
                continue;
            }
            let id = directory.identifier(layer);
            let path = layers.join(directory.path(layer));
            let known = record.layer(directory.buildpack.id.as_str(), &layer.name);
            match (previous, launch, known) {
                (Some(root), _, _) => take(root, &id, &path)?,
                (None, Some(launch), Some(known)) if archives => put(launch, &id, &known.sha, &path)?,
                (None, Some(launch), Some(known)) => unpack(launch, &id, &known.sha, &path)?,
                (None, _, _) => {}
            }
            if !path.exists() {
                return Err(LaunchLayersError::NothingToReuse(id));
            }
            tracing::info!("Reusing layer '{id}'");
        }
    }
    Ok(())
}

/// Keeps the launch layers of a build in place of those of the last. A layer that cannot be kept is skipped with a
/// warning.
///
/// # Errors
/// When they cannot be written: then those of the last build stay.
pub fn remember(inputs: &Inputs<'_>, launch: Box<dyn LayerCache>) -> Result<(), CacheError> {
    cache::save_plan(inputs, &launch_plan(inputs.snapshot, inputs.api), launch)
}

fn is_whole(cache: &dyn LayerCache, id: &str, diff_id: &str) -> bool {
    let read = cache.read(diff_id).map_err(|error| with_causes(&error));
    let whole =
        read.and_then(|mut tar| io::copy(&mut tar, &mut io::sink()).map_err(|error| error.to_string()));
    if let Err(reason) = &whole {
        tracing::warn!("Forgetting layer {id}: {reason}");
    }
    whole.is_ok()
}

/// Unpacks a layer of a cache, unless it is missing or damaged.
fn unpack(
    cache: &dyn LayerCache,
    id: &str,
    diff_id: &str,
    directory: &Path,
) -> Result<(), LaunchLayersError> {
    if !is_whole(cache, id, diff_id) {
        return Ok(());
    }
    extract(cache.read(diff_id)?, directory)
        .map_err(|source| LaunchLayersError::Extract { id: id.to_owned(), source })
}

/// Puts the tar of a layer of a cache somewhere, unless it is missing or damaged.
fn put(cache: &dyn LayerCache, id: &str, diff_id: &str, path: &Path) -> Result<(), LaunchLayersError> {
    if !is_whole(cache, id, diff_id) {
        return Ok(());
    }
    let mut tar = cache.read(diff_id)?;
    let written = File::create_new(path).and_then(|mut file| io::copy(&mut tar, &mut file));
    written.map(drop).map_err(|source| LaunchLayersError::Put { id: id.to_owned(), source })
}

/// Takes a layer out of the root of an image, as it would be unpacked: links that lead elsewhere stay links.
fn take(root: &Path, id: &str, path: &Path) -> Result<(), LaunchLayersError> {
    let from: PathBuf = root.components().chain(path.components().skip(1)).collect();
    if !from.is_dir() {
        return Ok(());
    }
    let failed = |source| LaunchLayersError::Read { id: id.to_owned(), source };
    let (reader, writer) = io::pipe().map_err(|source| failed(layer::Error::Write { source }))?;
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let ownership = Ownership { owner: User::ROOT, parents: Vec::new() };
            let mut tar = LayerWriter::new(io::BufWriter::new(writer), Dialect::Lifecycle);
            tar.directory(&from, path, &Selection::Walk, &ownership)?;
            let (out, _) = tar.finish()?;
            out.into_inner().map(drop).map_err(|error| layer::Error::Write { source: error.into_error() })
        });
        let extracted = extract(reader, path);
        writing.join().expect("writing a tar does not panic").map_err(failed)?;
        extracted.map_err(|source| LaunchLayersError::Extract { id: id.to_owned(), source })
    })
}
