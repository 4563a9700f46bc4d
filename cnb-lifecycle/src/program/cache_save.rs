//! `lifecycle cache-save`: keeps the layers of a build in a volume cache as the exporter does, for platforms that
//! export images themselves.

use std::collections::BTreeMap;
use std::path::Path;

use cnb_core::backend::User;

use super::Invocation;
use super::cache;
use super::documents;
use super::failure::Failure;
use super::failure::code;
use super::launch_layers;
use super::privileges;
use crate::export::snapshot::fs::layers_snapshot;
use crate::phase::cache::Inputs;
use crate::phase::cache::save;
use crate::phase::launch_layers::remember;

/// Replaces the content of the cache in `-cache-dir` by the layers in `-layers` of the buildpacks in `-group`.
///
/// Takes the flags `-layers -group -cache-dir -launch-cache -uid -gid -log-level -no-color` with the variables and defaults that
/// the exporter has. `<layers>/config/metadata.toml` is not needed.
pub(super) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let inputs = &invocation.inputs;
    if inputs.cache_dir.is_empty() {
        return Err(
            Failure::new("parse arguments", "-cache-dir is required").with_code(code::INVALID_ARGUMENTS)
        );
    }
    privileges::become_user(inputs.uid, inputs.gid, &[&inputs.cache_dir])?;
    let group = documents::group(&inputs.group_path)?;
    let layers = Path::new(&inputs.layers_dir);
    let snapshot =
        layers_snapshot(layers, &group.buildpacks).map_err(|error| Failure::new("read layers", error))?;
    let owner = User::new(inputs.uid, inputs.gid);
    let known = &BTreeMap::new();
    let kept = Inputs { api: invocation.api, layers, snapshot: &snapshot, owner, known };
    if let Some(volume) = cache::volume(invocation)? {
        save(&kept, volume).map_err(|error| Failure::new("export cache", error))?;
    }
    if inputs.launch_cache_dir.is_empty() {
        return Ok(());
    }
    let launch = launch_layers::open(invocation)?;
    remember(&kept, launch).map_err(|error| Failure::new("keep launch layers", error))
}
