//! `lifecycle cache-recall` and `cache-complete`: the launch layers of the last build, for platforms without a previous
//! image.

use std::path::Path;

use cnb_cache::volume::VolumeCache;
use cnb_core::encode::go_toml;
use cnb_core::labels::lifecycle::LifecycleMetadata;

use super::Invocation;
use super::cache;
use super::documents;
use super::failure::Failure;
use super::failure::code;
use super::privileges;
use crate::layer_cache::LayerCache;
use crate::phase::launch_layers;

/// Puts what the last build left into analyzed.toml, unless that knows a previous image.
pub(super) fn recall(invocation: &Invocation) -> Result<(), Failure> {
    let inputs = &invocation.inputs;
    let launch = open_as_user(invocation)?;
    let mut analyzed = documents::analyzed(&inputs.analyzed_path)?;
    let known = LifecycleMetadata::try_from(analyzed.metadata.clone());
    if !known.map_err(|error| Failure::new("read analyzed file", error))?.buildpacks.is_empty() {
        return Ok(());
    }
    let cache = cache::volume(invocation)?;
    let layers = Path::new(&inputs.layers_dir);
    let metadata = launch_layers::recall(layers, &*launch, cache.as_deref())
        .map_err(|error| Failure::new("recall launch layers", error))?;
    analyzed.metadata = metadata.into();
    let text =
        go_toml::to_string(&analyzed).map_err(|error| Failure::new("encode analyzed metadata", error))?;
    documents::write("analyzed", Path::new(&inputs.analyzed_path), &text)
}

/// Gives contents to launch layers that buildpacks kept without any.
pub(super) fn complete(invocation: &Invocation) -> Result<(), Failure> {
    let inputs = &invocation.inputs;
    let previous = (!inputs.previous_dir.is_empty()).then(|| Path::new(&inputs.previous_dir));
    let launch = if previous.is_some() && inputs.launch_cache_dir.is_empty() {
        privileges::become_user(inputs.uid, inputs.gid, &[])?;
        None
    } else {
        Some(open_as_user(invocation)?)
    };
    let group = documents::group(&inputs.group_path)?;
    let giving = launch_layers::Giving { launch: launch.as_deref(), previous, archives: inputs.archives };
    launch_layers::complete(Path::new(&inputs.layers_dir), &group.buildpacks, &giving)
        .map_err(|error| Failure::new("complete launch layers", error))
}

/// Opens the launch cache as the user of the build.
fn open_as_user(invocation: &Invocation) -> Result<Box<dyn LayerCache>, Failure> {
    let inputs = &invocation.inputs;
    if inputs.launch_cache_dir.is_empty() {
        let failure = Failure::new("parse arguments", "-launch-cache is required");
        return Err(failure.with_code(code::INVALID_ARGUMENTS));
    }
    privileges::become_user(inputs.uid, inputs.gid, &[&inputs.launch_cache_dir])?;
    open(invocation)
}

/// Opens the launch cache.
pub(super) fn open(invocation: &Invocation) -> Result<Box<dyn LayerCache>, Failure> {
    let cache = VolumeCache::open(Path::new(&invocation.inputs.launch_cache_dir));
    Ok(Box::new(cache.map_err(|error| Failure::new("open the launch cache", error))?))
}
