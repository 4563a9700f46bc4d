//! Rebase: puts an image on another base, without a build.
//!
//! [`plan`] says what becomes of manifest and config, [`rebase`] writes it as the Go lifecycle does. Images wherever they
//! are, and of several platforms, are the business of [`crate::rebase`]. Source: `phase/rebaser.go` of the lifecycle.

mod lossless;
pub mod run_image;
pub mod stack;
pub mod target;

use bytes::Bytes;
use cnb_core::api::InvalidApiVersion;
use cnb_core::api::PlatformApi;
use cnb_core::backend;
use cnb_core::digest::DiffId;
use cnb_core::encode::any;
use cnb_core::encode::go_json;
use cnb_core::labels;
use cnb_core::labels::lifecycle;
use cnb_core::labels::lifecycle::LifecycleMetadata;
use cnb_oci::config::ImageConfig;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::descriptor::Manifest;
use cnb_oci::descriptor::media_type;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use self::stack::IncompatibleStack;
use super::analyze::metadata;
use super::save::save;
use crate::export::config::Config;
use crate::export::config::DEFAULT_EPOCH;
use crate::image_store::FoundImage;
use crate::image_store::ImageTarget;
use crate::image_store::Saved;

/// What to rebase, and on what.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The version of the platform.
    pub api: PlatformApi,
    /// The image.
    pub app: &'a FoundImage,
    /// The run image that it will have.
    pub new_base: &'a FoundImage,
    /// Whether an [`Objection`] is a warning.
    pub force: bool,
}

/// What speaks against a rebase that is not forced.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Objection {
    /// A label of the image says so.
    #[error("app image is not marked as rebasable")]
    NotRebasable,
    /// The new run image is for something else.
    #[error("unable to satisfy target os/arch constraints; new run image: {new}, old run image: {old}")]
    Target {
        /// What the new run image runs on, as JSON.
        new: String,
        /// What the image runs on, as JSON.
        old: String,
    },
    /// The image does not know the new run image.
    #[error("rebase app image: new base image '{name}' not found in existing run image metadata: {known}")]
    UnknownRunImage {
        /// The name of the new run image.
        name: String,
        /// The run image that it knows, as JSON.
        known: String,
    },
}

/// Why a rebase failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RebaseError {
    /// The image does not say with which Platform API it was made.
    #[error("failed to get app image platform API")]
    Api(#[source] InvalidApiVersion),
    /// The config of one of the images cannot be read.
    #[error("reading the config of {name}")]
    Config {
        /// The image.
        name: String,
        /// Why not.
        source: serde_json::Error,
    },
    /// The label of the image cannot be read.
    #[error("get image metadata: failed to unmarshal context of label '{}'", lifecycle::LABEL)]
    Label(#[source] serde_json::Error),
    /// The new run image has no layers.
    #[error("get rebase run image top layer SHA: image has no layers")]
    NoLayers,
    /// The topmost layer of the old run image is not in the image.
    #[error("rebase app image: could not find base layer in image")]
    NoOldBase,
    /// Only a forced rebase would do this.
    #[error("{0}; please provide -force to override")]
    Refused(Objection),
    /// The image cannot be written.
    #[error("saving image")]
    Save(#[source] backend::Error),
    /// The new run image is of another stack.
    #[error(transparent)]
    Stack(#[from] IncompatibleStack),
}

/// How much of an image stays as it is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Manner {
    /// All that has nothing to do with the base: history, media types, annotations, what nobody here knows.
    #[default]
    Lossless,
    /// What the Go lifecycle keeps, byte for byte as it writes it: no history, and Docker's media types.
    Lifecycle,
}

/// An image on its new base, to be written.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Planned {
    /// The manifest. Its lowest layers are those of the new base.
    pub manifest: Manifest,
    /// The config, which the manifest names.
    pub config: Bytes,
    /// The layers above the base, which are those of the image.
    pub kept: Vec<DiffId>,
    /// Whether it is another image than before.
    pub is_changed: bool,
}

/// Makes the image that `app` is on the new base.
///
/// `target` was started with the new base as its base and with `app` as the previous image.
///
/// # Errors
/// When the new base does not suit the image, or something cannot be read or written.
pub fn rebase(inputs: &Inputs<'_>, target: &dyn ImageTarget) -> Result<Saved, RebaseError> {
    let planned = plan(inputs, Manner::Lifecycle, &mut |objection| tracing::warn!("{objection}"))?;
    for diff_id in &planned.kept {
        target.reuse(diff_id).map_err(RebaseError::Save)?;
    }
    save(target, planned.manifest, &planned.config).map_err(RebaseError::Save)
}

/// Says what `app` is on the new base. It reads no layer. `warn` gets what speaks against a rebase that is forced.
///
/// # Errors
/// When the new base does not suit the image, or one of them cannot be understood.
pub fn plan(
    inputs: &Inputs<'_>,
    manner: Manner,
    warn: &mut dyn FnMut(Objection),
) -> Result<Planned, RebaseError> {
    let mut object = |objection| {
        if inputs.force {
            warn(objection);
            return Ok(());
        }
        Err(RebaseError::Refused(objection))
    };
    let (app, new_base) = (read(inputs.app)?, read(inputs.new_base)?);
    validate(inputs, &app, &mut object)?;
    let old = metadata(&inputs.app.image.config).map_err(RebaseError::Label)?;
    let mut label = old.clone();
    if !inputs.app.image.config.diff_ids().iter().any(|id| id.as_str() == old.run_image.top_layer) {
        return Err(RebaseError::NoOldBase);
    }
    new_base.top_layer().ok_or(RebaseError::NoLayers)?.clone_into(&mut label.run_image.top_layer);
    label.run_image.reference.clone_from(&inputs.new_base.identifier);
    if inputs.api.has_targets() {
        let objection = run_image::rename(&mut label, &inputs.new_base.name);
        objection.map_or(Ok(()), &mut object)?;
    }
    Ok(match manner {
        Manner::Lossless => lossless::plan(inputs, &old, &label),
        Manner::Lifecycle => as_lifecycle(inputs, (&app, &new_base), &old.run_image.top_layer, &label),
    })
}

/// The labels that come from the base.
fn base_labels(api: PlatformApi) -> &'static [&'static str] {
    if api.has_targets() {
        &["io.buildpacks.stack.", "io.buildpacks.base."]
    } else {
        &["io.buildpacks.stack."]
    }
}

