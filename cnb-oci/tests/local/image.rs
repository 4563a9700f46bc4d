//! An image to run the probe in.

use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::backend::File;
use cnb_core::conformance::Target;
use cnb_oci::compression::Compressor;
use cnb_oci::config::History;
use cnb_oci::config::ImageConfig;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::descriptor::Manifest;
use cnb_oci::descriptor::media_type;
use cnb_oci::layer;
use cnb_oci::layer::LayerWriter;
use cnb_oci::layout::Layout;
use cnb_oci::platform::Platform;

/// An image of one layer with the probe, in a new layout. Returns the file of the layer.
pub(crate) fn make(directory: &Path, probe: &Path) -> PathBuf {
    let probe = File::regular(Target::PROBE, std::fs::read(probe).expect("it was built")).with_mode(0o755);
    make_of(directory, &[probe])
}

/// An image of one layer with these files, in a new layout. Returns the file of the layer.
pub(crate) fn make_of(directory: &Path, files: &[File]) -> PathBuf {
    let layout = Layout::create(directory).expect("the directory is the user's");
    let mut layer = LayerWriter::new(Vec::new(), layer::Dialect::Lifecycle);
    files.iter().try_for_each(|file| layer.file(file)).expect("there is memory");
    let (tar, written) = layer.finish().expect("there is memory");
    let mut gzip = Compressor::default().writer(Vec::new());
    gzip.write_all(&tar).expect("there is memory");
    let blob = layout.blobs().put(&gzip.finish().expect("there is memory")).expect("there is space");
    let platform = Platform::host();
    let history = History { created: "1980-01-01T00:00:01Z".to_owned(), created_by: "probe".to_owned() };
    let config = ImageConfig::empty(&platform.os, &platform.architecture)
        .edit()
        .layer(&written.diff_id, &history)
        .finish()
        .expect("it is complete");
    let stored = layout.blobs().put(config.bytes()).expect("there is space");
    let manifest = Manifest::new(
        Descriptor::new(media_type::OCI_CONFIG, stored.digest, stored.size),
        vec![Descriptor::new(media_type::OCI_LAYER_GZIP, blob.digest, blob.size)],
    );
    layout.put_image(Some("probe"), &manifest).expect("its blobs are there");
    layout.blobs().path(&manifest.layers[0].digest)
}
