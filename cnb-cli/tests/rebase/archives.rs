//! Images in archives.

use std::fs;
use std::io;
use std::io::Write as _;

use cnb_oci::archive::oci;
use cnb_oci::layout::Layout;
use serde_json::Value;

use crate::done::run;
use crate::images::RUN;
use crate::images::app_and_new_run;
use crate::images::blob_digest;
use crate::images::read;
use crate::run::Place;

/// A place with the archive `images.tar`.
fn place() -> Place {
    let place = Place::new();
    app_and_new_run(&place.path("images"));
    let layout = Layout::open(place.path("images")).expect("a layout");
    oci::write(&layout, &place.path("images.tar")).expect("an archive");
    fs::remove_dir_all(place.path("images")).expect("it is there");
    place
}

#[test]
fn an_archive_keeps_its_other_images() {
    let place = place();
    let temporary = place.path("temporary");
    fs::create_dir(&temporary).expect("a directory");
    let done = place.rebase_in(&temporary, &["oci-archive:images.tar:app"]);
    assert!(done.expect(0).stdout.ends_with("Saved     oci-archive:images.tar:app\n"), "{done:#?}");
    oci::read(&place.path("images.tar"), &place.path("images")).expect("an archive");
    let (manifest, ..) = read(&place.path("images"), Some("app"), "amd64");
    assert_eq!(manifest["layers"][0]["digest"], blob_digest("new run"));
    read(&place.path("images"), Some(RUN), "amd64");
    let old = blob_digest("old run").replace(':', "/");
    assert!(!place.path("images/blobs").join(old).exists(), "nothing needs it");
    assert_eq!(fs::read_dir(&temporary).expect("a directory").count(), 0);

    let before = fs::read(place.path("images.tar")).expect("a file");
    assert!(place.rebase(&["oci-archive:images.tar:app"]).expect(0).stdout.contains("\nUnchanged "));
    assert_eq!(fs::read(place.path("images.tar")).expect("a file"), before);
}

#[test]
fn an_image_goes_to_every_kind_of_output() {
    let place = place();
    let before = fs::read(place.path("images.tar")).expect("a file");
    let done = place.rebase(&[
        "oci-archive:images.tar:app",
        "--output=oci:layout:app",
        "--output=oci-archive:other.tar",
        "--output=docker-archive:docker.tar:example/app:1",
        "--json",
    ]);
    let said = done.expect(0).json();
    assert_eq!(said["outputs"].as_array().map(Vec::len), Some(3));
    assert_eq!(fs::read(place.path("images.tar")).expect("a file"), before);
    oci::read(&place.path("other.tar"), &place.path("other")).expect("an archive");
    let (manifest, config, label) = read(&place.path("layout"), Some("app"), "amd64");
    assert_eq!(read(&place.path("other"), None, "amd64"), (manifest.clone(), config, label));
    let archive = fs::read(place.path("docker.tar")).expect("a file");
    let image_id = manifest["config"]["digest"].as_str().expect("a digest");
    let text = String::from_utf8_lossy(&archive);
    assert!(text.contains(&format!("blobs/sha256/{}", &image_id[7..])) && text.contains("example/app:1"));
    assert_eq!(said["images"][0]["image_id"], Value::from(image_id));
}

#[test]
fn an_archive_may_come_through_a_pipe_and_the_image_goes_elsewhere() {
    let place = place();
    let archive = fs::read(place.path("images.tar")).expect("a file");
    let rebase = |arguments: &[&str]| {
        let (reader, mut writer) = io::pipe().expect("a pipe");
        let mut rebase = place.cnb();
        rebase.args(["rebase", "oci-archive:/dev/stdin:app"]).args(arguments).stdin(reader);
        std::thread::scope(|scope| {
            // Who is refused does not read it.
            let archive = &archive;
            scope.spawn(move || writer.write_all(archive));
            let done = run(&mut rebase);
            drop(rebase);
            done
        })
    };
    rebase(&["--output", "oci:layout:app"]).expect(0);
    let (manifest, ..) = read(&place.path("layout"), Some("app"), "amd64");
    assert_eq!(manifest["layers"][0]["digest"], blob_digest("new run"));
    rebase(&[]).expect(2).says("cannot be rebased in its place").says("--output");
}
