//! The layers of an application image on disk, in the order in which the launcher goes through them.

use std::io;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::id::ProcessType;

use crate::disk;

/// The directories of all layers, grouped by buildpack: buildpacks in the order of the group, layers by the
/// bytes of their names. Buildpacks without a directory have no layers.
pub(super) fn by_buildpack<'a>(
    layers: &Path,
    buildpacks: impl Iterator<Item = &'a cnb_core::id::BuildpackId>,
) -> Result<Vec<Vec<PathBuf>>, ListError> {
    buildpacks.map(|id| entries(&layers.join(id.escape()), Kind::Directory)).collect()
}

/// The files of `directory` and then those of `directory/<process type>`, each by the bytes of their names.
pub(super) fn files(directory: &Path, process_type: Option<&ProcessType>) -> Result<Vec<PathBuf>, ListError> {
    let mut files = entries(directory, Kind::File)?;
    if let Some(process_type) = process_type {
        files.extend(entries(&directory.join(process_type.as_str()), Kind::File)?);
    }
    Ok(files)
}

/// Links are not followed: a link is a file.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Directory,
    File,
}

fn entries(directory: &Path, kind: Kind) -> Result<Vec<PathBuf>, ListError> {
    let list = || -> io::Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        for name in disk::names(directory)? {
            let path = directory.join(name);
            if path.symlink_metadata()?.is_dir() == (kind == Kind::Directory) {
                paths.push(path);
            }
        }
        Ok(paths)
    };
    list().map_err(|source| ListError { path: directory.to_owned(), source })
}

/// A directory of an image cannot be listed.
#[derive(Debug, thiserror::Error)]
#[error("failed to list files in dir '{0}': open {0}", path.display())]
pub struct ListError {
    path: PathBuf,
    source: io::Error,
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn order_is_by_group_and_then_by_name() {
        let root = tempfile::tempdir().expect("a temporary directory");
        for directory in ["z_y/b", "z_y/a-b", "z_y/a", "a/l"] {
            fs::create_dir_all(root.path().join(directory)).expect("in a new directory");
        }
        fs::write(root.path().join("z_y/a.toml"), "").expect("in a new directory");
        symlink("a", root.path().join("z_y/link")).expect("in a new directory");
        let ids = ["z/y", "none", "a"].map(|id| id.parse().expect("an ID"));

        let found = by_buildpack(root.path(), ids.iter()).expect("readable");
        let names = |layers: &[&str]| layers.iter().map(|path| root.path().join(path)).collect::<Vec<_>>();
        assert_eq!(found, [names(&["z_y/a", "z_y/a-b", "z_y/b"]), names(&[]), names(&["a/l"])]);
    }

    #[test]
    fn files_of_the_process_type_come_last() {
        let root = tempfile::tempdir().expect("a temporary directory");
        for directory in ["web", "worker"] {
            fs::create_dir(root.path().join(directory)).expect("in a new directory");
        }
        for file in ["x", "web/a", "worker/b"] {
            fs::write(root.path().join(file), "").expect("in a new directory");
        }
        let web = "web".parse().expect("a process type");
        assert_eq!(files(root.path(), None).expect("readable"), [root.path().join("x")]);
        assert_eq!(
            files(root.path(), Some(&web)).expect("readable"),
            [root.path().join("x"), root.path().join("web/a")]
        );
    }
}
