//! The example applications become images that answer.

use super::labels;
use crate::Result;
use crate::command;
use crate::debian;
use crate::example;
use crate::example::images;
use crate::example::layout::image_id;
use crate::example::service::Service;

/// An application, a path to ask it for, and what the answer must contain.
const APPS: [(&str, &str, &str); 2] =
    [("flask", "/", "\"service\":\"words\""), ("express", "/", "\"service\":\"notes\"")];

/// How the reference of the run image begins.
const RUN_IMAGE: &str = "cnb.example/run@sha256:";

/// Each application is built twice: the second time gives the same image.
pub(super) fn run() -> Result<()> {
    debian::ensure(&["runc", "skopeo", "umoci"])?;
    example::builder::make()?;
    for (app, path, expected) in APPS {
        let first = build(app)?;
        let second = build(app)?;
        if first != second {
            return Err(format!("{app}: {first} became {second} in a build without changes").into());
        }
        labels::check(&images(), app, RUN_IMAGE)?;
        let answer = Service::start(app)?.get(path)?;
        println!("{app}: {second}: {answer}");
        if !answer.contains(expected) {
            return Err(format!("{app} answered {answer}").into());
        }
    }
    Ok(())
}

/// Builds an application and returns the image ID.
fn build(app: &str) -> Result<String> {
    let mut build = example::cnb();
    build.args(["build", &format!("examples/apps/{app}"), "--builder", &example::image("builder")]);
    build.args(["--output", &example::image(app)]).args(example::bindings::arguments()?);
    command::run(&mut build)?;
    image_id(&images(), app)
}
