//! The public suite.

use std::net::TcpListener;
use std::sync::Arc;

use cnb_core::conformance;
use cnb_core::conformance::Dialect;
use cnb_core::conformance::Target;
use futures_lite::future::block_on;

use crate::image;
use crate::mode::Inside;

pub(crate) fn suite(inside: &Inside) {
    let scratch = inside.own().join("scratch");
    std::fs::create_dir(&scratch).expect("the directory is the user's");
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let root = inside.own().join("root");
    image::make(&root, &inside.program("cnb-probe"));
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
