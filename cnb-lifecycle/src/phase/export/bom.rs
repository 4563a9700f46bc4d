//! The older bill of materials of a build; before Platform API 0.9 only.
//!
//! Source: `makeBuildReport` in `phase/exporter.go` of the lifecycle.

use std::fs;
use std::io;
use std::path::Path;

use cnb_core::buildpack::bom::BomEntry;
use cnb_core::buildpack::group::GroupElement;
use cnb_core::buildpack::plan::Provider;
use cnb_core::document;
use serde::Deserialize;

use crate::export::snapshot::fs::SnapshotError;

#[derive(Default, Deserialize)]
#[serde(default)]
struct BuildToml {
    bom: Vec<BomEntry>,
}

/// What each `<layers>/<buildpack>/build.toml` lists, with the buildpack that lists it.
///
/// # Errors
/// When such a file cannot be read.
pub fn bom(layers: &Path, group: &[GroupElement]) -> Result<Vec<toml::Value>, SnapshotError> {
    let mut entries = Vec::new();
    for buildpack in group {
        let path = layers.join(buildpack.id.escape()).join("build.toml");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => return Err(SnapshotError::Io { path, source }),
        };
        for entry in document::read::<BuildToml>(&path, &text)?.bom {
            let provider =
                Provider { id: buildpack.id.clone(), version: buildpack.version.clone(), extension: false };
            let entry = BomEntry { buildpack: Some(provider), ..entry };
            entries.push(toml::Value::try_from(entry).expect("what was read as TOML can be written as TOML"));
        }
    }
    Ok(entries)
}
