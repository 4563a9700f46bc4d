//! Rebase: puts an image on another base, without a build.
//!
//! Source: `phase/rebaser.go` of the lifecycle.

pub mod run_image;
pub mod stack;
pub mod target;

use cnb_core::api::InvalidApiVersion;
use cnb_core::api::PlatformApi;
use cnb_core::backend;
use cnb_core::encode::go_json;
use cnb_core::labels::lifecycle;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::descriptor::Manifest;
use cnb_oci::descriptor::media_type;

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

/// Makes the image that `app` is on the new base.
///
/// `target` was started with the new base as its base and with `app` as the previous image.
///
/// # Errors
/// When the new base does not suit the image, or something cannot be read or written.
pub fn rebase(inputs: &Inputs<'_>, target: &dyn ImageTarget) -> Result<Saved, RebaseError> {
    let (app, new_base) = (read(inputs.app)?, read(inputs.new_base)?);
    validate(inputs, &app)?;
    let mut label = metadata(&inputs.app.image.config).map_err(RebaseError::Label)?;
    let old_top_layer = label.run_image.top_layer.clone();
    let mut config = app.on_base(&new_base, &old_top_layer).ok_or(RebaseError::NoOldBase)?;
    new_base.top_layer().ok_or(RebaseError::NoLayers)?.clone_into(&mut label.run_image.top_layer);
    label.run_image.reference.clone_from(&inputs.new_base.identifier);
    if inputs.api.has_targets() {
        let objection = run_image::rename(&mut label, &inputs.new_base.name);
        objection.map_or(Ok(()), |objection| inputs.object(objection))?;
    }
    config.set_label(lifecycle::LABEL, &go_json::to_string(&label).expect("all keys of labels are strings"));
    let base_labels: &[&str] = if inputs.api.has_targets() {
        &["io.buildpacks.stack.", "io.buildpacks.base."]
    } else {
        &["io.buildpacks.stack."]
    };
    config.sync_labels(&new_base, base_labels);
    config.set_created(DEFAULT_EPOCH, false);
    let manifest = manifest(inputs, &old_top_layer, target)?;
    save(target, manifest, &config.to_bytes()).map_err(RebaseError::Save)
}

impl Inputs<'_> {
    /// Fails, or warns when the rebase is forced.
    fn object(&self, objection: Objection) -> Result<(), RebaseError> {
        if !self.force {
            return Err(RebaseError::Refused(objection));
        }
        tracing::warn!("{objection}");
        Ok(())
    }
}

fn read(image: &FoundImage) -> Result<Config, RebaseError> {
    Config::read(image.image.config.bytes())
        .map_err(|source| RebaseError::Config { name: image.name.clone(), source })
}

/// The version of the platform that made the image decides whether it has a stack or a target.
fn validate(inputs: &Inputs<'_>, app: &Config) -> Result<(), RebaseError> {
    let (old, new) = (&inputs.app.image.config, &inputs.new_base.image.config);
    let api = app.env("CNB_PLATFORM_API").filter(|text| !text.is_empty());
    let api: Option<PlatformApi> = api.map(str::parse).transpose().map_err(RebaseError::Api)?;
    if !api.is_some_and(PlatformApi::has_targets) {
        return Ok(stack::validate(old, new)?);
    }
    target::objections(old, new).into_iter().try_for_each(|objection| inputs.object(objection))
}

/// Docker's media types, whatever those of the images are; the layers keep theirs.
fn manifest(
    inputs: &Inputs<'_>,
    old_top_layer: &str,
    target: &dyn ImageTarget,
) -> Result<Manifest, RebaseError> {
    let upper = inputs.app.image.layers().map(|(diff_id, _)| diff_id);
    let upper = upper.skip_while(|diff_id| diff_id.as_str() != old_top_layer).skip(1);
    let mut layers = inputs.new_base.image.manifest.layers.clone();
    for diff_id in upper {
        layers.push(target.reuse(diff_id).map_err(RebaseError::Save)?);
    }
    let config = &inputs.new_base.image.manifest.config;
    let config = Descriptor::new(media_type::DOCKER_CONFIG, config.digest.clone(), config.size);
    Ok(Manifest { media_type: media_type::DOCKER_MANIFEST.to_owned(), ..Manifest::new(config, layers) })
}

#[cfg(test)]
mod tests;
