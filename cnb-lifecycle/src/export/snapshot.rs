//! What a build left in `<layers>`, as far as an exporter looks at it.
//!
//! Source: `buildpack/layers.go` of the lifecycle.

pub mod fs;

use std::collections::BTreeMap;
use std::path::Path;

use cnb_core::build_metadata::BuildMetadata;
use cnb_core::buildpack::group::GroupElement;
use cnb_core::buildpack::layer::Layer;
use cnb_core::buildpack::store::Store;
use cnb_core::document::InvalidDocument;

/// `<layers>` after a build.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// `config/metadata.toml`.
    pub build: BuildMetadata,
    /// Whether that file has a key `processes`: the label tells an empty list from none.
    pub has_processes: bool,
    /// The directories of the buildpacks of the group, in its order.
    pub buildpacks: Vec<BuildpackDirectory>,
    /// Whether `sbom/launch` exists.
    pub launch_sbom: bool,
    /// Whether `sbom/cache` exists.
    pub cache_sbom: bool,
}

/// Whether the text of a metadata.toml has a key `processes`, in any case as all keys that Go reads.
pub(crate) fn has_processes(text: &str) -> bool {
    let is_processes = |key: &String| key.eq_ignore_ascii_case("processes");
    text.parse::<toml::Table>().is_ok_and(|table| table.keys().any(is_processes))
}

/// `<layers>/<buildpack>`.
#[derive(Clone, Debug)]
pub struct BuildpackDirectory {
    /// The buildpack.
    pub buildpack: GroupElement,
    /// Its layers, in byte order of their names.
    pub layers: Vec<LayerDirectory>,
    /// Its store.toml.
    pub store: Option<Store>,
}

/// `<layers>/<buildpack>/<layer>` and the file beside it.
#[derive(Clone, Debug)]
pub struct LayerDirectory {
    /// Its name.
    pub name: String,
    /// Whether there is something at that path; an empty directory is something.
    pub has_contents: bool,
    /// What `<layer>.toml` says; nothing when there is no such file.
    pub file: Result<Layer, InvalidDocument>,
}

/// Something in the directory of a buildpack.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DirectoryEntry {
    /// Its name.
    pub name: String,
    /// Whether it is a directory; a link to one is not.
    pub is_directory: bool,
}

impl DirectoryEntry {
    /// Whether [`BuildpackDirectory::read`] needs the content of this entry.
    pub fn is_document(&self) -> bool {
        !self.is_directory && self.name.strip_suffix(".toml").is_some()
    }
}

impl BuildpackDirectory {
    /// Reads `<layers>/<buildpack>`, which is called `path` in errors, from its entries and the content of
    /// [each document](DirectoryEntry::is_document). A missing directory has no entries.
    ///
    /// # Errors
    /// When store.toml is malformed. A malformed `<layer>.toml` is kept in [`LayerDirectory::file`].
    pub fn read(
        path: &Path,
        buildpack: &GroupElement,
        entries: &[DirectoryEntry],
        documents: &BTreeMap<String, Vec<u8>>,
    ) -> Result<Self, InvalidDocument> {
        let document = |name: &str| documents.get(name).map(|bytes| (path.join(name), bytes.as_slice()));
        let entry = |name: &str| entries.iter().find(|entry| entry.name == name);
        let layer_file = |name: String| match document(&name) {
            Some((file, bytes)) => text(&file, bytes).and_then(|text| Layer::read(&file, text)),
            None if entry(&name).is_some_and(|entry| entry.is_directory) => {
                Err(InvalidDocument::new(&path.join(name), "it is a directory"))
            }
            None => Ok(Layer::default()),
        };
        let layer = |name: &str| LayerDirectory {
            name: name.to_owned(),
            has_contents: entry(name).is_some(),
            file: layer_file(format!("{name}.toml")),
        };
        let store = document("store.toml")
            .map(|(file, bytes)| text(&file, bytes).and_then(|text| Store::read(&file, text)))
            .transpose()?;
        let mut names: Vec<&str> = entries.iter().filter_map(layer_name).collect();
        names.sort_unstable();
        names.dedup();
        let layers = names.into_iter().map(layer).collect();
        Ok(Self { buildpack: buildpack.clone(), layers, store })
    }

    /// What a layer is called in messages and where layers are sorted: `<buildpack>:<layer>`.
    pub fn identifier(&self, layer: &LayerDirectory) -> String {
        format!("{}:{}", self.buildpack.id, layer.name)
    }

    /// The path of a layer in `<layers>`.
    pub fn path(&self, layer: &LayerDirectory) -> String {
        format!("{}/{}", self.buildpack.id.escape(), layer.name)
    }
}

fn layer_name(entry: &DirectoryEntry) -> Option<&str> {
    if entry.is_directory {
        return Some(&entry.name);
    }
    let name = entry.name.strip_suffix(".toml")?;
    (!matches!(name, "store" | "launch" | "build")).then_some(name)
}

fn text<'a>(file: &Path, bytes: &'a [u8]) -> Result<&'a str, InvalidDocument> {
    std::str::from_utf8(bytes).map_err(|_| InvalidDocument::new(file, "the file is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_directories_and_documents_without_one() {
        let entries = [
            ("b", true),
            ("a.toml", false),
            ("b.toml", false),
            ("launch.toml", false),
            ("build.toml", false),
            ("store.toml", false),
            ("c.toml", false),
            ("c", false),
            ("notes.txt", false),
            ("x.sbom.cdx.json", false),
            ("d", true),
            ("d.toml", true),
        ]
        .map(|(name, is_directory)| DirectoryEntry { name: name.to_owned(), is_directory });
        let documents = [
            ("a.toml", "[types]\nlaunch = true\n"),
            ("b.toml", "types = 1\n"),
            ("c.toml", ""),
            ("store.toml", "[metadata]\nk = 1\n"),
            ("build.toml", "x"),
        ]
        .map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
        let buildpack = GroupElement {
            id: "x/y".parse().expect("an ID"),
            version: "1".to_owned(),
            api: "0.10".to_owned(),
            homepage: String::new(),
            optional: false,
        };
        let directory = BuildpackDirectory::read(
            Path::new("/layers/x_y"),
            &buildpack,
            &entries,
            &BTreeMap::from(documents),
        )
        .expect("a directory");
        let found: Vec<_> =
            directory.layers.iter().map(|l| (l.name.as_str(), l.has_contents, l.file.is_ok())).collect();
        let expected = [
            ("a", false, true),
            ("b", true, false),
            ("c", true, true),
            ("d", true, false),
            ("d.toml", true, true),
        ];
        assert_eq!(found, expected);
        assert!(directory.store.is_some_and(|store| store.metadata.is_some()));
    }
}
