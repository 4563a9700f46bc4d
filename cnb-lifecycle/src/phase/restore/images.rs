//! What the extender needs to know of the images that it extends.
//!
//! Source: `cmd/lifecycle/restorer.go` of the lifecycle.

use std::fs;
use std::fs::Permissions;
use std::io;
use std::io::Read;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use cnb_core::analyzed::Analyzed;
use cnb_core::analyzed::ImageReference;
use cnb_core::analyzed::RunImage;
use cnb_core::api::PlatformApi;
use cnb_core::backend;
use cnb_core::run::Run;
use cnb_oci::layout;
use cnb_oci::layout::Layout;

use crate::image_store::FoundImage;
use crate::image_store::ImageStore;
use crate::phase::analyze::target_as_said;

/// What is known before.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The version of the platform.
    pub api: PlatformApi,
    /// The name of the image that builds, if it may be extended.
    pub build_image: Option<&'a str>,
    /// Run images of the platform. If the one of the analysis is among them, it must be readable still.
    pub run: &'a Run,
    /// Whether extensions take part in the build.
    pub has_extensions: bool,
    /// Whether the run image can be extended.
    pub can_extend: bool,
    /// The directory where the extender finds images: OCI layouts named by digests.
    pub base_images: &'a Path,
}

/// Why that cannot be known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImagesError {
    /// A layer cannot be kept.
    #[error("{action}")]
    Io {
        /// What was being done, with the name of the image.
        action: String,
        /// Why not.
        source: io::Error,
    },
    /// The run image may not be read any more.
    #[error("selected run image '{0}' is not accessible")]
    Inaccessible(String),
    /// An image cannot be kept for the extender.
    #[error("{action}: failed to save layout image")]
    Layout {
        /// What was being done, with the name of the image.
        action: String,
        /// Why not.
        source: layout::Error,
    },
    /// There is no such image.
    #[error("{action}: failed to get remote image")]
    Missing {
        /// What was being done, with the name of the image.
        action: String,
    },
    /// An image cannot be found.
    #[error("{action}")]
    Store {
        /// What was being done, with the name of the image.
        action: String,
        /// Why not.
        source: backend::Error,
    },
}

/// Adds references and targets to the analysis, and keeps images to extend where the extender looks for them.
///
/// # Errors
/// When an image is missing or cannot be read, or cannot be kept.
pub fn complete(
    analyzed: &mut Analyzed,
    inputs: &Inputs<'_>,
    store: &dyn ImageStore,
    can_read: &dyn Fn(&str) -> bool,
) -> Result<(), ImagesError> {
    if let Some(name) = inputs.build_image.filter(|_| inputs.api.has_extensions()) {
        let image = pull(store, name, "pull builder image", inputs.base_images)?;
        analyzed.build_image = Some(ImageReference { reference: image.identifier });
    }
    let Some(run_image) = &mut analyzed.run_image else { return Ok(()) };
    let is_known = inputs.run.images.iter().any(|image| image.contains(&run_image.image));
    if is_known && !can_read(&run_image.image) {
        return Err(ImagesError::Inaccessible(run_image.image.clone()));
    }
    let is_extended = inputs.api.extends_run_images() && inputs.can_extend && run_image.extend;
    let has_target = run_image.target.as_ref().is_some_and(|target| !target.os.is_empty());
    if is_extended {
        let image = pull(store, &run_image.image, "pull run image", inputs.base_images)?;
        update(run_image, &image, inputs.api);
    } else if inputs.api.has_extensions() && inputs.has_extensions && !has_target {
        let image = find(store, &run_image.image, "get run image")?;
        update(run_image, &image, inputs.api);
    }
    Ok(())
}

/// An extension may have changed the run image: it is known by name only.
fn update(run_image: &mut RunImage, image: &FoundImage, api: PlatformApi) {
    run_image.reference.clone_from(&image.identifier);
    run_image.target = api.has_targets().then(|| target_as_said(&image.image.config));
}

fn find(store: &dyn ImageStore, name: &str, what: &str) -> Result<FoundImage, ImagesError> {
    let action = format!("{what} {name}");
    match store.find(name) {
        Ok(Some(image)) => Ok(image),
        Ok(None) => Err(ImagesError::Missing { action }),
        Err(source) => Err(ImagesError::Store { action, source }),
    }
}

/// Keeps an image where the extender looks for it.
fn pull(
    store: &dyn ImageStore,
    name: &str,
    what: &str,
    base_images: &Path,
) -> Result<FoundImage, ImagesError> {
    let action = || format!("{what} {name}");
    tracing::debug!("Pulling image metadata for {name}...");
    fs::create_dir_all(base_images).map_err(|source| ImagesError::Io { action: action(), source })?;
    let image = find(store, name, what)?;
    let path = base_images.join(image.image.descriptor.digest.as_str());
    tracing::debug!("Saving image metadata to {}...", path.display());
    let layout = Layout::create(&path).map_err(|source| ImagesError::Layout { action: action(), source })?;
    for layer in &image.image.manifest.layers {
        let blob = store.blob(&image, layer);
        let blob = blob.map_err(|source| ImagesError::Store { action: action(), source })?;
        copy(blob, &layout).map_err(|source| ImagesError::Io { action: action(), source })?;
    }
    layout
        .put_without_layers(&image.image)
        .map_err(|source| ImagesError::Layout { action: action(), source })?;
    set_modes(&layout, &image).map_err(|source| ImagesError::Io { action: action(), source })?;
    Ok(image)
}

