//! `lifecycle cache-fill`: takes layers that projects share into the volume cache of one, before the restorer.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use cnb_cache::store::FileStore;
use cnb_cache::store::NamespaceInfo;
use cnb_cache::volume::VolumeCache;
use cnb_core::backend::CacheId;

use super::Invocation;
use super::documents;
use super::failure::Failure;
use super::failure::code;
use super::privileges;
use crate::phase::shared_layers::Shared;
use crate::phase::shared_layers::fill;

/// Takes into `-cache-dir` what it does not have of the buildpacks in `-group`, out of the store in `-shared-cache`.
pub(super) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let inputs = &invocation.inputs;
    for (flag, directory) in [("-cache-dir", &inputs.cache_dir), ("-shared-cache", &inputs.shared_cache_dir)]
    {
        if directory.is_empty() {
            let failure = Failure::new("parse arguments", format!("{flag} is required"));
            return Err(failure.with_code(code::INVALID_ARGUMENTS));
        }
    }
    privileges::become_user(inputs.uid, inputs.gid, &[&inputs.cache_dir, &inputs.shared_cache_dir])?;
    let group = documents::group(&inputs.group_path)?;
    let store = store(&inputs.shared_cache_dir);
    let namespace = namespace();
    let shared = Shared { store: &store, namespace: &namespace };
    let volume = VolumeCache::open(Path::new(&inputs.cache_dir))
        .map_err(|error| Failure::new("open the volume cache", error))?;
    fill(Path::new(&inputs.layers_dir), &group.buildpacks, shared, volume)
        .map_err(|error| Failure::new("take shared layers", error))
}

/// The store in a directory.
pub(super) fn store(directory: &str) -> FileStore {
    #[allow(clippy::disallowed_methods, reason = "a program reads its clock")]
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    FileStore::new(directory, Arc::new(now))
}

/// What the store calls the layers: all of them are of one namespace, after which its directory is called.
pub(super) fn namespace() -> NamespaceInfo {
    NamespaceInfo::new(CacheId::new("layers").expect("a plain word"), "")
}
