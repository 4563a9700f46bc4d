//! Descriptors, manifests and indexes.
//!
//! Fields that this crate does not know survive; maps keep their order. Source: "descriptor.md",
//! "manifest.md" and "image-index.md" of the OCI image specification, and Docker's image manifest version 2.

use cnb_core::digest::Digest;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Map;
use serde_json::Value;

use crate::platform::Platform;

/// The annotation that names an image in a layout.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// Media types.
pub mod media_type {
    /// An OCI image index.
    pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// An OCI image manifest.
    pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// An OCI image config.
    pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// A layer.
    pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
    /// A layer, compressed with gzip.
    pub const OCI_LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    /// A layer, compressed with zstd.
    pub const OCI_LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
    /// Docker's name of an index.
    pub const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    /// Docker's name of a manifest.
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// Docker's name of an image config.
    pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
    /// Docker's name of a layer.
    pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";
    /// Docker's name of a layer that is compressed with gzip.
    pub const DOCKER_LAYER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
}

/// Names a blob.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the blob is.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its bytes.
    pub size: u64,
    /// What runs it, in an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// What else is said of it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub annotations: Map<String, Value>,
    /// Fields that this crate does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Descriptor {
    /// A descriptor with nothing but the fields that it must have.
    pub fn new(media_type: impl Into<String>, digest: Digest, size: u64) -> Self {
        let (annotations, other) = (Map::new(), Map::new());
        Self { media_type: media_type.into(), digest, size, platform: None, annotations, other }
    }

    /// The descriptor of another blob that takes the place of this one.
    #[must_use]
    pub fn replaced(&self, digest: Digest, size: u64) -> Self {
        let mut new = Self { digest, size, ..self.clone() };
        // The bytes of the blob, base64.
        new.other.shift_remove("data");
        new
    }

    /// The name of the image in its layout.
    pub fn ref_name(&self) -> Option<&str> {
        self.annotations.get(REF_NAME)?.as_str()
    }

    /// Whether it names an index, OCI's or Docker's.
    pub fn is_index(&self) -> bool {
        matches!(self.media_type.as_str(), media_type::OCI_INDEX | media_type::DOCKER_INDEX)
    }

    /// Whether it names an image manifest, OCI's or Docker's.
    pub fn is_manifest(&self) -> bool {
        matches!(self.media_type.as_str(), media_type::OCI_MANIFEST | media_type::DOCKER_MANIFEST)
    }
}

/// An image manifest.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// OCI's or Docker's; OCI's where it is missing.
    #[serde(default = "oci_manifest")]
    pub media_type: String,
    /// The image config.
    pub config: Descriptor,
    /// The layers, lowest first.
    pub layers: Vec<Descriptor>,
    /// What else is said of the image.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub annotations: Map<String, Value>,
    /// Fields that this crate does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Manifest {
    /// An OCI manifest.
    pub fn new(config: Descriptor, layers: Vec<Descriptor>) -> Self {
        let (annotations, other) = (Map::new(), Map::new());
        Self { schema_version: 2, media_type: oci_manifest(), config, layers, annotations, other }
    }
}

/// An index: of a layout, or of one image for several platforms.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u32,
    /// OCI's or Docker's; OCI's where it is missing.
    #[serde(default = "oci_index")]
    pub media_type: String,
    /// The manifests and further indexes.
    pub manifests: Vec<Descriptor>,
    /// What else is said of it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub annotations: Map<String, Value>,
    /// Fields that this crate does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Index {
    /// The first entry for a platform; an entry that does not say what it is for, where there is only that one.
    pub fn for_platform(&self, platform: &Platform) -> Option<&Descriptor> {
        let accepts =
            |entry: &&Descriptor| entry.platform.as_ref().is_some_and(|offered| platform.accepts(offered));
        match &self.manifests[..] {
            [only] if only.platform.is_none() => Some(only),
            entries => entries.iter().find(accepts),
        }
    }

    /// The platforms that it has entries for.
    pub fn platforms(&self) -> impl Iterator<Item = &Platform> {
        self.manifests.iter().filter_map(|entry| entry.platform.as_ref())
    }
}

impl Default for Index {
    fn default() -> Self {
        let (manifests, annotations, other) = (Vec::new(), Map::new(), Map::new());
        Self { schema_version: 2, media_type: oci_index(), manifests, annotations, other }
    }
}

fn oci_manifest() -> String {
    media_type::OCI_MANIFEST.to_owned()
}

fn oci_index() -> String {
    media_type::OCI_INDEX.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_survive() {
        let digest = crate::digest(b"");
        let text = format!(
            concat!(
                r#"{{"schemaVersion":2,"mediaType":"m","manifests":[{{"mediaType":"x","digest":"{0}","size":3,"#,
                r#""platform":{{"architecture":"arm64","os":"linux","variant":"v8","os.version":"1"}},"#,
                r#""annotations":{{"z":"1","a":"2"}},"urls":["u"],"data":"e30="}}],"subject":{{"k":1}}}}"#
            ),
            digest
        );
        let index: Index = serde_json::from_str(&text).expect("valid");
        assert_eq!(serde_json::to_string(&index).expect("json"), text);
    }

    #[test]
    fn manifests_need_no_media_type() {
        let text = r#"{"schemaVersion":2,"manifests":[]}"#;
        let index: Index = serde_json::from_str(text).expect("valid");
        assert_eq!(index, Index::default());
    }
}
