//! An image on another base that keeps all that has nothing to do with the base.

use bytes::Bytes;
use cnb_core::digest::DiffId;
use cnb_core::encode::go_json;
use cnb_core::labels::lifecycle;
use cnb_core::labels::lifecycle::LifecycleMetadata;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::descriptor::Manifest;
use cnb_oci::descriptor::media_type;
use cnb_oci::image::Image;
use serde::Serialize;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::Inputs;
use super::Planned;
use super::base_labels;

mod history;
mod lower;

use history::history;

/// What the config of an image says of its platform, which is that of its base.
const PLATFORM: [&str; 5] = ["architecture", "os", "os.version", "os.features", "variant"];
/// Annotations of manifests that are about the base: "Pre-Defined Annotation Keys" of the OCI image specification.
const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";
const BASE_NAME: &str = "org.opencontainers.image.base.name";

/// The image with the label `new`; it had the label `old`, and has the topmost layer of its old base.
pub(super) fn plan(inputs: &Inputs<'_>, old: &LifecycleMetadata, new: &LifecycleMetadata) -> Planned {
    let (app, base) = (&inputs.app.image, &inputs.new_base.image);
    let lower = lower::count(app.config.diff_ids(), old);
    let kept: Vec<DiffId> = app.config.diff_ids()[lower..].to_vec();
    if is_on(app, lower, base) && same_run_image(old, new) {
        let (manifest, config) = (app.manifest.clone(), app.config.bytes().clone());
        return Planned { manifest, config, kept, is_changed: false };
    }
    let config = Bytes::from(text(&config(inputs, lower, old, new)));
    let manifest = manifest(inputs, lower, &config, new);
    Planned { manifest, config, kept, is_changed: true }
}

/// Whether the layers of the base are those that the image is on.
fn is_on(app: &Image, lower: usize, base: &Image) -> bool {
    let digests = |layers: &[Descriptor]| layers.iter().map(|layer| layer.digest.clone()).collect::<Vec<_>>();
    digests(&app.manifest.layers[..lower]) == digests(&base.manifest.layers)
}

/// Whether both are the same run image by name and digest. Images say in more than one way in which repository that is.
fn same_run_image(old: &LifecycleMetadata, new: &LifecycleMetadata) -> bool {
    let digest = |label: &LifecycleMetadata| {
        label.run_image.reference.rsplit_once('@').map(|(_, digest)| digest.to_owned())
    };
    digest(old).is_some() && digest(old) == digest(new) && old.run_image.names() == new.run_image.names()
}

fn config(
    inputs: &Inputs<'_>,
    lower: usize,
    old: &LifecycleMetadata,
    new: &LifecycleMetadata,
) -> Map<String, Value> {
    let (app, base) = (&inputs.app.image.config, &inputs.new_base.image.config);
    let mut config = app.document().clone();
    for key in PLATFORM {
        match base.document().get(key) {
            Some(value) => drop(config.insert(key.to_owned(), value.clone())),
            None => drop(config.shift_remove(key)),
        }
    }
    match history((base.document(), base.diff_ids().len()), (app.document(), app.diff_ids().len()), lower) {
        Some(entries) => drop(config.insert("history".to_owned(), entries.into())),
        None => drop(config.shift_remove("history")),
    }
    let diff_ids = [base.diff_ids(), &app.diff_ids()[lower..]].concat();
    object(&mut config, "rootfs").insert("diff_ids".to_owned(), json!(diff_ids));
    let labels = object(object(&mut config, "config"), "Labels");
    let of_base = |name: &str| base_labels(inputs.api).iter().any(|prefix| name.starts_with(prefix));
    labels.retain(|name, _| !of_base(name) || base.label(name).is_some());
    for (name, value) in base.labels().filter(|(name, _)| of_base(name)) {
        labels.insert(name.to_owned(), value.into());
    }
    let label = app.label(lifecycle::LABEL).unwrap_or_default();
    labels.insert(lifecycle::LABEL.to_owned(), relabelled(label, old, new).into());
    config
}

/// The label with another run image. What is not known of it stays.
fn relabelled(label: &str, old: &LifecycleMetadata, new: &LifecycleMetadata) -> String {
    let mut label: Map<String, Value> = serde_json::from_str(label).unwrap_or_default();
    let run_image = object(&mut label, "runImage");
    run_image.insert("topLayer".to_owned(), new.run_image.top_layer.clone().into());
    run_image.insert("reference".to_owned(), new.run_image.reference.clone().into());
    if old.run_image.names() != new.run_image.names() {
        run_image.insert("image".to_owned(), new.run_image.image.clone().into());
        run_image.shift_remove("mirrors");
    }
    if old.stack != new.stack {
        label.insert("stack".to_owned(), json!(new.stack));
    }
    text(&label)
}

fn manifest(inputs: &Inputs<'_>, lower: usize, config: &[u8], label: &LifecycleMetadata) -> Manifest {
    let (app, base) = (&inputs.app.image, &inputs.new_base.image);
    let mut manifest = app.manifest.clone();
    manifest.config = app.manifest.config.replaced(cnb_oci::digest(config), config.len() as u64);
    let of_base = base.manifest.layers.iter().map(|layer| fitting(&manifest.media_type, layer));
    manifest.layers = of_base.chain(app.manifest.layers[lower..].iter().cloned()).collect();
    for (key, value) in [(BASE_DIGEST, base.descriptor.digest.as_str()), (BASE_NAME, &label.run_image.image)]
    {
        if let Some(annotation) = manifest.annotations.get_mut(key) {
            *annotation = value.into();
        }
    }
    manifest
}

/// A layer with the media type that it has in manifests of this media type: OCI's and Docker's do not mix.
fn fitting(manifest: &str, layer: &Descriptor) -> Descriptor {
    const NAMES: [(&str, &str); 2] = [
        (media_type::OCI_LAYER, media_type::DOCKER_LAYER),
        (media_type::OCI_LAYER_GZIP, media_type::DOCKER_LAYER_GZIP),
    ];
    let names = NAMES.iter().find(|(oci, docker)| [*oci, *docker].contains(&layer.media_type.as_str()));
    let Some((oci, docker)) = names else { return layer.clone() };
    let name = if manifest == media_type::DOCKER_MANIFEST { docker } else { oci };
    Descriptor { media_type: (*name).to_owned(), ..layer.clone() }
}

/// The object at a key; what is no object becomes one.
fn object<'a>(map: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let value = map.entry(key).or_insert(Value::Null);
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("it was just made one")
}

fn text(value: &impl Serialize) -> String {
    go_json::to_string(value).expect("all keys are strings")
}

#[cfg(test)]
mod tests;
