//! What is wrong in a project.toml is shown where it is.

use crate::fixture::Fixture;
use crate::place::Place;
use crate::place::run;

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn no_project_toml_is_needed() {
    let place = Place::new("echo built");
    run(&mut place.build()).expect(0).says("built").does_not_say("project.toml");
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn invalid_descriptors_are_shown_with_line_and_column() {
    for (text, place_in_file, message) in [
        ("[_]\nname = \n", "app/project.toml:2:", "name = "),
        ("[_]\nschema-version = \"9.9\"\n", "app/project.toml:2:18", "unknown schema version `9.9`"),
        (
            "[_]\nschema-version = \"0.2\"\n[io.buildpacks]\ninclude = [\"a\"]\nexclude = [\"b\"]\n",
            "app/project.toml:5:1",
            "`include` and `exclude` cannot be used together",
        ),
    ] {
        let place = Place::new("echo built");
        place.write("app/project.toml", text);
        let done = run(&mut place.build());
        done.expect(3).says("error").says(place_in_file).says(message).does_not_say("built");
        place.expect_no_image();
    }
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn an_unknown_key_is_a_warning() {
    let place = Place::new("echo built");
    place.write("app/project.toml", "[_]\nschema-version = \"0.2\"\nnaem = \"x\"\n");
    run(&mut place.build()).expect(0).says("warning: app/project.toml:3:1: unknown key `_.naem`");
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn without_a_builder_the_message_says_how_to_name_one() {
    let place = Place::new("echo built");
    run(&mut place.build_without_builder()).expect(2).says("error: no builder").says("--builder IMAGE");
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn a_builder_of_the_descriptor_must_be_an_image_name() {
    let place = Place::new("echo built");
    let builder =
        |name: &str| format!("[_]\nschema-version = \"0.2\"\n[io.buildpacks]\nbuilder = \"{name}\"\n");
    place.write("app/project.toml", &builder("A builder"));
    let done = run(&mut place.build_without_builder());
    done.expect(3).says("app/project.toml:4:11").says("`A builder` is not an image name");
    place.write("app/project.toml", &builder(&Fixture::get().builder()));
    run(&mut place.build_without_builder()).expect(0).says("built");
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn a_descriptor_that_was_asked_for_must_exist() {
    let place = Place::new("echo built");
    run(place.build().args(["--descriptor", "other.toml"])).expect(3).says("failed to read `other.toml`");
    let mut build = place.cnb();
    build.args(["build", "nowhere", "--output", "oci:out:app", "--builder", &Fixture::get().builder()]);
    run(&mut build).expect(3).says("the application `nowhere` is not a directory");
}
