//! The phase `create`: all phases of a build, one after the other.

use std::path::Path;

use cnb_core::labels::lifecycle::LifecycleMetadata;

use super::Invocation;
use super::access::Access;
use super::analyze;
use super::build;
use super::cache;
use super::detect;
use super::export;
use super::failure::Failure;
use super::failure::code;
use super::privileges;
use super::resolve;
use crate::phase::restore;
use crate::phase::restore::Inputs;

/// Builds an image. Extensions are not supported.
pub(super) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let images = resolve::create(invocation)?;
    let inputs = &invocation.inputs;
    let access = Access::new(invocation, &[&images.previous, &images.run_image])?;
    let directories = [inputs.cache_dir.as_str(), &inputs.launch_cache_dir, &inputs.layers_dir];
    privileges::become_user(inputs.uid, inputs.gid, &directories)?;
    let invocation = &Invocation {
        api: invocation.api,
        inputs: inputs.clone(),
        environment: privileges::environment_of(inputs.uid, &invocation.environment)?,
        logger: invocation.logger.clone(),
    };
    let cache = cache::open(invocation, &access)?;

    tracing::info!("===> ANALYZING");
    let analyzed = analyze::analyze(invocation, &images, &access)?;

    tracing::info!("===> DETECTING");
    let group = detect::detect(invocation, &analyzed, |_| Ok(()))?.group;
    if !group.extensions.is_empty() {
        let why = "detected order contains extensions which is not supported by the creator";
        return Err(Failure::new("detect", why).with_code(code::DETECT));
    }

    if !inputs.skip_layers || invocation.api.restores_without_layers() {
        tracing::info!("===> RESTORING");
        let previous = LifecycleMetadata::try_from(analyzed.metadata.clone());
        restore::restore(&Inputs {
            api: invocation.api,
            layers: Path::new(&inputs.layers_dir),
            group: &group.buildpacks,
            previous: &previous.map_err(|error| Failure::new("restore", error).with_code(code::RESTORE))?,
            cache: cache.as_deref(),
            skip_layers: inputs.skip_layers,
        })
        .map_err(|error| Failure::new("restore", error).with_code(code::RESTORE))?;
    }

    tracing::info!("===> BUILDING");
    build::build(invocation)?;

    tracing::info!("===> EXPORTING");
    export::export(invocation, &group.buildpacks, analyzed, cache, &access)
}
