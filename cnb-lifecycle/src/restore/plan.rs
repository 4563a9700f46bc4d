//! Which files to write, and which layers to unpack, before buildpacks build.
//!
//! Source: `internal/layer/metadata_restorer.go` and `phase/restorer.go` of the lifecycle. A buildpack gets
//! back the `[metadata]` of its layers, never their `[types]`: it says anew what a layer is for.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;

use cnb_core::api::PlatformApi;
use cnb_core::buildpack::group::GroupElement;
use cnb_core::buildpack::layer::Layer as LayerFile;
use cnb_core::buildpack::store::Store;
use cnb_core::encode::any;
use cnb_core::id::LayerName;
use cnb_core::labels::lifecycle::BuildpackLayers;
use cnb_core::labels::lifecycle::CacheMetadata;
use cnb_core::labels::lifecycle::Layer;
use cnb_core::labels::lifecycle::LifecycleMetadata;

/// What decides about a restoration.
#[derive(Clone, Copy, Debug)]
pub struct RestoreInputs<'a> {
    /// The version of the platform.
    pub api: PlatformApi,
    /// The buildpacks that will build.
    pub group: &'a [GroupElement],
    /// The label of the previous image, or of the record of the last build.
    pub previous: &'a LifecycleMetadata,
    /// The metadata of the cache.
    pub cache: &'a CacheMetadata,
    /// Whether layers are left out; stores are not.
    pub skip_layers: bool,
    /// The names of layers that are in `<layers>` already, by ID of their buildpack: none but those of the cache
    /// may stay. Usually there are none.
    pub existing: &'a BTreeMap<String, BTreeSet<String>>,
}

/// A restoration. Paths are relative to `<layers>`.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RestorePlan {
    /// The directories to make first.
    pub directories: BTreeSet<String>,
    /// The files to write, with their text.
    pub files: BTreeMap<String, String>,
    /// The layers to remove: the directory and the files `<layer>.toml` and `<layer>.sha`.
    pub removed: BTreeSet<String>,
    /// The layers whose contents come from the cache.
    pub contents: Vec<RestoredLayer>,
    /// The diffID of the SBOM to take from the cache.
    pub cache_sbom: Option<String>,
    /// What to tell the user.
    pub messages: Vec<Message>,
}

/// A layer whose contents come from the cache.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RestoredLayer {
    /// What it is called in messages.
    pub id: String,
    /// Its directory in `<layers>`.
    pub path: String,
    /// The diffID of its tar.
    pub diff_id: String,
}

/// What happens to a layer; each is about one `<buildpack>:<layer>`.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Message {
    /// Contents come from the cache.
    Data(String),
    /// What the cache or the previous image calls a layer is no name of one.
    InvalidName(String),
    /// Metadata comes from the previous image.
    MetadataFromApp(String),
    /// Metadata comes from the cache.
    MetadataFromCache(String),
    /// No layers at all are wanted.
    SkippingLayers,
    /// The cache has another version of the layer than the previous image.
    WrongSha(String),
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data(id) => write!(f, "Restoring data for {id:?} from cache"),
            Self::InvalidName(id) => write!(f, "Ignoring {id:?}: this is not the name of a layer"),
            Self::MetadataFromApp(id) => write!(f, "Restoring metadata for {id:?} from app image"),
            Self::MetadataFromCache(id) => write!(f, "Restoring metadata for {id:?} from cache"),
            Self::SkippingLayers => f.write_str("Skipping buildpack layer analysis"),
            Self::WrongSha(id) => write!(f, "Removing {id:?}, wrong sha"),
        }
    }
}

/// Says what to restore.
pub fn plan(inputs: &RestoreInputs<'_>) -> RestorePlan {
    let mut plan = RestorePlan::default();
    let mut written: BTreeMap<(&str, &str), &Layer> = BTreeMap::new();
    for buildpack in inputs.group {
        plan.store(inputs, buildpack);
        plan.messages.extend(invalid_names(inputs, buildpack.id.as_str()));
    }
    if inputs.skip_layers {
        plan.messages.push(Message::SkippingLayers);
    } else {
        for buildpack in inputs.group {
            plan.metadata(inputs, buildpack, &mut written);
        }
    }
    for buildpack in inputs.group {
        plan.data(inputs, buildpack, &written);
    }
    if inputs.api.has_sboms() {
        plan.cache_sbom = inputs.cache.sbom.get().map(str::to_owned);
    }
    plan
}

impl RestorePlan {
    fn store(&mut self, inputs: &RestoreInputs<'_>, buildpack: &GroupElement) {
        let old = inputs.previous.buildpack(buildpack.id.as_str());
        if let Some(store) = old.and_then(|old| old.store.as_ref()) {
            let metadata = store.metadata.as_ref().map(any::table_to_toml);
            self.write(buildpack, "store", Store { metadata }.to_toml());
        }
    }

