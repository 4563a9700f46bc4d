//! Layers with `cache = true` that projects share: see `cnb-cache` for which these are, and with whom.
//!
//! They are entries of a [`CacheStore`], content-addressed, apart from the volume of the project, which a restorer reads:
//! [`fill`] puts into the volume what the project does not have before layers are restored, [`share`] puts into the store
//! what it has after it built. What others wrote is looked at before it gets that far. Their SBOMs stay with the
//! project: they are one for all of its layers.

use std::io;
use std::path::Path;

use cnb_cache::store::Budget;
use cnb_cache::store::CacheStore;
use cnb_cache::store::Entry;
use cnb_cache::store::NamespaceInfo;
use cnb_cache::store::NewEntry;
use cnb_cache::store::StoreError;
use cnb_cache::store::Writer;
use cnb_cache::store::layers;
use cnb_cache::store::layers::LayerEntry;
use cnb_cache::volume::VolumeCache;
use cnb_cache::volume::VolumeError;
use cnb_core::buildpack::group::GroupElement;
use cnb_core::id::LayerName;
use cnb_core::labels::lifecycle::BuildpackLayers;
use cnb_core::labels::lifecycle::CacheMetadata;
use cnb_core::labels::lifecycle::Layer;

use crate::causes::with_causes;
use crate::restore::check::check;
use crate::restore::extract::ExtractError;

/// Bytes that a store of shared layers may have: the layers of some ten buildpacks that keep a compiler or a package index each.
/// It is on the disk beside the volumes of all projects, and nobody looks after it.
pub const MOST_BYTES: u64 = 2_000_000_000;

/// A larger layer stays with the project: it would leave no place for those of others.
const LARGEST_LAYER: u64 = MOST_BYTES / 2;

/// Where projects share layers.
#[derive(Clone, Copy, Debug)]
pub struct Shared<'a> {
    /// The store.
    pub store: &'a dyn CacheStore,
    /// What it calls their layers.
    pub namespace: &'a NamespaceInfo,
}

