//! `lifecycle cache-save`: keeps the layers of a build in a volume cache as the exporter does, for platforms that
//! export images themselves.

use std::collections::BTreeMap;
use std::path::Path;

use cnb_cache::store::Writer;
use cnb_cache::volume::VolumeCache;
use cnb_core::backend::User;
use cnb_core::labels::lifecycle::CacheMetadata;

use super::Invocation;
use super::cache;
use super::cache_fill;
use super::documents;
use super::failure::Failure;
use super::failure::code;
use super::launch_layers;
use super::privileges;
use crate::export::snapshot::fs::layers_snapshot;
use crate::phase::cache::Inputs;
use crate::phase::cache::save;
use crate::phase::launch_layers::remember;
use crate::phase::shared_layers;
use crate::phase::shared_layers::Shared;

/// Replaces the content of the cache in `-cache-dir` by the layers in `-layers` of the buildpacks in `-group`.
///
/// Takes the flags `-layers -group -cache-dir -launch-cache -uid -gid -log-level -no-color` with the variables and defaults that
/// the exporter has, and `-shared-cache -cache-writer -builder-digest`. `<layers>/config/metadata.toml` is not needed.
pub(super) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let inputs = &invocation.inputs;
    if inputs.cache_dir.is_empty() {
        return Err(
            Failure::new("parse arguments", "-cache-dir is required").with_code(code::INVALID_ARGUMENTS)
        );
    }
    privileges::become_user(inputs.uid, inputs.gid, &[&inputs.cache_dir, &inputs.shared_cache_dir])?;
    let group = documents::group(&inputs.group_path)?;
    let layers = Path::new(&inputs.layers_dir);
    let snapshot =
        layers_snapshot(layers, &group.buildpacks).map_err(|error| Failure::new("read layers", error))?;
    let owner = User::new(inputs.uid, inputs.gid);
    let known = &BTreeMap::new();
    let kept = Inputs { api: invocation.api, layers, snapshot: &snapshot, owner, known };
    let mut before = CacheMetadata::default();
    if let Some(volume) = cache::volume(invocation)? {
        // Whoever saves meets what is wrong with it again.
        before = volume.metadata().unwrap_or_default();
        save(&kept, volume).map_err(|error| Failure::new("export cache", error))?;
    }
    if !inputs.launch_cache_dir.is_empty() {
        let launch = launch_layers::open(invocation)?;
        remember(&kept, launch).map_err(|error| Failure::new("keep launch layers", error))?;
    }
    if inputs.shared_cache_dir.is_empty() { Ok(()) } else { share(invocation, &before) }
}

fn share(invocation: &Invocation, before: &CacheMetadata) -> Result<(), Failure> {
    let inputs = &invocation.inputs;
    let mut writer = Writer::of(&inputs.cache_writer);
    if !inputs.builder_digest.is_empty() {
        let digest = inputs.builder_digest.parse();
        writer = writer.with_builder(digest.map_err(|error| Failure::new("parse -builder-digest", error))?);
    }
    let volume = VolumeCache::open(Path::new(&inputs.cache_dir))
        .map_err(|error| Failure::new("open the volume cache", error))?;
    let store = cache_fill::store(&inputs.shared_cache_dir);
    let namespace = cache_fill::namespace();
    shared_layers::share(&volume, before, Shared { store: &store, namespace: &namespace }, &writer);
    Ok(())
}
