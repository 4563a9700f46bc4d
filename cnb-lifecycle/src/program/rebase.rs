//! The phase `rebase`.

use std::error::Error;

use cnb_core::labels::lifecycle::LifecycleMetadata;
use cnb_core::reference::InvalidReference;
use cnb_core::report::Build;

use super::Invocation;
use super::access::Access;
use super::failure::Failure;
use super::failure::NO_LAYERS;
use super::failure::code;
use super::privileges;
use super::report;
use super::resolve;
use crate::image_store::FoundImage;
use crate::image_store::ImageStore;
use crate::phase::analyze::metadata;
use crate::phase::rebase;
use crate::phase::rebase::Inputs;
use crate::phase::rebase::RebaseError;

/// Puts the image on its new run image.
pub(super) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let inputs = &invocation.inputs;
    let run_image = resolve::rebase(invocation)?;
    let name = if inputs.previous_image.is_empty() { &inputs.output_image } else { &inputs.previous_image };
    let (app, label) = app_image(invocation, name)?;
    let run_image = if run_image.is_empty() { known_run_image(invocation, &label, name)? } else { run_image };
    // Credentials may be out of reach later.
    let access = Access::new(invocation, &[name, &run_image])?;
    privileges::become_user(inputs.uid, inputs.gid, &[])?;
    rebase(invocation, &app, &run_image, &*access.store(invocation))
}

fn rebase(
    invocation: &Invocation,
    app: &FoundImage,
    run_image: &str,
    store: &dyn ImageStore,
) -> Result<(), Failure> {
    let inputs = &invocation.inputs;
    let found = store.find(run_image).map_err(|error| Failure::new("access run image", error))?;
    let new_base = found.ok_or_else(|| Failure::message("access run image"))?;
    if new_base.image.manifest.layers.is_empty() {
        return Err(Failure::new("access run image", NO_LAYERS));
    }
    let names: Vec<&str> =
        std::iter::once(&inputs.output_image).chain(&inputs.tags).map(String::as_str).collect();
    let target = store.target(&names, &new_base, Some(app)).map_err(failed)?;
    let rebasing = Inputs { api: invocation.api, app, new_base: &new_base, force: inputs.force_rebase };
    let saved = rebase::rebase(&rebasing, &*target).map_err(failed)?;
    let image = report::image(saved).map_err(failed)?;
    report::write(inputs, Build::default(), image, "rebase")
        .map_err(|failure| failure.with_code(code::REBASE))
}

/// The image to rebase and its label.
fn app_image(invocation: &Invocation, name: &str) -> Result<(FoundImage, LifecycleMetadata), Failure> {
    let find = || {
        let store = Access::new(invocation, &[name])?.store(invocation);
        let found = store.find(name).map_err(|error| Failure::new("access image to rebase", error))?;
        found.ok_or_else(|| Failure::message("access image to rebase"))
    };
    let app = find().map_err(|failure| set_app_image(failure.to_string()))?;
    let label = metadata(&app.image.config).map_err(|error| set_app_image(RebaseError::Label(error)))?;
    Ok((app, label))
}

/// The run image that the image knows, by the best of its names.
fn known_run_image(
    invocation: &Invocation,
    label: &LifecycleMetadata,
    name: &str,
) -> Result<String, Failure> {
    let names = rebase::run_image::names(label, invocation.api.has_targets()).ok_or_else(|| {
        let why = "-run-image is required when there is no run image metadata available";
        set_app_image(Failure::new("parse arguments", why).to_string())
    })?;
    let target = name.parse().map_err(set_app_image::<InvalidReference>)?;
    resolve::best_mirror(invocation, &target, &names).map_err(set_app_image)
}

fn set_app_image<E: Into<Box<dyn Error>>>(error: E) -> Failure {
    Failure::new("set app image", error).with_code(code::REBASE)
}

fn failed(error: impl Error + 'static) -> Failure {
    Failure::new("rebase", error).with_code(code::REBASE)
}
