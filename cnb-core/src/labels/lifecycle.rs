//! `io.buildpacks.lifecycle.metadata`: which layers an image has, and where they come from.
//!
//! Source: `platform/files/analyzed.go` and `buildpack/files.go` of the lifecycle. A cache keeps its layers
//! in the same form: see [`CacheMetadata`].

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use serde_json::Map;
use serde_json::Value;

use crate::encode::any;

/// The key of the label.
pub const LABEL: &str = "io.buildpacks.lifecycle.metadata";

/// The label. Digests are kept as text: an old image may have anything there, and `""` means no layer.
///
/// ```
/// use cnb_core::labels::lifecycle::LifecycleMetadata;
///
/// let label = r#"{"app":[{"sha":"sha256:1"}],"buildpacks":[{"key":"a","version":"1","layers":{}}]}"#;
/// let metadata: LifecycleMetadata = serde_json::from_str(label)?;
/// assert_eq!(metadata.buildpack("a").map(|buildpack| buildpack.version.as_str()), Some("1"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct LifecycleMetadata {
    /// The slices of the application, in order.
    #[serde(deserialize_with = "or_default", serialize_with = "null_when_empty")]
    pub app: Vec<LayerDigest>,
    /// The launch SBOM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sbom: Option<LayerDigest>,
    /// The launch layers of each buildpack of the group, in its order.
    #[serde(deserialize_with = "or_default", serialize_with = "null_when_empty")]
    pub buildpacks: Vec<BuildpackLayers>,
    /// `<layers>/config`.
    #[serde(deserialize_with = "or_default")]
    pub config: LayerDigest,
    /// The launcher.
    #[serde(deserialize_with = "or_default")]
    pub launcher: LayerDigest,
    /// The links of the process types; `""` when there are none.
    #[serde(rename = "process-types", deserialize_with = "or_default")]
    pub process_types: LayerDigest,
    /// What the image is based on.
    #[serde(rename = "runImage", deserialize_with = "or_default")]
    pub run_image: RunImage,
    /// The run image once more, for old platforms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<Stack>,
}

/// The metadata of a cache: the file `io.buildpacks.lifecycle.cache.metadata` of a volume and the label of
/// that name of a cache image. Only layers with `cache = true` are in it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct CacheMetadata {
    /// The cache SBOM.
    #[serde(deserialize_with = "or_default")]
    pub sbom: LayerDigest,
    /// The layers of each buildpack of the group, in its order.
    #[serde(deserialize_with = "or_default", serialize_with = "null_when_empty")]
    pub buildpacks: Vec<BuildpackLayers>,
}

/// The diffID of one layer.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct LayerDigest {
    /// For example `sha256:…`.
    #[serde(deserialize_with = "or_default")]
    pub sha: String,
}

/// The layers of one buildpack.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct BuildpackLayers {
    /// The buildpack's ID.
    #[serde(rename = "key", deserialize_with = "or_default")]
    pub id: String,
    /// Its version.
    #[serde(deserialize_with = "or_default")]
    pub version: String,
    /// Its layers by name.
    #[serde(deserialize_with = "or_default")]
    pub layers: BTreeMap<String, Layer>,
    /// What its store.toml says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<Store>,
}

/// One layer of a buildpack.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Layer {
    /// Its diffID.
    #[serde(deserialize_with = "or_default")]
    pub sha: String,
    /// `[metadata]` of its `<layer>.toml`; null when there is none.
    #[serde(deserialize_with = "any::deserialize")]
    pub data: Value,
    /// Whether later buildpacks of the same build see it.
    #[serde(deserialize_with = "or_default")]
    pub build: bool,
    /// Whether it is in the image.
    #[serde(deserialize_with = "or_default")]
    pub launch: bool,
    /// Whether it is in the cache.
    #[serde(deserialize_with = "or_default")]
    pub cache: bool,
}

/// The store.toml of a buildpack.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Store {
    /// `[metadata]`; none when it is missing.
    #[serde(deserialize_with = "any_map")]
    pub metadata: Option<Map<String, Value>>,
}

/// What an image is based on.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct RunImage {
    /// The diffID of the topmost layer of the run image.
    #[serde(rename = "topLayer", deserialize_with = "or_default")]
    pub top_layer: String,
    /// The run image by digest.
    #[serde(deserialize_with = "or_default")]
    pub reference: String,
    /// Its name without digest; from Platform API 0.12 on.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub image: String,
    /// Other names of it; from Platform API 0.12 on.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub mirrors: Vec<String>,
}

