//! Analyze: what is known about the previous image and the run image.
//!
//! Source: `phase/analyzer.go` and `platform/target_data.go` of the lifecycle.

use std::path::Path;

use cnb_core::analyzed::Analyzed;
use cnb_core::analyzed::Distro;
use cnb_core::analyzed::ImageReference;
use cnb_core::analyzed::RunImage;
use cnb_core::analyzed::Target;
use cnb_core::api::PlatformApi;
use cnb_core::backend::Error;
use cnb_core::digest::DiffId;
use cnb_core::labels;
use cnb_core::labels::lifecycle;
use cnb_core::labels::lifecycle::LifecycleMetadata;
use cnb_oci::config::ImageConfig;
use cnb_oci::platform::Platform;

use crate::export::config::Config;
use crate::image_store::FoundImage;
use crate::image_store::ImageStore;
use crate::restore::extract::ExtractError;
use crate::restore::extract::extract;

/// What to analyze.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The version of the platform.
    pub api: PlatformApi,
    /// `<layers>`, absolute: the launch SBOM of the previous image comes back there.
    pub layers: &'a Path,
    /// The name of the previous image, which need not exist.
    pub previous: &'a str,
    /// The name of the run image.
    pub run_image: &'a str,
    /// Whether the SBOM is left out.
    pub skip_layers: bool,
}

/// Why an analysis failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnalyzeError {
    /// The config of an image cannot be read.
    #[error("{what}: reading the config of {name}")]
    Config {
        /// What was being done.
        what: &'static str,
        /// The image.
        name: String,
        /// Why it failed.
        source: serde_json::Error,
    },
    /// The run image does not say its operating system.
    #[error("failed to find OS in run image config")]
    NoOs,
    /// The launch SBOM of the previous image cannot be read.
    #[error("retrieving launch SBOM layer")]
    Sbom(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An image cannot be read.
    #[error("{what}")]
    Store {
        /// What was being done.
        what: &'static str,
        /// Why it failed.
        source: Error,
    },
}

/// What analyzed.toml says about the images.
///
/// A previous image counts as none when it lost layers or its label cannot be understood.
///
/// # Errors
/// When an image cannot be read, or the run image does not say its operating system, from Platform API 0.12 on.
pub fn analyze(inputs: &Inputs<'_>, store: &dyn ImageStore) -> Result<Analyzed, AnalyzeError> {
    let previous = find(store, inputs.previous, "getting previous image")?;
    let run_image = find(store, inputs.run_image, "getting run image")?;
    let previous = previous.filter(|image| is_usable(store, image));
    let label = previous.as_ref().map(|image| metadata(&image.image.config).ok());
    let reference = match (&previous, &label) {
        (Some(image), Some(Some(_))) => image.identifier.clone(),
        _ => String::new(),
    };
    let label = label.flatten().unwrap_or_default();
    if let Some(image) = previous.filter(|_| inputs.api.has_sboms() && !inputs.skip_layers) {
        restore_sbom(store, &image, &label, inputs.layers)?;
    }
    Ok(Analyzed {
        image: Some(ImageReference { reference }),
        build_image: None,
        metadata: label.into(),
        run_image: Some(describe(inputs, store, run_image)?),
    })
}

fn find(store: &dyn ImageStore, name: &str, what: &'static str) -> Result<Option<FoundImage>, AnalyzeError> {
    let failed = |source| AnalyzeError::Store { what, source };
    let found = store.find(name).map_err(failed)?;
    if let Some(image) = &found {
        Config::read(image.image.config.bytes()).map_err(|source| AnalyzeError::Config {
            what,
            name: image.name.clone(),
            source,
        })?;
        tracing::debug!("Found image with identifier {:?}", image.identifier);
    } else {
        tracing::info!("Image with name {:?} not found", store.name(name).map_err(failed)?);
    }
    Ok(found)
}

/// An image that lost layers cannot be reused, nor one of which that cannot be told.
fn is_usable(store: &dyn ImageStore, image: &FoundImage) -> bool {
    let is_complete = store.is_complete(image).unwrap_or_else(|error| {
        tracing::debug!("{error}");
        false
    });
    if !is_complete {
        tracing::info!("Ignoring image {:?} because it was corrupt", image.name);
    }
    is_complete
}

