//! Images as Docker Engine has them.

use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::json;

use crate::Result;
use crate::command::read;
use crate::engine::docker::Engine;
use crate::test::labels;

const LIFECYCLE: &str = "io.buildpacks.lifecycle.metadata";

/// What the engine says of an image.
#[derive(Debug)]
pub(super) struct Image {
    name: String,
    /// In the order of layers.
    pub(super) diff_ids: Vec<String>,
    labels: Value,
    created: String,
}

impl Image {
    pub(super) fn inspect(engine: &Engine, name: &str) -> Result<Self> {
        let text = read(engine.docker().args(["image", "inspect", "--format", "{{json .}}", name]))?;
        let image: Value = serde_json::from_str(&text)?;
        let diff_ids = serde_json::from_value(image["RootFS"]["Layers"].clone())?;
        let created = image["Created"].as_str().unwrap_or_default().to_owned();
        Ok(Self { name: name.to_owned(), diff_ids, labels: image["Config"]["Labels"].clone(), created })
    }

    /// The value of a label.
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.labels[name].as_str()
    }

    /// Checks that it was created at a time, and so was each of its layers that the run image does not have.
    pub(super) fn was_created(&self, engine: &Engine, time: &str) -> Result<()> {
        let mut history = engine.docker();
        history.args(["history", "--human=false", "--format={{.CreatedAt}}", &self.name]);
        let history = read(&mut history)?;
        let run_image = self.metadata()?["runImage"]["topLayer"].clone();
        let own = self.diff_ids.iter().rev().take_while(|diff_id| run_image != diff_id.as_str()).count();
        let is_then = |line: &str| line.trim_end_matches('Z') == time.trim_end_matches('Z');
        if self.created == time && own > 0 && history.lines().take(own).all(is_then) {
            return Ok(());
        }
        Err(format!("{} was created {}, with {own} layers at\n{history}", self.name, self.created).into())
    }

    /// Checks that it is another image in nothing that its containers could tell.
    pub(super) fn differs_in_times(&self, other: &Self) -> Result<()> {
        if (&self.diff_ids, &self.labels) == (&other.diff_ids, &other.labels) && self.created != other.created
        {
            return Ok(());
        }
        Err(format!("{self:?} is not {other:?} at another time").into())
    }

    /// The diffID of a layer of a buildpack.
    pub(super) fn layer(&self, buildpack: &str, layer: &str) -> Result<String> {
        let metadata = self.metadata()?;
        let buildpacks = metadata["buildpacks"].as_array().into_iter().flatten();
        let mut layers =
            buildpacks.filter(|entry| entry["key"] == buildpack).map(|entry| &entry["layers"][layer]);
        let diff_id = layers.next().and_then(|layer| layer["sha"].as_str());
        let diff_id = diff_id.ok_or_else(|| format!("{buildpack} has no layer {layer}: {metadata}"))?;
        Ok(diff_id.to_owned())
    }

    /// Checks that its labels are complete and name the layers that it has.
    pub(super) fn check(&self, run_image: &str) -> Result<()> {
        let config = json!({ "config": { "Labels": self.labels }, "rootfs": { "diff_ids": self.diff_ids } });
        labels::check_config(&config, &self.name, run_image)
    }

    /// Checks that it differs from an image before in layers of the application alone.
    pub(super) fn differs_in_application(&self, before: &Self) -> Result<()> {
        let application = self.application()?;
        if self.diff_ids.len() != before.diff_ids.len() {
            return Err(format!("{} layers became {}", before.diff_ids.len(), self.diff_ids.len()).into());
        }
        let pairs = self.diff_ids.iter().zip(&before.diff_ids);
        let changed: BTreeSet<&String> =
            pairs.filter(|(now, then)| now != then).map(|(now, _)| now).collect();
        if changed.is_empty() {
            return Err("no layer changed".into());
        }
        if let Some(other) = changed.iter().find(|diff_id| !application.contains(**diff_id)) {
            return Err(format!("{other} changed, which is not a layer of the application").into());
        }
        Ok(())
    }

    fn application(&self) -> Result<BTreeSet<String>> {
        let metadata = self.metadata()?;
        let layers = metadata["app"].as_array().into_iter().flatten();
        Ok(layers.filter_map(|layer| layer["sha"].as_str().map(str::to_owned)).collect())
    }

    fn metadata(&self) -> Result<Value> {
        Ok(serde_json::from_str(self.labels[LIFECYCLE].as_str().unwrap_or_default())?)
    }
}
