//! The proof that the workshop is a backend.

use std::sync::Arc;

use cnb_core::conformance;
use cnb_core::conformance::Target;
use custom_backend::Workshop;
use futures_lite::future::block_on;

#[test]
fn the_workshop_is_a_backend() {
    let root = "workshop:root".parse().expect("a name");
    let workshop = Workshop::new(4);
    workshop.add_image(&root, vec![Workshop::program(Target::PROBE)]).expect("the transport is its own");
    let scratch = tempfile::tempdir().expect("a place for files");
    let target = Target::new(Arc::new(workshop), root)
        .with_output(|name| format!("workshop:{name}").parse().expect("a transport and a name"))
        .with_scratch(scratch.path())
        .with_reachable("192.0.2.1:80".parse().expect("an address"));
    let report = block_on(conformance::run(&target));
    println!("{report}");
    assert!(report.failed.is_empty(), "{report}");
}
