//! Entries as layers in the metadata of the lifecycle's caches, and those layers as entries.
//!
//! A layer of a buildpack is the entry `<buildpack ID>:<layer>`: its digest is the diffID, its data
//! `{"data":…,"build":…,"launch":…,"cache":true}`. The lifecycle restores what is put so. All other entries are layers of
//! [`ENTRIES`], a buildpack that no group has: the lifecycle leaves them alone, until it keeps layers of its own and forgets
//! everything else.

use cnb_core::digest::Digest;
use cnb_core::labels::lifecycle::BuildpackLayers;
use cnb_core::labels::lifecycle::CacheMetadata;
use cnb_core::labels::lifecycle::Layer;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;

use super::entry::Buildpack;
use super::entry::Entry;
use super::entry::NewEntry;
use super::entry::Writer;

/// The ID of the buildpack that entries belong to that are no layers of one.
pub const ENTRIES: &str = "cnb.entries";

/// An entry as metadata have it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LayerEntry {
    /// As in [`Entry`].
    pub key: String,
    /// As in [`Entry`].
    pub writer: Writer,
    /// As in [`Entry`].
    pub data: String,
    /// The digest of its content: of layers, the diffID.
    pub digest: Digest,
}

impl LayerEntry {
    /// What is to be kept.
    pub fn new(entry: NewEntry, digest: Digest) -> Self {
        let NewEntry { key, writer, data } = entry;
        Self { key, writer, data, digest }
    }

    /// An entry without what only its content says.
    pub fn of(entry: &Entry) -> Self {
        let Entry { key, writer, data, digest, .. } = entry.clone();
        Self { key, writer, data, digest }
    }

    /// The layer that it is and its name, with the buildpack that made it; nothing if it is no layer.
    pub fn layer(&self) -> Option<(Buildpack, String, Layer)> {
        let buildpack = self.writer.buildpack.clone().filter(|buildpack| buildpack.id != ENTRIES)?;
        let name = self.key.strip_prefix(&buildpack.id)?.strip_prefix(':')?.to_owned();
        let Told { data, build, launch, cache } = serde_json::from_str(&self.data).ok()?;
        Some((buildpack, name, Layer { sha: self.digest.to_string(), data, build, launch, cache }))
    }

    /// Whether both are the same, whoever wrote them.
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.key, &self.digest, &self.data) == (&other.key, &other.digest, &other.data)
    }

    /// The entry, with what only its content says.
    pub fn with_content(self, size: u64, used: u64) -> Entry {
        let Self { key, writer, data, digest } = self;
        Entry { key, writer, data, digest, size, used }
    }
}

/// The entries of metadata, in byte order of their keys. `namespace` is what wrote the layers, printed. What makes no sense is
/// left out.
pub fn read(metadata: &CacheMetadata, namespace: &str) -> Vec<LayerEntry> {
    let mut entries = Vec::new();
    for buildpack in &metadata.buildpacks {
        for (name, layer) in &buildpack.layers {
            entries.extend(of_layer(buildpack, name, layer, namespace));
        }
    }
    entries.sort_by(|one, other| one.key.cmp(&other.key));
    entries.dedup_by(|one, other| one.key == other.key);
    entries
}

/// Adds an entry in place of the one with its key.
pub fn put(metadata: &mut CacheMetadata, entry: &LayerEntry, namespace: &str) {
    remove(metadata, |key| key == entry.key);
    let (mut buildpack, name, layer) = as_layer(entry, namespace)
        .filter(|(new, ..)| {
            // One version of a buildpack is in a cache: the layers of another one stay what they are.
            metadata.buildpacks.iter().all(|known| known.id != new.id || known.version == new.version)
        })
        .unwrap_or_else(|| as_other(entry));
    if let Some(known) = metadata.buildpacks.iter_mut().find(|known| known.id == buildpack.id) {
        known.layers.insert(name, layer);
    } else {
        buildpack.layers.insert(name, layer);
        metadata.buildpacks.push(buildpack);
    }
}

/// Forgets the entries whose keys are meant.
pub fn remove(metadata: &mut CacheMetadata, is_meant: impl Fn(&str) -> bool) {
    for buildpack in &mut metadata.buildpacks {
        let id = buildpack.id.clone();
        buildpack.layers.retain(|name, _| !is_meant(&key_of(&id, name)));
    }
    metadata.buildpacks.retain(|buildpack| !buildpack.layers.is_empty() || buildpack.store.is_some());
}

/// What a layer says besides its digest.
#[derive(Deserialize, Serialize)]
struct Told {
    data: Value,
    build: bool,
    launch: bool,
    cache: bool,
}

/// What [`ENTRIES`] says of an entry besides its key and digest.
#[derive(Deserialize, Serialize)]
struct Other {
    writer: Writer,
    data: String,
}

fn key_of(id: &str, name: &str) -> String {
    if id == ENTRIES { name.to_owned() } else { format!("{id}:{name}") }
}

