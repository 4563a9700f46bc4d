//! The phase `export`.

use std::env::consts::ARCH;
use std::fs;
use std::io;
use std::path::Path;

use cnb_cache::volume::VolumeCache;
use cnb_core::analyzed::Analyzed;
use cnb_core::backend::User;
use cnb_core::build_metadata::BuildMetadata;
use cnb_core::buildpack::group::GroupElement;
use cnb_core::buildpack::plan::ElementKind;
use cnb_core::document;
use cnb_core::encode::go_toml;
use cnb_core::labels::build::Launcher;
use cnb_core::labels::lifecycle::LifecycleMetadata;
use cnb_core::os_release::go_arch;
use cnb_core::project_metadata::ProjectMetadata;
use cnb_core::reference::Reference;
use cnb_core::report::Build;
use cnb_core::report::Image;
use cnb_core::report::Report;

use super::Invocation;
use super::cache;
use super::documents;
use super::failure::Failure;
use super::failure::code;
use super::privileges;
use super::resolve;
use crate::layout_directory::LayoutDirectory;
use crate::layout_directory::LayoutImage;
use crate::phase::buildpack_api;
use crate::phase::cache::save;
use crate::phase::export;
use crate::phase::export::Inputs;
use crate::phase::export::bom::bom;
use crate::phase::export::layout::LayoutTarget;
use crate::phase::export::layout::Output;
use crate::phase::export::layout::recorded_run_image;
use crate::phase::export::sboms;

/// Exports what the buildpacks in group.toml left.
pub(super) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let inputs = &invocation.inputs;
    let analyzed = resolve::export(invocation)?;
    privileges::become_user(inputs.uid, inputs.gid, &[&inputs.cache_dir, &inputs.launch_cache_dir])?;
    let group = documents::group(&inputs.group_path)?.buildpacks;
    for element in &group {
        buildpack_api::supported(ElementKind::Buildpack, &element.to_string(), &element.api)?;
    }
    let cache = cache::open(invocation)?;
    export(invocation, &group, analyzed, cache)
}

/// Exports the image, writes report.toml and saves the cache.
pub(super) fn export(
    invocation: &Invocation,
    group: &[GroupElement],
    analyzed: Analyzed,
    cache: Option<VolumeCache>,
) -> Result<(), Failure> {
    let inputs = &invocation.inputs;
    let project = project(&inputs.project_metadata_path)?
        .to_label()
        .map_err(|error| Failure::new("read project metadata file", error))?;
    if !inputs.use_layout {
        let why = "this lifecycle writes images to OCI layouts only: use -layout and -layout-dir";
        return Err(Failure::new("create new app image", why).with_code(code::EXPORT));
    }
    let run_image = analyzed.run_image.unwrap_or_default();
    let run_image_path = path_of(&run_image.reference, "run image")?;
    let previous_reference = analyzed.image.unwrap_or_default().reference;
    let target = target(invocation, run_image_path, &previous_reference)?;
    let layers = Path::new(&inputs.layers_dir);
    let names = resolve::run_image_names(invocation, &run_image.image, has_extensions(layers)?)?;
    if invocation.api.at_least(11) {
        sboms::copy(layers, Path::new(&inputs.launcher_sbom_dir)).map_err(failed)?;
    }
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
        run_image_reference: &recorded_run_image(run_image_path, go_arch(ARCH)),
        run_image: &names,
        project: &project,
        process_type: Some(inputs.default_process_type.as_str()).filter(|text| !text.is_empty()),
        exec_env: &inputs.exec_env,
        created: created(invocation),
    };
    let (saved, snapshot) = export::export(&exporting, target).map_err(failed)?;
    let image = Image { tags: saved.names, manifest_size: saved.manifest_size, ..Image::default() };
    let bom = if invocation.api.at_least(9) { Vec::new() } else { bom(layers, group).map_err(failed)? };
    let report = go_toml::to_string(&Report { build: Build { bom }, image }).map_err(failed)?;
    documents::write("report", Path::new(&inputs.report_path), &report)
        .map_err(|failure| failure.with_code(code::EXPORT))?;
    if let Some(cache) = cache {
        let saving = crate::phase::cache::Inputs { api: invocation.api, layers, snapshot: &snapshot, owner };
        if let Err(error) = save(&saving, cache) {
            tracing::warn!("Failed to export cache: {}", Failure::new("save cache", error));
        }
    }
    Ok(())
}

/// What makes the image: this program.
fn launcher_label() -> Launcher {
    let mut launcher = Launcher { version: env!("CARGO_PKG_VERSION").to_owned(), ..Launcher::default() };
    env!("CARGO_PKG_REPOSITORY").clone_into(&mut launcher.source.git.repository);
    launcher
}

fn target(invocation: &Invocation, run_image: &str, previous: &str) -> Result<LayoutTarget, Failure> {
    const ACTION: &str = "create new app image";
    let inputs = &invocation.inputs;
    let base = LayoutImage::find(Path::new(run_image))
        .map_err(|error| Failure::new(ACTION, error))?
        .ok_or_else(|| Failure::new(ACTION, format!("there is no run image at {run_image}")))?;
    let previous = match previous {
        "" => None,
        reference => {
            let path = path_of(reference, "previous image")?;
            tracing::info!("Reusing layers from image '{path}'");
            LayoutImage::find(Path::new(path)).map_err(|error| Failure::new(ACTION, error))?
        }
    };
    let mut outputs = Vec::new();
    for name in std::iter::once(&inputs.output_image).chain(&inputs.tags) {
        outputs.push(output(&inputs.layout_dir, name)?);
    }
    let first = outputs.remove(0);
    tracing::info!("Using app image: {}", first.path.display());
    LayoutTarget::new(first, outputs, base, previous).map_err(|error| Failure::new(ACTION, error))
}

fn output(layout_dir: &str, name: &str) -> Result<Output, Failure> {
    let failed = |error| Failure::new("parsing output image reference", error);
    let reference: Reference = name.parse().map_err(failed)?;
    let path = LayoutDirectory::new(layout_dir).path(&reference.to_string()).map_err(failed)?;
    Ok(Output { path, tag: reference.identifier().to_owned() })
}

/// The path in `<path>@sha256:…`.
fn path_of<'a>(reference: &'a str, what: &str) -> Result<&'a str, Failure> {
    let path = reference.split_once("@sha256:").map(|(path, _)| path);
    path.ok_or_else(|| {
        Failure::new(format!("parsing {what} reference"), format!("'{reference}' is not <path>@<digest>"))
    })
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

/// `SOURCE_DATE_EPOCH`.
fn created(invocation: &Invocation) -> Option<i64> {
    let text = invocation.environment.text("SOURCE_DATE_EPOCH").filter(|text| !text.is_empty())?;
    let epoch = text.parse().ok();
    if epoch.is_none() && invocation.api.at_least(9) {
        tracing::warn!("Ignoring invalid SOURCE_DATE_EPOCH");
    }
    epoch
}

fn failed(error: impl std::error::Error + 'static) -> Failure {
    Failure::new("export", error).with_code(code::EXPORT)
}
