//! Export: makes the layers of an image and the image.
//!
//! Source: `phase/exporter.go` of the lifecycle.

pub mod bom;
pub mod layout;
pub mod sboms;

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::api::PlatformApi;
use cnb_core::backend::Ownership;
use cnb_core::backend::User;
use cnb_core::buildpack::group::GroupElement;
use cnb_core::digest::DiffId;
use cnb_core::labels::build::Launcher;
use cnb_core::labels::lifecycle::LifecycleMetadata;
use cnb_core::labels::lifecycle::RunImageNames;
use cnb_core::labels::project::ProjectLabel;
use cnb_oci::layer;
use cnb_oci::layer::Dialect;
use cnb_oci::layer::LayerWriter;
use cnb_oci::layer::launcher::launcher;

use self::layout::LayoutTarget;
use self::layout::Saved;
use self::layout::TargetError;
use crate::export::Content;
use crate::export::ImageInputs;
use crate::export::Plan;
use crate::export::PlanInputs;
use crate::export::PlannedLayer;
use crate::export::Role;
use crate::export::Snapshot;
use crate::export::config::Config;
use crate::export::image::ImageError;
use crate::export::image::entrypoint;
use crate::export::plan;
use crate::export::plan::PlanErrorCause;
use crate::export::snapshot::fs::SnapshotError;
use crate::export::snapshot::fs::snapshot;

