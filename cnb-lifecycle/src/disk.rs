//! The file system of the machine, as the rules of `cnb_core` read it.

use std::ffi::OsString;
use std::fs;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use cnb_core::environment::EnvironmentFile;
use cnb_core::environment::EnvironmentFiles;

/// Reads the file system that this process sees.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl EnvironmentFiles for Disk {
    fn files(&self, directory: &Path) -> io::Result<Vec<EnvironmentFile>> {
        let mut files = Vec::new();
        for name in names(directory)? {
            let path = directory.join(&name);
            if !fs::metadata(&path)?.is_dir() {
                files.push(EnvironmentFile { name, value: OsString::from_vec(fs::read(&path)?) });
            }
        }
        Ok(files)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        fs::exists(path)
    }
}

/// Copies a file with its content alone, a link as one, or a directory with all that is in it. Anything else is left out.
///
/// Source: `Copy` in `internal/fsutil/utils.go` of the Go lifecycle.
pub(crate) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let kind = fs::symlink_metadata(from)?.file_type();
    if kind.is_symlink() {
        return symlink(fs::read_link(from)?, to);
    }
    if kind.is_file() {
        return io::copy(&mut File::open(from)?, &mut File::create(to)?).map(drop);
    }
    if kind.is_dir() {
        fs::create_dir_all(to)?;
        for name in names(from)? {
            copy(&from.join(&name), &to.join(&name))?;
        }
    }
    Ok(())
}

/// Names of everything in a directory, sorted by their bytes; none when there is no such directory.
pub(crate) fn names(directory: &Path) -> io::Result<Vec<OsString>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn files_are_sorted_and_links_followed() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let directory = root.path().join("env");
        fs::create_dir_all(directory.join("SUB")).expect("in a new directory");
        fs::write(directory.join("b"), "1").expect("in a new directory");
        fs::write(directory.join("B"), [0xff]).expect("in a new directory");
        symlink("b", directory.join("a")).expect("in a new directory");
        symlink("SUB", directory.join("c")).expect("in a new directory");

        let file = |name: &str, value: &[u8]| EnvironmentFile {
            name: name.into(),
            value: OsString::from_vec(value.to_vec()),
        };
        let expected = [file("B", &[0xff]), file("a", b"1"), file("b", b"1")];
        assert_eq!(Disk.files(&directory).expect("it is readable"), expected);
        assert_eq!(Disk.files(&root.path().join("none")).expect("it need not exist"), []);
        assert!(Disk.files(&directory.join("b")).is_err());
    }
}
