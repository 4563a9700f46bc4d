//! Files as a map of canonical paths.

use std::collections::BTreeMap;
use std::io;

use bytes::Bytes;
use sha2::Digest as _;
use sha2::Sha256;

use crate::backend::Digested;
use crate::backend::Entry;
use crate::backend::EntryKind;
use crate::backend::Error;
use crate::backend::ErrorKind;
use crate::backend::FileKind;
use crate::backend::Result;
use crate::backend::Tree;
use crate::backend::User;
use crate::digest::Digest;

/// How many links one path may lead through, as in Linux.
const MOST_LINKS: usize = 40;

/// A tree of files: absolute paths without links, `/` among them.
#[derive(Clone, Debug)]
pub(super) struct FileTree(pub(super) BTreeMap<String, Node>);

/// A file without its path.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: FileKind,
    pub(super) mode: u32,
    pub(super) owner: User,
}

impl Node {
    pub(super) fn directory(owner: User) -> Self {
        Self { kind: FileKind::Directory, mode: 0o755, owner }
    }

    pub(super) fn is_directory(&self) -> bool {
        matches!(self.kind, FileKind::Directory)
    }

    pub(super) fn entry(&self, name: &str) -> Entry {
        let (kind, size) = match &self.kind {
            FileKind::Directory => (EntryKind::Directory, 0),
            FileKind::Regular(content) => (EntryKind::Regular, content.len() as u64),
            FileKind::Symlink(target) => (EntryKind::Symlink(target.clone()), 0),
        };
        Entry { name: name.to_owned(), kind, mode: self.mode, owner: self.owner, size }
    }
}

impl Default for FileTree {
    fn default() -> Self {
        Self::owned_by(User::ROOT)
    }
}

impl FileTree {
    /// An empty directory.
    pub(super) fn owned_by(owner: User) -> Self {
        Self(BTreeMap::from([("/".to_owned(), Node::directory(owner))]))
    }

    /// The files behind a handle.
    pub(super) fn of(tree: &Tree) -> Result<&Self> {
        let foreign = || Error::new(ErrorKind::InvalidInput, "the tree is of another backend");
        tree.downcast_ref().ok_or_else(foreign)
    }

    pub(super) fn into_tree(self) -> Tree {
        Tree::new(self)
    }

    pub(super) fn resolve(&self, path: &str, follow: bool) -> io::Result<String> {
        resolve(path, follow, &|path| self.0.get(path).cloned())
    }

    pub(super) fn read(&self, path: &str) -> io::Result<Bytes> {
        let path = self.resolve(path, true)?;
        match &self.0.get(&path).ok_or(io::ErrorKind::NotFound)?.kind {
            FileKind::Regular(content) => Ok(content.clone()),
            FileKind::Directory => Err(io::ErrorKind::IsADirectory.into()),
            FileKind::Symlink(_) => unreachable!("links are followed"),
        }
    }

    pub(super) fn entries(&self, path: &str) -> io::Result<Vec<Entry>> {
        let path = self.resolve(path, true)?;
        if !self.0.get(&path).ok_or(io::ErrorKind::NotFound)?.is_directory() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(self.children(&path).map(|(name, node)| node.entry(name)).collect())
    }

    /// Everything, in byte order of the paths.
    pub(super) fn digests(&self) -> Vec<Digested> {
        let digested = |(path, node): (&String, &Node)| Digested {
            path: path.clone(),
            entry: node.entry(path.rsplit('/').next().unwrap_or_default()),
            digest: match &node.kind {
                FileKind::Regular(content) => Some(Digest::from_bytes(Sha256::digest(content).into())),
                FileKind::Directory | FileKind::Symlink(_) => None,
            },
        };
        self.0.iter().map(digested).collect()
    }

    /// What is directly in a directory, by name.
    pub(super) fn children(&self, directory: &str) -> impl Iterator<Item = (&str, &Node)> {
        let prefix = prefix(directory);
        let length = prefix.len();
        let below = self.0.range(prefix.clone()..).take_while(move |(path, _)| path.starts_with(&prefix));
        let named = below.map(move |(path, node)| (&path[length..], node));
        named.filter(|(name, _)| !name.is_empty() && !name.contains('/'))
    }

    /// What is at a path and below it, with the rest of the path: nothing, or `/...`.
    pub(super) fn subtree(&self, path: &str) -> Vec<(String, Node)> {
        let path = path.trim_end_matches('/');
        let rest = |found: &str| Some(found.strip_prefix(path)?.to_owned());
        let is_inside = |rest: &String| rest.is_empty() || rest.starts_with('/');
        let found = self.0.iter().filter_map(|(found, node)| Some((rest(found)?, node.clone())));
        let found = found.map(|(rest, node)| (if rest == "/" { String::new() } else { rest }, node));
        found.filter(|(rest, _)| is_inside(rest)).collect()
    }

    /// Removes what is at a path and below.
    pub(super) fn remove(&mut self, path: &str) {
        let prefix = prefix(path);
        self.0.retain(|found, _| found != path && !found.starts_with(&prefix));
    }
}

/// Finds the path without links; links and `..` stop at the root. The last name need not exist.
pub(super) fn resolve(path: &str, follow: bool, get: &dyn Fn(&str) -> Option<Node>) -> io::Result<String> {
    let mut left: Vec<String> = names(path).rev().map(str::to_owned).collect();
    let mut found = String::new();
    let mut links = 0;
    while let Some(name) = left.pop() {
        if name == ".." {
            found.truncate(found.rfind('/').unwrap_or(0));
            continue;
        }
        let next = format!("{found}/{name}");
        match get(&next).map(|node| node.kind) {
            Some(FileKind::Symlink(target)) if follow || !left.is_empty() => {
                links += 1;
                if links > MOST_LINKS {
                    return Err(io::Error::other("too many levels of symbolic links"));
                }
                if target.starts_with('/') {
                    found.clear();
                }
                left.extend(names(&target).rev().map(str::to_owned));
            }
            None if !left.is_empty() => return Err(io::ErrorKind::NotFound.into()),
            Some(FileKind::Regular(_)) if !left.is_empty() => {
                return Err(io::ErrorKind::NotADirectory.into());
            }
            _ => found = next,
        }
    }
    Ok(if found.is_empty() { "/".to_owned() } else { found })
}

/// The error of a method for what went wrong with a path.
pub(super) fn because(error: io::Error, path: &str) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        _ => ErrorKind::InvalidInput,
    };
    Error::new(kind, "cannot use a path of the tree").with("path", path).with_source(error)
}

/// A path below a directory.
pub(super) fn join(directory: &str, name: &str) -> String {
    format!("{}/{}", directory.trim_end_matches('/'), name.trim_start_matches('/'))
}

/// The directory that something is in.
pub(super) fn parent(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(end) => &path[..end],
    }
}

fn prefix(directory: &str) -> String {
    format!("{}/", directory.trim_end_matches('/'))
}

fn names(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.split('/').filter(|name| !name.is_empty() && *name != ".")
}