/// What to export, and how.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The version of the platform.
    pub api: PlatformApi,
    /// `<layers>`, absolute.
    pub layers: &'a Path,
    /// The application directory, absolute.
    pub app: &'a Path,
    /// The buildpacks that built.
    pub group: &'a [GroupElement],
    /// The label of the previous image.
    pub previous: &'a LifecycleMetadata,
    /// Who owns the files of layers.
    pub owner: User,
    /// The launcher.
    pub launcher: &'a Path,
    /// What the label says about it.
    pub launcher_label: &'a Launcher,
    /// The run image by digest.
    pub run_image_reference: &'a str,
    /// The names of the run image.
    pub run_image: &'a RunImageNames,
    /// Where the source comes from.
    pub project: &'a ProjectLabel,
    /// The process type to start, when the user says so.
    pub process_type: Option<&'a str>,
    /// The execution environment.
    pub exec_env: &'a str,
    /// When the image was made, in seconds since 1970.
    pub created: Option<i64>,
}

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The labels or the config cannot be made.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A layer cannot be read.
    #[error("creating layer '{id}'")]
    Layer {
        /// Its identifier.
        id: String,
        /// Why.
        source: layer::Error,
    },
    /// The launcher cannot be read.
    #[error("failed to stat launcher at path '{}'", path.display())]
    Launcher {
        /// Where it should be.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The layers make no sense.
    #[error(transparent)]
    Plan(#[from] PlanErrorCause),
    /// `<layers>` cannot be read.
    #[error("read build metadata")]
    Snapshot(#[from] SnapshotError),
    /// The image cannot be written.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A path is not UTF-8.
    #[error("the path {} is not UTF-8", .0.display())]
    Utf8(PathBuf),
}

/// Makes an image and says what was made. [`sboms::copy`] comes first.
///
/// # Errors
/// When what the buildpacks left makes no sense, or something cannot be read or written.
pub fn export(inputs: &Inputs<'_>, mut target: LayoutTarget) -> Result<(Saved, Snapshot), ExportError> {
    let run_image = Config::read(target.run_image_config()).map_err(ImageError::Config)?;
    let top_layer = run_image.top_layer().ok_or(ImageError::NoLayers)?.to_owned();
    let snapshot = snapshot(inputs.layers, inputs.group)?;
    let app = match snapshot.build.slices.as_slice() {
        [] => Vec::new(),
        _ => layer::entries(inputs.app).map_err(|source| failed("app", source))?,
    };
    let plan = plan(&snapshot, &PlanInputs { api: inputs.api, previous: inputs.previous, app: &app });
    let plan = match plan {
        Ok(plan) => plan,
        Err(error) => {
            make_layers(inputs, &error.before, &mut target)?;
            return Err(error.cause.into());
        }
    };
    let diff_ids = make_layers(inputs, &plan.layers, &mut target)?;
    let run_image_config = target.run_image_config().to_owned();
    let config = config(inputs, &plan, &diff_ids, run_image, &top_layer, &run_image_config)?;
    tracing::info!("Saving {}...", target.name());
    let saved = target.save(&config)?;
    tracing::info!("*** Images ({}):", saved.identifier);
    for name in &saved.names {
        tracing::info!("      {name}");
    }
    Ok((saved, snapshot))
}

/// Makes the layers and says so as Go does.
fn make_layers(
    inputs: &Inputs<'_>,
    layers: &[PlannedLayer],
    target: &mut LayoutTarget,
) -> Result<Vec<DiffId>, ExportError> {
    let apps = layers.iter().filter(|layer| layer.role == Role::App).count();
    let mut reused_apps = 0;
    let mut done_apps = 0;
    let mut diff_ids = Vec::new();
    for layer in layers {
        let (diff_id, is_reused) = make_layer(inputs, layer, target)?;
        tracing::debug!("Layer '{}' SHA: {diff_id}", layer.id);
        if layer.role == Role::App {
            done_apps += 1;
            reused_apps += usize::from(is_reused);
            if done_apps == apps {
                say_app_layers(reused_apps, apps);
            }
        } else {
            tracing::info!("{} layer '{}'", if is_reused { "Reusing" } else { "Adding" }, layer.id);
        }
        diff_ids.push(diff_id);
    }
    Ok(diff_ids)
}

fn say_app_layers(reused: usize, all: usize) {
    if reused > 0 {
        tracing::info!("Reused {reused}/{all} app layer(s)");
    }
    if all > reused {
        tracing::info!("Added {}/{all} app layer(s)", all - reused);
    }
}

/// A layer that probably is one of the previous image is hashed before anything is compressed.
fn make_layer(
    inputs: &Inputs<'_>,
    layer: &PlannedLayer,
    target: &mut LayoutTarget,
) -> Result<(DiffId, bool), ExportError> {
    if let Content::Kept(diff_id) = &layer.content {
        target.reuse(diff_id)?;
        return Ok((diff_id.clone(), true));
    }
    let source = Source::new(inputs, layer)?;
    let failed = |source| failed(&layer.id, source);
    if layer.expected().is_some() {
        let diff_id = source.write(&mut io::sink()).map_err(failed)?;
        if layer.is_reused(&diff_id) {
            target.reuse(&diff_id)?;
            return Ok((diff_id, true));
        }
    }
    let mut blob = target.new_layer()?;
    let diff_id = source.write(&mut blob).map_err(failed)?;
    target.add(blob, &diff_id)?;
    Ok((diff_id, false))
}

/// Where the files of a layer are, with the owners that they get.
enum Source {
    Directory { path: PathBuf, selection: layer::Selection, ownership: Ownership },
    Files(Vec<cnb_core::backend::File>),
}

impl Source {
    fn new(inputs: &Inputs<'_>, layer: &PlannedLayer) -> Result<Self, ExportError> {
        let directory = |path: &Path, selection| {
            let parents = layer::parents_on_disk(path).map_err(|source| failed(&layer.id, source))?;
            let ownership = Ownership { owner: inputs.owner, parents };
            Ok(Self::Directory { path: path.to_owned(), selection, ownership })
        };
        match &layer.content {
            Content::App(select) => directory(inputs.app, select.clone().into()),
            Content::Directory(path) => directory(&inputs.layers.join(path), layer::Selection::Walk),
            Content::Files(files) => Ok(Self::Files(files.clone())),
            Content::Launcher => {
                let path = inputs.launcher;
                let program = fs::read(path)
                    .map_err(|source| ExportError::Launcher { path: path.to_owned(), source })?;
                Ok(Self::Files(launcher(program)))
            }
            Content::Kept(_) => unreachable!("kept layers are not made"),
        }
    }

    fn write(&self, out: &mut dyn io::Write) -> Result<DiffId, layer::Error> {
        let mut writer = LayerWriter::new(out, Dialect::Lifecycle);
        match self {
            Self::Directory { path, selection, ownership } => {
                writer.directory(path, path, selection, ownership)?;
            }
            Self::Files(files) => {
                for file in files {
                    writer.file(file)?;
                }
            }
        }
        writer.finish().map(|(_, written)| written.diff_id)
    }
}

/// Makes labels and config and says so as Go does.
fn config(
    inputs: &Inputs<'_>,
    plan: &Plan,
    diff_ids: &[DiffId],
    run_image: Config,
    top_layer: &str,
    run_image_config: &[u8],
) -> Result<Vec<u8>, ExportError> {
    let text =
        |path: &Path| path.to_str().map(str::to_owned).ok_or_else(|| ExportError::Utf8(path.to_owned()));
    let (layers_dir, app_dir) = (text(inputs.layers)?, text(inputs.app)?);
    let image = ImageInputs {
        api: inputs.api,
        layers_dir: &layers_dir,
        app_dir: &app_dir,
        run_image_config,
        run_image_reference: inputs.run_image_reference,
        run_image: inputs.run_image,
        launcher: inputs.launcher_label,
        project: inputs.project,
        process_type: inputs.process_type,
        exec_env: inputs.exec_env,
        created: inputs.created,
    };
    let labels = plan.labels(&plan.metadata(diff_ids, top_layer, &image), &image);
    for (key, _) in &labels {
        tracing::info!("Adding label '{key}'");
    }
    let process_type = plan.process_type(inputs.process_type)?;
    if let Some(process_type) = process_type {
        tracing::info!("Setting default process type '{process_type}'");
    } else {
        tracing::info!("no default process type");
    }
    Ok(plan.config(run_image, diff_ids, &labels, &entrypoint(process_type), &image).to_bytes())
}

fn failed(id: &str, source: layer::Error) -> ExportError {
    ExportError::Layer { id: id.to_owned(), source }
}
