//! Images that are missing or damaged.

use std::fs;
use std::path::Path;

use crate::fixture::Fixture;
use crate::layout;
use crate::place::Place;
use crate::place::run;

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn a_builder_that_does_not_exist() {
    let place = Place::new("echo built");
    let no_tag = format!("oci:{}:other", Fixture::get().layout().display());
    for (builder, reason) in [("oci:nowhere:builder", "nowhere"), (no_tag.as_str(), "other")] {
        let done = run(place.build_without_builder().args(["--builder", builder]));
        done.expect(4).says(&format!("error: failed to find the builder `{builder}`")).says(reason);
        place.expect_no_image();
    }
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn a_run_image_that_does_not_exist() {
    let place = Place::new("echo built");
    run(place.build().args(["--run-image", "oci:nowhere"]))
        .expect(4)
        .says("find the run image `oci:nowhere`");
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn transports_that_are_not_there_yet_are_wrong_usage() {
    let place = Place::new("echo built");
    let done = run(place.build_without_builder().args(["--builder", "containers-storage:builder"]));
    done.expect(2).says("containers-storage:builder").says("oci:");
}

/// A builder that was damaged by `damage`, which gets the layout.
fn expect_corrupt(damage: impl Fn(&Path)) {
    let place = Place::new("echo built");
    let copy = place.path("layout");
    layout::copy(&Fixture::get().layout(), &copy);
    damage(&copy);
    let done = run(place.build_without_builder().args(["--builder", "oci:layout:builder"]));
    done.expect(4).says("error: ").says("sha256:").does_not_say("built");
    assert!(done.stderr.contains("corrupt") || done.stderr.contains("digest"), "{done:#?}");
    place.expect_no_image();
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn a_damaged_layer_of_the_builder() {
    expect_corrupt(|layout| {
        let manifest = layout::manifest(layout, "builder");
        let layers = manifest["layers"].as_array().expect("layers");
        layout::damage(&layout::blob(layout, layout::digest(&layers[0])));
    });
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn a_damaged_config_of_the_builder() {
    expect_corrupt(|layout| {
        let manifest = layout::manifest(layout, "builder");
        layout::damage(&layout::blob(layout, layout::digest(&manifest["config"])));
    });
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn a_manifest_of_the_builder_that_ends_too_early() {
    expect_corrupt(|layout| {
        let path = layout::blob(layout, layout::digest(&layout::tagged(layout, "builder")));
        let bytes = fs::read(&path).expect("a manifest");
        fs::write(&path, &bytes[..bytes.len() / 2]).expect("a file");
    });
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn a_damaged_layer_of_the_run_image() {
    let place = Place::new("echo built");
    let copy = place.path("layout");
    layout::copy(&Fixture::get().layout(), &copy);
    let manifest = layout::manifest(&copy, "test/run");
    layout::damage(&layout::blob(&copy, layout::digest(&manifest["layers"][0])));
    let run_image = format!("oci:{}:test/run", copy.display());
    run(place.build().args(["--run-image", &run_image])).expect(4).says("sha256:");
    place.expect_no_image();
}