/// A run image that does not exist counts as an empty one for this machine, as in Go.
fn describe(
    inputs: &Inputs<'_>,
    store: &dyn ImageStore,
    image: Option<FoundImage>,
) -> Result<RunImage, AnalyzeError> {
    let reference = image.as_ref().map(|image| image.identifier.clone()).unwrap_or_default();
    if !inputs.api.has_targets() {
        return Ok(RunImage { reference, ..RunImage::default() });
    }
    let name = store.name(inputs.run_image);
    let name = name.map_err(|source| AnalyzeError::Store { what: "identifying run image", source })?;
    let config = image.map_or_else(
        || ImageConfig::empty("linux", &Platform::host().architecture),
        |image| image.image.config,
    );
    let target = Some(target(&config).ok_or(AnalyzeError::NoOs)?);
    Ok(RunImage { reference, image: name, target, ..RunImage::default() })
}

/// Unpacks the launch SBOM of the previous image; the restorer gives it to the buildpacks. One of an image that was
/// made with its layers elsewhere is of no use.
fn restore_sbom(
    store: &dyn ImageStore,
    image: &FoundImage,
    label: &LifecycleMetadata,
    layers: &Path,
) -> Result<(), AnalyzeError> {
    let Some(diff_id) = label.sbom.as_ref().and_then(|sbom| sbom.get()) else { return Ok(()) };
    tracing::info!("Restoring data for SBOM from previous image");
    let diff_id: DiffId = diff_id.parse().map_err(|error| AnalyzeError::Sbom(Box::new(error)))?;
    let tar = store.layer(image, &diff_id).map_err(|error| AnalyzeError::Sbom(Box::new(error)))?;
    match extract(tar, &layers.join("sbom")) {
        Err(error @ ExtractError::Outside(_)) => tracing::warn!("Skipping SBOM of previous image: {error}"),
        result => result.map_err(|error| AnalyzeError::Sbom(Box::new(error)))?,
    }
    Ok(())
}

/// The label `io.buildpacks.lifecycle.metadata` of an image; empty when there is none.
///
/// # Errors
/// When it cannot be read.
pub fn metadata(config: &ImageConfig) -> Result<LifecycleMetadata, serde_json::Error> {
    match config.label(lifecycle::LABEL) {
        None | Some("") => Ok(LifecycleMetadata::default()),
        Some(label) => labels::read(label),
    }
}

/// What an image runs on; nothing when it does not say its operating system.
pub fn target(config: &ImageConfig) -> Option<Target> {
    Some(target_as_said(config)).filter(|target| !target.os.is_empty())
}

/// [`target`] as far as the image says it.
pub(crate) fn target_as_said(config: &ImageConfig) -> Target {
    let name = config.label(labels::BASE_DISTRO_NAME);
    let version = config.label(labels::BASE_DISTRO_VERSION);
    let distro = (name.is_some() || version.is_some()).then(|| Distro {
        name: name.unwrap_or_default().to_owned(),
        version: version.unwrap_or_default().to_owned(),
    });
    Target {
        id: config.label(labels::BASE_ID).unwrap_or_default().to_owned(),
        os: config.os().to_owned(),
        arch: config.architecture().to_owned(),
        arch_variant: config.variant().to_owned(),
        distro,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(os: &str, labels: &str) -> ImageConfig {
        let text = format!(
            r#"{{"os":"{os}","architecture":"arm64","variant":"v8","rootfs":{{"type":"layers","diff_ids":[]}},"config":{{"Labels":{{{labels}}}}}}}"#
        );
        ImageConfig::parse(text.into_bytes()).expect("a config")
    }

    #[test]
    fn labels_that_cannot_be_read_are_none() {
        for (label, buildpacks) in [
            ("", Some(0)),
            (r#""io.buildpacks.lifecycle.metadata":"""#, Some(0)),
            (r#""io.buildpacks.lifecycle.metadata":"{\"buildpacks\":[{\"key\":\"a\"}]}""#, Some(1)),
            (r#""io.buildpacks.lifecycle.metadata":"{""#, None),
        ] {
            let found = metadata(&config("linux", label)).ok().map(|metadata| metadata.buildpacks.len());
            assert_eq!(found, buildpacks, "{label}");
        }
    }

    #[test]
    fn targets_come_from_the_config_and_from_labels() {
        let debian = config("linux", r#""io.buildpacks.base.distro.name":"debian""#);
        let target = super::target(&debian).expect("a target");
        assert_eq!((target.os.as_str(), target.arch_variant.as_str()), ("linux", "v8"));
        assert_eq!(target.distro, Some(Distro { name: "debian".to_owned(), version: String::new() }));
        assert_eq!(super::target(&config("", "")), None);
        assert_eq!(target_as_said(&config("", "")).arch, "arm64");
    }
}
