//! Images for several platforms.

use std::path::Path;

use cnb_oci::descriptor::Descriptor;
use cnb_oci::descriptor::Index;
use cnb_oci::layout::Layout;
use serde_json::json;

use crate::images::App;
use crate::images::RUN;
use crate::images::blob_digest;
use crate::images::entry;
use crate::images::files;
use crate::images::put;
use crate::images::put_app;
use crate::images::put_index;
use crate::images::put_run;
use crate::images::read;
use crate::run::Place;

const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];

/// Puts an index of run images; of those named in `newer` the newer one.
fn put_runs(layout: &Path, newer: &[&str]) -> Vec<Descriptor> {
    let run = |architecture: &&str| {
        let age = if newer.contains(architecture) { "new" } else { "old" };
        put_run(layout, Some("part"), &format!("{age} run {architecture}"), architecture)
    };
    let runs: Vec<_> = ARCHITECTURES.iter().map(run).collect();
    let entries = runs.iter().zip(ARCHITECTURES);
    put_index(
        layout,
        RUN,
        entries.map(|(run, architecture)| entry(run, &format!("linux/{architecture}"))).collect(),
    );
    runs
}

/// Puts an index of applications, with an attestation of each.
fn put_apps(layout: &Path) {
    let runs = put_runs(layout, &[]);
    let mut entries = Vec::new();
    for (run, architecture) in runs.iter().zip(ARCHITECTURES) {
        let layer = format!("old run {architecture}");
        let app = put_app(layout, Some("part"), &App { architecture, ..App::new(&layer, run) });
        let mut of_app = entry(&app, &format!("linux/{architecture}"));
        of_app.annotations.insert("mine".to_owned(), architecture.into());
        entries.push(of_app);
    }
    for (app, architecture) in entries.clone().iter().zip(ARCHITECTURES) {
        let attestation = put(layout, Some("part"), &[&format!("attestation {architecture}")], json!({}));
        let mut attestation = entry(&attestation, "unknown/unknown");
        attestation.annotations.insert("vnd.docker.reference.type".to_owned(), "attestation-manifest".into());
        let subject = app.digest.to_string();
        attestation.annotations.insert("vnd.docker.reference.digest".to_owned(), subject.into());
        entries.push(attestation);
    }
    put_index(layout, "app", entries);
}

fn index(layout: &Path) -> Index {
    let layout = Layout::open(layout).expect("a layout");
    let entry = layout.entry(Some("app")).expect("an image");
    serde_json::from_slice(&layout.blobs().read(&entry.digest, entry.size).expect("a blob"))
        .expect("an index")
}

#[test]
fn each_platform_gets_its_run_image() {
    let place = Place::new();
    let layout = place.path("images");
    put_apps(&layout);
    put_runs(&layout, &ARCHITECTURES);
    let before = files(&layout).len();
    let done = place.rebase(&["oci:images:app", "--json"]);
    let said = done.expect(0).json();
    assert!(
        said["warnings"][0].as_str().expect("text").starts_with("2 attestation(s) of `oci:images:app`"),
        "{said}"
    );
    let platforms: Vec<_> =
        said["images"].as_array().expect("a list").iter().map(|image| &image["platform"]).collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
    // An index, two manifests and two configs.
    assert_eq!(files(&layout).len(), before + 5);
    let index = index(&layout);
    assert_eq!(index.manifests.len(), 2);
    for (entry, architecture) in index.manifests.iter().zip(ARCHITECTURES) {
        let (manifest, config, _) = read(&layout, Some("app"), architecture);
        assert_eq!(manifest["layers"][0]["digest"], blob_digest(&format!("new run {architecture}")));
        assert_eq!(config["architecture"], architecture);
        assert_eq!(entry.annotations["mine"], architecture);
    }
    let after = files(&layout);
    let done = place.rebase(&["oci:images:app"]);
    assert!(done.expect(0).stdout.contains("Platform  linux/arm64\nRun image cnb.example/run@"), "{done:#?}");
    assert!(done.stdout.ends_with("\nUnchanged oci:images:app\n"), "{done:#?}");
    assert_eq!(files(&layout), after);
}

#[test]
fn attestations_stay_with_images_that_stay() {
    let place = Place::new();
    let layout = place.path("images");
    put_apps(&layout);
    let before = index(&layout);
    // Nothing is new.
    let done = place.rebase(&["oci:images:app", "--output", "oci:other:app"]);
    assert_eq!(done.expect(0).stderr, "");
    assert_eq!(index(&place.path("other")), before);

    put_runs(&layout, &["amd64"]);
    place.rebase(&["oci:images:app"]).expect(0).says("1 attestation(s)");
    let after = index(&layout);
    assert_eq!(after.manifests[1..], [before.manifests[1].clone(), before.manifests[3].clone()]);
    assert_ne!(after.manifests[0].digest, before.manifests[0].digest);
}

#[test]
fn an_image_for_another_machine_gets_the_run_image_for_that() {
    let place = Place::new();
    let layout = place.path("images");
    let runs = put_runs(&layout, &[]);
    let app = App { architecture: "arm64", ..App::new("old run arm64", &runs[1]) };
    put_app(&layout, Some("app"), &app);
    put_runs(&layout, &ARCHITECTURES);
    place.rebase(&["oci:images:app"]).expect(0);
    let (manifest, ..) = read(&layout, Some("app"), "arm64");
    assert_eq!(manifest["layers"][0]["digest"], blob_digest("new run arm64"));
}

#[test]
fn an_archive_for_docker_has_one_image() {
    let place = Place::new();
    put_apps(&place.path("images"));
    let done = place.rebase(&["oci:images:app", "--output", "oci:out", "--output", "docker-archive:app.tar"]);
    done.expect(2).says("docker-archive:app.tar");
    assert!(!place.path("out").exists() && !place.path("app.tar").exists());
}
