//! Trees that share what they have in common: changing one copies the path to the change and nothing else.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use cnb_core::backend::Entry;
use cnb_core::backend::EntryKind;
use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::File;
use cnb_core::backend::FileKind;
use cnb_core::backend::Result;
use cnb_core::backend::Tree;
use cnb_core::backend::User;

/// A tree.
#[derive(Clone, Debug)]
pub(crate) struct Files(Arc<Node>);

/// A file of any kind, with all that is below.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) body: Body,
    pub(crate) mode: u32,
    pub(crate) owner: User,
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    Directory(BTreeMap<String, Arc<Node>>),
    File(Bytes),
    Link(String),
}

impl Files {
    pub(crate) fn empty(owner: User) -> Self {
        Self(Arc::new(Node { body: Body::Directory(BTreeMap::new()), mode: 0o755, owner }))
    }

    /// The tree whose root is this directory.
    pub(crate) fn rooted(node: Arc<Node>) -> Self {
        Self(node)
    }

    pub(crate) fn of(files: Vec<File>) -> Result<Self> {
        let mut all = Self::empty(User::ROOT);
        files.into_iter().try_for_each(|file| all.add(file))?;
        Ok(all)
    }

    /// What this backend keeps behind a handle.
    pub(crate) fn behind(tree: &Tree) -> Result<&Self> {
        tree.downcast_ref()
            .ok_or_else(|| Error::new(ErrorKind::InvalidInput, "the tree is of another backend"))
    }

    pub(crate) fn read(&self, path: &str) -> Result<Bytes> {
        match &self.lookup(path)?.body {
            Body::File(content) => Ok(content.clone()),
            _ => Err(Error::new(ErrorKind::InvalidInput, "not a regular file").with("path", path)),
        }
    }

    pub(crate) fn list(&self, path: &str) -> Result<Vec<Entry>> {
        match &self.lookup(path)?.body {
            Body::Directory(children) => Ok(children.iter().map(|(name, node)| node.entry(name)).collect()),
            _ => Err(Error::new(ErrorKind::InvalidInput, "not a directory").with("path", path)),
        }
    }

    /// What a path of a caller leads to.
    pub(crate) fn lookup(&self, path: &str) -> Result<&Arc<Node>> {
        let place = self.locate(checked(path)?, true).map_err(|error| at(path, error))?;
        self.get(&place).ok_or_else(|| at(path, io::ErrorKind::NotFound.into()))
    }

    pub(crate) fn add(&mut self, file: File) -> Result<()> {
        let body = match file.kind {
            FileKind::Directory => Body::Directory(BTreeMap::new()),
            FileKind::Regular(content) => Body::File(content),
            FileKind::Symlink(target) => Body::Link(target),
        };
        self.place(&file.path, Arc::new(Node { body, mode: file.mode, owner: file.owner }))
    }

    pub(crate) fn copy(&mut self, from: &Self, path: &str, to: &str) -> Result<()> {
        let place = from.locate(checked(path)?, false).map_err(|error| at(path, error))?;
        let node = from.get(&place).ok_or_else(|| at(path, io::ErrorKind::NotFound.into()))?;
        self.place(to, Arc::clone(node))
    }

    /// Puts a node at a path of a caller, making the directories above.
    pub(crate) fn place(&mut self, path: &str, node: Arc<Node>) -> Result<()> {
        let names: Vec<&str> = names(checked(path)?).collect();
        let mut place = String::new();
        for name in &names[..names.len().saturating_sub(1)] {
            place = self.locate(&format!("{place}/{name}"), true).map_err(|error| at(path, error))?;
            match self.get(&place).map(|node| &node.body) {
                Some(Body::Directory(_)) => {}
                Some(_) => return Err(at(path, io::ErrorKind::NotADirectory.into())),
                None => self.set(&place, Some(Self::empty(User::ROOT).0)),
            }
        }
        if let Some(last) = names.last() {
            place = format!("{}/{last}", place.trim_end_matches('/'));
        } else if !matches!(node.body, Body::Directory(_)) {
            return Err(at(path, io::ErrorKind::AlreadyExists.into()));
        }
        self.merge(&place, node);
        Ok(())
    }

