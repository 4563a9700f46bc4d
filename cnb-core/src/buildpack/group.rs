//! group.toml: the buildpacks and extensions that build the application.

use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::Serialize;

use crate::document;
use crate::document::InvalidDocument;
use crate::encode::go_toml;
use crate::id::BuildpackId;

/// What group.toml says.
///
/// ```
/// use cnb_core::buildpack::group::Group;
///
/// let text = "[[group]]\n  id = \"a\"\n  version = \"1\"\n  api = \"0.10\"\n";
/// let group = Group::read("group.toml".as_ref(), text).unwrap();
/// assert_eq!(group.buildpacks[0].to_string(), "a@1");
/// assert_eq!(group.to_toml(), text);
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Group {
    /// The buildpacks, in the order in which they build.
    #[serde(rename = "group", skip_serializing_if = "Vec::is_empty")]
    pub buildpacks: Vec<GroupElement>,
    /// The image extensions, in the order in which they generate.
    #[serde(rename = "group-extensions", skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<GroupElement>,
}

/// A buildpack or an extension that takes part in the build.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct GroupElement {
    /// Which one.
    pub id: BuildpackId,
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// The version of the Buildpack API that it is written for, as its descriptor says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub api: String,
    /// Where to read about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub homepage: String,
    /// Whether the file calls it optional; detection never does, and it means nothing after it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

impl Group {
    /// Reads the text of `file`. Extensions are always optional, which is nothing to say of one.
    pub fn read(file: &Path, text: &str) -> Result<Self, InvalidDocument> {
        let mut group: Self = document::read(file, text)?;
        for extension in &mut group.extensions {
            extension.optional = false;
        }
        Ok(group)
    }

    /// The text of the file.
    pub fn to_toml(&self) -> String {
        go_toml::to_string(self).expect("a group holds nothing but strings")
    }
}

impl fmt::Display for GroupElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.id, self.version)
    }
}
