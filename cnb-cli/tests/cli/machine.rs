//! Machines that lack something.

use std::fs;
use std::process::Command;

use crate::fixture::Fixture;
use crate::place::Place;
use crate::place::run;

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn without_an_oci_runtime_the_message_says_what_to_install() {
    let place = Place::new("echo built");
    let done = run(place.build().env("PATH", place.path("no-programs")));
    done.expect(5).says("no OCI runtime works here; install one").says("`runc`");
    for tried in ["runc: not installed", "crun: not installed", "youki: not installed"] {
        done.says(tried);
    }
    place.expect_no_image();
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn a_runtime_that_was_asked_for_is_the_only_one_tried() {
    let place = Place::new("echo built");
    let done = run(place.build().args(["--runtime", "/nowhere/runtime"]));
    done.expect(5).says("/nowhere/runtime").does_not_say("crun");
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn a_missing_helper_is_named() {
    let place = Place::new("echo built");
    fs::create_dir(place.path("bin")).expect("a directory");
    for helper in ["cnb-init", "lifecycle"] {
        copy("cnb", &place);
        let mut build = Command::new(place.path("bin/cnb"));
        build.current_dir(place.path("")).args(["build", "app", "--output", "oci:out:app"]);
        build.args(["--cache-dir", "state", "--builder", &Fixture::get().builder()]);
        let done = run(&mut build);
        done.expect(5).says(&format!("the helper program `{helper}` is not installed"));
        done.says("cargo xtask dist");
        copy(helper, &place);
    }
}

/// Copies a program, by one that does nothing else: were it open for writing here, what other tests start meanwhile would
/// have it open too, and nobody could run it.
fn copy(program: &str, place: &Place) {
    let from = Fixture::get().programs.join(program);
    let status = Command::new("cp").arg(from).arg(place.path("bin").join(program)).status();
    assert!(status.expect("`cp` runs").success(), "{program}");
}
