//! Bundles: images as an OCI runtime takes them.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::Result;
use crate::command;
use crate::command::command;

/// Unpacks the image with a tag; what was in the bundle before is gone.
///
/// # Errors
/// When there is no such image.
pub(crate) fn unpack(layout: &Path, tag: &str, bundle: &Path) -> Result<()> {
    if bundle.exists() {
        fs::remove_dir_all(bundle)?;
    }
    fs::create_dir_all(bundle.parent().expect("a bundle is below a directory of ours"))?;
    let image = format!("{}:{tag}", layout.display());
    command::read(command("umoci").args(["unpack", "--image", &image]).arg(bundle)).map(drop)
}

/// The configuration of a bundle, with the network of this machine and without a terminal.
///
/// # Errors
/// When the bundle has none.
pub(crate) fn config(bundle: &Path) -> Result<Value> {
    let mut config: Value = serde_json::from_slice(&fs::read(bundle.join("config.json"))?)?;
    config["process"]["terminal"] = false.into();
    list(&mut config["linux"]["namespaces"])?.retain(|namespace| namespace["type"] != "network");
    Ok(config)
}

/// Adds a variable, `NAME=VALUE`, to the environment of a configuration.
///
/// # Errors
/// When it has no environment.
pub(crate) fn add_env(config: &mut Value, variable: String) -> Result<()> {
    list(&mut config["process"]["env"])?.push(variable.into());
    Ok(())
}

/// The values of a list.
///
/// # Errors
/// When it is none.
pub(crate) fn list(value: &mut Value) -> Result<&mut Vec<Value>> {
    value.as_array_mut().ok_or_else(|| "the configuration of a bundle lacks a list".into())
}

/// Writes the configuration of a bundle.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write(bundle: &Path, config: &Value) -> Result<()> {
    Ok(fs::write(bundle.join("config.json"), serde_json::to_vec(config)?)?)
}
