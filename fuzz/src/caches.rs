//! Stores of caches whose documents anybody may have written, and what phases make of them.
//!
//! The first line of an input is the name of the document. In it, `$empty`, `$text` and `$layer` stand for the digests of
//! contents that are there, `$inputs` for those of the recorded phase.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use cnb_cache::store::Budget;
use cnb_cache::store::CacheStore;
use cnb_cache::store::Clock;
use cnb_cache::store::FileStore;
use cnb_cache::store::NamespaceInfo;
use cnb_cache::store::NewEntry;
use cnb_cache::store::VolumeStore;
use cnb_cache::store::Writer;
use cnb_cache::volume::METADATA;
use cnb_core::backend::CacheId;
use cnb_core::buildpack::group::GroupElement;
use cnb_lifecycle::layer_cache::layouts::LayoutStore;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::descriptor::Manifest;
use cnb_oci::descriptor::media_type;
use cnb_oci::layout::Layout;
use serde_json::Value;

mod archive;
mod phases;
mod records;

use crate::Input;
use crate::cage::Cage;
use crate::choice;
use crate::choice::Check;
use crate::listing;

/// Reads one document of any kind.
pub fn check(data: &[u8]) -> Input {
    choice::run(&DOCUMENTS, data)
}

const DOCUMENTS: [(&str, Check); 7] = [
    ("archive", archive::import),
    ("build-record", records::build),
    ("detect-record", records::detect),
    ("image", image),
    ("index", index),
    ("shared", phases::fill),
    ("volume", volume),
];

/// The namespace whose documents are checked.
const NAMESPACE: &str = "fuzz";

/// The layer of the contents, in `<layers>`.
const LAYER: &str = "a_b/layer";

/// A store in files.
fn index(text: &str) {
    let cage = Cage::new();
    holds(&file_store(text, &cage.room(), &cage.room()));
    cage.close();
}

/// Volumes of the lifecycle.
fn volume(text: &str) {
    let cage = Cage::new();
    let (root, layers) = (cage.room(), cage.room());
    let files = root.join(NAMESPACE).join("files");
    let contents = Contents::new(&layers);
    write_volume(&files, &contents, &contents.name(text));
    phases::restore(&files, &layers, text);
    holds(&VolumeStore::new(root, clock()));
    cage.close();
}

/// Cache images in a layout: the config of one.
fn image(text: &str) {
    let cage = Cage::new();
    let (root, layers) = (cage.room(), cage.room());
    let contents = Contents::new(&layers);
    let text = contents.name(text);
    let layout = Layout::create(&root).expect("a layout");
    let put = |media_type: &str, bytes: &[u8]| {
        let blob = layout.blobs().put(bytes).expect("a blob");
        Descriptor::new(media_type, blob.digest, blob.size)
    };
    let blobs: Vec<Descriptor> =
        contents.0.iter().map(|(_, bytes)| put(media_type::OCI_LAYER, bytes)).collect();
    let of = |diff_id: &Value| {
        let named = blobs.iter().find(|blob| Some(blob.digest.as_str()) == diff_id.as_str());
        named.unwrap_or(&blobs[0]).clone()
    };
    let config: Value = serde_json::from_str(&text).unwrap_or_default();
    let diff_ids = config["rootfs"]["diff_ids"].as_array().map(Vec::as_slice).unwrap_or_default();
    let manifest =
        Manifest::new(put(media_type::OCI_CONFIG, text.as_bytes()), diff_ids.iter().map(of).collect());
    layout.put_image(Some(NAMESPACE), &manifest).expect("all blobs are there");
    holds(&LayoutStore::new(root, clock()));
    cage.close();
}

