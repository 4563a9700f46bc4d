//! Copies of files that extensions write: contents alone, owners and modes are those of this process.

use std::fs;
use std::io;
use std::path::Path;

use super::GenerateError;

/// Copies a file; nothing when there is no such file.
pub(super) fn copy_file(from: &Path, to: &Path) -> Result<(), GenerateError> {
    match fs::read(from).and_then(|contents| fs::write(to, contents)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result.map_err(GenerateError::io("copy", from)),
    }
}
