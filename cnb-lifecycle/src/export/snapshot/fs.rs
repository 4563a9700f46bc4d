//! Takes a snapshot of a `<layers>` directory on disk.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::build_metadata::BuildMetadata;
use cnb_core::buildpack::group::GroupElement;
use cnb_core::document::InvalidDocument;

use super::BuildpackDirectory;
use super::DirectoryEntry;
use super::Snapshot;
use super::has_processes;

/// Why `<layers>` cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// A file is malformed.
    #[error(transparent)]
    Invalid(#[from] InvalidDocument),
    /// A file or directory cannot be read.
    #[error("reading {}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Reads `<layers>` after a build of the buildpacks in `group`.
///
/// # Errors
/// When something cannot be read, or metadata.toml or a store.toml is malformed.
pub fn snapshot(layers: &Path, group: &[GroupElement]) -> Result<Snapshot, SnapshotError> {
    let file = layers.join("config/metadata.toml");
    let text = std::fs::read_to_string(&file).map_err(|source| failed(&file, source))?;
    let build = BuildMetadata::read(&file, &text)?;
    let has_processes = has_processes(&text);
    Ok(Snapshot { build, has_processes, ..layers_snapshot(layers, group)? })
}

/// Reads `<layers>` without what the builder wrote for the image: enough for a cache.
///
/// # Errors
/// When something cannot be read, or a store.toml is malformed.
pub fn layers_snapshot(layers: &Path, group: &[GroupElement]) -> Result<Snapshot, SnapshotError> {
    Ok(Snapshot {
        buildpacks: group.iter().map(|element| buildpack(layers, element)).collect::<Result<_, _>>()?,
        launch_sbom: exists(&layers.join("sbom/launch"))?,
        cache_sbom: exists(&layers.join("sbom/cache"))?,
        ..Snapshot::default()
    })
}

/// Reads `<layers>/<buildpack>`.
///
/// # Errors
/// When something cannot be read, or store.toml is malformed.
pub fn buildpack(layers: &Path, element: &GroupElement) -> Result<BuildpackDirectory, SnapshotError> {
    let path = layers.join(element.id.escape());
    let entries = entries(&path)?;
    let mut documents = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.is_document()) {
        let file = path.join(&entry.name);
        match std::fs::read(&file) {
            Ok(bytes) => {
                documents.insert(entry.name.clone(), bytes);
            }
            // A dangling link is a missing file.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(failed(&file, source)),
        }
    }
    Ok(BuildpackDirectory::read(&path, element, &entries, &documents)?)
}

fn entries(path: &Path) -> Result<Vec<DirectoryEntry>, SnapshotError> {
    let failed = |source| failed(path, source);
    let directory = match std::fs::read_dir(path) {
        Ok(directory) => directory,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut entries = Vec::new();
    for entry in directory {
        let entry = entry.map_err(failed)?;
        let is_directory = entry.file_type().map_err(failed)?.is_dir();
        let name = entry.file_name().into_string().map_err(|name| {
            let message = format!("the name {} is not UTF-8", name.display());
            failed(io::Error::new(io::ErrorKind::InvalidData, message))
        })?;
        entries.push(DirectoryEntry { name, is_directory });
    }
    Ok(entries)
}

fn exists(path: &Path) -> Result<bool, SnapshotError> {
    match std::fs::read_dir(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed(path, error)),
    }
}

fn failed(path: &Path, source: io::Error) -> SnapshotError {
    SnapshotError::Io { path: path.to_owned(), source }
}
