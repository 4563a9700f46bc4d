//! Analysis: what a build starts from. It needs no container.

use cnb_core::analyzed::Analyzed;
use cnb_core::analyzed::Distro;
use cnb_core::analyzed::ImageReference;
use cnb_core::analyzed::RunImage as AnalyzedRunImage;
use cnb_core::analyzed::Target;
use cnb_core::backend::Backend;
use cnb_core::event::EventSink;
use cnb_core::labels;
use futures_lite::future::zip;

use super::BuildRequest;
use super::builder::Builder;
use super::error::Error;
use super::image_config::ImageConfig;
use super::previous::Previous;
use super::run_image;
use super::run_image::RunImage;

/// What a build starts from.
#[derive(Debug)]
pub(super) struct Analysis {
    /// Builder.
    pub(super) builder: Builder,
    /// Run image.
    pub(super) run_image: RunImage,
    /// The last build.
    pub(super) previous: Previous,
    /// The run image by digest.
    pub(super) reference: String,
    /// analyzed.toml.
    pub(super) analyzed: Analyzed,
}

/// Resolves the images of a build.
pub(super) async fn analyze(
    backend: &dyn Backend,
    request: &BuildRequest,
    events: &dyn EventSink,
) -> Result<Analysis, Error> {
    // Each of them may be far away.
    let images = zip(Builder::resolve(backend, request), run_image::named(backend, request));
    let ((builder, run_image), previous) = zip(images, Previous::find(backend, request, events)).await;
    let builder = builder?;
    let run_image = RunImage::resolve(backend, request, &builder, run_image).await?;
    let previous = previous?;
    let reference = run_image.reference();
    let analyzed = Analyzed {
        image: Some(ImageReference { reference: previous.reference.clone().unwrap_or_default() }),
        metadata: previous.metadata.clone().into(),
        run_image: Some(AnalyzedRunImage {
            reference: reference.clone(),
            image: run_image.names[0].image.clone(),
            extend: false,
            target: Some(target(&run_image.image.config)?),
        }),
        ..Analyzed::default()
    };
    Ok(Analysis { builder, run_image, previous, reference, analyzed })
}

/// The target of a run image: `platform/target_data.go` of the lifecycle.
fn target(config: &[u8]) -> Result<Target, Error> {
    let config = ImageConfig::read(config)
        .map_err(|error| Error::RunImage(format!("its config is not that of an image: {error}")))?;
    let label = |name: &str| config.label(name).map(str::to_owned);
    let distro = match (label(labels::BASE_DISTRO_NAME), label(labels::BASE_DISTRO_VERSION)) {
        (Some(name), Some(version)) => Some(Distro { name, version }),
        _ => None,
    };
    Ok(Target {
        id: label(labels::BASE_ID).unwrap_or_default(),
        os: config.os,
        arch: config.architecture,
        arch_variant: config.variant,
        distro,
    })
}
