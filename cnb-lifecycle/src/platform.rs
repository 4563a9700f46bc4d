//! The platform side: drives a whole build on any [`Backend`].
//!
//! | phase | what happens | who does it |
//! |---|---|---|
//! | analyze | builder, run image and previous image are found | this crate |
//! | detect | the buildpacks say which of them take part | the builder's detector |
//! | restore | layers of earlier builds come back | the builder's restorer |
//! | build | the buildpacks build | the builder's builder |
//! | export | layers are finished, labels and config made, the image written | this crate |
//!
//! The contract with the builder is the Platform API alone, so stock builders work as they are. Nothing here
//! opens a registry or a daemon, and no credential enters a container.

use bytes::Bytes;
use cnb_core::backend::Backend;
use cnb_core::backend::Exported;
use cnb_core::encode::go_toml;
use cnb_core::event::Event;
use cnb_core::event::EventSink;

use crate::causes::with_causes;

mod analyze;
mod builder;
mod error;
mod export;
mod image_config;
mod launcher;
mod phases;
mod previous;
mod request;
mod run_image;
mod selection;
mod snapshot;
mod step;

pub use error::Error;
pub use request::Binding;
pub use request::BuildRequest;
pub use request::ExtraBuildpack;
pub use request::PROXY_VARIABLES;
pub use request::directory;
pub use request::program;
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
    let builder = &analysis.builder;
    let analyzed = go_toml::to_string(&analysis.analyzed).expect("an analysis is a table");
    let containers = step::Containers::prepare(backend, events, request, builder).await?;
    let app = phases::load_app(backend, request, builder).await?;
    let order = request.order.as_ref().map(|order| go_toml::to_string(order).expect("an order is a table"));
    let detected = containers
        .during("detect", phases::detect(backend, &containers, builder, &app, &analyzed, order.as_deref()));
    let detected = detected.await?;
    let sbom = analysis.previous.sbom_tree(backend).await?;
    let restored = phases::restore(backend, &containers, request, builder, &detected, &analyzed, sbom);
    let layers = containers.during("restore", restored).await?;
    let trees = phases::Trees { app, layers };
    let trees =
        containers.during("build", phases::build(backend, &containers, builder, &detected, trees)).await?;
    let export = async {
        // The image is what counts; without a cache the next build takes longer.
        if let Err(error) = phases::save_cache(backend, &containers, request, &trees.layers).await {
            let message = format!("the layers to cache were not saved: {}", with_causes(&error));
            events.event(Event::Warning { message });
        }
        export::export(backend, request, events, &analysis, &detected, &trees).await
    };
    containers.during("export", export).await
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