/// The part that old platforms read.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Stack {
    /// Where the run image is found.
    #[serde(rename = "runImage", deserialize_with = "or_default")]
    pub run_image: RunImageNames,
}

/// Where a run image is found.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct RunImageNames {
    /// Its name.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub image: String,
    /// Other names of it.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub mirrors: Vec<String>,
}

impl LifecycleMetadata {
    /// The layers of the first buildpack with this ID, whatever its version.
    pub fn buildpack(&self, id: &str) -> Option<&BuildpackLayers> {
        self.buildpacks.iter().find(|buildpack| buildpack.id == id)
    }

    /// One layer of a buildpack.
    pub fn layer(&self, buildpack: &str, name: &str) -> Option<&Layer> {
        self.buildpack(buildpack)?.layers.get(name)
    }
}

impl RunImage {
    /// Where the run image is found.
    pub fn names(&self) -> RunImageNames {
        RunImageNames { image: self.image.clone(), mirrors: self.mirrors.clone() }
    }
}

impl CacheMetadata {
    /// The layers of the first buildpack with this ID, whatever its version.
    pub fn buildpack(&self, id: &str) -> Option<&BuildpackLayers> {
        self.buildpacks.iter().find(|buildpack| buildpack.id == id)
    }

    /// One layer of a buildpack.
    pub fn layer(&self, buildpack: &str, name: &str) -> Option<&Layer> {
        self.buildpack(buildpack)?.layers.get(name)
    }
}

impl LayerDigest {
    /// The digest, unless it is `""`.
    pub fn get(&self) -> Option<&str> {
        Some(self.sha.as_str()).filter(|sha| !sha.is_empty())
    }
}

impl From<String> for LayerDigest {
    fn from(sha: String) -> Self {
        Self { sha }
    }
}

/// Reads null as Go does: nothing was said.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

fn any_map<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Map<String, Value>>, D::Error> {
    let map: Option<Map<String, Value>> = Option::deserialize(deserializer)?;
    Ok(map.and_then(|map| match any::as_go_reads(map.into()) {
        Value::Object(map) => Some(map),
        _ => None,
    }))
}

/// Writes a list that was never appended to as Go does.
fn null_when_empty<S: Serializer, T: Serialize>(list: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    if list.is_empty() { serializer.serialize_none() } else { list.serialize(serializer) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::go_json;

    #[test]
    fn a_label_reads_and_writes_to_the_same_bytes() {
        let label = concat!(
            r#"{"app":[{"sha":"sha256:1"}],"sbom":{"sha":"sha256:2"},"buildpacks":[{"key":"a/b","version":"1.0","#,
            r#""layers":{"l":{"sha":"sha256:3","data":{"a":3.5,"b":"\u003c"},"build":false,"launch":true,"#,
            r#""cache":true},"m":{"sha":"sha256:4","data":null,"build":false,"launch":true,"cache":false}},"#,
            r#""store":{"metadata":{"k":1}}},{"key":"c","version":"","layers":{}}],"config":{"sha":"sha256:5"},"#,
            r#""launcher":{"sha":"sha256:6"},"process-types":{"sha":""},"runImage":{"topLayer":"sha256:7","#,
            r#""reference":"x@sha256:8","image":"x","mirrors":["y"]},"stack":{"runImage":{"image":"x"}}}"#,
        );
        let metadata: LifecycleMetadata = serde_json::from_str(label).expect("a label");
        assert_eq!(metadata.layer("a/b", "l").map(|layer| layer.cache), Some(true));
        assert_eq!(go_json::to_string(&metadata).expect("json"), label);
    }

    #[test]
    fn missing_and_null_are_read_and_nothing_is_written_as_null() {
        for text in ["{}", r#"{"app":null,"buildpacks":null,"config":null,"launcher":{"sha":null}}"#] {
            let metadata: LifecycleMetadata = serde_json::from_str(text).expect("a label");
            assert_eq!(metadata, LifecycleMetadata::default());
        }
        let written = go_json::to_string(&CacheMetadata::default()).expect("json");
        assert_eq!(written, r#"{"sbom":{"sha":""},"buildpacks":null}"#);
        assert_eq!(serde_json::from_str::<CacheMetadata>(&written).expect("json"), CacheMetadata::default());
    }

    #[test]
    fn an_empty_store_is_kept_apart_from_none() {
        let layers: BuildpackLayers = serde_json::from_str(r#"{"store":{"metadata":null}}"#).expect("json");
        assert_eq!(
            go_json::to_string(&layers).expect("json"),
            r#"{"key":"","version":"","layers":{},"store":{"metadata":null}}"#
        );
    }
}
