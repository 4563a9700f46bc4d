//! The same image by other ways.

use std::fs;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::Made;
use super::Place;
use super::Pushed;
use super::application::Application;
use super::application::DESCRIPTOR;
use super::image::Image;
use crate::Result;
use crate::command;
use crate::command::command;
use crate::example;
use crate::example::bundle;
use crate::example::layout::image_id;
use crate::test::labels;
use crate::test::step::timed;

/// `docker compose build` makes the image that `docker build` made.
pub(super) fn composed(place: &Place<'_>, application: &Application, made: &Made) -> Result<()> {
    const NAME: &str = "composed";
    let options = place.pushed.options()?;
    let args: Map<String, Value> =
        options.build_args.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    let ids: Vec<&String> = options.secrets.iter().map(|(id, _)| id).collect();
    let secrets: Map<String, Value> =
        options.secrets.iter().map(|(id, file)| (id.clone(), json!({ "file": file }))).collect();
    let build = json!({
        "context": application.directory,
        "dockerfile": DESCRIPTOR,
        "network": "host",
        "args": args,
        "secrets": ids,
    });
    let file = place.scratch.join("compose.yaml");
    let services = json!({ "service": { "image": NAME, "build": build } });
    // JSON is YAML too.
    fs::write(&file, json!({ "services": services, "secrets": secrets }).to_string())?;
    timed("compose build", || command::read(place.engine.compose().arg("--file").arg(&file).arg("build")))?;
    let image = Image::inspect(place.engine, NAME)?;
    image.check(&Pushed::run_image())?;
    if image.diff_ids == made.diff_ids { Ok(()) } else { Err("compose makes another image".into()) }
}

/// `--output type=oci` makes a layout with that image, which other programs can use.
pub(super) fn layout(place: &Place<'_>, application: &Application, made: &Made) -> Result<()> {
    // BuildKit names the image by its tag alone.
    const TAG: &str = "latest";
    let archive = place.scratch.join("image.tar");
    timed("build into a layout", || {
        let mut build = place.build(application)?;
        build.arguments.push(format!("--output=type=oci,dest={}", archive.display()));
        build.succeed()
    })?;
    let layout = place.scratch.join("image");
    fs::create_dir(&layout)?;
    command::read(
        command("tar").arg("--extract").arg("--file").arg(&archive).arg("--directory").arg(&layout),
    )?;
    labels::check(&layout, TAG, &Pushed::run_image())?;
    if image_id(&layout, TAG)? != made.config {
        return Err("the layout has another image".into());
    }
    let bundle = place.scratch.join("bundle");
    bundle::unpack(&layout, TAG, &bundle)?;
    if !bundle.join("rootfs/cnb/lifecycle/launcher").is_file() {
        return Err("umoci does not find the launcher in the image".into());
    }
    let image = format!("oci:{}:{TAG}", layout.display());
    let inspected = command::read(example::cnb().args(["inspect", &image]))?;
    if inspected.contains("cnb-examples/python-pip") {
        Ok(())
    } else {
        Err(format!("cnb inspect: {inspected}").into())
    }
}
