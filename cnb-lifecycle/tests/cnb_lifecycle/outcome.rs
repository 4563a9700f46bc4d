//! What phases left: images and caches, every byte of which is checked.
#![allow(dead_code, reason = "each test program uses its own part")]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use cnb_cache::volume::VolumeCache;
use cnb_oci::image::Image;
use cnb_oci::layout;
use cnb_oci::layout::Layout;
use cnb_oci::platform::Platform;

/// The image in the layout at a path; none when there is none yet.
pub(crate) fn image(path: &str) -> Option<Image> {
    let layout = match Layout::open(path) {
        Err(layout::Error::NoLayout { .. }) => return None,
        layout => layout.expect("a layout"),
    };
    if layout.index().expect("an index").manifests.is_empty() {
        return None;
    }
    let image = layout.image(None, &Platform::host()).expect("one image");
    for blob in image.manifest.layers.iter().chain([&image.manifest.config]) {
        layout.blobs().verify(&blob.digest, blob.size).expect("a whole blob");
    }
    Some(image)
}

/// The digest of the image in the layout at a path.
pub(crate) fn digest(path: &str) -> Option<String> {
    image(path).map(|image| image.descriptor.digest.to_string())
}

/// Panics when the layout at a path has something that is not of one of these images.
pub(crate) fn expect_nothing_but(path: &str, images: &[&Image]) {
    assert_eq!(names(path), ["blobs", "index.json", "oci-layout"]);
    let parts = images.iter().flat_map(|image| {
        let parts = image.manifest.layers.iter().chain([&image.manifest.config, &image.descriptor]);
        parts.map(|part| part.digest.hex().to_owned())
    });
    let parts: BTreeSet<String> = parts.collect();
    let found = names(&format!("{path}/blobs/sha256"));
    let strangers: Vec<&String> = found.iter().filter(|name| !parts.contains(*name)).collect();
    assert!(strangers.is_empty(), "{strangers:?}");
}

/// The layers in a volume cache, by buildpack and name, and its SBOM. All that the metadata names is there.
pub(crate) fn cache(directory: &str) -> BTreeMap<String, Vec<u8>> {
    let cache = VolumeCache::open(Path::new(directory)).expect("a cache");
    let metadata = cache.metadata().expect("metadata");
    let layers = metadata.buildpacks.iter().flat_map(|buildpack| {
        buildpack.layers.iter().map(|(name, layer)| (format!("{}:{name}", buildpack.id), layer.sha.clone()))
    });
    let sbom = metadata.sbom.get().map(|sha| ("sbom".to_owned(), sha.to_owned()));
    let read = |(name, sha): (String, String)| {
        let mut bytes = Vec::new();
        cache.read(&sha).expect("a whole layer").read_to_end(&mut bytes).expect("a file");
        (name, bytes)
    };
    layers.chain(sbom).map(read).collect()
}

/// The names in a directory, sorted.
pub(crate) fn names(directory: &str) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name().into_string();
    let mut names: Vec<String> = entries.map(|entry| name(entry).expect("UTF-8")).collect();
    names.sort();
    names
}
