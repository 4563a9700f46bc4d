//! extension.toml.

use std::path::Path;

use serde::Deserialize;

use super::target::Target;
use crate::document;
use crate::document::InvalidDocument;
use crate::id::BuildpackId;

/// What extension.toml says.
#[derive(Clone, Debug, Deserialize)]
pub struct ExtensionDescriptor {
    /// The version of the Buildpack API, as written.
    #[serde(default)]
    pub api: String,
    /// Who the extension is.
    #[serde(default)]
    pub extension: ExtensionInfo,
    /// The platforms it supports.
    #[serde(default)]
    pub targets: Vec<Target>,
}

/// The table `[extension]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct ExtensionInfo {
    /// Its ID, which nobody needs who knows it by the directory that it is in.
    pub id: Option<BuildpackId>,
    /// For people.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where to read about it.
    pub homepage: String,
    /// Whether the variables of the user are kept from it.
    pub clear_env: bool,
    /// The execution environments it is for; empty for all.
    pub exec_env: Vec<String>,
}

impl ExtensionDescriptor {
    /// Reads the text of `file`.
    pub fn read(file: &Path, text: &str) -> Result<Self, InvalidDocument> {
        document::read(file, text)
    }

    /// The targets as written, else Linux if there is a `bin/detect` or a `bin/generate`, else everything.
    ///
    /// Source: `inferTargets` in the Go lifecycle's `buildpack/ext_descriptor.go`.
    pub fn inferred_targets(&self, has_executable: bool) -> Vec<Target> {
        match (self.targets.is_empty(), has_executable) {
            (false, _) => self.targets.clone(),
            (true, true) => vec![Target::linux()],
            (true, false) => vec![Target::default()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_inferred() {
        let read = |text: &str| ExtensionDescriptor::read(Path::new("extension.toml"), text).expect(text);
        let descriptor = read("api = '0.10'\n[extension]\nid = 'e'\nsbom-formats = 1\n");
        assert_eq!(descriptor.inferred_targets(true), [Target::linux()]);
        assert_eq!(descriptor.inferred_targets(false), [Target::default()]);
        let descriptor = read("[extension]\nid = 'e'\n[[targets]]\nos = 'linux'\narch = 'arm64'\n");
        assert_eq!(descriptor.inferred_targets(true)[0].arch, "arm64");
    }
}
