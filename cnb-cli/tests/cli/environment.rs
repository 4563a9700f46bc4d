//! Variables for the buildpacks.

use crate::place::Place;
use crate::place::run;

const PRINT: &str = "echo \"A=$A B=$B C=$C D=$D\"";

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn flags_win_over_env_files_over_the_descriptor() {
    let place = Place::new(PRINT);
    let variable =
        |name: &str| format!("[[io.buildpacks.build.env]]\nname = \"{name}\"\nvalue = \"descriptor\"\n");
    let variables: String = ["A", "B", "C"].map(variable).concat();
    place.write("app/project.toml", &format!("[_]\nschema-version = \"0.2\"\n{variables}"));
    place.write("first.env", "B=first\nC=first\n");
    place.write("second.env", "# a comment\nB=second\n");
    let mut build = place.build();
    build.args(["--env", "C=flag", "--env", "D", "--env-file", "first.env", "--env-file", "second.env"]);
    build.env("D", "own").env("A", "not asked for");
    run(&mut build).expect(0).says("A=descriptor B=second C=flag D=own");
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn an_invalid_env_file_is_shown_where_it_is() {
    let place = Place::new(PRINT);
    place.write("bad.env", "A=1\n=2\n");
    run(place.build().args(["--env-file", "bad.env"])).expect(3).says("bad.env:2:1");
    run(place.build().args(["--env-file", "no.env"])).expect(3).says("failed to read `no.env`");
    run(place.build().args(["--env", "=x"])).expect(2).says("`--env`");
}
