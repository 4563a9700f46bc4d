//! Export: makes the layers of an image and the image.
//!
//! Source: `phase/exporter.go` of the lifecycle.

pub mod bom;
pub mod extended;
pub mod sboms;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::thread;

use cnb_core::api::PlatformApi;
use cnb_core::backend;
use cnb_core::backend::Ownership;
use cnb_core::backend::User;
use cnb_core::buildpack::group::GroupElement;
use cnb_core::digest::DiffId;
use cnb_core::epoch::Epoch;
use cnb_core::labels::build::Launcher;
use cnb_core::labels::lifecycle::LifecycleMetadata;
use cnb_core::labels::lifecycle::RunImageNames;
use cnb_core::labels::project::ProjectLabel;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::descriptor::Manifest;
use cnb_oci::layer;
use cnb_oci::layer::Dialect;
use cnb_oci::layer::LayerWriter;
use cnb_oci::layer::launcher::launcher;
use cnb_oci::parallel;

use self::extended::ExtendedRunImage;
use super::save::save;
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
use crate::image_store::FoundImage;
use crate::image_store::ImageTarget;
use crate::image_store::Saved;

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
    /// The run image.
    pub base: &'a FoundImage,
    /// The run image as extensions left it: its layers come on top of those of the run image.
    pub extended: Option<&'a ExtendedRunImage>,
    /// Whether containers start as the extended run image says, and not the run image.
    pub is_extended: bool,
    /// What labels say about where it is.
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
    pub created: Option<Epoch>,
}

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The labels or the config cannot be made.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A layer cannot be made.
    #[error("creating layer '{id}'")]
    Layer {
        /// Its identifier.
        id: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
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
    #[error("saving image")]
    Save(#[source] backend::Error),
    /// A path is not UTF-8.
    #[error("the path {} is not UTF-8", .0.display())]
    Utf8(PathBuf),
}

/// An image that was made.
#[derive(Debug)]
#[non_exhaustive]
pub struct Exported {
    /// Under which names.
    pub saved: Saved,
    /// What the buildpacks left.
    pub snapshot: Snapshot,
    /// The diffIDs of the layers that are directories in `<layers>`, by their paths there.
    pub directories: BTreeMap<String, DiffId>,
}

/// Makes an image. [`sboms::copy`] comes first.
///
/// # Errors
/// When what the buildpacks left makes no sense, or something cannot be read or written.
pub fn export(inputs: &Inputs<'_>, target: &dyn ImageTarget) -> Result<Exported, ExportError> {
    let base = &inputs.base.image;
    let mut run_image = Config::read(base.config.bytes()).map_err(ImageError::Config)?;
    let top_layer = run_image.top_layer().ok_or(ImageError::NoLayers)?.to_owned();
    let snapshot = snapshot(inputs.layers, inputs.group)?;
    let app = match snapshot.build.slices.as_slice() {
        [] => Vec::new(),
        _ => layer::entries(inputs.app).map_err(|source| failed("app", source))?,
    };
    let extended = inputs.extended.map(ExtendedRunImage::layers).unwrap_or_default();
    if let Some(extended) = inputs.extended.filter(|_| inputs.is_extended) {
        run_image.set_process_of(Config::read(extended.config().bytes()).map_err(ImageError::Config)?);
    }
    let plan = plan(
        &snapshot,
        &PlanInputs { api: inputs.api, previous: inputs.previous, app: &app, extended: &extended },
    );
    let plan = match plan {
        Ok(plan) => plan,
        Err(error) => {
            make_layers(inputs, &error.before, target)?;
            return Err(error.cause.into());
        }
    };
    let layers = make_layers(inputs, &plan.layers, target)?;
    let diff_ids: Vec<DiffId> = layers.iter().map(|layer| layer.diff_id.clone()).collect();
    let config = config(inputs, &plan, &diff_ids, run_image, &top_layer)?;
    let directories = directories(&plan, &diff_ids);
    let layers = layers.into_iter().map(|layer| layer.descriptor);
    let manifest = Manifest {
        layers: base.manifest.layers.iter().cloned().chain(layers).collect(),
        ..base.manifest.clone()
    };
    let saved = save(target, manifest, &config).map_err(ExportError::Save)?;
    Ok(Exported { saved, snapshot, directories })
}

fn directories(plan: &Plan, diff_ids: &[DiffId]) -> BTreeMap<String, DiffId> {
    let directory = |(layer, diff_id): (&PlannedLayer, &DiffId)| match &layer.content {
        Content::Directory(path) => Some((path.clone(), diff_id.clone())),
        _ => None,
    };
    plan.layers.iter().zip(diff_ids).filter_map(directory).collect()
}

/// A layer that was made.
struct Made {
    diff_id: DiffId,
    descriptor: Descriptor,
    is_reused: bool,
}

/// Makes the layers, several at a time, and says so as Go does.
fn make_layers(
    inputs: &Inputs<'_>,
    layers: &[PlannedLayer],
    target: &dyn ImageTarget,
) -> Result<Vec<Made>, ExportError> {
    let apps = layers.iter().filter(|layer| layer.role == Role::App).count();
    let mut reused_apps = 0;
    let mut done_apps = 0;
    let mut all = Vec::new();
    let make = |layer: &PlannedLayer| make_layer(inputs, layer, target);
    let mut planned = layers.iter();
    parallel::for_each(layers.iter().collect(), make, |made: Made| {
        let layer = planned.next().expect("each layer is made once");
        tracing::debug!("Layer '{}' SHA: {}", layer.id, made.diff_id);
        match layer.role {
            Role::App => {
                done_apps += 1;
                reused_apps += usize::from(made.is_reused);
                if done_apps == apps {
                    say_app_layers(reused_apps, apps);
                }
            }
            Role::Extension => {}
            _ => tracing::info!("{} layer '{}'", if made.is_reused { "Reusing" } else { "Adding" }, layer.id),
        }
        all.push(made);
    })?;
    Ok(all)
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
    target: &dyn ImageTarget,
) -> Result<Made, ExportError> {
    let reuse = |diff_id: &DiffId| {
        let descriptor = target.reuse(diff_id).map_err(|source| failed(&layer.id, source))?;
        Ok(Made { diff_id: diff_id.clone(), descriptor, is_reused: true })
    };
    if let Content::Kept(diff_id) = &layer.content {
        return reuse(diff_id);
    }
    let source = Source::new(inputs, layer)?;
    if let Some(expected) = layer.expected() {
        let diff_id = thread::scope(|scope| {
            scope.spawn(|| target.prepare_reuse(expected));
            source.write(&mut io::sink())
        });
        let diff_id = diff_id.map_err(|source| failed(&layer.id, source))?;
        if layer.is_reused(&diff_id) {
            return reuse(&diff_id);
        }
    }
    let added = target.add(&|out| source.write(out));
    let (diff_id, descriptor) = added.map_err(|source| failed(&layer.id, source))?;
    Ok(Made { diff_id, descriptor, is_reused: false })
}

/// Where the files of a layer are, with the owners that they get.
enum Source<'a> {
    Directory { path: PathBuf, selection: layer::Selection, ownership: Ownership },
    Extended { image: &'a ExtendedRunImage, index: usize },
    Files(Vec<cnb_core::backend::File>),
}

impl<'a> Source<'a> {
    fn new(inputs: &Inputs<'a>, layer: &PlannedLayer) -> Result<Self, ExportError> {
        let directory = |path: &Path, selection| {
            let parents = layer::parents_on_disk(path).map_err(|source| failed(&layer.id, source))?;
            let ownership = Ownership { owner: inputs.owner, parents };
            Ok(Self::Directory { path: path.to_owned(), selection, ownership })
        };
        match &layer.content {
            Content::App(select) => directory(inputs.app, select.clone().into()),
            Content::Directory(path) => directory(&inputs.layers.join(path), layer::Selection::Walk),
            &Content::Extended(index) => {
                let image = inputs.extended.expect("the layer was found in it");
                Ok(Self::Extended { image, index })
            }
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

    fn write(&self, out: &mut dyn Write) -> io::Result<DiffId> {
        match self {
            Self::Directory { path, selection, ownership } => {
                write(out, |writer| writer.directory(path, path, selection, ownership))
            }
            Self::Extended { image, index } => image.write_layer(*index, out),
            Self::Files(files) => write(out, |writer| files.iter().try_for_each(|file| writer.file(file))),
        }
    }
}

fn write<'a>(
    out: &'a mut dyn Write,
    fill: impl FnOnce(&mut LayerWriter<&'a mut dyn Write>) -> Result<(), layer::Error>,
) -> io::Result<DiffId> {
    let mut writer = LayerWriter::new(out, Dialect::Lifecycle);
    let written = fill(&mut writer).and_then(|()| writer.finish()).map_err(io::Error::other)?;
    Ok(written.1.diff_id)
}

/// Makes labels and config and says so as Go does.
fn config(
    inputs: &Inputs<'_>,
    plan: &Plan,
    diff_ids: &[DiffId],
    run_image: Config,
    top_layer: &str,
) -> Result<Vec<u8>, ExportError> {
    let text =
        |path: &Path| path.to_str().map(str::to_owned).ok_or_else(|| ExportError::Utf8(path.to_owned()));
    let (layers_dir, app_dir) = (text(inputs.layers)?, text(inputs.app)?);
    let image = ImageInputs {
        api: inputs.api,
        layers_dir: &layers_dir,
        app_dir: &app_dir,
        run_image_config: inputs.base.image.config.bytes(),
        run_image_reference: inputs.run_image_reference,
        run_image: inputs.run_image,
        launcher: inputs.launcher_label,
        project: inputs.project,
        process_type: inputs.process_type,
        exec_env: inputs.exec_env,
        more_labels: &[],
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

fn failed(id: &str, source: impl std::error::Error + Send + Sync + 'static) -> ExportError {
    ExportError::Layer { id: id.to_owned(), source: Box::new(source) }
}