/// What is in a store is what was put there, whatever its documents say. It takes what is new, and gives up all it has.
fn holds(store: &dyn CacheStore) {
    let id = namespace().id;
    let mut expected = read(store, &id);
    let new = NewEntry::new("new", Writer::of("fuzz"));
    store.put_in(&namespace(), new, &mut &b"new"[..]).expect("what cannot be read is replaced");
    expected.insert("new".to_owned(), b"new".to_vec());
    assert_eq!(read(store, &id), expected);
    store.remove(&id, Some(&["new"])).expect("it can be written");
    expected.remove("new");
    assert_eq!(read(store, &id), expected);
    store.prune(&Budget::unlimited().with_unused_since(u64::MAX)).expect("it can be written");
    assert_eq!(store.entries(&id).expect("it can be read"), []);
    assert_eq!(store.namespaces().expect("it can be read"), []);
    store
        .put_in(&namespace(), NewEntry::new("k", Writer::of("fuzz")), &mut &b"x"[..])
        .expect("it can be written");
    store.remove(&id, None).expect("it can be written");
    assert_eq!(read(store, &id), BTreeMap::new());
}

/// The contents that can be read, by their keys.
fn read(store: &dyn CacheStore, id: &CacheId) -> BTreeMap<String, Vec<u8>> {
    let entries = store.entries(id).unwrap_or_default();
    assert!(entries.is_sorted_by(|one, next| one.key < next.key), "{entries:?}");
    let content = |entry: cnb_cache::store::Entry| {
        let bytes = store.bytes(id, &entry).ok()?;
        assert_eq!(
            (cnb_oci::digest(&bytes), bytes.len() as u64),
            (entry.digest, entry.size),
            "{}",
            entry.key
        );
        Some((entry.key, bytes))
    };
    entries.into_iter().filter_map(content).collect()
}

/// A store in `root` with this index. Its layer is one of `layers`.
fn file_store(text: &str, root: &Path, layers: &Path) -> FileStore {
    let contents = Contents::new(layers);
    let (blobs, directory) = (root.join("blobs/sha256"), root.join("ns").join(NAMESPACE));
    for directory in [&blobs, &directory] {
        fs::create_dir_all(directory).expect("a directory");
    }
    for (_, bytes) in &contents.0 {
        fs::write(blobs.join(cnb_oci::digest(bytes).hex()), bytes).expect("a file");
    }
    fs::write(directory.join("index.json"), contents.name(text)).expect("a file");
    FileStore::new(root, clock())
}

fn write_volume(files: &Path, contents: &Contents, metadata: &str) {
    let committed = files.join("committed");
    fs::create_dir_all(&committed).expect("a directory");
    for (_, bytes) in &contents.0 {
        fs::write(committed.join(format!("{}.tar", cnb_oci::digest(bytes))), bytes).expect("a file");
    }
    fs::write(committed.join(METADATA), metadata).expect("a file");
}

/// Contents by the names that documents have for them.
struct Contents([(&'static str, Vec<u8>); 3]);

impl Contents {
    /// With a layer of a buildpack in `layers`.
    fn new(layers: &Path) -> Self {
        let layer = layers.join(LAYER);
        let listing = format!("dir {0}\nfile {0}/f content=x\n", layer.to_str().expect("it is UTF-8"));
        let tar = listing::tar(&listing::read(&listing)[0]);
        Self([("$empty", Vec::new()), ("$text", b"text".to_vec()), ("$layer", tar)])
    }

    /// The text with the digests.
    fn name(&self, text: &str) -> String {
        let digest = |text: String, (name, bytes): &(&str, Vec<u8>)| {
            text.replace(name, cnb_oci::digest(bytes).as_str())
        };
        self.0.iter().fold(text.to_owned(), digest)
    }
}

fn namespace() -> NamespaceInfo {
    NamespaceInfo::new(CacheId::new(NAMESPACE).expect("a plain name"), "")
}

/// Buildpacks that build.
fn group() -> [GroupElement; 2] {
    ["a/b", "x"].map(|id| GroupElement {
        id: id.parse().expect("an ID"),
        version: "1".to_owned(),
        api: "0.10".to_owned(),
        homepage: String::new(),
        optional: false,
    })
}

fn clock() -> Clock {
    Arc::new(|| 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_can_name_what_is_there() {
        let cage = Cage::new();
        let index = r#"{"version":1,"entries":[{"key":"k","writer":{"namespace":"n"},"data":"","digest":"$text","size":4}]}"#;
        let store = file_store(index, &cage.room(), Path::new("/layers"));
        assert_eq!(read(&store, &namespace().id), BTreeMap::from([("k".to_owned(), b"text".to_vec())]));
        cage.close();
    }
}