fn of_layer(buildpack: &BuildpackLayers, name: &str, layer: &Layer, namespace: &str) -> Option<LayerEntry> {
    let digest = layer.sha.parse().ok()?;
    let key = key_of(&buildpack.id, name);
    if buildpack.id == ENTRIES {
        let Other { writer, data } = serde_json::from_value(layer.data.clone()).ok()?;
        return Some(LayerEntry { key, writer, data, digest });
    }
    let Layer { data, build, launch, cache, .. } = layer.clone();
    let data = serde_json::to_string(&Told { data, build, launch, cache }).expect("all keys are strings");
    let writer = Writer::of(namespace).with_buildpack(&buildpack.id, &buildpack.version);
    Some(LayerEntry { key, writer, data, digest })
}

/// The layer that an entry is, if it says nothing that a layer does not.
fn as_layer(entry: &LayerEntry, namespace: &str) -> Option<(BuildpackLayers, String, Layer)> {
    let (Buildpack { id, version }, name, layer) = entry.layer()?;
    let buildpack = BuildpackLayers { id, version, ..BuildpackLayers::default() };
    let is_all = of_layer(&buildpack, &name, &layer, namespace).as_ref() == Some(entry);
    is_all.then_some((buildpack, name, layer))
}

fn as_other(entry: &LayerEntry) -> (BuildpackLayers, String, Layer) {
    let data = json!({ "writer": entry.writer, "data": entry.data });
    let layer = Layer { sha: entry.digest.to_string(), data, cache: true, ..Layer::default() };
    let (id, version) = (ENTRIES.to_owned(), "1".to_owned());
    (BuildpackLayers { id, version, ..BuildpackLayers::default() }, entry.key.clone(), layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: &str = r#"{"data":{"v":"1"},"build":true,"launch":false,"cache":true}"#;

    fn entry(key: &str, writer: Writer, data: &str) -> LayerEntry {
        LayerEntry::new(NewEntry::new(key, writer).with_data(data), Digest::from_bytes([1; 32]))
    }

    #[test]
    fn layers_are_entries_and_entries_that_are_layers_are_layers() {
        let sha = format!("sha256:{}", "01".repeat(32));
        let json = format!(
            r#"{{"sbom":{{"sha":""}},"buildpacks":[{{"key":"x/pip","version":"1.2","layers":{{"wheels":{{"sha":"{sha}","data":{{"v":"1"}},"build":true,"launch":false,"cache":true}}}}}}]}}"#
        );
        let metadata: CacheMetadata = serde_json::from_str(&json).expect("metadata of the lifecycle");
        let layer = entry("x/pip:wheels", Writer::of("n").with_buildpack("x/pip", "1.2"), TOLD);
        assert_eq!(read(&metadata, "n"), std::slice::from_ref(&layer));
        let mut written = CacheMetadata::default();
        put(&mut written, &layer, "n");
        assert_eq!(serde_json::to_string(&written).expect("JSON"), json, "byte for byte");
        remove(&mut written, |key| key == "x/pip:wheels");
        assert_eq!(written, CacheMetadata::default());
    }

    #[test]
    fn everything_else_comes_back_as_it_was() {
        let pip = || Writer::of("n").with_buildpack("x/pip", "1.2");
        let layer = entry("x/pip:wheels", pip(), TOLD);
        let others = [
            entry("x/pip:wheels", pip(), ""),
            entry("x/pip:wheels", pip(), &TOLD.replace(':', ": ")),
            entry("x/pip:wheels", Writer::of("another").with_buildpack("x/pip", "1.2"), TOLD),
            entry("x/pip:wheels", pip().with_builder(Digest::from_bytes([2; 32])), TOLD),
            entry("x/pip:wheels", Writer::of("n"), TOLD),
            entry("cnb.entries:x", Writer::of("n").with_buildpack(ENTRIES, "1"), TOLD),
            entry("image", Writer::of("n"), "\u{2028}<é>"),
        ];
        for other in others {
            let mut metadata = CacheMetadata::default();
            put(&mut metadata, &layer, "n");
            put(&mut metadata, &other, "n");
            let found = read(&metadata, "n");
            assert!(found.contains(&other), "{other:?}");
            assert_eq!(found.len(), if other.key == layer.key { 1 } else { 2 }, "{found:?}");
        }
        let mut metadata = CacheMetadata::default();
        put(&mut metadata, &layer, "n");
        let newer = entry("x/pip:new", Writer::of("n").with_buildpack("x/pip", "2"), TOLD);
        put(&mut metadata, &newer, "n");
        assert_eq!(read(&metadata, "n"), [newer, layer]);
    }

    #[test]
    fn what_makes_no_sense_is_no_entry() {
        let text = format!(
            r#"{{"buildpacks":[{{"key":"a","layers":{{"x":{{"sha":"../x"}}}}}},{{"key":"{ENTRIES}","layers":{{"k":{{"sha":"sha256:{}","data":7}}}}}}]}}"#,
            "a".repeat(64)
        );
        let metadata: CacheMetadata = serde_json::from_str(&text).expect("JSON");
        assert_eq!(read(&metadata, "n"), []);
    }
}