    fn metadata<'a>(
        &mut self,
        inputs: &RestoreInputs<'a>,
        buildpack: &'a GroupElement,
        written: &mut BTreeMap<(&'a str, &'a str), &'a Layer>,
    ) {
        let id = buildpack.id.as_str();
        for (name, layer) in layers(inputs.previous.buildpack(id)) {
            let is_cached = inputs.cache.layer(id, name).is_some_and(|cached| cached.cache);
            if layer.launch && if layer.cache { is_cached } else { !layer.build } {
                self.messages.push(Message::MetadataFromApp(format!("{id}:{name}")));
                self.layer_file(buildpack, name, layer);
                written.insert((id, name), layer);
            }
        }
        for (name, layer) in layers(inputs.cache.buildpack(id)) {
            let in_app =
                inputs.previous.layer(id, name).is_some() || !inputs.api.restores_metadata_from_cache();
            if layer.cache && !(layer.launch && in_app) {
                self.messages.push(Message::MetadataFromCache(format!("{id}:{name}")));
                self.layer_file(buildpack, name, layer);
                written.insert((id, name), layer);
            }
        }
    }

    fn data(
        &mut self,
        inputs: &RestoreInputs<'_>,
        buildpack: &GroupElement,
        written: &BTreeMap<(&str, &str), &Layer>,
    ) {
        let id = buildpack.id.as_str();
        let exists = |name: &str| inputs.existing.get(id).is_some_and(|names| names.contains(name));
        for (name, cached) in layers(inputs.cache.buildpack(id)) {
            let metadata = written.get(&(id, name.as_str()));
            if !cached.cache || (metadata.is_none() && !exists(name)) {
                continue;
            }
            let identifier = format!("{id}:{name}");
            let path = format!("{}/{name}", buildpack.id.escape());
            if metadata.map_or("", |layer| layer.sha.as_str()) == cached.sha {
                self.messages.push(Message::Data(identifier.clone()));
                self.contents.push(RestoredLayer { id: identifier, path, diff_id: cached.sha.clone() });
            } else {
                self.messages.push(Message::WrongSha(identifier));
                self.files.remove(&format!("{path}.toml"));
                self.removed.insert(path);
            }
        }
    }

    fn layer_file(&mut self, buildpack: &GroupElement, name: &str, layer: &Layer) {
        let metadata = any::to_toml(&layer.data);
        self.write(buildpack, name, LayerFile::restored_toml(metadata.as_ref()));
    }

    fn write(&mut self, buildpack: &GroupElement, name: &str, text: String) {
        let directory = buildpack.id.escape();
        self.files.insert(format!("{directory}/{name}.toml"), text);
        self.directories.insert(directory);
    }
}

/// The layers of a buildpack. Caches and labels may say anything: a name must not lead out of `<layers>/<buildpack>`.
fn layers(buildpack: Option<&BuildpackLayers>) -> impl Iterator<Item = (&String, &Layer)> {
    buildpack.into_iter().flat_map(|buildpack| &buildpack.layers).filter(|(name, _)| is_valid(name))
}

fn invalid_names(inputs: &RestoreInputs<'_>, id: &str) -> Vec<Message> {
    let both = [inputs.previous.buildpack(id), inputs.cache.buildpack(id)];
    let names: BTreeSet<&String> =
        both.into_iter().flatten().flat_map(|layers| layers.layers.keys()).collect();
    let invalid = names.into_iter().filter(|name| !is_valid(name));
    invalid.map(|name| Message::InvalidName(format!("{id}:{name}"))).collect()
}