/// Why a layer of others is not used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("its entry {0}")]
    Entry(&'static str),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("its contents cannot be used")]
    Contents(#[from] ExtractError),
    #[error(transparent)]
    Volume(#[from] VolumeError),
}

/// Takes layers of others into the volume of a project: those of buildpacks of the group that have none in there. `layers` is
/// `<layers>`, absolute. What cannot be used is left out with a warning.
///
/// # Errors
/// When the volume cannot be read or written: then it is as it was.
pub fn fill(
    layers: &Path,
    group: &[GroupElement],
    shared: Shared<'_>,
    volume: VolumeCache,
) -> Result<(), VolumeError> {
    let before = volume.metadata()?;
    let has_none = |id: &str| before.buildpack(id).is_none_or(|known| known.layers.is_empty());
    let mut after = before.clone();
    let entries = shared.entries();
    for element in group.iter().filter(|element| has_none(element.id.as_str())) {
        let mut own = entries.iter().filter_map(|entry| Some((name_in(entry, element)?, entry)));
        let taken = own.try_fold(false, |taken, (name, entry)| {
            let id = &entry.key;
            match shared.take(layers, element, name, entry, &volume) {
                Ok((version, layer)) => {
                    tracing::info!("Using shared layer '{id}'");
                    add(&mut after, element, &version, name, layer);
                    Ok(true)
                }
                Err(Unusable::Volume(error)) => Err(error),
                Err(error) => {
                    tracing::warn!("Skipping shared layer '{id}': {}", with_causes(&error));
                    Ok(taken)
                }
            }
        });
        taken?;
    }
    if after == before {
        return Ok(());
    }
    keep(&volume, &before);
    volume.commit(&after)
}

/// Shares the layers in the volume of a project: those that are cached and not in the image. `before` is what the volume had
/// before this build. What cannot be shared is told in a warning.
pub fn share(volume: &VolumeCache, before: &CacheMetadata, shared: Shared<'_>, writer: &Writer) {
    let metadata = match volume.metadata() {
        Ok(metadata) => metadata,
        Err(error) => return tracing::warn!("Sharing no layers: {}", with_causes(&error)),
    };
    let known = shared.entries();
    for mut entry in layers::read(&metadata, &writer.namespace) {
        let Some((buildpack, name, layer)) = entry.layer() else { continue };
        if !is_shared(&layer) {
            continue;
        }
        // Who had the layer before did not look whether the store still has it whole; who had to make it did.
        let is_new = before.layer(&buildpack.id, &name).is_none_or(|old| old.sha != layer.sha);
        let is_it = |known: &&Entry| LayerEntry::of(known).is_same(&entry);
        if known.iter().find(is_it).is_some_and(|known| !is_new || shared.is_whole(known)) {
            continue;
        }
        entry.writer.builder.clone_from(&writer.builder);
        if let Err(error) = shared.put(volume, &entry) {
            tracing::warn!("Failed to share layer '{}': {}", entry.key, with_causes(&error));
        }
    }
    if let Err(error) = shared.store.prune(&Budget::unlimited().with_total(MOST_BYTES)) {
        tracing::warn!("Failed to remove old shared layers: {}", with_causes(&error));
    }
}

impl Shared<'_> {
    /// What there is; nothing when it cannot be read.
    fn entries(&self) -> Vec<Entry> {
        self.store.entries(&self.namespace.id).unwrap_or_else(|error| {
            tracing::warn!("Skipping shared layers: {}", with_causes(&error));
            Vec::new()
        })
    }

    /// Stages a layer in the volume. Gives it with the version of its buildpack.
    fn take(
        &self,
        layers: &Path,
        element: &GroupElement,
        name: &str,
        entry: &Entry,
        volume: &VolumeCache,
    ) -> Result<(String, Layer), Unusable> {
        name.parse::<LayerName>().map_err(|_| Unusable::Entry("has a name that no layer has"))?;
        let (buildpack, _, layer) =
            LayerEntry::of(entry).layer().ok_or(Unusable::Entry("is not that of a layer"))?;
        if buildpack.id != element.id.as_str() {
            return Err(Unusable::Entry("is by another buildpack"));
        }
        if !is_shared(&layer) {
            return Err(Unusable::Entry("is that of a layer which is not shared"));
        }
        // The reader verifies every byte, here and when they are copied.
        check(self.open(entry)?, &layers.join(element.id.escape()).join(name))?;
        volume.add(&entry.digest, |file| {
            let mut tar = self.open(entry).map_err(io::Error::other)?;
            io::copy(&mut tar, file).map(drop)
        })?;
        Ok((buildpack.version, layer))
    }

    fn put(&self, volume: &VolumeCache, entry: &LayerEntry) -> Result<(), Unusable> {
        let mut tar = volume.read(entry.digest.as_str())?;
        if tar.size() > LARGEST_LAYER {
            tracing::info!("Layer '{}' is not shared: it is too large", entry.key);
            return Ok(());
        }
        let new = NewEntry::new(&entry.key, entry.writer.clone()).with_data(&entry.data);
        self.store.put_in(self.namespace, new, &mut tar)?;
        tracing::info!("Sharing layer '{}'", entry.key);
        Ok(())
    }

    fn is_whole(&self, entry: &Entry) -> bool {
        self.open(entry).is_ok_and(|mut content| io::copy(&mut content, &mut io::sink()).is_ok())
    }

    fn open(&self, entry: &Entry) -> Result<Box<dyn io::Read + Send>, StoreError> {
        self.store.open(&self.namespace.id, entry)
    }
}

/// Layers of the image are of the project alone: so are their SBOMs, which belong to the image.
fn is_shared(layer: &Layer) -> bool {
    layer.cache && !layer.launch
}

/// The name of the layer, if the entry is one of this buildpack.
fn name_in<'a>(entry: &'a Entry, element: &GroupElement) -> Option<&'a str> {
    entry.key.strip_prefix(element.id.as_str())?.strip_prefix(':')
}

fn add(metadata: &mut CacheMetadata, element: &GroupElement, version: &str, name: &str, layer: Layer) {
    let id = element.id.as_str();
    let at = metadata.buildpacks.iter().position(|known| known.id == id).unwrap_or_else(|| {
        metadata.buildpacks.push(BuildpackLayers { id: id.to_owned(), ..BuildpackLayers::default() });
        metadata.buildpacks.len() - 1
    });
    let buildpack = &mut metadata.buildpacks[at];
    version.clone_into(&mut buildpack.version);
    buildpack.layers.insert(name.to_owned(), layer);
}

/// Stages what the volume has already. What it lacks is found out by who restores it.
fn keep(volume: &VolumeCache, metadata: &CacheMetadata) {
    let layers = metadata.buildpacks.iter().flat_map(|buildpack| buildpack.layers.values());
    for sha in layers.map(|layer| layer.sha.as_str()).chain(metadata.sbom.get()) {
        if let Err(error) = volume.keep(sha) {
            tracing::debug!("{}", with_causes(&error));
        }
    }
}
