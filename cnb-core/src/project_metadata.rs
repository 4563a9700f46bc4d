//! `project-metadata.toml`: where a platform got the source of an application from.
//!
//! Source: `platform/files/project_metadata.go` of the lifecycle.

use serde::Deserialize;
use serde::Serialize;

use crate::document;
use crate::encode::any;
use crate::encode::any::UnsupportedNumber;
use crate::labels::project;

/// The document.
///
/// ```
/// use cnb_core::encode::go_json;
/// use cnb_core::project_metadata::ProjectMetadata;
///
/// let document: ProjectMetadata = toml::from_str("[source]\ntype = \"git\"\nversion = { commit = \"1\" }\n")?;
/// let label = go_json::to_string(&document.to_label()?)?;
/// assert_eq!(label, r#"{"source":{"type":"git","version":{"commit":"1"}}}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ProjectMetadata {
    /// Where the source comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

/// Where source comes from.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Source {
    /// For example `git`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub r#type: String,
    /// For example a commit.
    #[serde(deserialize_with = "table", skip_serializing_if = "toml::Table::is_empty")]
    pub version: toml::Table,
    /// For example a repository.
    #[serde(deserialize_with = "table", skip_serializing_if = "toml::Table::is_empty")]
    pub metadata: toml::Table,
}

fn table<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<toml::Table, D::Error> {
    document::table_or_nothing(deserializer).map(Option::unwrap_or_default)
}

impl ProjectMetadata {
    /// The label that says the same.
    ///
    /// # Errors
    /// For numbers that JSON does not have.
    pub fn to_label(&self) -> Result<project::ProjectLabel, UnsupportedNumber> {
        let source = |source: &Source| {
            Ok(project::Source {
                r#type: source.r#type.clone(),
                version: any::table_from_toml(&source.version)?,
                metadata: any::table_from_toml(&source.metadata)?,
            })
        };
        Ok(project::ProjectLabel { source: self.source.as_ref().map(source).transpose()? })
    }
}
