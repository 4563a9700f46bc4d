//! `docker build` with the frontend: real engines, the example applications, and a registry with accounts.

use std::path::PathBuf;

use super::step::timed;
use crate::Result;
use crate::debian;
use crate::engine::container::Container;
use crate::engine::docker::Engine;
use crate::engine::docker::Store;
use crate::example;

pub(crate) mod application;
mod asked;
mod build;
mod caches;
mod cli;
mod descriptors;
mod errors;
mod ignored;
mod image;
mod options;
mod outputs;
mod platforms;
mod progress;
pub(crate) mod pushed;
mod questions;
mod readme;
mod rebuild;
mod reuse;
mod secrets;
mod stock;
mod witness;

use application::Application;
use application::EXPRESS;
use application::FLASK;
use build::Build;
use image::Image;
use pushed::Pushed;

/// What an application became.
#[derive(Debug, Eq, PartialEq)]
struct Made {
    manifest: String,
    /// What has to be the same in every store.
    config: String,
    diff_ids: Vec<String>,
}

/// An engine, and what each part of the stage builds with it.
#[derive(Debug)]
struct Place<'a> {
    engine: &'a Engine,
    store: Store,
    pushed: &'a Pushed,
    /// Build arguments of every build, besides those for the example builder or instead of them.
    more: Vec<(&'static str, &'a str)>,
    scratch: PathBuf,
}

/// Either store makes the same images, which run; and two engines of one kind make the same bytes.
pub(super) fn run() -> Result<()> {
    debian::ensure(&["git", "skopeo", "umoci"])?;
    example::builder::make()?;
    let pushed = timed("frontend, builder and run image pushed", Pushed::new)?;
    let containerd = with_engine(Store::Containerd, &pushed, check)?;
    let classic = with_engine(Store::Classic, &pushed, check)?;
    for (one, other) in containerd.iter().zip(&classic) {
        if (&one.config, &one.diff_ids) != (&other.config, &other.diff_ids) {
            return Err(format!("the stores have different images: {one:?} and {other:?}").into());
        }
    }
    let again = with_engine(Store::Containerd, &pushed, |place| {
        caches::read(place)?;
        works(place, &flask(place)?)
    })?;
    if again == containerd[0] {
        Ok(())
    } else {
        Err(format!("another engine makes {again:?}, not {:?}", containerd[0]).into())
    }
}

fn with_engine<T>(store: Store, pushed: &Pushed, check: impl FnOnce(&Place<'_>) -> Result<T>) -> Result<T> {
    println!("{}:", store.name());
    let engine = timed("started", || Engine::start(store))?;
    engine.explaining(|| {
        pushed.log_in(&engine)?;
        check(&Place { engine: &engine, store, pushed, more: Vec::new(), scratch: engine.scratch()? })
    })
}

fn check(place: &Place<'_>) -> Result<[Made; 2]> {
    let flask = flask(place)?;
    let express = Application::copy(EXPRESS, &place.scratch, "express")?;
    let made = [works(place, &flask)?, works(place, &express)?];
    rebuild::check(place, &flask, &express)?;
    rebuild::from_dockerfile(place, &express)?;
    outputs::composed(place, &flask, &made[0])?;
    match place.store {
        Store::Containerd => {
            outputs::layout(place, &flask, &made[0])?;
            reuse::check(place)?;
        }
        // BuildKit of Docker Engine makes none without containerd's store.
        Store::Classic => {}
    }
    cli::check(place, &flask, &made[0])?;
    errors::check(place)?;
    asked::check(place)?;
    options::check(place)?;
    descriptors::check(place)?;
    ignored::check(place)?;
    caches::check(place)?;
    questions::check(place)?;
    secrets::check(place)?;
    readme::check(place)?;
    stock::check(place)?;
    if let Store::Containerd = place.store {
        // Docker Engine's own store has no indexes, and writes no caches of that kind.
        platforms::check(place)?;
        caches::write(place)?;
    }
    Ok(made)
}

/// The application whose descriptor names the frontend; builds of the other one name it.
fn flask(place: &Place<'_>) -> Result<Application> {
    let flask = Application::copy(FLASK, &place.scratch, "flask")?;
    flask.describe(&place.pushed.syntax(), "")?;
    Ok(flask)
}

/// The application becomes an image that answers, with labels that say what it consists of.
fn works(place: &Place<'_>, application: &Application) -> Result<Made> {
    let name = application.example.name;
    let built = timed(&format!("{name}: first build"), || place.build(application)?.succeed())?;
    let image = Image::inspect(place.engine, name)?;
    image.check(&Pushed::run_image())?;
    let container = Container { image: name, env: &["PORT={port}"], arguments: &[] };
    let answer = timed(&format!("{name}: answer"), || container.answer(place.engine, "/"))?;
    if !answer.contains(application.example.answer) {
        return Err(format!("{name} answered {answer}").into());
    }
    Ok(Made { manifest: built.manifest, config: built.config, diff_ids: image.diff_ids })
}

impl<'a> Place<'a> {
    /// A build with the example builder.
    fn build(&self, application: &'a Application) -> Result<Build<'a>> {
        let mut options = self.pushed.options()?;
        for (name, value) in &self.more {
            options.set(name, value);
        }
        if application.example.name == EXPRESS.name {
            options.set("BUILDKIT_SYNTAX", &self.pushed.frontend);
        }
        Ok(Build::new(self.engine, application, options))
    }
}
