//! store.toml: what a buildpack remembers from build to build, beside its layers.

use std::path::Path;

use serde::Deserialize;
use serde::Serialize;

use crate::document;
use crate::document::InvalidDocument;
use crate::encode::go_toml;

/// What store.toml says.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Store {
    /// Anything.
    #[serde(deserialize_with = "document::table_or_nothing", skip_serializing_if = "Option::is_none")]
    pub metadata: Option<toml::Table>,
}

impl Store {
    /// Reads the text of `file`.
    pub fn read(file: &Path, text: &str) -> Result<Self, InvalidDocument> {
        document::read(file, text)
    }

    /// The text of the file.
    pub fn to_toml(&self) -> String {
        go_toml::to_string(self).expect("what was read as TOML can be written as TOML")
    }
}
