//! The phase `restore`.

use std::path::Path;

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
use crate::phase::buildpack_api;
use crate::phase::restore;
use crate::phase::restore::Inputs;

/// Restores what analyzed.toml and the cache say to the buildpacks in group.toml.
pub(super) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let inputs = &invocation.inputs;
    cache::warn_if_none(invocation);
    let access = Access::new(invocation, &[])?;
    privileges::become_user(inputs.uid, inputs.gid, &[&inputs.layers_dir, &inputs.cache_dir])?;
    let group = documents::group(&inputs.group_path)?;
    for element in &group.buildpacks {
        buildpack_api::supported(ElementKind::Buildpack, &element.to_string(), &element.api)?;
    }
    let previous = analyzed(invocation, !group.extensions.is_empty())?;
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

/// What analyzed.toml says about the previous image. The file is written anew: extensions may have changed it.
fn analyzed(invocation: &Invocation, has_extensions: bool) -> Result<LifecycleMetadata, Failure> {
    let inputs = &invocation.inputs;
    let analyzed = match documents::analyzed(&inputs.analyzed_path) {
        Ok(analyzed) => analyzed,
        Err(failure) => {
            tracing::warn!("Not using analyzed data, usable file not found: {failure}");
            return Ok(LifecycleMetadata::default());
        }
    };
    let run_image = analyzed.run_image.as_ref();
    let unknown_target =
        run_image.is_some_and(|image| image.target.as_ref().is_none_or(|target| target.os.is_empty()));
    let needs_run_image =
        (invocation.api.at_least(12) && !inputs.use_layout && run_image.is_some_and(|image| image.extend))
            || (invocation.api.at_least(10) && has_extensions && unknown_target);
    let needs_build_image = invocation.api.at_least(10) && !inputs.build_image.is_empty();
    if needs_run_image || needs_build_image {
        return Err(Failure::new("read images for extensions", "this lifecycle cannot reach registries"));
    }
    let text =
        go_toml::to_string(&analyzed).map_err(|error| Failure::new("write analyzed metadata", error))?;
    documents::write("analyzed", Path::new(&inputs.analyzed_path), &text)?;
    LifecycleMetadata::try_from(analyzed.metadata).map_err(|error| Failure::new("read analyzed file", error))
}
