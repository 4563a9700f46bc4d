//! The example applications become images that answer.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::docker::application::Application;
use super::docker::application::EXPRESS;
use super::docker::application::Example;
use super::docker::application::FLASK;
use super::labels;
use crate::Result;
use crate::command;
use crate::debian;
use crate::example;
use crate::example::image;
use crate::example::images;
use crate::example::layout::config;
use crate::example::layout::image_id;
use crate::example::service::Service;
use crate::workspace;

/// How the reference of the run image begins.
const RUN_IMAGE: &str = "cnb.example/run@sha256:";

/// Each application is built again and again: without a change it is the same image, whether its phases run or not; with
/// a changed source only the layer of the application is another.
pub(super) fn run() -> Result<()> {
    debian::ensure(&["runc", "skopeo", "umoci"])?;
    example::builder::make()?;
    for app in [FLASK, EXPRESS] {
        let name = app.name;
        let source = workspace::root().join("examples/apps").join(name);
        build(&source, &images(), name, &[])?;
        let first = image_id(&images(), name)?;
        for flags in [&["--no-cache"][..], &[]] {
            build(&source, &images(), name, flags)?;
            let again = image_id(&images(), name)?;
            if again != first {
                return Err(format!("{name}: {first} became {again} in a build without changes").into());
            }
        }
        labels::check(&images(), name, RUN_IMAGE)?;
        let answer = Service::start(name)?.get("/")?;
        println!("{name}: {first}: {answer}");
        if !answer.contains(app.answer) {
            return Err(format!("{name} answered {answer}").into());
        }
        only_source(app)?;
    }
    Ok(())
}

/// A changed source leaves the buildpack of dependencies nothing to do, also where there is no image of the last build.
fn only_source(app: Example) -> Result<()> {
    let place = example::directory().join("changed");
    if place.exists() {
        fs::remove_dir_all(&place)?;
    }
    let application = Application::copy(app, &place, "source")?;
    application.change(1)?;
    let layout = place.join("images");
    let events = build(&application.directory, &layout, app.name, &[])?;
    if !events.contains(app.unchanged) {
        return Err(
            format!("the buildpack of {} does not say `{}` but:\n{events}", app.name, app.unchanged).into()
        );
    }
    let layers = |layout: &Path| -> Result<Vec<Value>> {
        let config = config(layout, app.name)?;
        config["rootfs"]["diff_ids"].as_array().cloned().ok_or_else(|| "an image has no layers".into())
    };
    let (before, after) = (layers(&images())?, layers(&layout)?);
    let changed = before.iter().zip(&after).filter(|(before, after)| before != after).count();
    if (before.len(), changed) == (after.len(), 1) {
        return Ok(());
    }
    Err(format!("{}: a changed source changes {before:?} to {after:?}", app.name).into())
}

/// Builds an application into a layout. Returns the events.
fn build(application: &Path, layout: &Path, tag: &str, flags: &[&str]) -> Result<String> {
    let mut build = example::cnb();
    build.arg("build").arg(application).args(["--json", "--builder", &image("builder")]).args(flags);
    build.arg("--output").arg(format!("oci:{}:{tag}", layout.display()));
    command::read(build.args(example::bindings::arguments()?))
}
