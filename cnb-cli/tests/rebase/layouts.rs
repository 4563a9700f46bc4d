//! Images in layouts.

use std::fs;

use cnb_oci::layout::Layout;
use serde_json::json;

use crate::images::App;
use crate::images::RUN;
use crate::images::app_and_new_run;
use crate::images::blob_digest;
use crate::images::diff_id;
use crate::images::files;
use crate::images::put_app;
use crate::images::put_run;
use crate::images::read;
use crate::run::Place;

#[test]
fn config_and_manifest_are_written_and_nothing_else() {
    let place = Place::new();
    let layout = place.path("images");
    app_and_new_run(&layout);
    let (before, (old_manifest, old_config, old_label)) =
        (files(&layout), read(&layout, Some("app"), "amd64"));
    let run = Layout::open(&layout).and_then(|layout| layout.entry(Some(RUN))).expect("an image").digest;

    let done = place.rebase(&["oci:images:app"]);
    let (manifest, config, label) = read(&layout, Some("app"), "amd64");
    let after = files(&layout);
    let new: Vec<_> = after.keys().filter(|path| !before.contains_key(*path)).collect();
    assert_eq!(new.len(), 2, "{new:?}");
    let digest = Layout::open(&layout).and_then(|layout| layout.entry(Some("app"))).expect("an image").digest;
    let image_id = manifest["config"]["digest"].as_str().expect("a digest");
    assert_eq!(
        done.expect(0).stdout,
        format!(
            "Run image cnb.example/run@{run}\nImage ID  {image_id}\nDigest    {digest}\nSaved     oci:images:app\n"
        )
    );
    assert_eq!(done.stderr, "");

    let mut expected = old_manifest;
    expected["config"] = manifest["config"].clone();
    expected["layers"][0]["digest"] = blob_digest("new run").into();
    assert_eq!(manifest, expected, "layers above, media types and annotations stay");
    let mut expected = old_label;
    expected["runImage"] =
        json!({"image": RUN, "topLayer": diff_id("new run"), "reference": format!("cnb.example/run@{run}")});
    assert_eq!(label, expected, "what is not known of the label stays");
    let mut expected = old_config;
    expected["rootfs"]["diff_ids"][0] = diff_id("new run").into();
    expected["history"][0] = json!({"created_by": "made new run"});
    expected["config"]["Labels"] = config["config"]["Labels"].clone();
    assert_eq!(config, expected);
    assert_eq!(config["config"]["Labels"]["io.buildpacks.base.version"], "new run");
    assert_eq!(config["config"]["Labels"]["mine"], "1");
}

#[test]
fn a_rebase_onto_the_same_base_writes_nothing() {
    let place = Place::new();
    let layout = place.path("images");
    app_and_new_run(&layout);
    place.rebase(&["oci:images:app"]).expect(0);
    let changed = |path| fs::metadata(path).and_then(|metadata| metadata.modified()).expect("a file");
    let (before, index) = (files(&layout), changed(layout.join("index.json")));
    let done = place.rebase(&["oci:images:app"]);
    assert!(done.expect(0).stdout.ends_with("\nUnchanged oci:images:app\n"), "{done:#?}");
    assert_eq!(files(&layout), before);
    assert_eq!(changed(layout.join("index.json")), index);

    // Somewhere else it is written, as it is.
    let done = place.rebase(&["oci:images:app", "--output", "oci:other:copy", "--output", "oci:images:app"]);
    assert!(
        done.expect(0).stdout.ends_with("\nSaved     oci:other:copy\nUnchanged oci:images:app\n"),
        "{done:#?}"
    );
    assert_eq!(read(&place.path("other"), Some("copy"), "amd64"), read(&layout, Some("app"), "amd64"));
}

#[test]
fn a_run_image_can_be_anywhere_and_is_copied() {
    let place = Place::new();
    let old = put_run(&place.path("old"), None, "old run", "amd64");
    put_app(&place.path("images"), None, &App::new("old run", &old));
    let new = put_run(&place.path("new"), None, "new run", "amd64");
    place.rebase(&["oci:images", "--run-image", "oci:new"]).expect(0);
    let (manifest, _, label) = read(&place.path("images"), None, "amd64");
    assert_eq!(manifest["layers"][0]["digest"], blob_digest("new run"));
    assert_eq!(label["runImage"]["reference"], format!("cnb.example/run@{}", new.digest));
    let layout = Layout::open(place.path("images")).expect("a layout");
    assert_eq!(layout.index().expect("an index").manifests.len(), 1);
    assert!(layout.blobs().path(&blob_digest("new run").parse().expect("a digest")).exists());
}

#[test]
fn a_damaged_layer_of_the_run_image_is_not_taken_over() {
    let place = Place::new();
    let old = put_run(&place.path("images"), Some("old"), "old run", "amd64");
    put_app(&place.path("images"), Some("app"), &App::new("old run", &old));
    put_run(&place.path("new"), None, "new run", "amd64");
    let layer = place.path("new/blobs").join(blob_digest("new run").replace(':', "/"));
    let mut bytes = fs::read(&layer).expect("a blob");
    bytes[0] ^= 1;
    fs::write(&layer, bytes).expect("a blob");
    let before = files(&place.path("images"));
    let done = place.rebase(&["oci:images:app", "--run-image", "oci:new"]);
    done.expect(4).says("failed to write `oci:images:app`").says("is corrupt");
    assert_eq!(files(&place.path("images")), before);
}

#[test]
fn the_go_lifecycle_loses_history_and_media_types() {
    let place = Place::new();
    let layout = place.path("images");
    app_and_new_run(&layout);
    let rebase = || place.rebase(&["oci:images:app", "--compat", "lifecycle"]);
    rebase().expect(0);
    let (manifest, config, label) = read(&layout, Some("app"), "amd64");
    assert_eq!(manifest["mediaType"], "application/vnd.docker.distribution.manifest.v2+json");
    let created = json!({"created": "1980-01-01T00:00:01Z"});
    assert_eq!(config["history"], json!([created, created, created]));
    assert_eq!(label.get("unknown"), None);
    assert!(rebase().expect(0).stdout.contains("\nUnchanged "));
}
