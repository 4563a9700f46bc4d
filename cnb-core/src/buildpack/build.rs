//! build.toml: what a buildpack says about its part of the plan.

use std::path::Path;

use serde::Deserialize;

use super::bom::BomEntry;
use crate::document;
use crate::document::InvalidDocument;

/// What build.toml says.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Build {
    /// The older bill of materials of what is only there while building.
    pub bom: Vec<BomEntry>,
    /// The demands that it leaves to later buildpacks.
    pub unmet: Vec<Unmet>,
}

/// A demand that the buildpack did not meet.
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize)]
#[serde(default)]
pub struct Unmet {
    /// The name of the dependency.
    pub name: String,
}

impl Build {
    /// Reads the text of `file`.
    pub fn read(file: &Path, text: &str) -> Result<Self, InvalidDocument> {
        document::read(file, text)
    }
}
