//! What is not done, and what is said of it.

use std::fs;

use crate::images::App;
use crate::images::RUN;
use crate::images::app_and_new_run;
use crate::images::files;
use crate::images::put_app;
use crate::images::put_run;
use crate::images::read;
use crate::run::Place;
use crate::server::Server;

#[test]
fn what_speaks_against_a_rebase_can_be_overridden() {
    for (architecture, is_rebasable, objection) in [
        ("amd64", false, "app image is not marked as rebasable"),
        ("arm64", true, "unable to satisfy target os/arch constraints"),
    ] {
        let place = Place::new();
        let layout = place.path("images");
        let old = put_run(&layout, Some("old"), "old run", "amd64");
        put_app(&layout, Some("app"), &App { is_rebasable, ..App::new("old run", &old) });
        put_run(&layout, Some(RUN), "new run", architecture);
        let before = files(&layout);
        let done = place.rebase(&["oci:images:app"]);
        done.expect(72).says("error: `oci:images:app` cannot be rebased").says(objection).says("--force");
        assert_eq!(files(&layout), before);
        let server = Server::start();
        server.need_password("me", "secret");
        let unwritable = ["--output", &format!("docker://{}", server.image("app"))];
        let done = place.rebase(&[&["oci:images:app", "--force", "--json"], &unwritable[..]].concat());
        let events: Vec<_> = done.events().iter().map(|event| event["event"].clone()).collect();
        assert_eq!(events, ["warning", "error"], "{done:?}");
        let done = place.rebase(&["oci:images:app", "--force"]);
        done.expect(0).says("warning: `oci:images:app` for linux/amd64").says(objection);
        assert_eq!(read(&layout, Some("app"), architecture).1["architecture"], architecture);
    }
}

#[test]
fn a_missing_run_image_is_named() {
    let place = Place::new();
    let old = put_run(&place.path("images"), Some("old"), "old run", "amd64");
    let server = Server::start();
    let run_image = serde_json::json!({"image": server.image("run"), "mirrors": [server.image("mirror")]});
    put_app(&place.path("images"), Some("app"), &App { run_image, ..App::new("old run", &old) });
    let done = place.rebase(&["oci:images:app"]);
    done.expect(4)
        .says("no run image: `oci:images:app` is on")
        .says(&server.image("run"))
        .says("not beside it");
    assert_eq!(server.count("GET", "/mirror/"), 1);
    let nameless = App { run_image: serde_json::json!({}), ..App::new("old run", &old) };
    put_app(&place.path("images"), Some("app"), &nameless);
    let done = place.rebase(&["oci:images:app"]);
    done.expect(4).says("`oci:images:app` does not say which one it is on").says("--run-image IMAGE");
    let done = place.rebase(&["oci:images:app", "--run-image", "oci:images:nothing"]);
    done.expect(4).says("failed to find the run image `oci:images:nothing`").says("it has old, app");
    place.rebase(&["oci:images:app", "--run-image", "oci:images:old"]).expect(0);
}

#[test]
fn an_image_that_is_not_there_or_is_no_application_is_named() {
    let place = Place::new();
    app_and_new_run(&place.path("images"));
    place.rebase(&["oci:nowhere:app"]).expect(4).says("failed to read the image `oci:nowhere:app`");
    place.rebase(&["oci:images:other"]).expect(4).says("it has cnb.example/run:1, app");
    let done = place.rebase(&[&format!("oci:images:{RUN}"), "--run-image", "oci:images:app"]);
    done.expect(72).says("cannot be rebased\n  caused by: ").says("help: build it anew");
    let done = place.rebase(&["oci:nowhere:app", "--json"]).expect(4).json();
    assert_eq!((&done["event"], &done["exit_code"]), (&"error".into(), &4.into()));
}

#[test]
fn transports_that_are_not_there_are_wrong_usage() {
    let place = Place::new();
    app_and_new_run(&place.path("images"));
    let before = files(&place.path("images"));
    place.rebase(&["containers-storage:app", "--output", "oci:out"]).expect(2).says("containers-storage:app");
    place.rebase(&["oci:images:app", "--output", "containers-storage:app"]).expect(2).says("oci-archive:");
    let digest = format!("docker://registry.test/app@sha256:{}", "0".repeat(64));
    place.rebase(&["oci:images:app", "--output", &digest]).expect(2).says("needs a tag");
    assert_eq!(files(&place.path("images")), before);
}

#[test]
fn outputs_that_cannot_be_written_are_told_before_anything_is_read() {
    let place = Place::new();
    app_and_new_run(&place.path("images"));
    fs::write(place.path("notes"), "what somebody wrote").expect("a file");
    for output in ["oci-archive:notes", "oci:notes:app", "oci-archive:nowhere/app.tar"] {
        let done = place.rebase(&["oci:images:app", "--output", "oci:new:app", "--output", output]);
        done.expect(62).says(&format!("the image cannot be written to `{output}`: ")).says("help: name a");
        assert!(!place.path("new").exists(), "{output}");
    }
    assert_eq!(fs::read(place.path("notes")).expect("a file"), b"what somebody wrote");
}
