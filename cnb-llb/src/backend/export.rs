//! Images that are made.

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Exported;
use cnb_core::backend::ImagePlan;
use cnb_core::backend::Result;
use cnb_core::digest::DiffId;
use cnb_core::image_name::ImageName;
use serde_json::Value;
use serde_json::json;

use super::BuildKit;
use super::error::from_build;
use super::files::time;
use super::tree::Graph;
use super::tree::LayerFiles;
use crate::Annotate as _;
use crate::CacheEntry;
use crate::Capability;
use crate::Copy;
use crate::Merge;
use crate::State;
use crate::errdefs::BuildError;
use crate::gateway::Gateway;
use crate::gateway::Output;
use crate::gateway::Solve;

/// An image as a graph.
pub(super) struct ImageGraph {
    pub(super) files: State,
    pub(super) config: Vec<u8>,
    pub(super) base_config: Vec<u8>,
}

impl ImageGraph {
    /// Its files with its config, as the result of a frontend.
    pub(super) async fn output(
        self,
        gateway: &Gateway,
        caches: &[CacheEntry],
    ) -> std::result::Result<Output, BuildError> {
        let solve = Solve::graph(&self.files.definition()).with_cache_imports(caches);
        let reference = gateway.solve(solve).await?.reference;
        Ok(Output::new(reference).with_config(self.config).with_base_config(self.base_config))
    }
}

impl BuildKit {
    /// Makes the image of a plan. Without outputs it is kept for [`BuildKit::take_output`].
    pub(super) async fn export_image(
        &self,
        plan: &ImagePlan,
        outputs: &[ImageName],
    ) -> Result<Vec<Exported>> {
        if outputs.is_empty() {
            let image = self.image(plan)?.output(&self.gateway, &self.settings.cache_imports).await;
            *self.output() = Some(image.map_err(from_build)?);
            return Ok(Vec::new());
        }
        let Some(side) = &self.settings.client else {
            let message = "a frontend cannot write images to where it wants: its client says where they go";
            return Err(Error::new(ErrorKind::Unsupported, message));
        };
        let mut exported = Vec::new();
        for output in outputs {
            exported.push(side.export(self.image(plan)?, self.settings.network, output).await?);
        }
        Ok(exported)
    }

    fn image(&self, plan: &ImagePlan) -> Result<ImageGraph> {
        let config = config(plan)?;
        let base = Graph::of(&plan.base.root)?;
        let mut layers = Vec::new();
        for layer in &plan.layers {
            let foreign = || Error::new(ErrorKind::InvalidInput, "the layer is one of another backend");
            layers.push(&layer.downcast_ref::<LayerFiles>().ok_or_else(foreign)?.0);
        }
        let files = self.whole(&base.state, &layers);
        Ok(ImageGraph { files, config, base_config: plan.base.config.to_vec() })
    }

    /// Layers on a base. A layer is what its tree has, whatever is below: where trees cannot be merged they are copied
    /// over each other, which gives the same tars.
    fn whole(&self, base: &State, layers: &[&State]) -> State {
        if self.gateway.graph_capabilities().has(Capability::MERGE_OP) {
            let states = std::iter::once(base).chain(layers.iter().copied());
            return Merge::new(states).named("[export] put the layers on the run image").state();
        }
        layers.iter().fold(base.clone(), |below, layer| {
            let copy = Copy::new(*layer, "/", "/").contents_only().created(time());
            below.file(crate::FileOp::new(copy).named("[export] put a layer on those below"))
        })
    }
}

/// The config with one entry in the history for each layer, each with a time: BuildKit fills in what is missing, with
/// the time of day.
fn config(plan: &ImagePlan) -> Result<Vec<u8>> {
    let invalid = |message: &str| Error::new(ErrorKind::InvalidInput, message);
    let mut config: Value = serde_json::from_slice(&plan.config)
        .map_err(|error| invalid("the config of the image is not JSON").with_source(error))?;
    let mut expected = diff_ids(&plan.base.config)?;
    expected.extend(plan.layers.iter().map(|layer| layer.diff_id.clone()));
    if diff_ids(&plan.config)? != expected {
        return Err(invalid("the config names other layers than the image has"));
    }
    let created = config.get("created").cloned().unwrap_or_else(|| json!("1980-01-01T00:00:01Z"));
    let history = config["history"].as_array().cloned().unwrap_or_default();
    config["history"] = complete(history, expected.len(), &created).into();
    config["created"] = created;
    Ok(config.to_string().into_bytes())
}

/// Entries for layers that have none are those of the lowest layers, whose images tell least.
fn complete(mut history: Vec<Value>, layers: usize, created: &Value) -> Vec<Value> {
    for entry in &mut history {
        if let Some(fields) = entry.as_object_mut()
            && fields.get("created").is_none_or(Value::is_null)
        {
            fields.insert("created".to_owned(), created.clone());
        }
    }
    let is_layer = |entry: &&Value| entry["empty_layer"] != json!(true);
    let missing = layers.saturating_sub(history.iter().filter(is_layer).count());
    let mut all = vec![json!({ "created": created }); missing];
    all.extend(history);
    all
}

fn diff_ids(config: &[u8]) -> Result<Vec<DiffId>> {
    let invalid = |error| {
        Error::new(ErrorKind::InvalidInput, "the config of an image names no layers").with_source(error)
    };
    let mut config: Value = serde_json::from_slice(config).map_err(invalid)?;
    serde_json::from_value(config["rootfs"]["diff_ids"].take()).map_err(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layer_has_an_entry_with_a_time() {
        let created = json!("2020-01-01T00:00:00Z");
        let history = vec![json!({ "created_by": "a", "empty_layer": true }), json!({ "created_by": "b" })];
        let expected = json!([
            { "created": created },
            { "created": created, "created_by": "a", "empty_layer": true },
            { "created": created, "created_by": "b" },
        ]);
        assert_eq!(Value::from(complete(history, 2, &created)), expected);
    }
}
