//! Trees out of parts.

use super::files;
use super::files::FileTree;
use super::files::Node;
use super::files::join;
use super::files::parent;
use crate::backend::Error;
use crate::backend::ErrorKind;
use crate::backend::File;
use crate::backend::Part;
use crate::backend::Result;
use crate::backend::User;
use crate::backend::check_path;

/// Applies the parts in order to an empty directory.
pub(super) fn compose(parts: Vec<Part>) -> Result<FileTree> {
    let mut files = FileTree::default();
    for part in parts {
        match part {
            Part::Files(new) => new.into_iter().try_for_each(|file| files.insert_file(file))?,
            Part::Copy { tree, from, to } => files.copy(FileTree::of(&tree)?, &from, &to)?,
        }
    }
    Ok(files)
}

impl FileTree {
    fn insert_file(&mut self, file: File) -> Result<()> {
        let File { path, kind, mode, owner } = file;
        self.place(&path, Node { kind, mode, owner })
    }

    fn copy(&mut self, tree: &Self, from: &str, to: &str) -> Result<()> {
        check_path(from)?;
        let found = tree.resolve(from, false).map_err(|error| files::because(error, from))?;
        let nodes = tree.subtree(&found);
        if nodes.is_empty() {
            return Err(Error::new(ErrorKind::NotFound, "nothing to copy at this path").with("path", from));
        }
        nodes.into_iter().try_for_each(|(rest, node)| self.place(&join(to, &rest), node))
    }

    /// Puts a node at a path, in the place of what is there; a directory is merged into one that exists.
    pub(super) fn place(&mut self, path: &str, node: Node) -> Result<()> {
        check_path(path)?;
        let path = path.trim_end_matches('/');
        if path.is_empty() {
            return self.place_root(node);
        }
        let directory = self.make_directories(parent(path))?;
        let place = join(&directory, &path[path.rfind('/').unwrap_or(0)..]);
        let merges = node.is_directory() && self.0.get(&place).is_some_and(Node::is_directory);
        if !merges {
            self.remove(&place);
        }
        self.0.insert(place, node);
        Ok(())
    }

    fn place_root(&mut self, node: Node) -> Result<()> {
        if !node.is_directory() {
            return Err(Error::new(ErrorKind::InvalidInput, "the root of a tree must be a directory"));
        }
        self.0.insert("/".to_owned(), node);
        Ok(())
    }

    /// Makes the directories of a path that do not exist, and says where it leads.
    fn make_directories(&mut self, path: &str) -> Result<String> {
        let mut found = "/".to_owned();
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let next = join(&found, name);
            found = self.resolve(&next, true).map_err(|error| files::because(error, &next))?;
            let node = self.0.entry(found.clone()).or_insert_with(|| Node::directory(User::ROOT));
            if !node.is_directory() {
                return Err(Error::new(ErrorKind::InvalidInput, "a file is in the place of a directory")
                    .with("path", found));
            }
        }
        Ok(found)
    }
}
