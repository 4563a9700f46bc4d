//! The public suite.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use cnb_core::backend::File;
use cnb_core::conformance;
use cnb_core::conformance::Dialect;
use cnb_core::conformance::Target;
use cnb_oci::config::History;
use cnb_oci::config::ImageConfig;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::descriptor::Manifest;
use cnb_oci::descriptor::media_type;
use cnb_oci::gzip::GzipWriter;
use cnb_oci::layer;
use cnb_oci::layer::LayerWriter;
use cnb_oci::layout::Layout;
use cnb_oci::platform::Platform;
use futures_lite::future::block_on;

use crate::mode::Inside;

pub(crate) fn suite(inside: &Inside) {
    let scratch = inside.own().join("scratch");
    std::fs::create_dir(&scratch).expect("the directory is the user's");
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let root = inside.own().join("root");
    make_image(&root, &inside.program("cnb-probe"));
    let root = format!("oci:{}:probe", root.display()).parse().expect("a transport and a path");
    let outputs = inside.own().join("out");
    let target = Target::new(Arc::new(inside.backend()), root)
        .with_output(move |name| format!("oci:{}:{name}", outputs.display()).parse().expect("a path"))
        .with_scratch(scratch)
        .with_dialect(Dialect::Lifecycle)
        .with_reachable(listener.local_addr().expect("it is bound"));
    let report = block_on(conformance::run(&target));
    assert!(report.failed.is_empty(), "{report}");
    assert!(report.passed.len() >= 100, "{report}");
}

/// An image of one layer with the probe.
fn make_image(directory: &Path, probe: &Path) {
    let layout = Layout::create(directory).expect("the directory is the user's");
    let mut layer = LayerWriter::new(Vec::new(), layer::Dialect::Lifecycle);
    let probe = File::regular(Target::PROBE, std::fs::read(probe).expect("it was built")).with_mode(0o755);
    layer.file(&probe).expect("there is memory");
    let (tar, written) = layer.finish().expect("there is memory");
    let mut gzip = GzipWriter::new(Vec::new());
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
}
