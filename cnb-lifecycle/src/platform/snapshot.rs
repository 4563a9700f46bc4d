//! Takes a snapshot of `<layers>` in a tree.

use std::collections::BTreeMap;
use std::path::Path;

use cnb_core::backend::Entry;
use cnb_core::backend::EntryKind;
use cnb_core::backend::ErrorKind;
use cnb_core::build_metadata::BuildMetadata;
use cnb_core::buildpack::group::Group;
use cnb_core::buildpack::group::GroupElement;
use cnb_core::document::InvalidDocument;
use cnb_oci::layer::slices;
use futures_util::future::try_join_all;
use futures_util::future::try_join3;

use super::error::During as _;
use super::error::Error;
use super::reader::Reader;
use super::step::LAYERS_DIR;
use crate::export::BuildpackDirectory;
use crate::export::Snapshot;
use crate::export::snapshot::DirectoryEntry;
use crate::export::snapshot::has_processes;

const METADATA: &str = "/config/metadata.toml";

/// Reads what the buildpacks of the group left.
pub(super) async fn snapshot(layers: &Reader<'_>, group: &Group) -> Result<Snapshot, Error> {
    // One after another, what backends are asked would take most of the time of a build without a change.
    let metadata = async { layers.read(METADATA).await.during("read what the build phase left") };
    let buildpacks = try_join_all(group.buildpacks.iter().map(|element| buildpack(layers, element)));
    let (bytes, buildpacks, sbom) = try_join3(metadata, buildpacks, list(layers, "/sbom")).await?;
    let text = String::from_utf8_lossy(&bytes);
    let build =
        BuildMetadata::read(Path::new(METADATA), &text).map_err(|source| invalid(METADATA, source))?;
    let has_processes = has_processes(&text);
    let has = |name: &str| sbom.iter().any(|entry| entry.name == name);
    Ok(Snapshot { build, has_processes, buildpacks, launch_sbom: has("launch"), cache_sbom: has("cache") })
}

/// Everything in the application directory, itself included.
pub(super) async fn app_entries(app: &Reader<'_>) -> Result<Vec<slices::Entry>, Error> {
    let entry = |path: &str, is_directory| slices::Entry { path: path.as_bytes().to_vec(), is_directory };
    let mut entries = vec![entry(".", true)];
    let mut pending = vec![String::new()];
    while let Some(parent) = pending.pop() {
        for found in list(app, &format!("/{parent}")).await? {
            let path = if parent.is_empty() { found.name } else { format!("{parent}/{}", found.name) };
            let is_directory = found.kind == EntryKind::Directory;
            entries.push(entry(&path, is_directory));
            if is_directory {
                pending.push(path);
            }
        }
    }
    Ok(entries)
}

async fn buildpack(layers: &Reader<'_>, element: &GroupElement) -> Result<BuildpackDirectory, Error> {
    let directory = format!("/{}", element.id.escape());
    let entries: Vec<_> = list(layers, &directory).await?.into_iter().map(entry).collect();
    let document = |name: String| async {
        match layers.read(&format!("{directory}/{name}")).await {
            Ok(bytes) => Ok(Some((name, bytes.to_vec()))),
            // A dangling link is a missing file.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).during(format!("read `{LAYERS_DIR}{directory}/{name}`")),
        }
    };
    let documents =
        entries.iter().filter(|entry| entry.is_document()).map(|entry| document(entry.name.clone()));
    let documents: BTreeMap<_, _> = try_join_all(documents).await?.into_iter().flatten().collect();
    let path = format!("{LAYERS_DIR}{directory}");
    BuildpackDirectory::read(Path::new(&path), element, &entries, &documents)
        .map_err(|source| invalid("/layers", source))
}

fn entry(entry: Entry) -> DirectoryEntry {
    DirectoryEntry { name: entry.name, is_directory: entry.kind == EntryKind::Directory }
}

/// A missing directory has no entries.
async fn list(tree: &Reader<'_>, path: &str) -> Result<Vec<Entry>, Error> {
    match tree.list(path).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries.during(format!("list `{path}` of what the build phase left")),
    }
}

fn invalid(path: &'static str, source: InvalidDocument) -> Error {
    Error::Document { path, phase: "build", source: Box::new(source) }
}