fn read(image: &FoundImage) -> Result<Config, RebaseError> {
    Config::read(image.image.config.bytes())
        .map_err(|source| RebaseError::Config { name: image.name.clone(), source })
}

/// The version of the platform that made the image decides whether it has a stack or a target.
fn validate(
    inputs: &Inputs<'_>,
    app: &Config,
    object: &mut dyn FnMut(Objection) -> Result<(), RebaseError>,
) -> Result<(), RebaseError> {
    let (old, new) = (&inputs.app.image.config, &inputs.new_base.image.config);
    let api = app.env("CNB_PLATFORM_API").filter(|text| !text.is_empty());
    let api: Option<PlatformApi> = api.map(str::parse).transpose().map_err(RebaseError::Api)?;
    if !api.is_some_and(PlatformApi::has_targets) {
        return Ok(stack::validate(old, new)?);
    }
    target::objections(old, new).into_iter().try_for_each(object)
}

/// Docker's media types, whatever those of the images are; the layers keep theirs.
fn as_lifecycle(
    inputs: &Inputs<'_>,
    (app, new_base): (&Config, &Config),
    old_top_layer: &str,
    label: &LifecycleMetadata,
) -> Planned {
    let mut config = app.on_base(new_base, old_top_layer).expect("the image has the layer");
    config.set_label(lifecycle::LABEL, &written(label, &inputs.app.image.config));
    config.sync_labels(new_base, base_labels(inputs.api));
    config.set_created(DEFAULT_EPOCH, false);
    let config = Bytes::from(config.to_bytes());
    let upper = inputs.app.image.layers().skip_while(|(id, _)| id.as_str() != old_top_layer).skip(1);
    let (kept, upper): (Vec<DiffId>, Vec<Descriptor>) =
        upper.map(|(diff_id, layer)| (diff_id.clone(), layer.clone())).unzip();
    let layers = [&inputs.new_base.image.manifest.layers[..], &upper].concat();
    let descriptor =
        Descriptor::new(media_type::DOCKER_CONFIG, cnb_oci::digest(&config), config.len() as u64);
    let manifest =
        Manifest { media_type: media_type::DOCKER_MANIFEST.to_owned(), ..Manifest::new(descriptor, layers) };
    let is_changed = manifest != inputs.app.image.manifest;
    Planned { manifest, config, kept, is_changed }
}

/// What is apart from nothing in a label that Go's rebaser holds.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Held {
    app: Value,
    buildpacks: Option<Vec<HeldBuildpack>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HeldBuildpack {
    layers: Option<IgnoredAny>,
}

/// The label of an image that had another one, as Go writes it: `app` is what it was, and an empty list is not null.
///
/// Source: `LayersMetadataCompat` in `platform/files/analyzed.go` of the lifecycle.
fn written(label: &LifecycleMetadata, old: &ImageConfig) -> String {
    let mut written = serde_json::to_value(label).expect("all keys of labels are strings");
    let held = old.label(lifecycle::LABEL).and_then(|text| labels::read(text).ok());
    let held: Held = held.unwrap_or_default();
    written["app"] = any::as_go_reads(held.app);
    if let Some(buildpacks) = held.buildpacks {
        let mut list = written["buildpacks"].take().as_array().cloned().unwrap_or_default();
        for (buildpack, held) in list.iter_mut().zip(buildpacks) {
            if held.layers.is_none() {
                buildpack["layers"] = Value::Null;
            }
        }
        written["buildpacks"] = list.into();
    }
    go_json::to_string(&written).expect("all keys of labels are strings")
}

#[cfg(test)]
mod tests;
