//! The phase `restore`.

use std::path::Path;

use cnb_core::analyzed::Analyzed;
use cnb_core::buildpack::plan::ElementKind;
use cnb_core::encode::go_toml;
use cnb_core::labels::lifecycle::LifecycleMetadata;

use super::Invocation;
use super::access::Access;
use super::cache;
use super::documents;
use super::failure::Failure;
use super::failure::code;
use super::privileges;
use super::resolve;
use crate::causes::with_causes;
use crate::phase::buildpack_api;
use crate::phase::restore;
use crate::phase::restore::Inputs;
use crate::phase::restore::images;
use crate::phase::restore::images::ImagesError;

/// Where the extender looks for the images that it extends.
const KANIKO_DIR: &str = "/kaniko";

/// Restores what analyzed.toml and the cache say to the buildpacks in group.toml.
pub(super) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let inputs = &invocation.inputs;
    cache::warn_if_none(invocation);
    let analyzed = documents::analyzed(&inputs.analyzed_path);
    let run_image = analyzed.as_ref().ok().and_then(|analyzed| analyzed.run_image.as_ref());
    let access = Access::new(invocation, &[run_image.map(|image| image.image.as_str()).unwrap_or_default()])?;
    let directories = [inputs.layers_dir.as_str(), &inputs.cache_dir, KANIKO_DIR];
    privileges::become_user(inputs.uid, inputs.gid, &directories)?;
    let group = documents::group(&inputs.group_path)?;
    for element in &group.buildpacks {
        buildpack_api::supported(ElementKind::Buildpack, &element.to_string(), &element.api)?;
    }
    let previous = match analyzed {
        Ok(analyzed) => complete(invocation, analyzed, !group.extensions.is_empty(), &access)?,
        Err(failure) => {
            tracing::warn!("Not using analyzed data, usable file not found: {failure}");
            LifecycleMetadata::default()
        }
    };
    let cache = cache::open(invocation, &access)?;
    restore::restore(&Inputs {
        api: invocation.api,
        layers: Path::new(&inputs.layers_dir),
        group: &group.buildpacks,
        previous: &previous,
        cache: cache.as_deref(),
        skip_layers: inputs.skip_layers,
    })
    .map_err(|error| Failure::new("restore", error).with_code(code::RESTORE))
}

/// Adds to analyzed.toml what the extender needs of images, and says what it says about the previous image.
fn complete(
    invocation: &Invocation,
    mut analyzed: Analyzed,
    has_extensions: bool,
    access: &Access,
) -> Result<LifecycleMetadata, Failure> {
    let inputs = &invocation.inputs;
    let completing = images::Inputs {
        api: invocation.api,
        build_image: Some(inputs.build_image.as_str()).filter(|name| !name.is_empty()),
        run: &resolve::run_images(invocation)?,
        has_extensions,
        can_extend: !inputs.use_layout,
        base_images: &Path::new(KANIKO_DIR).join("cache/base"),
    };
    let can_read = |name: &str| inputs.use_layout || access.can_read(name);
    images::complete(&mut analyzed, &completing, &*access.store(invocation), &can_read).map_err(|error| {
        match error {
            ImagesError::Inaccessible(_) => Failure::verbatim(error.to_string()),
            _ => Failure::message(with_causes(&error)),
        }
    })?;
    let text =
        go_toml::to_string(&analyzed).map_err(|error| Failure::new("write analyzed metadata", error))?;
    documents::write("analyzed", Path::new(&inputs.analyzed_path), &text)?;
    LifecycleMetadata::try_from(analyzed.metadata).map_err(|error| Failure::new("read analyzed file", error))
}
