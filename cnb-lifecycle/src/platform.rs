//! The platform side: drives a whole build on any [`Backend`].
//!
//! | phase | what happens | who does it |
//! |---|---|---|
//! | analyze | builder, run image and previous image are found | this crate |
//! | detect | the buildpacks say which of them take part | the builder's detector |
//! | fill | layers that other projects share are taken, if this one has none | our `lifecycle cache-fill`, in a container of the builder |
//! | restore | layers of earlier builds come back | the builder's restorer |
//! | build | the buildpacks build | the builder's builder |
//! | cache | layers are kept for the next build | our `lifecycle cache-save`, in a container of the builder |
//! | export | layers are finished, labels and config made, the image written | this crate |
//!
//! The contract with the builder is the Platform API alone, so stock builders work as they are. Nothing here
//! opens a registry or a daemon, and no credential enters a container.

use bytes::Bytes;
use cnb_core::backend::Backend;
use cnb_core::backend::Exported;
use cnb_core::backend::Layer;
use cnb_core::backend::Tree;
use cnb_core::buildpack::group::Group;
use cnb_core::encode::go_toml;
use cnb_core::event::EventSink;
use futures_lite::future::zip;

mod analyze;
mod builder;
mod error;
mod export;
mod image_config;
mod inputs;
mod launcher;
mod phases;
mod previous;
mod reader;
mod recall;
mod request;
mod run_image;
mod selection;
mod snapshot;
mod step;

use analyze::Analysis;
use builder::Builder;
pub use error::Error;
use inputs::Inputs;
use launcher::Launcher;
use phases::Trees;
use recall::Recall;
use recall::Recalled;
pub use recall::Records;
pub use recall::Salt;
pub use request::Binding;
pub use request::BuildRequest;
pub use request::ExtraBuildpack;
pub use request::PROXY_VARIABLES;
pub use request::SharedCache;
pub use request::directory;
pub use request::program;
pub(crate) use run_image::repository;
pub use selection::BuilderBuildpacks;

/// Builds an application into an image and writes it to every output.
///
/// Progress and the output of the buildpacks are told as events. Dropping the future cancels the build.
///
/// # Errors
/// See [`Error`]; a phase that ends with an exit code other than zero is [`Error::Phase`].
pub async fn build(
    backend: &dyn Backend,
    request: &BuildRequest,
    events: &dyn EventSink,
) -> Result<Built, Error> {
    let analysis = step::announced(events, "analyze", analyze::analyze(backend, request, events)).await?;
    let containers = step::Containers::prepare(backend, events, request, &analysis.builder).await?;
    let recall = Recall::new(backend, request, events, &analysis);
    let work = async {
        if recall.is_none() && backend.capabilities().joined_chains {
            return Ok((None, build_at_once(backend, &containers, request, &analysis).await?));
        }
        let detection = Detection::run(backend, &containers, request, &analysis, recall.as_ref()).await?;
        let left = detection.build(backend, &containers, request, &analysis, recall.as_ref()).await?;
        Ok((Some(detection), left))
    };
    let (work, launcher) = zip(work, Launcher::find(backend, &analysis.builder)).await;
    let (detection, mut left) = work?;
    let exporter = export::Exporter { backend, request, events, analysis: &analysis, launcher: &launcher? };
    let export = async {
        let mut plan = exporter.plan(&left).await?;
        if let Some(detection) = detection.filter(|_| !plan.has(&left)) {
            // Another version of this program planned the recorded layers.
            left = detection.build(backend, &containers, request, &analysis, None).await?;
            plan = exporter.plan(&left).await?;
        }
        exporter.export(plan, left, recall.as_ref()).await
    };
    containers.during("export", Box::pin(export)).await
}

/// Where a build can end before there is an image.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Until {
    /// After detection: the files are `/layers/group.toml` and `/layers/plan.toml`.
    Detect,
    /// After the buildpacks have built: the files are `/layers` and `/workspace`.
    Build,
}

/// Does a part of a build, and gives the files that it left.
///
/// # Errors
/// Those of [`build`].
pub async fn build_until(
    backend: &dyn Backend,
    request: &BuildRequest,
    until: Until,
    events: &dyn EventSink,
) -> Result<Tree, Error> {
    let analysis = step::announced(events, "analyze", analyze::analyze(backend, request, events)).await?;
    let mut containers = step::Containers::prepare(backend, events, request, &analysis.builder).await?;
    // Whoever asks for the files of a part wants directories.
    containers.archives = false;
    if until == Until::Build && backend.capabilities().joined_chains {
        let left = build_at_once(backend, &containers, request, &analysis).await?;
        return left.trees.whole(backend).await;
    }
    let detection = Detection::run(backend, &containers, request, &analysis, None).await?;
    if until == Until::Detect {
        return detection.detected.tree(backend).await;
    }
    let left = detection.build(backend, &containers, request, &analysis, None).await?;
    left.trees.whole(backend).await
}

