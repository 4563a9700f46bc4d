//! Descriptors of each schema, and warnings about them.

use super::Place;
use super::witness::Witness;
use super::witness::says;
use crate::Result;
use crate::test::step::timed;

/// As the first schema has it: buildpacks and the builder in the table `build`.
const FIRST: &str = "[project]\nid = 'test.first'\n[build]\nbuilder = 'BUILDER'\n\
                     [[build.env]]\nname = 'OF_DESCRIPTOR'\nvalue = 'planted'\n\
                     [[build.buildpacks]]\nid = 'test/first'\nversion = '1'\n[build.buildpacks.script]\n\
                     api = '0.10'\ninline = 'echo $OF_DESCRIPTOR in the first schema'\n";

/// As the newest has it: for some execution environments only, and with a key that nobody knows.
const LAST: &str = "[_]\nschema-version = '0.3'\nid = 'test.last'\n[io.buildpacks]\ninclode = []\n\
                    [[io.buildpacks.build.env]]\nname = 'OF_DESCRIPTOR'\nvalue = 'tested'\nexec-env = ['test']\n\
                    [[io.buildpacks.group]]\nid = 'test/production'\nversion = '1'\nexec-env = ['production']\n\
                    [io.buildpacks.group.script]\napi = '0.10'\ninline = 'echo $OF_DESCRIPTOR in production'\n\
                    [[io.buildpacks.group]]\nid = 'test/test'\nversion = '1'\nexec-env = ['test']\n\
                    [io.buildpacks.group.script]\napi = '0.10'\ninline = 'echo $OF_DESCRIPTOR in a test'\n";

pub(super) fn check(place: &Place<'_>) -> Result<()> {
    timed("a descriptor of the first schema", || {
        let descriptor = FIRST.replace("BUILDER", &place.pushed.builder);
        let witness = Witness::described(place, "first", &descriptor)?;
        let mut build = witness.build(place, &[])?;
        build.options.unset("builder");
        // The tag of the frontend says it, as the first schema has no version.
        build.options.set("BUILDKIT_SYNTAX", &place.pushed.first_frontend);
        says(&build.succeed()?.progress.output(), &["planted in the first schema"])
    })?;
    let witness = Witness::described(place, "last", LAST)?;
    timed("an execution environment", || {
        let printed = witness.build(place, &["--target=build", "--build-arg=CNB_EXEC_ENV=test"])?.print()?;
        says(&printed, &["tested in a test"])?;
        if printed.contains("in production") { Err(printed.into()) } else { Ok(()) }
    })?;
    timed("a warning with its place", || {
        let printed = witness.build(place, &["--target=detect"])?.print()?;
        says(&printed, &["project.toml:6:1", "io.buildpacks.inclode"])
    })
}
