//! Parts of trees that become layers.

use cnb_core::backend::Result;
use cnb_core::backend::Select;

use super::error::unreadable;
use super::inside;
use super::inside::Inside;
use crate::layer::Selection;

/// The path of the directory `from` in a tree, without links, and what of it is selected. No path leads out of
/// the tree, also not by a link.
pub(crate) fn select(tree: &Inside, from: &str, select: Select) -> Result<(String, Selection)> {
    inside::check(from)?;
    let root = tree.canonical(from).map_err(|errno| unreadable(from, errno))?;
    if let Select::Paths(paths) = &select {
        for path in paths {
            let parent = path.trim_start_matches("./").rsplit_once('/').map_or("", |(parent, _)| parent);
            let parent = format!("{}/{parent}", root.trim_end_matches('/'));
            inside::check(&parent)?;
            let real = tree.open_canonical(&parent);
            real.map_err(|errno| unreadable(path, errno))?;
        }
    }
    Ok((root, select.into()))
}
