//! Reads an OCI layout, independently of the code under test.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;

use crate::Result;

/// The image ID, which is the digest of the config, of the image with a tag.
///
/// # Errors
/// When there is no such image.
pub(crate) fn image_id(layout: &Path, tag: &str) -> Result<String> {
    let manifest = manifest(layout, tag)?;
    let digest = manifest["config"]["digest"].as_str().ok_or("a manifest names no config")?;
    Ok(digest.to_owned())
}

/// The config of the image with a tag.
///
/// # Errors
/// When there is no such image.
pub(crate) fn config(layout: &Path, tag: &str) -> Result<Value> {
    read(&blob(layout, &image_id(layout, tag)?))
}

/// The config of the image with a tag, as it is written.
///
/// # Errors
/// When there is no such image.
pub(crate) fn config_text(layout: &Path, tag: &str) -> Result<String> {
    Ok(fs::read_to_string(blob(layout, &image_id(layout, tag)?))?)
}

/// The config of the only image of a layout, as it is written.
///
/// # Errors
/// When there is no image, or more than one.
pub(crate) fn only_config_text(layout: &Path) -> Result<String> {
    let index = read(&layout.join("index.json"))?;
    let [entry] = index["manifests"].as_array().map_or(&[][..], Vec::as_slice) else {
        return Err(format!("{} does not have one image", layout.display()).into());
    };
    let digest = |value: &Value| value["digest"].as_str().unwrap_or_default().to_owned();
    let manifest = read(&blob(layout, &digest(entry)))?;
    Ok(fs::read_to_string(blob(layout, &digest(&manifest["config"])))?)
}

/// The configs of the index with a tag, with the platforms that it says they are for.
///
/// # Errors
/// When there is no such index.
pub(crate) fn configs(layout: &Path, tag: &str) -> Result<Vec<(String, Value)>> {
    let index = manifest(layout, tag)?;
    let entries = index["manifests"].as_array().ok_or("it is no index")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let config = |entry: &Value| {
        let platform = ["os", "architecture", "variant"].map(|key| text(&entry["platform"][key]));
        let manifest = read(&blob(layout, &text(&entry["digest"])))?;
        let config = read(&blob(layout, &text(&manifest["config"]["digest"])))?;
        Ok((platform.join("/").trim_end_matches('/').to_owned(), config))
    };
    entries.iter().map(config).collect()
}

fn manifest(layout: &Path, tag: &str) -> Result<Value> {
    let index: Value = read(&layout.join("index.json"))?;
    let named = |entry: &&Value| entry["annotations"]["org.opencontainers.image.ref.name"] == tag;
    let entry = index["manifests"].as_array().and_then(|manifests| manifests.iter().find(named));
    let digest = entry.and_then(|entry| entry["digest"].as_str());
    let digest = digest.ok_or_else(|| format!("{} has no image {tag}", layout.display()))?;
    read(&blob(layout, digest))
}

fn blob(layout: &Path, digest: &str) -> PathBuf {
    layout.join("blobs").join(digest.replace(':', "/"))
}

fn read(file: &Path) -> Result<Value> {
    let bytes = fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    Ok(serde_json::from_slice(&bytes)?)
}
