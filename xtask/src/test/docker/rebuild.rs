//! Builds after the first.

use std::fs;

use super::Place;
use super::Pushed;
use super::application::Application;
use super::application::DESCRIPTOR;
use super::image::Image;
use crate::Result;
use crate::test::step::timed;

/// Nothing is done without a change; a change of one application is its own work alone, and none of the other's.
pub(super) fn check(place: &Place<'_>, one: &Application, other: &Application) -> Result<()> {
    for application in [one, other] {
        let name = application.example.name;
        timed(&format!("{name}: again"), || nothing_to_do(place, application))?;
        application.change(1)?;
        timed(&format!("{name}: with a changed source"), || only_source(place, application))?;
    }
    one.change(2)?;
    timed("the first application after the second", || only_source(place, one))?;
    one.change(0)?;
    timed("the first application as at first", || nothing_to_do(place, one))
}

/// The descriptor can be a file named Dockerfile.
pub(super) fn from_dockerfile(place: &Place<'_>, application: &Application) -> Result<()> {
    application.describe(&place.pushed.syntax(), "")?;
    fs::rename(application.directory.join(DESCRIPTOR), application.directory.join("Dockerfile"))?;
    timed("from a file named Dockerfile", || {
        let mut build = place.build(application)?;
        build.file = None;
        build.options.unset("BUILDKIT_SYNTAX");
        build.succeed()?;
        Image::inspect(place.engine, application.example.name)?.check(&Pushed::run_image())
    })
}

fn nothing_to_do(place: &Place<'_>, application: &Application) -> Result<()> {
    let built = place.build(application)?.succeed()?;
    match built.progress.work().as_slice() {
        [] => Ok(()),
        work => Err(format!("steps ran although nothing changed: {}", work.join(", ")).into()),
    }
}

fn only_source(place: &Place<'_>, application: &Application) -> Result<()> {
    let name = application.example.name;
    let before = Image::inspect(place.engine, name)?;
    let built = place.build(application)?.succeed()?;
    let (said, expected) = (built.progress.output(), application.example.unchanged);
    if !said.contains(expected) {
        return Err(format!("the buildpack of {name} does not say `{expected}` but:\n{said}").into());
    }
    let after = Image::inspect(place.engine, name)?;
    after.check(&Pushed::run_image())?;
    after.differs_in_application(&before)
}
