//! Which images a phase is about.
//!
//! Source: `platform/resolve_inputs.go` and `platform/run_image.go` of the Go lifecycle.

use std::fs;
use std::io;
use std::path::Path;

use cnb_core::analyzed::Analyzed;
use cnb_core::document;
use cnb_core::labels::lifecycle::RunImageNames;
use cnb_core::reference::Reference;
use cnb_core::run::Run;
use cnb_core::run::Stack;
use serde::de::DeserializeOwned;

use super::Invocation;
use super::access::Access;
use super::cache;
use super::documents;
use super::experimental;
use super::failure::Failure;
use super::failure::code;
use super::inputs::Inputs;

/// The images of an analysis.
pub(super) struct Images {
    /// The previous image: the output, unless another is named.
    pub(super) previous: String,
    /// The run image.
    pub(super) run_image: String,
}

/// Checks the names of images for `analyze`.
pub(super) fn analyze(invocation: &Invocation) -> Result<Images, Failure> {
    let images = images(invocation, true).map_err(refused)?;
    warn(&invocation.inputs);
    check(&invocation.inputs, &images).map_err(refused)?;
    warn_of_parallel(&invocation.inputs);
    allow_layout(invocation)?;
    Ok(images)
}

/// Checks the names of images for `create`.
pub(super) fn create(invocation: &Invocation) -> Result<Images, Failure> {
    let inputs = &invocation.inputs;
    if !inputs.deprecated_run_image.is_empty() && is_run_image_flag(invocation) {
        return Err(refused("supply only one of -run-image or (deprecated) -image"));
    }
    let images = images(invocation, inputs.deprecated_run_image.is_empty()).map_err(refused)?;
    cache::warn_if_none(invocation);
    warn(inputs);
    check(inputs, &images).map_err(refused)?;
    warn_of_parallel(inputs);
    allow_layout(invocation)?;
    Ok(images)
}

/// Checks the names of images for `rebase`, and returns that of the run image; empty when the image has to say.
pub(super) fn rebase(invocation: &Invocation) -> Result<String, Failure> {
    let inputs = &invocation.inputs;
    if inputs.output_image.is_empty() {
        return Err(refused("image argument is required"));
    }
    let has_both = !inputs.deprecated_run_image.is_empty() && is_run_image_flag(invocation);
    if has_both {
        return Err(refused("supply only one of -run-image or (deprecated) -image"));
    }
    let run_image =
        if inputs.deprecated_run_image.is_empty() { &inputs.run_image } else { &inputs.deprecated_run_image };
    let images = Images { previous: inputs.previous_image.clone(), run_image: run_image.clone() };
    check(inputs, &images).map_err(refused)?;
    Ok(images.run_image)
}

/// Checks the names of images for `export`, and reads analyzed.toml, which has the run image.
pub(super) fn export(invocation: &Invocation) -> Result<Analyzed, Failure> {
    let inputs = &invocation.inputs;
    if inputs.output_image.is_empty() {
        return Err(refused("image argument is required"));
    }
    if !inputs.run_image.is_empty() && is_run_image_flag(invocation) {
        return Err(refused("-run-image is unsupported"));
    }
    if !inputs.deprecated_run_image.is_empty() {
        return Err(refused("-image is unsupported"));
    }
    let analyzed = documents::analyzed(&inputs.analyzed_path)
        .map_err(|failure| failure.while_doing("resolve inputs").with_code(code::INVALID_ARGUMENTS))?;
    let run_image = analyzed.run_image.as_ref().map(|image| image.reference.clone()).unwrap_or_default();
    if run_image.is_empty() {
        return Err(refused("run image not found in analyzed metadata"));
    }
    cache::warn_if_none(invocation);
    warn(inputs);
    // In a layout the run image is named by its path.
    let run_image = if inputs.use_layout { String::new() } else { run_image };
    check(inputs, &Images { previous: String::new(), run_image }).map_err(refused)?;
    allow_layout(invocation)?;
    Ok(analyzed)
}

/// The names of the run image for the label: see `GetRunImageForExport`.
pub(super) fn run_image_names(
    invocation: &Invocation,
    run_image: &str,
    has_extensions: impl FnOnce() -> Result<bool, Failure>,
) -> Result<RunImageNames, Failure> {
    let inputs = &invocation.inputs;
    if !invocation.api.has_targets() {
        return Ok(optional::<Stack>("stack", &inputs.stack_path)?.run_image);
    }
    let run: Run = optional("run", &inputs.run_path)?;
    let Some(first) = run.images.first() else {
        return Ok(RunImageNames::default());
    };
    Ok(match run.images.iter().find(|image| image.contains(run_image)) {
        Some(found) => found.clone(),
        // Extensions may have chosen another run image.
        None if has_extensions()? => {
            RunImageNames { image: run_image.to_owned(), ..RunImageNames::default() }
        }
        None => first.clone(),
    })
}

