//! The labels of an application image, and what other programs say of it.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::Result;
use crate::command::command;
use crate::command::read;
use crate::example::layout;

const LIFECYCLE: &str = "io.buildpacks.lifecycle.metadata";
const BUILD: &str = "io.buildpacks.build.metadata";
const PROJECT: &str = "io.buildpacks.project.metadata";

/// Checks that the labels are complete and name layers of the image alone, on a run image whose reference begins so.
///
/// # Errors
/// When they are not, or `skopeo` reads another image.
pub(super) fn check(directory: &Path, tag: &str, run_image: &str) -> Result<()> {
    let config = layout::config(directory, tag)?;
    check_config(&config, tag, run_image)?;
    let image = format!("oci:{}:{tag}", directory.display());
    let inspected: Value =
        serde_json::from_str(&read(command("skopeo").args(["inspect", "--config", &image]))?)?;
    if inspected["rootfs"] != config["rootfs"] {
        return Err(format!("skopeo reads other layers of {image}").into());
    }
    Ok(())
}

/// Checks that the labels of a config are complete and name its layers alone, on a run image whose reference begins so.
///
/// # Errors
/// When they are not.
pub(super) fn check_config(config: &Value, tag: &str, run_image: &str) -> Result<()> {
    let diff_ids = texts(&config["rootfs"]["diff_ids"]);
    let label = |name: &str| -> Result<Value> {
        let text =
            config["config"]["Labels"][name].as_str().ok_or_else(|| format!("{tag} has no label {name}"))?;
        Ok(serde_json::from_str(text)?)
    };
    let lifecycle = label(LIFECYCLE)?;
    let named = named_layers(&lifecycle);
    if let Some(unknown) = named.iter().find(|digest| !diff_ids.contains(*digest)) {
        return Err(format!("{tag}: {LIFECYCLE} names {unknown}, which is no layer").into());
    }
    let own = diff_ids.iter().skip_while(|digest| lifecycle["runImage"]["topLayer"] != **digest).skip(1);
    if let Some(unnamed) = own.clone().find(|digest| !named.contains(*digest)) {
        return Err(format!("{tag}: {LIFECYCLE} does not name the layer {unnamed}").into());
    }
    let build = label(BUILD)?;
    for key in ["buildpacks", "processes", "launcher", "buildpack-default-process-type"] {
        if build[key].is_null() {
            return Err(format!("{tag}: {BUILD} has no {key}").into());
        }
    }
    label(PROJECT)?;
    let reference = lifecycle["runImage"]["reference"].as_str().unwrap_or_default();
    if !reference.starts_with(run_image) {
        return Err(format!("{tag}: the run image is `{reference}`").into());
    }
    println!("{tag}: {} layers on the run image, all of them named by the labels", own.count());
    Ok(())
}

/// All diffIDs that the label has, wherever they are.
fn named_layers(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(named_layers).collect(),
        Value::Object(entries) => entries
            .iter()
            .flat_map(|(key, value)| match value.as_str() {
                Some(digest) if key == "sha" || key == "topLayer" => BTreeSet::from([digest.to_owned()]),
                _ => named_layers(value),
            })
            .collect(),
        _ => BTreeSet::new(),
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
}
