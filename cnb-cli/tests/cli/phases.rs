//! Phases that fail.

use crate::place::Place;
use crate::place::run;

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn no_group_passes() {
    let place = Place::without_buildpack();
    place.write("app/index.html", "hello");
    let done = run(&mut place.build());
    done.expect(20).says("test/script").says("error: no group of buildpacks passed detection").says("help:");
    place.expect_no_image();
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn a_detection_that_fails_is_told_apart() {
    let place = Place::new("exit 0");
    place.write("app/detect", "echo detection broke; exit 7");
    let done = run(&mut place.build());
    done.expect(21).says("detection broke").says("and a buildpack failed");
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn a_buildpack_that_fails_has_the_last_word() {
    let place = Place::new("echo compiling; echo line 3: no such thing >&2; exit 9");
    let done = run(&mut place.build());
    done.expect(51).says("compiling").says("line 3: no such thing").says("error: a buildpack failed");
    let (output, error) = done.stderr.split_once("error: a buildpack failed").expect("both are there");
    assert!(output.contains("line 3: no such thing") && !error.contains("compiling"), "{done:#?}");
    place.expect_no_image();
    place.expect_next_build_to_work();
}
