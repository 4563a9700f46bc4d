//! Small images.

use std::fs;
use std::path::Path;

use cnb_oci::config::History;
use cnb_oci::config::ImageConfig;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::descriptor::Manifest;
use cnb_oci::descriptor::media_type;
use cnb_oci::layout::Layout;
use cnb_oci::platform::Platform;
use tempfile::TempDir;

pub(crate) fn layout() -> (TempDir, Layout) {
    let dir = TempDir::new().expect("a temporary directory");
    let layout = Layout::create(dir.path().join("layout")).expect("a layout");
    (dir, layout)
}

/// A manifest whose config says which image it is.
pub(crate) fn manifest(layout: &Layout, name: &str, architecture: &str) -> Manifest {
    let layer = layout.blobs().put(format!("layer of {name}").as_bytes()).expect("a blob");
    let mut edit = ImageConfig::empty("linux", architecture).edit();
    edit.label("name", name).layer(&layer.digest, &History::default());
    let config = edit.finish().expect("valid");
    let blob = layout.blobs().put(config.bytes()).expect("a blob");
    let config = Descriptor::new(media_type::OCI_CONFIG, blob.digest, blob.size);
    Manifest::new(config, vec![Descriptor::new(media_type::OCI_LAYER, layer.digest, layer.size)])
}

pub(crate) fn put(layout: &Layout, tag: Option<&str>, name: &str) -> Descriptor {
    layout.put_image(tag, &manifest(layout, name, "amd64")).expect("the image can be written")
}

pub(crate) fn name_of(layout: &Layout, tag: Option<&str>) -> String {
    let image = layout.image(tag, &platform("linux/amd64")).expect("the image is there");
    assert_eq!(image.layers().len(), 1);
    image.config.label("name").expect("it has a name").to_owned()
}

pub(crate) fn platform(text: &str) -> Platform {
    text.parse().expect("a platform")
}

pub(crate) fn files(directory: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("readable").file_name();
    let names = fs::read_dir(directory).expect("a directory").map(name);
    let mut names: Vec<_> = names.map(|name| name.into_string().expect("UTF-8")).collect();
    names.sort();
    names
}
