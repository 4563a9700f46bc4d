//! Where things are, and what packages there are.

use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;

use crate::Result;
use crate::command::cargo;
use crate::command::read;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a directory of the workspace").to_owned()
}

/// Where built things go; what is in it may be deleted at any time.
pub(crate) fn target() -> PathBuf {
    root().join("target")
}

/// What cargo says of each package but this one.
///
/// # Errors
/// When a manifest is not valid.
pub(crate) fn packages() -> Result<Vec<Value>> {
    let mut metadata: Value =
        serde_json::from_str(&read(&mut cargo(["metadata", "--no-deps", "--format-version", "1"]))?)?;
    let Value::Array(mut packages) = metadata["packages"].take() else {
        return Err("cargo metadata lists no packages".into());
    };
    packages.retain(|package| package["name"] != env!("CARGO_PKG_NAME"));
    Ok(packages)
}
