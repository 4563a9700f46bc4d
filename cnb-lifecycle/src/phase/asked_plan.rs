//! The file that tells a buildpack or an extension what it has to provide.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::buildpack::plan::BuildpackPlan;
use cnb_core::id::BuildpackId;
use tempfile::TempDir;

/// Writes `<temporary>/<id>-…/<id>/plan.toml`. The directory goes when it is dropped.
///
/// Source: `prepareInputPaths` in `buildpack/build.go` of the Go lifecycle.
pub(super) fn write(
    temporary: &Path,
    id: &BuildpackId,
    asked: &BuildpackPlan,
) -> io::Result<(TempDir, PathBuf)> {
    let name = id.escape();
    let directory = tempfile::Builder::new().prefix(&format!("{name}-")).tempdir_in(temporary)?;
    let parent = directory.path().join(name);
    fs::create_dir(&parent)?;
    let plan = parent.join("plan.toml");
    fs::write(&plan, asked.to_toml())?;
    Ok((directory, plan))
}
