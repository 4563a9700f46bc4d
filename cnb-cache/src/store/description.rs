//! The file in the directory of a namespace that says to people what its ID stands for.

use std::fs;
use std::path::Path;

use cnb_core::backend::CacheId;

use super::entry::NamespaceInfo;
use super::error::StoreError;
use super::file::blobs;
use crate::atomic;

const FILE: &str = "namespace";
const MAX_SIZE: u64 = 64 * 1024;

/// The namespace, with what its directory says.
pub(super) fn read(directory: &Path, id: CacheId) -> NamespaceInfo {
    let printed = blobs::read_small(&directory.join(FILE), MAX_SIZE).unwrap_or_default();
    NamespaceInfo::new(id, String::from_utf8_lossy(&printed).trim_end_matches('\n'))
}

/// Says in the directory of a namespace what it is, if that is known and not said there yet.
pub(super) fn write(directory: &Path, namespace: &NamespaceInfo) -> Result<(), StoreError> {
    let path = directory.join(FILE);
    let text = format!("{}\n", namespace.printed);
    if namespace.printed.is_empty() || fs::read(&path).ok().as_deref() == Some(text.as_bytes()) {
        return Ok(());
    }
    atomic::write(&path, text.as_bytes()).map_err(StoreError::at("writing", &path))
}
