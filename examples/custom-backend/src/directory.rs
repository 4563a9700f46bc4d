//! Directories of this machine.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::File;
use cnb_core::backend::Filter;
use cnb_core::backend::Result;
use cnb_core::backend::User;

/// The files of a directory with the modes of git. The filter is asked before anything is read.
pub(crate) fn files(root: &Path, filter: Option<&dyn Filter>, owner: User) -> Result<Vec<File>> {
    let mut files = vec![File::directory("/").with_owner(owner)];
    collect(root, "", filter, owner, &mut files).map_err(|error| {
        let missing = error.kind() == io::ErrorKind::NotFound;
        let kind = if missing { ErrorKind::NotFound } else { ErrorKind::Other };
        Error::new(kind, "cannot load a directory").with("directory", root.display()).with_source(error)
    })?;
    Ok(files)
}

fn collect(
    root: &Path,
    below: &str,
    filter: Option<&dyn Filter>,
    owner: User,
    files: &mut Vec<File>,
) -> io::Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let name = entry.file_name().into_string().map_err(|_| io::Error::other("a name is not UTF-8"))?;
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        if filter.is_some_and(|filter| !filter.takes(&path, kind.is_dir())) {
            continue;
        }
        let place = format!("/{path}");
        if kind.is_dir() {
            files.push(File::directory(place).with_owner(owner));
            collect(root, &path, filter, owner, files)?;
        } else if kind.is_symlink() {
            let target = fs::read_link(entry.path())?.into_os_string().into_string();
            let target = target.map_err(|_| io::Error::other("the target of a link is not UTF-8"))?;
            files.push(File::symlink(place, target).with_owner(owner));
        } else if kind.is_file() {
            let executable = entry.metadata()?.permissions().mode() & 0o100 != 0;
            let mode = if executable { 0o755 } else { 0o644 };
            files.push(File::regular(place, fs::read(entry.path())?).with_mode(mode).with_owner(owner));
        }
    }
    Ok(())
}
