//! Roots, and files that a plan gives one by one.

use std::path::Path;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::File;
use cnb_core::backend::FileKind;
use cnb_core::backend::Result;
use cnb_core::helper::PlanFile;
use cnb_core::helper::PlanFileKind;

use crate::tree::Draft;
use crate::tree::Owners;
use crate::tree::error::errno_at;
use crate::tree::inside;
use crate::tree::inside::Inside;

/// Opens a root to read from.
pub(super) fn open(root: &str) -> Result<Inside> {
    Inside::new(Path::new(root)).map_err(errno_at("open", Path::new(root)))
}

/// Begins a tree in a root that has to be empty.
pub(super) fn draft(to: &str, owners: Owners) -> Result<Draft> {
    let names = inside::names(open(to)?.root()).map_err(errno_at("list", Path::new(to)))?;
    if names.is_empty() {
        return Draft::new(to, owners);
    }
    Err(Error::new(ErrorKind::InvalidInput, format!("a tree cannot be made in {to}, which is not empty")))
}

/// The files with their content.
pub(super) fn read(files: &[PlanFile]) -> Result<Vec<File>> {
    let file = |file: &PlanFile| {
        let PlanFile { path, kind, mode, owner } = file;
        let kind = match kind {
            PlanFileKind::Directory => FileKind::Directory,
            PlanFileKind::Regular { root, path } => {
                let content = crate::tree::read(&open(root)?, path);
                FileKind::Regular(content.map_err(|error| error.with("root", root))?)
            }
            PlanFileKind::Symlink(target) => FileKind::Symlink(target.clone()),
        };
        Ok(File { path: path.clone(), kind, mode: *mode, owner: *owner })
    };
    files.iter().map(file).collect()
}
