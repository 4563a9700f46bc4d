//! Export: layers are finished, labels and config made, the image written. It needs no container.

use bytes::Bytes;
use cnb_core::api::PlatformApi;
use cnb_core::backend::Backend;
use cnb_core::backend::Exported;
use cnb_core::backend::ImagePlan;
use cnb_core::backend::Layer;
use cnb_core::backend::LayerContent;
use cnb_core::backend::LayerPart;
use cnb_core::backend::LayerSource;
use cnb_core::backend::Ownership;
use cnb_core::backend::Parent;
use cnb_core::backend::Select;
use cnb_core::backend::Tree;
use cnb_core::backend::User;
use cnb_core::digest::DiffId;
use cnb_core::event::Event;
use cnb_core::event::EventSink;
use cnb_oci::layer::launcher::launcher;

use super::BuildRequest;
use super::Built;
use super::analyze::Analysis;
use super::error::During as _;
use super::error::Error;
use super::launcher::Launcher;
use super::launcher::SBOM;
use super::phases::Detected;
use super::phases::Trees;
use super::snapshot::app_entries;
use super::snapshot::snapshot;
use super::step::APP_DIR;
use super::step::LAYERS_DIR;
use crate::export::Content;
use crate::export::ImageInputs;
use crate::export::Plan;
use crate::export::PlanInputs;
use crate::export::PlannedLayer;
use crate::export::plan;

/// Makes the image of what a build left and writes it to every output.
pub(super) async fn export(
    backend: &dyn Backend,
    request: &BuildRequest,
    events: &dyn EventSink,
    analysis: &Analysis,
    launcher: &Launcher,
    detected: &Detected,
    trees: &Trees,
) -> Result<Built, Error> {
    let builder = &analysis.builder;
    let mut snapshot = snapshot(backend, &trees.layers, &detected.group).await?;
    let of_buildpacks = snapshot.launch_sbom.then_some(&trees.layers);
    let sbom = launcher.sbom(backend, builder, of_buildpacks).await?;
    snapshot.launch_sbom = sbom.is_some();
    let app =
        if snapshot.build.slices.is_empty() { Vec::new() } else { app_entries(backend, &trees.app).await? };
    let previous = &analysis.previous;
    let api = builder.platform_api;
    let inputs = PlanInputs { api, previous: &previous.metadata, app: &app, extended: &[] };
    let plan = plan(&snapshot, &inputs).map_err(|error| Error::Export(Box::new(error)))?;
    let sbom = sbom.as_ref().unwrap_or(&trees.layers);
    let maker =
        Maker { app: &trees.app, layers: &trees.layers, sbom, user: builder.user, launcher, analysis };
    let layers = finalize(backend, events, &plan, &maker).await?;
    let diff_ids: Vec<DiffId> = layers.iter().map(|layer| layer.diff_id.clone()).collect();
    let image = plan
        .image(&diff_ids, &image_inputs(request, analysis, launcher, builder.platform_api))
        .map_err(|error| Error::Export(Box::new(error)))?;
    let config = Bytes::from(image.config);
    let image_plan = ImagePlan::new(analysis.run_image.image.clone(), layers, config.clone());
    let exported = backend.export(image_plan, &request.outputs).await.during("write the image")?;
    for image in &exported {
        events.event(exported_event(image));
    }
    Ok(Built { images: exported, config })
}

fn image_inputs<'a>(
    request: &'a BuildRequest,
    analysis: &'a Analysis,
    launcher: &'a Launcher,
    api: PlatformApi,
) -> ImageInputs<'a> {
    let run_image = &analysis.run_image;
    ImageInputs {
        api,
        layers_dir: LAYERS_DIR,
        app_dir: APP_DIR,
        run_image_config: &run_image.image.config,
        run_image_reference: &analysis.reference,
        run_image: &run_image.names[0],
        launcher: &launcher.label,
        project: &request.project,
        process_type: request.process_type.as_deref(),
        exec_env: &request.exec_env,
        more_labels: &request.labels,
        created: request.epoch,
    }
}

