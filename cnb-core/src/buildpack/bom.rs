//! The older bill of materials, in launch.toml and build.toml.

use serde::Deserialize;
use serde::Serialize;

use super::plan::Provider;
use crate::document;

/// A thing that a buildpack installed.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct BomEntry {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Not allowed any more: the version belongs into the metadata.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// What is known about it.
    #[serde(
        default,
        deserialize_with = "document::table_or_nothing",
        skip_serializing_if = "Option::is_none"
    )]
    pub metadata: Option<toml::Table>,
    /// Who installed it; the lifecycle fills it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buildpack: Option<Provider>,
}
