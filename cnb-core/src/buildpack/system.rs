//! system.toml: buildpacks that belong to every group.

use std::path::Path;

use serde::Deserialize;

use crate::document;
use crate::document::InvalidDocument;
use crate::id::BuildpackId;

/// What system.toml says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct System {
    /// In front of every group.
    pub pre: SystemBuildpacks,
    /// At the end of every group.
    pub post: SystemBuildpacks,
}

/// One of the two lists.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SystemBuildpacks {
    /// In the order in which they would build.
    pub buildpacks: Vec<SystemBuildpack>,
}

/// A buildpack, always required: the Go lifecycle does not read the key `optional` of the specification.
#[derive(Clone, Debug, Deserialize)]
pub struct SystemBuildpack {
    /// Which one.
    pub id: BuildpackId,
    /// Its version.
    #[serde(default)]
    pub version: String,
}

impl System {
    /// Reads the text of `file`.
    pub fn read(file: &Path, text: &str) -> Result<Self, InvalidDocument> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Document {
            system: System,
        }
        document::read::<Document>(file, text).map(|document| document.system)
    }
}