/// Names that the run image may have, which `restore` reads from Platform API 0.14 on.
pub(super) fn run_images(invocation: &Invocation) -> Result<Run, Failure> {
    if invocation.api.checks_run_image_again() {
        optional("run", &invocation.inputs.run_path)
    } else {
        Ok(Run::default())
    }
}

fn images(invocation: &Invocation, may_search: bool) -> Result<Images, String> {
    let inputs = &invocation.inputs;
    if inputs.output_image.is_empty() {
        return Err("image argument is required".to_owned());
    }
    let previous =
        if inputs.previous_image.is_empty() { &inputs.output_image } else { &inputs.previous_image };
    let run_image = match (may_search, inputs.run_image.is_empty()) {
        (false, _) => inputs.deprecated_run_image.clone(),
        (true, false) => inputs.run_image.clone(),
        (true, true) => configured_run_image(invocation)?,
    };
    Ok(Images { previous: previous.clone(), run_image })
}

/// The run image of the platform.
fn configured_run_image(invocation: &Invocation) -> Result<String, String> {
    let inputs = &invocation.inputs;
    let target: Reference = inputs.output_image.parse().map_err(|error| format!("{error}"))?;
    let names = if invocation.api.has_targets() {
        let run: Run = optional("run", &inputs.run_path).map_err(|failure| failure.to_string())?;
        let first = run.images.into_iter().next();
        first.ok_or("-run-image is required when there is no run metadata available")?
    } else {
        let stack: Stack = optional("stack", &inputs.stack_path).map_err(|failure| failure.to_string())?;
        stack.run_image
    };
    best_mirror(invocation, &target, &names)
}

/// Where to take a run image from: the registry of the output, if it may be read there, else the first place where
/// it may be read. Layouts have everything.
///
/// Source: `BestRunImageMirrorFor` in `platform/run_image.go`.
pub(super) fn best_mirror(
    invocation: &Invocation,
    target: &Reference,
    names: &RunImageNames,
) -> Result<String, String> {
    if names.image.is_empty() {
        return Err("missing run image metadata (-run-image)".to_owned());
    }
    let places: Vec<&str> = std::iter::once(&names.image).chain(&names.mirrors).map(String::as_str).collect();
    let access = Access::new(invocation, &places).map_err(|failure| failure.to_string())?;
    let can_read = |name: &&&str| invocation.inputs.use_layout || access.can_read(name);
    let in_registry = |name: &&&str| {
        name.parse::<Reference>().is_ok_and(|reference| reference.registry() == target.registry())
    };
    let near = places.iter().filter(in_registry).find(can_read);
    let found = near.or_else(|| places.iter().find(can_read));
    found.map(|name| (*name).to_owned()).ok_or_else(|| "failed to find accessible run image".to_owned())
}

fn warn(inputs: &Inputs) {
    if !inputs.use_daemon && !inputs.launch_cache_dir.is_empty() {
        tracing::warn!("Ignoring -launch-cache, only intended for use with -daemon");
    }
}

fn warn_of_parallel(inputs: &Inputs) {
    if inputs.parallel_export && inputs.cache_image.is_empty() && inputs.cache_dir.is_empty() {
        tracing::warn!(
            "Parallel export has been enabled, but it has not taken effect because no cache has been specified."
        );
    }
}

/// Names must be names, and everything that is written must be in one registry.
fn check(inputs: &Inputs, images: &Images) -> Result<(), String> {
    let outputs = std::iter::once(&inputs.output_image).chain(&inputs.tags);
    let others = [&images.previous, &inputs.build_image, &images.run_image, &inputs.cache_image];
    for name in outputs.clone().chain(others).filter(|name| !name.is_empty()) {
        name.parse::<Reference>().map_err(|error| error.to_string())?;
    }
    let registries = outputs.filter_map(|name| name.parse::<Reference>().ok());
    let registries: std::collections::BTreeSet<String> =
        registries.map(|reference| reference.registry().to_owned()).collect();
    if registries.len() > 1 && !inputs.use_daemon {
        return Err("writing to multiple registries is unsupported".to_owned());
    }
    Ok(())
}

fn allow_layout(invocation: &Invocation) -> Result<(), Failure> {
    if invocation.inputs.use_layout {
        experimental::allow("export to OCI layout format", &invocation.environment)?;
    }
    Ok(())
}

/// Whether the run image comes from a flag: the variable may be set for all phases.
fn is_run_image_flag(invocation: &Invocation) -> bool {
    invocation.environment.text("CNB_RUN_IMAGE").unwrap_or_default() != invocation.inputs.run_image
}

/// Reads a document that need not exist.
fn optional<T: DeserializeOwned + Default>(name: &str, path: &str) -> Result<T, Failure> {
    if fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        tracing::info!("No {name} metadata found at path {path:?}");
        return Ok(T::default());
    }
    documents::read(&format!("read {name} file"), Path::new(path), document::read)
}

fn refused(why: impl Into<Box<dyn std::error::Error>>) -> Failure {
    Failure::new("resolve inputs", why).with_code(code::INVALID_ARGUMENTS)
}
