//! The phase `export`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io;
use std::path::Path;
use std::thread;

use cnb_core::analyzed::Analyzed;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::User;
use cnb_core::build_metadata::BuildMetadata;
use cnb_core::buildpack::group::GroupElement;
use cnb_core::buildpack::plan::ElementKind;
use cnb_core::digest::DiffId;
use cnb_core::document;
use cnb_core::epoch::Epoch;
use cnb_core::labels::build::Launcher;
use cnb_core::labels::lifecycle::LifecycleMetadata;
use cnb_core::project_metadata::ProjectMetadata;
use cnb_core::report::Build;

use super::Invocation;
use super::access::Access;
use super::cache;
use super::documents;
use super::experimental;
use super::failure::Failure;
use super::failure::NO_LAYERS;
use super::failure::code;
use super::privileges;
use super::report;
use super::resolve;
use crate::export::Snapshot;
use crate::export::snapshot::fs::snapshot;
use crate::image_store::FoundImage;
use crate::image_store::ImageStore;
use crate::image_store::ImageTarget;
use crate::image_store::Saved;
use crate::layer_cache::LayerCache;
use crate::phase;
use crate::phase::buildpack_api;
use crate::phase::export;
use crate::phase::export::Exported;
use crate::phase::export::Inputs;
use crate::phase::export::bom::bom;
use crate::phase::export::extended::ExtendedRunImage;
use crate::phase::export::sboms;

/// Exports what the buildpacks in group.toml left.
pub(super) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let inputs = &invocation.inputs;
    let analyzed = resolve::export(invocation)?;
    let images = [previous_of(&analyzed), run_image_of(&analyzed)];
    let access = Access::new(invocation, &images)?;
    privileges::become_user(inputs.uid, inputs.gid, &[&inputs.cache_dir, &inputs.launch_cache_dir])?;
    let group = documents::group(&inputs.group_path)?.buildpacks;
    for element in &group {
        buildpack_api::supported(ElementKind::Buildpack, &element.to_string(), &element.api)?;
    }
    let cache = cache::open(invocation, &access)?;
    allow_extended_layers(invocation)?;
    export(invocation, &group, analyzed, cache, &access)
}

/// Exports the image, writes report.toml and saves the cache: after the image, which spares hashing the layers that
/// both have, or beside it where the platform asks for that.
pub(super) fn export(
    invocation: &Invocation,
    group: &[GroupElement],
    analyzed: Analyzed,
    cache: Option<Box<dyn LayerCache>>,
    access: &Access,
) -> Result<(), Failure> {
    let inputs = &invocation.inputs;
    let project = project(&inputs.project_metadata_path)?.to_label().map_err(failed)?;
    let store = access.store(invocation);
    let extended = extended(invocation, &analyzed)?;
    let (base, target) = target(invocation, &analyzed, &*store)?;
    let layers = Path::new(&inputs.layers_dir);
    let run_image = analyzed.run_image.as_ref().map(|image| image.image.as_str()).unwrap_or_default();
    let names = resolve::run_image_names(invocation, run_image, || has_extensions(layers))?;
    if invocation.api.has_lifecycle_sboms() {
        sboms::copy(layers, Path::new(&inputs.launcher_sbom_dir)).map_err(failed)?;
    }
    let is_extended = is_extended(invocation, &analyzed);
    let previous = LifecycleMetadata::try_from(analyzed.metadata).map_err(failed)?;
    let owner = User::new(inputs.uid, inputs.gid);
    let exporting = Inputs {
        api: invocation.api,
        layers,
        app: Path::new(&inputs.app_dir),
        group,
        previous: &previous,
        owner,
        launcher: Path::new(&inputs.launcher_path),
        launcher_label: &launcher_label(),
        base: &base,
        extended: extended.as_ref(),
        is_extended,
        run_image_reference: &store.recorded_reference(&base),
        run_image: &names,
        project: &project,
        process_type: Some(inputs.default_process_type.as_str()).filter(|text| !text.is_empty()),
        exec_env: &inputs.exec_env,
        created: created(invocation)?,
    };
    let save = |cache, snapshot: &Snapshot, known: &BTreeMap<String, DiffId>| {
        save_cache(&phase::cache::Inputs { api: invocation.api, layers, snapshot, owner, known }, cache);
    };
    let (beside, after) = if inputs.parallel_export { (cache, None) } else { (None, cache) };
    let exported = thread::scope(|scope| {
        if let Some(cache) = beside {
            let snapshot = snapshot(layers, group).map_err(failed)?;
            scope.spawn(move || save(cache, &snapshot, &BTreeMap::new()));
        }
        if let Some(cache) = &after {
            scope.spawn(|| phase::cache::prepare(&previous, &**cache));
        }
        export::export(&exporting, &*target).map_err(failed)
    });
    let Exported { saved, snapshot, directories: known, .. } = exported?;
    report(invocation, group, saved)?;
    if let Some(cache) = after {
        save(cache, &snapshot, &known);
    }
    Ok(())
}

/// A cache that cannot be saved does no harm to the image.
fn save_cache(inputs: &phase::cache::Inputs<'_>, cache: Box<dyn LayerCache>) {
    if let Err(error) = phase::cache::save(inputs, cache) {
        tracing::warn!("Failed to export cache: {}", Failure::new("save cache", error));
    }
}

