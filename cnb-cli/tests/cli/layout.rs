//! What is in an OCI layout, and ways to break it.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

/// A blob of a layout.
pub(crate) fn blob(layout: &Path, digest: &str) -> PathBuf {
    layout.join("blobs").join(digest.replace(':', "/"))
}

/// The descriptor of the manifest with a tag.
pub(crate) fn tagged(layout: &Path, tag: &str) -> Value {
    let index: Value = read(&layout.join("index.json"));
    let manifests = index["manifests"].as_array().expect("an index lists manifests");
    let has_tag = |found: &&Value| found["annotations"]["org.opencontainers.image.ref.name"] == tag;
    manifests.iter().find(has_tag).expect("the tag is there").clone()
}

/// The manifest with a tag.
pub(crate) fn manifest(layout: &Path, tag: &str) -> Value {
    read(&blob(layout, digest(&tagged(layout, tag))))
}

/// The digest of a descriptor.
pub(crate) fn digest(descriptor: &Value) -> &str {
    descriptor["digest"].as_str().expect("a descriptor has a digest")
}

/// The digest of the blob that is the layer with a diffID.
pub(crate) fn layer(layout: &Path, tag: &str, diff_id: &str) -> String {
    let manifest = manifest(layout, tag);
    let config: Value = read(&blob(layout, digest(&manifest["config"])));
    let diff_ids = config["rootfs"]["diff_ids"].as_array().expect("a config lists its layers");
    let index = diff_ids.iter().position(|found| found == diff_id).expect("the layer is there");
    digest(&manifest["layers"][index]).to_owned()
}

/// Copies a layout.
pub(crate) fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp starts");
    assert!(status.success());
}

/// Turns a bit of a file.
pub(crate) fn damage(path: &Path) {
    let mut bytes = fs::read(path).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).expect("a file");
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
}
