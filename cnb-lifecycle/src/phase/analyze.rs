//! Analyze: what is known about the previous image and the run image.
//!
//! Source: `phase/analyzer.go` and `platform/target_data.go` of the lifecycle.

use cnb_core::analyzed::Analyzed;
use cnb_core::analyzed::Distro;
use cnb_core::analyzed::ImageReference;
use cnb_core::analyzed::RunImage;
use cnb_core::analyzed::Target;
use cnb_core::api::PlatformApi;
use cnb_core::labels;
use cnb_core::labels::lifecycle;
use cnb_core::labels::lifecycle::LifecycleMetadata;
use cnb_oci::config::ImageConfig;

/// An image as far as analysis looks at it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// What the image is called.
    pub name: &'a str,
    /// What names exactly this image, for example with its digest; empty when it does not exist.
    pub identifier: &'a str,
    /// Its config.
    pub config: &'a ImageConfig,
}

/// The run image says no operating system.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("failed to find OS in run image config")]
pub struct NoOs;

/// What analyzed.toml says about these images. `previous` is none when it cannot be used.
///
/// # Errors
/// When the run image does not say its operating system, from Platform API 0.12 on.
pub fn analyze(
    previous: Option<Subject<'_>>,
    run_image: Subject<'_>,
    api: PlatformApi,
) -> Result<Analyzed, NoOs> {
    let metadata =
        previous.map_or_else(|| Some(LifecycleMetadata::default()), |image| metadata(image.config));
    // An image with a label that cannot be read counts as none.
    let reference = previous.filter(|_| metadata.is_some()).map(|image| image.identifier.to_owned());
    let mut analyzed = RunImage { reference: run_image.identifier.to_owned(), ..RunImage::default() };
    if api.at_least(12) {
        run_image.name.clone_into(&mut analyzed.image);
        analyzed.target = Some(target(run_image.config)?);
    }
    Ok(Analyzed {
        image: Some(ImageReference { reference: reference.unwrap_or_default() }),
        build_image: None,
        metadata: metadata.unwrap_or_default().into(),
        run_image: Some(analyzed),
    })
}

/// The label `io.buildpacks.lifecycle.metadata` of an image; empty when there is none, nothing when it cannot be
/// read.
pub fn metadata(config: &ImageConfig) -> Option<LifecycleMetadata> {
    match config.label(lifecycle::LABEL) {
        None | Some("") => Some(LifecycleMetadata::default()),
        Some(label) => serde_json::from_str(label).ok(),
    }
}

/// What an image runs on.
///
/// # Errors
/// When it does not say its operating system.
pub fn target(config: &ImageConfig) -> Result<Target, NoOs> {
    if config.os().is_empty() {
        return Err(NoOs);
    }
    let name = config.label(labels::BASE_DISTRO_NAME);
    let version = config.label(labels::BASE_DISTRO_VERSION);
    let distro = (name.is_some() || version.is_some()).then(|| Distro {
        name: name.unwrap_or_default().to_owned(),
        version: version.unwrap_or_default().to_owned(),
    });
    Ok(Target {
        id: config.label(labels::BASE_ID).unwrap_or_default().to_owned(),
        os: config.os().to_owned(),
        arch: config.architecture().to_owned(),
        arch_variant: config.variant().to_owned(),
        distro,
    })
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

    fn subject(config: &ImageConfig) -> Subject<'_> {
        Subject { name: "x", identifier: "x@sha256:1", config }
    }

    #[test]
    fn labels_that_cannot_be_read_count_as_no_previous_image() {
        for (label, reference, buildpacks) in [
            ("", "x@sha256:1", 0),
            (r#""io.buildpacks.lifecycle.metadata":"{\"buildpacks\":[{\"key\":\"a\"}]}""#, "x@sha256:1", 1),
            (r#""io.buildpacks.lifecycle.metadata":"{""#, "", 0),
        ] {
            let config = config("linux", label);
            let analyzed =
                analyze(Some(subject(&config)), subject(&config), PlatformApi::NEWEST).expect("analyzed");
            assert_eq!(analyzed.image.map(|image| image.reference).as_deref(), Some(reference), "{label}");
            let metadata = LifecycleMetadata::try_from(analyzed.metadata).expect("no numbers");
            assert_eq!(metadata.buildpacks.len(), buildpacks, "{label}");
        }
    }

    #[test]
    fn targets_come_from_the_config_and_from_labels() {
        let debian = config("linux", r#""io.buildpacks.base.distro.name":"debian""#);
        let run_image = |config, api| analyze(None, subject(config), api).map(|analyzed| analyzed.run_image);
        let new = run_image(&debian, PlatformApi::v0(12)).expect("analyzed").expect("a run image");
        assert_eq!(new.image, "x");
        let target = new.target.expect("a target");
        assert_eq!((target.os.as_str(), target.arch_variant.as_str()), ("linux", "v8"));
        assert_eq!(target.distro, Some(Distro { name: "debian".to_owned(), version: String::new() }));
        let old = run_image(&debian, PlatformApi::v0(11)).expect("analyzed").expect("a run image");
        assert_eq!((old.image.as_str(), old.target), ("", None));
        assert!(run_image(&config("", ""), PlatformApi::v0(12)).is_err());
    }
}