/// Writes report.toml, and fails when a name of the image could not be written.
fn report(invocation: &Invocation, group: &[GroupElement], saved: Saved) -> Result<(), Failure> {
    let inputs = &invocation.inputs;
    let image = report::image(saved).map_err(failed)?;
    let layers = Path::new(&inputs.layers_dir);
    let bom =
        if invocation.api.has_sboms_only() { Vec::new() } else { bom(layers, group).map_err(failed)? };
    report::write(inputs, Build { bom }, image, "export").map_err(|failure| failure.with_code(code::EXPORT))
}

/// Extensions are experimental before Platform API 0.13.
fn allow_extended_layers(invocation: &Invocation) -> Result<(), Failure> {
    let directory = Path::new(&invocation.inputs.extended_dir).join("run");
    let has_layers = fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some());
    if has_layers && !invocation.api.has_stable_extensions() {
        experimental::allow("Dockerfiles", &invocation.environment)?;
    }
    Ok(())
}

/// The run image as the extender left it, which must be there when analyzed.toml says so.
fn extended(invocation: &Invocation, analyzed: &Analyzed) -> Result<Option<ExtendedRunImage>, Failure> {
    if !invocation.api.extends_run_images() {
        return Ok(None);
    }
    let no_config = |why: Box<dyn Error>| Failure::new("get extended image config", why);
    let found = ExtendedRunImage::find(&Path::new(&invocation.inputs.extended_dir).join("run"));
    match (found, is_extended(invocation, analyzed)) {
        (Ok(None), true) => Err(no_config("missing extended run image".into())),
        (Err(error), true) => Err(no_config(error.into())),
        (found, _) => found.map_err(failed),
    }
}

/// In OCI layouts the config of the run image stays, as in Go.
fn is_extended(invocation: &Invocation, analyzed: &Analyzed) -> bool {
    let is_extended = analyzed.run_image.as_ref().is_some_and(|image| image.extend);
    is_extended && invocation.api.extends_run_images() && !invocation.inputs.use_layout
}

/// What makes the image: this program.
fn launcher_label() -> Launcher {
    let mut launcher = Launcher { version: env!("CARGO_PKG_VERSION").to_owned(), ..Launcher::default() };
    env!("CARGO_PKG_REPOSITORY").clone_into(&mut launcher.source.git.repository);
    launcher
}

/// The run image, and the image that is made on it.
fn target(
    invocation: &Invocation,
    analyzed: &Analyzed,
    store: &dyn ImageStore,
) -> Result<(FoundImage, Box<dyn ImageTarget>), Failure> {
    let failed = |error| Failure::new("create new app image", error);
    let inputs = &invocation.inputs;
    let base = store.open(run_image_of(analyzed)).map_err(|error| match error.kind() {
        ErrorKind::InvalidInput if inputs.use_layout => Failure::new("parsing run image reference", error),
        ErrorKind::NotFound if inputs.use_layout => Failure::new("export", error).with_code(code::EXPORT),
        _ => failed(error),
    })?;
    if base.image.manifest.layers.is_empty() && !inputs.use_layout {
        return Err(Failure::new("create new app image", NO_LAYERS));
    }
    let previous = match previous_of(analyzed) {
        "" => None,
        identifier => Some(store.open(identifier).map_err(failed)?),
    };
    if let Some(previous) = &previous {
        tracing::info!("Reusing layers from image '{}'", previous.name);
    }
    let names: Vec<&str> =
        std::iter::once(&inputs.output_image).chain(&inputs.tags).map(String::as_str).collect();
    // Layouts get the layers of the base here already.
    let target = store.target(&names, &base, previous.as_ref());
    let target = target.map_err(|error| failed(error).with_code(code::EXPORT))?;
    if inputs.use_layout {
        tracing::info!("Using app image: {}", target.name());
    }
    Ok((base, target))
}

fn run_image_of(analyzed: &Analyzed) -> &str {
    analyzed.run_image.as_ref().map(|image| image.reference.as_str()).unwrap_or_default()
}

fn previous_of(analyzed: &Analyzed) -> &str {
    analyzed.image.as_ref().map(|image| image.reference.as_str()).unwrap_or_default()
}

fn has_extensions(layers: &Path) -> Result<bool, Failure> {
    let path = layers.join("config/metadata.toml");
    let metadata = documents::read("read build metadata file", &path, BuildMetadata::read)?;
    Ok(!metadata.extensions.is_empty())
}

fn project(path: &str) -> Result<ProjectMetadata, Failure> {
    if fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        tracing::debug!("No project metadata found at path {path:?}, project metadata will not be exported");
        return Ok(ProjectMetadata::default());
    }
    documents::read("read project metadata file", Path::new(path), document::read)
}

/// The zero value of Go's `time.Time`, which counts as no time.
const NO_TIME: i64 = -62_135_596_800;

/// `SOURCE_DATE_EPOCH`.
fn created(invocation: &Invocation) -> Result<Option<Epoch>, Failure> {
    let text = invocation.environment.text("SOURCE_DATE_EPOCH").filter(|text| !text.is_empty());
    let Some(text) = text.filter(|_| invocation.api.honours_source_date_epoch()) else { return Ok(None) };
    let Ok(seconds) = text.parse::<i64>() else {
        tracing::warn!("Ignoring invalid SOURCE_DATE_EPOCH");
        return Ok(None);
    };
    let epoch = Some(seconds).filter(|seconds| *seconds != NO_TIME).map(Epoch::try_from).transpose();
    epoch.map_err(|error| Failure::new("export: SOURCE_DATE_EPOCH", error).with_code(code::EXPORT))
}

fn failed(error: impl std::error::Error + 'static) -> Failure {
    Failure::new("export", error).with_code(code::EXPORT)
}
