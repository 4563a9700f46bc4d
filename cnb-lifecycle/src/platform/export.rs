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
use cnb_core::event::Origin;
use cnb_core::labels::lifecycle;
use cnb_core::labels::lifecycle::LifecycleMetadata;
use cnb_oci::layer::launcher::launcher;

use super::BuildRequest;
use super::Built;
use super::Left;
use super::analyze::Analysis;
use super::error::During as _;
use super::error::Error;
use super::image_config::ImageConfig;
use super::launcher::Launcher;
use super::launcher::SBOM;
use super::reader::Reader;
use super::reader::Skeleton;
use super::recall::BuildLeft;
use super::recall::Made;
use super::recall::Recall;
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
#[derive(Clone, Copy, Debug)]
pub(super) struct Exporter<'a> {
    pub(super) backend: &'a dyn Backend,
    pub(super) request: &'a BuildRequest,
    pub(super) events: &'a dyn EventSink,
    pub(super) analysis: &'a Analysis,
    pub(super) launcher: &'a Launcher,
}

/// Which layers an image gets.
#[derive(Debug)]
pub(super) struct Planned {
    plan: Plan,
    /// What has the SBOM files, where the trees of the build have them.
    sbom: Tree,
    /// What was read to make the plan.
    layers: Skeleton,
    app: Skeleton,
}

impl Planned {
    /// Whether layers that were made before are those of the plan.
    pub(super) fn has(&self, left: &Left) -> bool {
        let ids = self.plan.layers.iter().map(|layer| &layer.id);
        left.layers.as_ref().is_none_or(|layers| ids.eq(layers.iter().map(|layer| &layer.id)))
    }
}

impl Exporter<'_> {
    /// Plans the layers.
    pub(super) async fn plan(&self, left: &Left) -> Result<Planned, Error> {
        let (backend, analysis, trees) = (self.backend, self.analysis, &left.trees);
        let layers = Reader::new(backend, &trees.layers);
        let app = Reader::new(backend, &trees.app);
        let mut snapshot = snapshot(&layers, &left.group).await?;
        let of_buildpacks = snapshot.launch_sbom.then_some(&trees.layers);
        let sbom = self.launcher.sbom(backend, &analysis.builder, of_buildpacks).await?;
        snapshot.launch_sbom = sbom.is_some();
        let entries = if snapshot.build.slices.is_empty() { Vec::new() } else { app_entries(&app).await? };
        let inputs = PlanInputs {
            api: analysis.builder.platform_api,
            previous: &analysis.previous.metadata,
            app: &entries,
            extended: &[],
        };
        let plan = plan(&snapshot, &inputs).map_err(|error| Error::Export(Box::new(error)))?;
        let sbom = sbom.unwrap_or_else(|| trees.layers.clone());
        Ok(Planned { plan, sbom, layers: layers.skeleton(), app: app.skeleton() })
    }

    /// Makes the layers that are not there yet, and the image.
    pub(super) async fn export(
        &self,
        planned: Planned,
        left: Left,
        recall: Option<&Recall<'_>>,
    ) -> Result<Built, Error> {
        let Planned { plan, sbom, layers: documents, app } = planned;
        let Left { trees, layers, inputs, is_reused, .. } = left;
        let layers = if let Some(layers) = layers {
            layers
        } else {
            let maker = Maker {
                app: &trees.app,
                layers: &trees.layers,
                sbom: &sbom,
                user: self.analysis.builder.user,
                launcher: self.launcher,
                analysis: self.analysis,
            };
            finalize(self.backend, &plan, &maker).await?
        };
        self.tell(&plan, &layers, is_reused);
        let diff_ids: Vec<DiffId> = layers.iter().map(|layer| layer.diff_id.clone()).collect();
        let (request, analysis) = (self.request, self.analysis);
        let api = analysis.builder.platform_api;
        let image = plan
            .image(&diff_ids, &image_inputs(request, analysis, self.launcher, api))
            .map_err(|error| Error::Export(Box::new(error)))?;
        let config = Bytes::from(image.config);
        let made = layers.iter().map(|layer| Made { id: layer.id.clone(), diff_id: layer.diff_id.clone() });
        let made = made.collect();
        let image_plan = ImagePlan::new(analysis.run_image.image.clone(), layers, config.clone());
        let exported = self.backend.export(image_plan, &request.outputs).await.during("write the image")?;
        for image in &exported {
            self.events.event(exported_event(image));
        }
        if let (Some(recall), Some(inputs), false) = (recall, inputs, is_reused) {
            let previous = inputs.previous(&metadata(&config));
            recall.keep_built(inputs, BuildLeft { layers: documents, app, made, previous });
        }
        Ok(Built { images: exported, config })
    }

    fn tell(&self, plan: &Plan, layers: &[Layer], is_reused: bool) {
        for (planned, layer) in plan.layers.iter().zip(layers) {
            let origin = match &planned.content {
                _ if is_reused => Origin::Recorded,
                Content::Kept(_) => Origin::Kept,
                _ => Origin::Made,
            };
            self.events.event(Event::Layer {
                id: planned.id.clone(),
                diff_id: layer.diff_id.clone(),
                reused: is_reused || planned.is_reused(&layer.diff_id),
                origin,
            });
        }
    }
}

/// What the label of an image says that was just made.
fn metadata(config: &[u8]) -> LifecycleMetadata {
    let config = ImageConfig::read(config).expect("the config of an image was made");
    let label = config.label(lifecycle::LABEL).expect("an image that was built has the label");
    serde_json::from_str(label).expect("the label was made")
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

async fn finalize(backend: &dyn Backend, plan: &Plan, maker: &Maker<'_>) -> Result<Vec<Layer>, Error> {
    // Kept layers were finished when the previous build was checked.
    let sources = plan.layers.iter().filter(|layer| maker.kept(layer).is_none());
    let sources = sources.map(|layer| maker.source(layer)).collect();
    let mut made = backend.finalize(sources).await.during("make the layers of the image")?.into_iter();
    let layer = |planned| match maker.kept(planned) {
        Some(layer) => layer.clone(),
        None => made.next().expect("a backend finishes every layer it was given"),
    };
    Ok(plan.layers.iter().map(layer).collect())
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
