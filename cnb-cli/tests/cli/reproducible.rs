//! One application is one image, wherever and however it is built.

use std::process::Command;

use crate::fixture::Fixture;
use crate::place::Place;
use crate::place::run;

const LAYER: &str = "
mkdir -p $layers/dep/bin
echo content > $layers/dep/bin/program
printf '[types]\\nlaunch = true\\n' > $layers/dep.toml
";

/// Checks the application out and builds it under a umask, in a directory of its own.
fn image_id(umask: &str) -> String {
    let place = Place::new(LAYER);
    place.write("app/src/main", "hello");
    let script = "umask $1 && cp -r app checkout && shift && exec \"$@\"";
    let mut build = Command::new("/bin/sh");
    build.current_dir(place.path("")).args(["-c", script, "sh", umask]);
    build.arg(Fixture::get().programs.join("cnb")).args(["build", "checkout", "--output", "oci:out:app"]);
    run(build.args(["--cache-dir", "state", "--builder", &Fixture::get().builder()])).expect(0);
    place.image_id()
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn neither_the_umask_nor_the_directory_changes_the_image() {
    let first = image_id("022");
    for umask in ["022", "002", "077"] {
        assert_eq!(image_id(umask), first, "umask {umask}");
    }
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn a_file_of_the_application_changes_the_image() {
    let place = Place::new(LAYER);
    run(&mut place.build()).expect(0);
    let first = place.image_id();
    place.write("app/src/main", "other");
    let done = run(&mut place.build());
    done.expect(0).says("Adding layer 'slice-1'").says("Reusing layer 'test/script:dep'");
    assert_ne!(place.image_id(), first);
}
