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
}

impl Image {
    pub(super) fn inspect(engine: &Engine, name: &str) -> Result<Self> {
        let text = read(engine.docker().args(["image", "inspect", "--format", "{{json .}}", name]))?;
        let image: Value = serde_json::from_str(&text)?;
        let diff_ids = serde_json::from_value(image["RootFS"]["Layers"].clone())?;
        Ok(Self { name: name.to_owned(), diff_ids, labels: image["Config"]["Labels"].clone() })
    }

    /// The value of a label.
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.labels[name].as_str()
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
        let label = self.labels[LIFECYCLE].as_str().unwrap_or_default();
        let metadata: Value = serde_json::from_str(label)?;
        let layers = metadata["app"].as_array().into_iter().flatten();
        Ok(layers.filter_map(|layer| layer["sha"].as_str().map(str::to_owned)).collect())
    }
}
