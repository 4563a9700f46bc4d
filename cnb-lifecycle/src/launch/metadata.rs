//! What the launcher reads of `<layers>/config/metadata.toml`.

use std::path::Path;

use cnb_core::build_metadata::Process;
use cnb_core::document;
use cnb_core::document::InvalidDocument;
use cnb_core::id::BuildpackId;
use serde::Deserialize;

/// What an image can start. The rest of the file is for the exporter, and the launcher does not mind what is in it.
///
/// Source: `Metadata` in `launch/launch.go` of the Go lifecycle.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Metadata {
    /// The buildpacks that built, in the order in which their layers change the environment.
    pub buildpacks: Vec<Buildpack>,
    /// The processes, by type.
    pub processes: Vec<Process>,
}

/// A buildpack that built.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Buildpack {
    /// Which one. One that does not say it has no layers.
    pub id: Option<BuildpackId>,
    /// The version of the Buildpack API that it is written for.
    pub api: String,
}

impl Metadata {
    /// Reads the text of `file`.
    pub fn read(file: &Path, text: &str) -> Result<Self, InvalidDocument> {
        document::read(file, text)
    }

    pub(super) fn buildpack(&self, id: &str) -> Option<&Buildpack> {
        let has_id = |buildpack: &&Buildpack| buildpack.id.as_ref().is_some_and(|own| own.as_str() == id);
        self.buildpacks.iter().find(has_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_the_exporter_is_not_looked_at() {
        let text = "labels = 3\nslices = 'x'\n[[buildpacks]]\nversion = 1\napi = '0.12'\n[[processes]]\ntype = 'web'\n";
        let metadata = Metadata::read("metadata.toml".as_ref(), text).expect("nothing of it matters");
        assert_eq!(metadata.buildpacks[0].api, "0.12");
        assert_eq!(metadata.processes[0].r#type.as_str(), "web");
    }
}