fn copy(mut blob: Box<dyn Read + Send>, layout: &Layout) -> io::Result<()> {
    let mut writer = layout.blobs().writer().map_err(io::Error::other)?;
    io::copy(&mut blob, &mut writer)?;
    writer.finish().map_err(io::Error::other)?;
    Ok(())
}

/// The modes with which go-containerregistry writes a layout: layers are for their owner, who is the extender.
fn set_modes(layout: &Layout, image: &FoundImage) -> io::Result<()> {
    let set = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode));
    for file in ["index.json", "oci-layout"] {
        set(&layout.directory().join(file), 0o755)?;
    }
    for layer in &image.image.manifest.layers {
        set(&layout.blobs().path(&layer.digest), 0o600)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use cnb_core::analyzed::Target;
    use cnb_core::run::RunImageNames;
    use cnb_oci::descriptor::Descriptor;
    use cnb_oci::descriptor::Manifest;
    use cnb_oci::descriptor::media_type;
    use cnb_oci::platform::Platform;

    use super::*;
    use crate::image_store::layouts::LayoutDirectory;

    /// A store with the images `build` and `run`, and a directory for the extender.
    fn store() -> (tempfile::TempDir, LayoutDirectory) {
        let directory = tempfile::tempdir().expect("a directory");
        let store = LayoutDirectory::new(directory.path().join("images"));
        for name in ["build", "run"] {
            let layout = Layout::create(store.path(name).expect("a name")).expect("a layout");
            let config = br#"{"os":"linux","architecture":"arm64","rootfs":{"type":"layers","diff_ids":[]}}"#;
            let blob = layout.blobs().put(config).expect("a config");
            let config = Descriptor::new(media_type::OCI_CONFIG, blob.digest, blob.size);
            layout.put_only_image("latest", &Manifest::new(config, Vec::new())).expect("an image");
        }
        (directory, store)
    }

    fn analyzed(image: &str, extend: bool, os: Option<&str>) -> Analyzed {
        let target = os.map(|os| Target { os: os.to_owned(), ..Target::default() });
        let (image, reference) = (image.to_owned(), "old".to_owned());
        Analyzed { run_image: Some(RunImage { reference, image, extend, target }), ..Analyzed::default() }
    }

    #[test]
    fn run_images_are_read_when_extensions_need_it() {
        let (directory, store) = store();
        let base_images = &directory.path().join("base");
        let found = store.find("run").expect("a store").expect("an image");
        for (api, has_extensions, extend, os, is_updated, has_target) in [
            (15, true, false, None, true, true),
            (15, true, false, Some(""), true, true),
            (15, true, false, Some("linux"), false, true),
            (15, false, false, None, false, false),
            (11, true, false, None, true, false),
            (9, true, false, None, false, false),
            (15, true, true, Some("linux"), true, true),
            (11, true, true, Some("linux"), false, true),
        ] {
            let api = PlatformApi::v0(api);
            let mut analyzed = analyzed("run", extend, os);
            let run = &Run::default();
            let inputs =
                Inputs { api, build_image: None, run, has_extensions, can_extend: true, base_images };
            complete(&mut analyzed, &inputs, &store, &|_| true).expect("images");
            let run_image = analyzed.run_image.expect("a run image");
            let expected = if is_updated { found.identifier.as_str() } else { "old" };
            let case = format!("{api} {has_extensions} {extend} {os:?}");
            assert_eq!(run_image.reference, expected, "{case}");
            assert_eq!(run_image.target.is_some(), has_target, "{case}");
        }
    }

    #[test]
    fn the_extender_finds_manifest_and_config() {
        let (directory, store) = store();
        let base_images = &directory.path().join("base");
        let found = store.find("build").expect("a store").expect("an image");
        let mut analyzed = analyzed("run", false, Some("linux"));
        let run = &Run::default();
        let api = PlatformApi::v0(13);
        let inputs = Inputs {
            api,
            build_image: Some("build"),
            run,
            has_extensions: true,
            can_extend: true,
            base_images,
        };
        complete(&mut analyzed, &inputs, &store, &|_| true).expect("images");
        let reference = analyzed.build_image.expect("a build image").reference;
        assert_eq!(reference, found.identifier);
        let layout =
            Layout::open(base_images.join(found.image.descriptor.digest.as_str())).expect("a layout");
        let kept = layout.image(None, &Platform::host()).expect("an image");
        assert_eq!(kept.manifest_bytes, found.image.manifest_bytes);
        let base_images = &directory.path().join("none");
        let missing = Inputs { build_image: Some("other"), base_images, ..inputs };
        let error = complete(&mut Analyzed::default(), &missing, &store, &|_| true).expect_err("no image");
        assert_eq!(error.to_string(), "pull builder image other: failed to get remote image");
        assert!(base_images.is_dir());
    }

    #[test]
    fn a_run_image_of_the_platform_must_be_readable() {
        let (directory, store) = store();
        let run = Run { images: vec![RunImageNames { image: "run".to_owned(), mirrors: Vec::new() }] };
        let inputs = Inputs {
            api: PlatformApi::v0(14),
            build_image: None,
            run: &run,
            has_extensions: false,
            can_extend: true,
            base_images: directory.path(),
        };
        for (image, is_readable, expected) in [
            ("run", true, ""),
            ("other", false, ""),
            ("run", false, "selected run image 'run' is not accessible"),
        ] {
            let result = complete(&mut analyzed(image, false, None), &inputs, &store, &|_| is_readable);
            assert_eq!(result.err().map(|error| error.to_string()).unwrap_or_default(), expected);
        }
    }
}
