//! Where things are.

use std::path::Path;
use std::path::PathBuf;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a directory of the workspace").to_owned()
}

/// Where built things go; what is in it may be deleted at any time.
pub(crate) fn target() -> PathBuf {
    root().join("target")
}
