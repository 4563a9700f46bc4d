//! `analyzed.toml`: what the analyzer found, for the phases after it.
//!
//! Source: `platform/files/analyzed.go` of the lifecycle. The metadata is the label
//! [`io.buildpacks.lifecycle.metadata`](crate::labels::lifecycle) of the previous image with other key names.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

use crate::document;
use crate::encode::any;
use crate::encode::any::UnsupportedNumber;
use crate::labels::lifecycle;
use crate::labels::lifecycle::LayerDigest;
use crate::labels::lifecycle::LifecycleMetadata;
use crate::run::RunImageNames;

/// The document, in the order in which it is written.
///
/// ```
/// use cnb_core::analyzed::Analyzed;
///
/// let analyzed: Analyzed = toml::from_str("[run-image]\nreference = \"example.com/run@sha256:1\"\n")?;
/// assert_eq!(analyzed.run_image.map(|image| image.reference).as_deref(), Some("example.com/run@sha256:1"));
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Analyzed {
    /// The previous image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageReference>,
    /// The image that builds, when extensions change it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_image: Option<ImageReference>,
    /// The layers of the previous image.
    pub metadata: Metadata,
    /// The image to build on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_image: Option<RunImage>,
}

/// An image by its identifier.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct ImageReference {
    /// A name with a digest, or empty when there is no such image.
    pub reference: String,
}

/// The run image.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct RunImage {
    /// The image by digest.
    pub reference: String,
    /// Its name as it was given.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image: String,
    /// Whether extensions change it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub extend: bool,
    /// What it runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
}

/// What an image runs on.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Target {
    /// An identifier that the image gives itself.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// For example `linux`.
    pub os: String,
    /// For example `amd64`.
    pub arch: String,
    /// For example `v8`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub arch_variant: String,
    /// The distribution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distro: Option<Distro>,
}

/// A distribution of an operating system.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Distro {
    /// For example `debian`.
    pub name: String,
    /// For example `12`.
    pub version: String,
}

/// [`LifecycleMetadata`] with the key names of analyzed.toml.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Metadata {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    app: Vec<LayerDigest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sbom: Option<LayerDigest>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    buildpacks: Vec<BuildpackLayers>,
    config: LayerDigest,
    launcher: LayerDigest,
    process_types: LayerDigest,
    run_image: LabelRunImage,
    #[serde(skip_serializing_if = "Option::is_none")]
    stack: Option<Stack>,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
struct BuildpackLayers {
    key: String,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    layers: Option<BTreeMap<String, Layer>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<Store>,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
struct Layer {
    sha: String,
    build: bool,
    launch: bool,
    cache: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<toml::Value>,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
struct Store {
    #[serde(deserialize_with = "document::table_or_nothing", skip_serializing_if = "Option::is_none")]
    metadata: Option<toml::Table>,
}

#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "kebab-case")]
struct LabelRunImage {
    top_layer: String,
    reference: String,
    #[serde(flatten)]
    names: RunImageNames,
}

#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "kebab-case")]
struct Stack {
    run_image: RunImageNames,
}

impl From<LifecycleMetadata> for Metadata {
    fn from(label: LifecycleMetadata) -> Self {
        let image = label.run_image;
        Self {
            app: label.app,
            sbom: label.sbom,
            buildpacks: label.buildpacks.into_iter().map(BuildpackLayers::from).collect(),
            config: label.config,
            launcher: label.launcher,
            process_types: label.process_types,
            run_image: LabelRunImage {
                top_layer: image.top_layer,
                reference: image.reference,
                names: RunImageNames { image: image.image, mirrors: image.mirrors },
            },
            stack: label.stack.map(|stack| Stack { run_image: stack.run_image }),
        }
    }
}

impl From<lifecycle::BuildpackLayers> for BuildpackLayers {
    fn from(label: lifecycle::BuildpackLayers) -> Self {
        let layer = |layer: lifecycle::Layer| Layer {
            sha: layer.sha,
            build: layer.build,
            launch: layer.launch,
            cache: layer.cache,
            metadata: any::to_toml(&layer.data),
        };
        Self {
            key: label.id,
            version: label.version,
            layers: Some(label.layers.into_iter().map(|(name, value)| (name, layer(value))).collect()),
            store: label
                .store
                .map(|store| Store { metadata: store.metadata.as_ref().map(any::table_to_toml) }),
        }
    }
}

impl TryFrom<Metadata> for LifecycleMetadata {
    type Error = UnsupportedNumber;

