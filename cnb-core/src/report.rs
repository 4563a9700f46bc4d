//! `report.toml`: what the exporter made.
//!
//! Source: `platform/files/report.go` of the lifecycle.

use serde::Deserialize;
use serde::Serialize;

/// The document.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Report {
    /// What the build said about itself.
    #[serde(skip_serializing_if = "Build::is_empty")]
    pub build: Build,
    /// The image.
    pub image: Image,
}

/// What the build said about itself.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Build {
    /// The bill of materials of build.toml files; before Platform API 0.9 only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bom: Vec<toml::Value>,
}

impl Build {
    fn is_empty(&self) -> bool {
        self.bom.is_empty()
    }
}

/// The image.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Image {
    /// Its names.
    pub tags: Vec<String>,
    /// Its ID without `sha256:`; from a daemon.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image_id: String,
    /// The digest of its manifest; from a registry.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// Bytes of its manifest.
    #[serde(skip_serializing_if = "is_zero")]
    pub manifest_size: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(size: &u64) -> bool {
    *size == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_is_left_out() {
        let image = Image { tags: vec!["a:b".to_owned()], manifest_size: 7, ..Image::default() };
        let text = toml::to_string(&Report { image, ..Report::default() }).expect("toml");
        assert_eq!(text, "[image]\ntags = [\"a:b\"]\nmanifest-size = 7\n");
    }
}