    /// The path without links; `..` stops at the root. The last name need not exist.
    pub(crate) fn locate(&self, path: &str, follow: bool) -> io::Result<String> {
        let mut left: Vec<String> = names(path).rev().map(str::to_owned).collect();
        let (mut place, mut links) = (String::new(), 0);
        while let Some(name) = left.pop() {
            if name == ".." {
                place.truncate(place.rfind('/').unwrap_or(0));
                continue;
            }
            let next = format!("{place}/{name}");
            match self.get(&next).map(|node| &node.body) {
                Some(Body::Link(target)) if follow || !left.is_empty() => {
                    links += 1;
                    if links > 40 {
                        return Err(io::Error::other("too many levels of symbolic links"));
                    }
                    if target.starts_with('/') {
                        place.clear();
                    }
                    left.extend(names(target).rev().map(str::to_owned));
                }
                None if !left.is_empty() => return Err(io::ErrorKind::NotFound.into()),
                Some(Body::File(_)) if !left.is_empty() => return Err(io::ErrorKind::NotADirectory.into()),
                _ => place = next,
            }
        }
        Ok(place)
    }

    /// What is at a path without links.
    pub(crate) fn get(&self, place: &str) -> Option<&Arc<Node>> {
        names(place).try_fold(&self.0, |node, name| match &node.body {
            Body::Directory(children) => children.get(name),
            _ => None,
        })
    }

    /// Replaces or removes what is at a path without links, in a directory that exists.
    pub(crate) fn set(&mut self, place: &str, new: Option<Arc<Node>>) {
        set(&mut self.0, &names(place).collect::<Vec<_>>(), new);
    }

    fn merge(&mut self, place: &str, node: Arc<Node>) {
        let old = self.get(place).map(|old| &old.body);
        let (Some(Body::Directory(old)), Body::Directory(new)) = (old, &node.body) else {
            return self.set(place, Some(node));
        };
        let directory = Node { body: Body::Directory(old.clone()), ..*node };
        self.set(place, Some(Arc::new(directory)));
        for (name, child) in new {
            self.merge(&format!("{place}/{name}"), Arc::clone(child));
        }
    }
}

impl Node {
    pub(crate) fn entry(&self, name: &str) -> Entry {
        let (kind, size) = match &self.body {
            Body::Directory(_) => (EntryKind::Directory, 0),
            Body::File(content) => (EntryKind::Regular, content.len() as u64),
            Body::Link(target) => (EntryKind::Symlink(target.clone()), 0),
        };
        Entry { name: name.to_owned(), kind, mode: self.mode, owner: self.owner, size }
    }
}

/// Refuses what the contract refuses: relative paths, `.` and `..`.
pub(crate) fn checked(path: &str) -> Result<&str> {
    if path.starts_with('/') && !path.split('/').any(|name| matches!(name, "." | "..")) {
        return Ok(path);
    }
    Err(Error::new(ErrorKind::InvalidInput, "not an absolute path without `.` and `..`").with("path", path))
}

/// The names that a path leads through.
fn names(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.split('/').filter(|name| !name.is_empty() && *name != ".")
}

fn set(node: &mut Arc<Node>, names: &[&str], new: Option<Arc<Node>>) {
    let [name, rest @ ..] = names else {
        return new.map_or((), |new| *node = new);
    };
    let Body::Directory(children) = &mut Arc::make_mut(node).body else {
        return;
    };
    match (children.get_mut(*name), new) {
        (Some(child), new) if !rest.is_empty() => set(child, rest, new),
        (_, Some(new)) => drop(children.insert((*name).to_owned(), new)),
        (_, None) => drop(children.remove(*name)),
    }
}

fn at(path: &str, error: io::Error) -> Error {
    let kind =
        if error.kind() == io::ErrorKind::NotFound { ErrorKind::NotFound } else { ErrorKind::InvalidInput };
    Error::new(kind, "cannot use a path of the tree").with("path", path).with_source(error)
}