    fn try_from(metadata: Metadata) -> Result<Self, Self::Error> {
        let image = metadata.run_image;
        Ok(Self {
            app: metadata.app,
            sbom: metadata.sbom,
            buildpacks: metadata.buildpacks.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            config: metadata.config,
            launcher: metadata.launcher,
            process_types: metadata.process_types,
            run_image: lifecycle::RunImage {
                top_layer: image.top_layer,
                reference: image.reference,
                image: image.names.image,
                mirrors: image.names.mirrors,
            },
            stack: metadata.stack.map(|stack| lifecycle::Stack { run_image: stack.run_image }),
        })
    }
}

impl TryFrom<BuildpackLayers> for lifecycle::BuildpackLayers {
    type Error = UnsupportedNumber;

    fn try_from(toml: BuildpackLayers) -> Result<Self, Self::Error> {
        let layer = |layer: Layer| {
            Ok(lifecycle::Layer {
                sha: layer.sha,
                data: layer.metadata.as_ref().map(any::from_toml).transpose()?.unwrap_or_default(),
                build: layer.build,
                launch: layer.launch,
                cache: layer.cache,
            })
        };
        let store = |store: Store| {
            Ok(lifecycle::Store { metadata: store.metadata.as_ref().map(any::table_from_toml).transpose()? })
        };
        Ok(Self {
            id: toml.key,
            version: toml.version,
            layers: toml
                .layers
                .into_iter()
                .flatten()
                .map(|(name, value)| Ok((name, layer(value)?)))
                .collect::<Result<_, _>>()?,
            store: toml.store.map(store).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_goes_to_toml_and_back() {
        let label = concat!(
            r#"{"app":[{"sha":"sha256:1"}],"sbom":{"sha":"sha256:2"},"buildpacks":[{"key":"a","version":"1","#,
            r#""layers":{"l":{"sha":"sha256:3","data":{"n":3,"list":[1,2]},"launch":true,"cache":true}},"#,
            r#""store":{"metadata":{"k":"v"}}},{"key":"b","version":"2","layers":{"m":{"sha":"x"}}}],"#,
            r#""config":{"sha":"sha256:5"},"runImage":{"topLayer":"t","reference":"r","image":"i","mirrors":["m"]},"#,
            r#""stack":{"runImage":{"image":"i"}}}"#,
        );
        let label: LifecycleMetadata = serde_json::from_str(label).expect("a label");
        let analyzed = Analyzed {
            image: Some(ImageReference { reference: "r@sha256:1".to_owned() }),
            metadata: label.clone().into(),
            ..Analyzed::default()
        };
        let text = toml::to_string(&analyzed).expect("toml");
        assert!(text.contains("top-layer = \"t\""), "{text}");
        assert!(text.contains("n = 3.0"), "numbers of a label are floating point numbers: {text}");
        let read: Analyzed = toml::from_str(&text).expect("toml");
        assert_eq!(read, analyzed);
        assert_eq!(LifecycleMetadata::try_from(read.metadata).expect("numbers"), label);
    }

    #[test]
    fn an_empty_document_is_an_empty_analysis() {
        assert_eq!(toml::from_str::<Analyzed>("").expect("toml"), Analyzed::default());
        assert_eq!(
            LifecycleMetadata::try_from(Metadata::default()).expect("no numbers"),
            LifecycleMetadata::default()
        );
    }
}