fn is_valid(name: &str) -> bool {
    name.parse::<LayerName>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: PlatformApi = PlatformApi::v0(14);
    const OLD: PlatformApi = PlatformApi::v0(13);

    fn layer(flags: &str, sha: &str) -> Layer {
        Layer {
            sha: sha.to_owned(),
            data: serde_json::json!({"from": sha}),
            build: flags.contains('b'),
            launch: flags.contains('l'),
            cache: flags.contains('c'),
        }
    }

    /// The table of what comes back: flags and digest of the layer `x` in the previous image and in the cache.
    #[test]
    fn what_comes_back_depends_on_where_a_layer_was() {
        type Case<'a> = (PlatformApi, &'a str, &'a str, &'a [&'a Message], Option<&'a str>);

        let app = Message::MetadataFromApp("a/b:x".to_owned());
        let cache = Message::MetadataFromCache("a/b:x".to_owned());
        let data = Message::Data("a/b:x".to_owned());
        let wrong = Message::WrongSha("a/b:x".to_owned());
        let cases: &[Case<'_>] = &[
            (NEW, "l 1", "", &[&app], Some("1")),
            (NEW, "bl 1", "", &[], None),
            (NEW, "cl 1", "", &[], None),
            (NEW, "cl 1", "cl 1", &[&app, &data], Some("1")),
            (NEW, "bcl 1", "bcl 1", &[&app, &data], Some("1")),
            (NEW, "cl 1", "cl 2", &[&app, &wrong], None),
            (NEW, "l 1", "c 2", &[&app, &cache, &data], Some("2")),
            (NEW, "", "c 2", &[&cache, &data], Some("2")),
            (NEW, "", "bc 2", &[&cache, &data], Some("2")),
            (NEW, "", "cl 2", &[&cache, &data], Some("2")),
            (OLD, "", "cl 2", &[], None),
            (NEW, "", "l 2", &[], None),
        ];
        for (api, in_app, in_cache, messages, restored) in cases {
            let parse = |text: &str| text.split_once(' ').map(|(flags, sha)| layer(flags, sha));
            let layers = |text: &str| cnb_core::labels::lifecycle::BuildpackLayers {
                id: "a/b".to_owned(),
                layers: parse(text).map(|layer| ("x".to_owned(), layer)).into_iter().collect(),
                ..Default::default()
            };
            let previous = LifecycleMetadata { buildpacks: vec![layers(in_app)], ..Default::default() };
            let cache = CacheMetadata { buildpacks: vec![layers(in_cache)], ..Default::default() };
            let group = [element()];
            let plan = plan(&RestoreInputs {
                api: *api,
                group: &group,
                previous: &previous,
                cache: &cache,
                skip_layers: false,
                existing: &BTreeMap::new(),
            });
            let case = format!("{api} app: {in_app} cache: {in_cache}");
            assert_eq!(plan.messages.iter().collect::<Vec<_>>(), *messages, "{case}");
            let text = restored.map(|sha| format!("[metadata]\n  from = \"{sha}\"\n"));
            assert_eq!(plan.files.get("a_b/x.toml"), text.as_ref(), "{case}");
        }
    }

    #[test]
    fn names_that_are_none_are_ignored() {
        let layers = |names: &[&str], flags: &str| BuildpackLayers {
            id: "a/b".to_owned(),
            layers: names.iter().map(|name| ((*name).to_owned(), layer(flags, "1"))).collect(),
            ..Default::default()
        };
        let previous =
            LifecycleMetadata { buildpacks: vec![layers(&["../x", "ok"], "l")], ..Default::default() };
        let cached = layers(&["..", "", "a/../../x", "../x", "there/.."], "c");
        let cache = CacheMetadata { buildpacks: vec![cached], ..Default::default() };
        let group = [element()];
        let plan = plan(&RestoreInputs {
            api: NEW,
            group: &group,
            previous: &previous,
            cache: &cache,
            skip_layers: false,
            existing: &BTreeMap::new(),
        });
        assert_eq!(plan.files.keys().collect::<Vec<_>>(), ["a_b/ok.toml"]);
        assert!(plan.contents.is_empty() && plan.removed.is_empty());
        let invalid = plan.messages.iter().filter(|message| matches!(message, Message::InvalidName(_)));
        assert_eq!(invalid.count(), 5, "each once: {:?}", plan.messages);
    }

    #[test]
    fn stores_come_back_even_without_layers_and_leftovers_go() {
        let store = cnb_core::labels::lifecycle::Store {
            metadata: Some(serde_json::Map::from_iter([("n".to_owned(), 3.0.into())])),
        };
        let with = |layers: &[(&str, Layer)]| cnb_core::labels::lifecycle::BuildpackLayers {
            id: "a/b".to_owned(),
            layers: layers.iter().map(|(name, layer)| ((*name).to_owned(), layer.clone())).collect(),
            store: Some(store.clone()),
            ..Default::default()
        };
        let previous =
            LifecycleMetadata { buildpacks: vec![with(&[("x", layer("l", "1"))])], ..Default::default() };
        let cache = CacheMetadata { buildpacks: vec![with(&[("y", layer("c", "2"))])], ..Default::default() };
        let group = [element()];
        let existing = BTreeMap::from([("a/b".to_owned(), BTreeSet::from(["y".to_owned()]))]);
        let plan = plan(&RestoreInputs {
            api: NEW,
            group: &group,
            previous: &previous,
            cache: &cache,
            skip_layers: true,
            existing: &existing,
        });
        assert_eq!(
            plan.files,
            BTreeMap::from([("a_b/store.toml".to_owned(), "[metadata]\n  n = 3.0\n".to_owned())])
        );
        assert_eq!(plan.removed, BTreeSet::from(["a_b/y".to_owned()]));
        assert!(plan.contents.is_empty());
    }

    fn element() -> GroupElement {
        GroupElement {
            id: "a/b".parse().expect("an ID"),
            version: "1".to_owned(),
            api: "0.10".to_owned(),
            homepage: String::new(),
            optional: false,
        }
    }
}
