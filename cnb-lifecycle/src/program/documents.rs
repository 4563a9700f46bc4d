//! The documents that phases hand to each other.
//!
//! Source: `platform/files/handle_toml.go` of the Go lifecycle.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;

use cnb_core::analyzed::Analyzed;
use cnb_core::buildpack::group::Group;
use cnb_core::buildpack::plan::Plan;
use cnb_core::document;
use cnb_core::document::InvalidDocument;

use super::failure::Failure;

/// Reads group.toml.
pub(super) fn group(path: &str) -> Result<Group, Failure> {
    read("read group file", Path::new(path), Group::read)
}

/// Reads plan.toml.
pub(super) fn plan(path: &str) -> Result<Plan, Failure> {
    read("read plan file", Path::new(path), Plan::read)
}

/// Reads analyzed.toml. The file need not exist.
pub(super) fn analyzed(path: &str) -> Result<Analyzed, Failure> {
    if fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        tracing::warn!("No analyzed metadata found at path {path:?}");
        return Ok(Analyzed::default());
    }
    read("read analyzed file", Path::new(path), document::read)
}

/// Reads a document. The action is what fails when that does.
pub(super) fn read<T>(
    action: &str,
    path: &Path,
    parse: fn(&Path, &str) -> Result<T, InvalidDocument>,
) -> Result<T, Failure> {
    let failed = |call, error| Failure::new(format!("{action}: {call} {}", path.display()), error);
    let mut file = File::open(path).map_err(|error| failed("open", error))?;
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(|error| failed("read", error))?;
    parse(path, &text).map_err(|error| Failure::new(action, error))
}

/// Writes a file and the directories above it.
pub(super) fn write(name: &str, path: &Path, text: &str) -> Result<(), Failure> {
    let directory = path.parent().unwrap_or(path);
    fs::create_dir_all(directory)
        .and_then(|()| fs::write(path, text))
        .map_err(|error| Failure::new(format!("write {name} file"), error))
}
