//! The config of a builder: that of its base with more layers, labels and the user of the builds.

use std::collections::BTreeMap;

use cnb_core::backend::Layer;
use cnb_core::backend::User;
use cnb_core::buildpack::order::OrderGroup;
use cnb_core::digest::DiffId;
use cnb_core::encode::go_json;
use cnb_core::labels::builder as labels;
use cnb_core::labels::builder::BuilderLabel;
use cnb_core::labels::lifecycle::RunImageNames;
use serde::Serialize;
use serde_json::Map;
use serde_json::Value;

use super::buildpack::Buildpack;
use super::error::Error;
use super::lifecycle::Lifecycle;

/// A time that is part of the image must be the same each time: pack's choice.
const CREATED: &str = "1980-01-01T00:00:01Z";

type Object = Map<String, Value>;

/// The config of the base. All that is not known here is kept.
#[derive(Debug)]
pub(super) struct BaseConfig {
    document: Object,
    user: User,
}

impl BaseConfig {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Error> {
        let document: Object =
            serde_json::from_slice(bytes).map_err(|error| Error::Base(format!("config: {error}")))?;
        let user = User::new(number_in(&document, "CNB_USER_ID")?, number_in(&document, "CNB_GROUP_ID")?);
        Ok(Self { document, user })
    }

    /// Who will run the buildpacks.
    pub(super) fn user(&self) -> User {
        self.user
    }

    pub(super) fn set_labels(
        &mut self,
        lifecycle: &Lifecycle,
        buildpacks: &[(&Buildpack, DiffId)],
        order: &[OrderGroup],
        description: &str,
        run_images: &[RunImageNames],
    ) {
        let descriptor = &lifecycle.descriptor;
        let new = [
            (labels::LABEL, json(&builder_label(lifecycle, buildpacks, description, run_images))),
            (labels::ORDER, json(order)),
            (labels::LAYERS, json(&buildpack_layers(buildpacks))),
            (labels::LIFECYCLE_VERSION, descriptor.lifecycle.version.clone()),
            (labels::LIFECYCLE_APIS, json(&descriptor.apis)),
        ];
        let labels = object(object(&mut self.document, "config"), "Labels");
        for (key, value) in new {
            labels.insert(key.to_owned(), value.into());
        }
        // Go writes maps sorted.
        labels.sort_keys();
    }

    /// The bytes of the config with these layers on top.
    pub(super) fn finish(mut self, layers: &[Layer]) -> String {
        let config = object(&mut self.document, "config");
        config.insert("User".to_owned(), format!("{}:{}", self.user.uid, self.user.gid).into());
        config.insert("WorkingDir".to_owned(), "/layers".into());
        let diff_ids = layers.iter().map(|layer| layer.diff_id.as_str().into());
        list(object(&mut self.document, "rootfs"), "diff_ids").extend(diff_ids);
        // A history says something on each layer, or there is none.
        if let Some(Value::Array(history)) = self.document.get_mut("history") {
            history.extend(layers.iter().map(|layer| history_entry(&layer.id)));
        }
        self.document.insert("created".to_owned(), CREATED.into());
        json(&self.document)
    }
}

fn number_in(document: &Object, name: &str) -> Result<u32, Error> {
    let env = document.get("config").and_then(|config| config.get("Env")).and_then(Value::as_array);
    let values = env.into_iter().flatten().filter_map(Value::as_str);
    let value = values.filter_map(|entry| entry.split_once('=')).rfind(|(key, _)| *key == name);
    let (_, value) = value.ok_or_else(|| Error::Base(format!("its config sets no {name}")))?;
    value.parse().map_err(|_| Error::Base(format!("{name} is `{value}`, not the number of a user or group")))
}

fn builder_label(
    lifecycle: &Lifecycle,
    buildpacks: &[(&Buildpack, DiffId)],
    description: &str,
    run_images: &[RunImageNames],
) -> BuilderLabel {
    let apis = &lifecycle.descriptor.apis;
    let oldest = |versions: &cnb_core::lifecycle::ApiVersions| versions.all().next().unwrap_or("").to_owned();
    BuilderLabel {
        description: description.to_owned(),
        buildpacks: buildpacks.iter().map(|(buildpack, _)| module(buildpack)).collect(),
        extensions: Vec::new(),
        stack: labels::Stack { run_image: run_images.first().cloned().unwrap_or_default() },
        lifecycle: labels::Lifecycle {
            version: lifecycle.descriptor.lifecycle.version.clone(),
            api: labels::OldestApis { buildpack: oldest(&apis.buildpack), platform: oldest(&apis.platform) },
            apis: apis.clone(),
        },
        created_by: labels::Creator { name: "cnb".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        images: run_images.to_vec(),
    }
}

fn module(buildpack: &Buildpack) -> labels::Module {
    let info = &buildpack.descriptor.buildpack;
    labels::Module {
        id: buildpack.id.to_string(),
        name: info.name.clone(),
        version: info.version.clone(),
        homepage: info.homepage.clone(),
    }
}

fn buildpack_layers(buildpacks: &[(&Buildpack, DiffId)]) -> labels::BuildpackLayers {
    let mut layers: labels::BuildpackLayers = BTreeMap::new();
    for (buildpack, diff_id) in buildpacks {
        let descriptor = &buildpack.descriptor;
        let info = &descriptor.buildpack;
        let layer = labels::BuildpackLayer {
            api: descriptor.api.clone(),
            stacks: descriptor.stacks.clone(),
            targets: descriptor.targets.clone(),
            order: descriptor.order.clone(),
            diff_id: diff_id.clone(),
            homepage: info.homepage.clone(),
            name: info.name.clone(),
        };
        layers.entry(buildpack.id.to_string()).or_default().insert(info.version.clone(), layer);
    }
    layers
}

fn history_entry(layer: &str) -> Value {
    serde_json::json!({ "created": CREATED, "created_by": format!("cnb builder create: {layer}") })
}

fn json(value: &(impl Serialize + ?Sized)) -> String {
    go_json::to_string(value).expect("all keys are texts")
}

/// The object under `key`, which is made when there is none.
fn object<'a>(parent: &'a mut Object, key: &str) -> &'a mut Object {
    let value = parent.entry(key).or_insert_with(|| Value::Object(Map::new()));
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("it was made one")
}

/// The list under `key`, which is made when there is none.
fn list<'a>(parent: &'a mut Object, key: &str) -> &'a mut Vec<Value> {
    let value = parent.entry(key).or_insert_with(|| Value::Array(Vec::new()));
    if !value.is_array() {
        *value = Value::Array(Vec::new());
    }
    value.as_array_mut().expect("it was made one")
}