/// What the phases in containers begin with.
struct Beginning {
    app: Tree,
    analyzed: String,
    order: Option<String>,
}

impl Beginning {
    async fn of(backend: &dyn Backend, request: &BuildRequest, analysis: &Analysis) -> Result<Self, Error> {
        let analyzed = go_toml::to_string(&analysis.analyzed).expect("an analysis is a table");
        let order =
            request.order.as_ref().map(|order| go_toml::to_string(order).expect("an order is a table"));
        let app = phases::load_app(backend, request, &analysis.builder).await?;
        Ok(Self { app, analyzed, order })
    }

    /// The trees that the detector gets.
    async fn trees(
        &self,
        backend: &dyn Backend,
        builder: &Builder,
        sbom: Option<Tree>,
    ) -> Result<Trees, Error> {
        let order = self.order.as_deref();
        let layers = phases::layers_to_detect(backend, builder, &self.analyzed, order, sbom).await?;
        Ok(Trees { app: self.app.clone(), layers })
    }
}

/// Detects and builds in one container.
async fn build_at_once(
    backend: &dyn Backend,
    containers: &step::Containers<'_>,
    request: &BuildRequest,
    analysis: &Analysis,
) -> Result<Left, Error> {
    let (builder, previous) = (&analysis.builder, &analysis.previous);
    let beginning = Beginning::of(backend, request, analysis).await?;
    let trees = beginning.trees(backend, builder, previous.sbom_tree(backend).await?).await?;
    let steps = phases::detect_and_build(backend, containers, request, builder, previous, trees).await?;
    let (trees, is_reused) = match phases::build(containers, steps).await {
        Err(error) if phases::has_extensions(&error) => {
            // The group is gone with the container. Detection alone ends with an error that names the extension.
            Detection::run(backend, containers, request, analysis, None).await?;
            return Err(error);
        }
        left => left?,
    };
    let group = phases::group(backend, &trees.layers).await?;
    Ok(Left { group, trees, layers: None, inputs: None, is_reused })
}

/// A build whose buildpacks are known.
struct Detection {
    beginning: Beginning,
    detected: phases::Detected,
}

impl Detection {
    async fn run(
        backend: &dyn Backend,
        containers: &step::Containers<'_>,
        request: &BuildRequest,
        analysis: &Analysis,
        recall: Option<&Recall<'_>>,
    ) -> Result<Self, Error> {
        let builder = &analysis.builder;
        let beginning = Beginning::of(backend, request, analysis).await?;
        let trees = beginning.trees(backend, builder, None).await?;
        let detector = phases::detector(containers, request, builder, trees);
        let recalled = match recall {
            Some(recall) => recall.detect(&detector).await,
            None => Recalled::nothing(),
        };
        if let Some(detected) = recalled.left {
            return Ok(Self { beginning, detected });
        }
        let detected = containers.during("detect", phases::detect(backend, containers, detector)).await?;
        if let Some(recall) = recall {
            recall.keep_detected(recalled.inputs, &detected);
        }
        Ok(Self { beginning, detected })
    }

    async fn build(
        &self,
        backend: &dyn Backend,
        containers: &step::Containers<'_>,
        request: &BuildRequest,
        analysis: &Analysis,
        recall: Option<&Recall<'_>>,
    ) -> Result<Left, Error> {
        let builder = &analysis.builder;
        let sbom = analysis.previous.sbom_tree(backend).await?;
        let Beginning { app, analyzed, .. } = &self.beginning;
        let layers = phases::initial_layers(backend, builder, &self.detected, analyzed, sbom).await?;
        let trees = Trees { app: app.clone(), layers };
        let previous = &analysis.previous;
        let steps = phases::builders(backend, containers, request, builder, previous, trees, None).await?;
        let recalled = match recall {
            Some(recall) => recall.build(&steps).await,
            None => Recalled::nothing(),
        };
        let (inputs, group) = (recalled.inputs, self.detected.group.clone());
        if let Some(recall::Recorded { trees, layers }) = recalled.left {
            return Ok(Left { group, trees, layers: Some(layers), inputs, is_reused: true });
        }
        let (trees, is_reused) = phases::build(containers, steps).await?;
        Ok(Left { group, trees, layers: None, inputs, is_reused })
    }
}

/// What the buildpacks left.
#[derive(Debug)]
struct Left {
    /// The buildpacks that took part.
    group: Group,
    /// The trees; as much of them as an export reads when the layers are there already.
    trees: Trees,
    /// The layers of the image, when the buildpacks did not have to run.
    layers: Option<Vec<Layer>>,
    /// What they read.
    inputs: Option<Inputs>,
    /// Whether they did not have to run.
    is_reused: bool,
}

/// What a build made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Built {
    /// The image at each output.
    pub images: Vec<Exported>,
    /// Its config, byte for byte: what the next build may use again is in its labels.
    pub config: Bytes,
}