async fn finalize(
    backend: &dyn Backend,
    events: &dyn EventSink,
    plan: &Plan,
    maker: &Maker<'_>,
) -> Result<Vec<Layer>, Error> {
    // Kept layers were finished when the previous build was checked.
    let sources = plan.layers.iter().filter(|layer| maker.kept(layer).is_none());
    let sources = sources.map(|layer| maker.source(layer)).collect();
    let mut made = backend.finalize(sources).await.during("make the layers of the image")?.into_iter();
    let mut layers = Vec::new();
    for planned in &plan.layers {
        let layer = match maker.kept(planned) {
            Some(layer) => layer.clone(),
            None => made.next().expect("a backend finishes every layer it was given"),
        };
        events.event(Event::Layer {
            id: planned.id.clone(),
            diff_id: layer.diff_id.clone(),
            reused: planned.is_reused(&layer.diff_id),
        });
        layers.push(layer);
    }
    Ok(layers)
}

/// Says where the files of planned layers are.
struct Maker<'a> {
    app: &'a Tree,
    layers: &'a Tree,
    /// What has the SBOM files, where `layers` has them.
    sbom: &'a Tree,
    user: User,
    launcher: &'a Launcher,
    analysis: &'a Analysis,
}

impl Maker<'_> {
    /// The finished layer of the previous build that a buildpack kept without contents.
    fn kept(&self, layer: &PlannedLayer) -> Option<&Layer> {
        match &layer.content {
            Content::Kept(diff_id) => self.analysis.previous.layer(diff_id),
            _ => None,
        }
    }

    fn source(&self, layer: &PlannedLayer) -> LayerSource {
        let content = match &layer.content {
            Content::App(select) => app_layer(self.user, select.clone()).of(self.app.clone()),
            Content::Directory(path) => self.directory(path),
            Content::Files(files) => LayerContent::Files(files.clone()),
            Content::Kept(diff_id) => LayerContent::Existing {
                diff_id: diff_id.clone(),
                image: self.analysis.previous.image.clone(),
            },
            Content::Extended(_) => unreachable!("no extension takes part"),
            Content::Launcher => LayerContent::Files(launcher(self.launcher.program.clone())),
        };
        let source = LayerSource::new(layer.id.clone(), content);
        match layer.expected() {
            Some(diff_id) => source.with_expected(diff_id.clone()),
            None => source,
        }
    }

    /// A directory in `<layers>`, with the entries of the directories above.
    fn directory(&self, path: &str) -> LayerContent {
        let mut parents = vec![self.parent(LAYERS_DIR.to_owned())];
        for (slash, _) in path.match_indices('/') {
            parents.push(self.parent(format!("{LAYERS_DIR}/{}", &path[..slash])));
        }
        let tree = if path.starts_with(SBOM) { self.sbom } else { self.layers };
        self.tree(tree, &format!("/{path}"), &format!("{LAYERS_DIR}/{path}"), Select::Walk, parents)
    }

    fn parent(&self, path: String) -> Parent {
        Parent { path, owner: self.user, mode: 0o755 }
    }

    fn tree(&self, tree: &Tree, from: &str, to: &str, select: Select, parents: Vec<Parent>) -> LayerContent {
        let ownership = Ownership { owner: self.user, parents };
        LayerContent::Tree { tree: tree.clone(), from: from.to_owned(), to: to.to_owned(), select, ownership }
    }
}

/// The application, or a slice of it, as a layer.
pub(super) fn app_layer(owner: User, select: Select) -> LayerPart {
    let ownership = Ownership { owner, parents: Vec::new() };
    LayerPart { from: "/".to_owned(), to: APP_DIR.to_owned(), select, ownership }
}

fn exported_event(image: &Exported) -> Event {
    Event::Exported {
        output: image.output.to_string(),
        image_id: image.image_id.clone(),
        digest: image.digest.clone(),
    }
}
