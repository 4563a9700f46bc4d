//! Copies of files that extensions bring or write: contents alone, owners and modes are those of this process.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::GenerateError;
use crate::disk::names;

/// Copies everything below a directory; nothing when there is no such directory.
pub(super) fn copy_tree(from: &Path, to: &Path) -> Result<(), GenerateError> {
    fs::create_dir_all(to).map_err(GenerateError::io("create", to))?;
    for name in names(from).map_err(GenerateError::io("list", from))? {
        let (from, to) = (from.join(&name), to.join(&name));
        let metadata = fs::symlink_metadata(&from).map_err(GenerateError::io("read", &from))?;
        if metadata.is_dir() {
            copy_tree(&from, &to)?;
        } else if metadata.is_symlink() {
            fs::read_link(&from)
                .and_then(|target| symlink(target, &to))
                .map_err(GenerateError::io("copy", &from))?;
        } else if metadata.is_file() {
            copy_file(&from, &to)?;
        }
    }
    Ok(())
}

/// Copies a file; nothing when there is no such file.
pub(super) fn copy_file(from: &Path, to: &Path) -> Result<(), GenerateError> {
    match fs::read(from).and_then(|contents| fs::write(to, contents)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result.map_err(GenerateError::io("copy", from)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_copied_with_its_links() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let (from, to) = (root.path().join("from"), root.path().join("to"));
        fs::create_dir_all(from.join("context/sub")).expect("in a new directory");
        fs::write(from.join("context/sub/f"), "f").expect("in a new directory");
        symlink("sub/f", from.join("context/l")).expect("in a new directory");
        copy_tree(&from, &to).expect("a copy");
        assert_eq!(fs::read_to_string(to.join("context/l")).expect("a file"), "f");
        assert!(fs::symlink_metadata(to.join("context/l")).expect("a link").is_symlink());
        copy_tree(&root.path().join("none"), &to).expect("nothing to copy");
    }
}
